#!/usr/bin/env bats
# What jobs' containers print, on a real node, against what is stored of it.

bats_require_minimum_version 1.5.0

here=$BATS_TEST_DIRNAME
root=$(cd "$here/../.." && pwd)

setup() {
  "$root/local/postgres.sh" start "$BATS_TEST_TMPDIR/db" --fast
  # shellcheck source=/dev/null
  . "$BATS_TEST_TMPDIR/db/env"
  "$BUILD/job_service" --init-sql >"$BATS_TEST_TMPDIR/init.sql"
  psql -XAtq -v ON_ERROR_STOP=1 -f "$BATS_TEST_TMPDIR/init.sql" 2>/dev/null
  psql -XAtqc "ALTER ROLE jobs_dispatch PASSWORD 'dispatch'"
  eval "$("$root/local/box/box" env)"
  namespace=job-logs-$$
  kubectl create namespace "$namespace"
}

teardown() {
  kubectl delete namespace "$namespace" --wait=false
  "$root/local/postgres.sh" stop "$BATS_TEST_TMPDIR/db" immediate
}

# CONTAINERS=2000 FOLLOWERS=2 for once; what it came to stays in RESULTS.
@test "bytes stored are bytes printed, and pods that are cut off say so" {
  "$here/job_logs.py" "$BUILD/release/bin/follow_logs" "$namespace" "${CONTAINERS:-100}" "${FOLLOWERS:-1}" \
    >"$RESULTS/job-logs.json" || { cat "$RESULTS/job-logs.json"; return 1; }
}
