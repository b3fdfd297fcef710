#!/usr/bin/env bats
# The programs alone in a root directory: static, unprivileged, as in a distroless image.

setup() {
  if [ "$(id -u)" -ne 0 ]; then skip "needs root for chroot"; fi
  root=$BATS_TEST_TMPDIR/root
  mkdir -p "$root/data"
  cp "$BUILD/fake_gen" "$BUILD/aggregator" "$root/"
  chown 65532:65532 "$root/data"
}

inside() { # as uid 65532, no capabilities, no new privileges
  setpriv --reuid=0 --bounding-set=-all,+sys_chroot,+setuid,+setgid --no-new-privs \
    env -i "PATH=$PATH" "${environment[@]}" chroot --userspec=65532:65532 "$root" "$@"
}

@test "both programs run in an empty root as uid 65532" {
  environment=()
  inside /fake_gen -n 1000 -s 1 -o /data/e.jsonl
  inside /aggregator --print csv /data/e.jsonl >"$BATS_TEST_TMPDIR/out.csv"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/out.csv")" -eq 11 ]
  [ "$(stat -c %u "$root/data/e.jsonl")" -eq 65532 ]
}

@test "without /proc output still appears whole, and peak memory is null in the report" {
  environment=()
  inside /fake_gen -n 10 -s 1 -o /data/e.jsonl --report /data/r.json
  jq -e '.peak_rss_bytes == null and .events == 10' "$root/data/r.json"
  [ "$(ls -A "$root/data" | sort | paste -sd' ')" = "e.jsonl r.json" ]
}

@test "the aggregator finds its server by name in an empty root, by hosts file and by DNS" {
  server=$BATS_TEST_TMPDIR/pg
  "$BATS_TEST_DIRNAME/../../local/postgres.sh" start "$server" --fast
  # shellcheck disable=SC1091
  . "$server/env"
  environment=("DB_USER=$PGUSER" "DB_PASSWORD=$PGPASSWORD" "DB_NAME=$PGDATABASE" "DB_PORT=$PGPORT"
    "PGSSLMODE=disable" "AGGREGATOR_LOG_FORMAT=text")
  printf '{"userId":"u","sessionDuration":5}\n' >"$root/data/e.jsonl"

  mkdir "$root/etc"
  echo "127.0.0.1 db.hosts.test" >"$root/etc/hosts"
  environment+=("DB_URL=db.hosts.test")
  inside /aggregator --run-id hosts /data/e.jsonl

  python3 "$BATS_TEST_DIRNAME/dns.py" db.dns.test 127.0.0.1 "$BATS_TEST_TMPDIR/dns.ready" 3>&- &
  dns=$!
  until [ -e "$BATS_TEST_TMPDIR/dns.ready" ]; do kill -0 $dns; done
  echo "nameserver 127.10.10.53" >"$root/etc/resolv.conf"
  environment+=("DB_URL=db.dns.test")
  run inside /aggregator --run-id dns /data/e.jsonl
  kill $dns
  [ "$status" -eq 0 ]
  [ "$(psql -Atc 'SELECT "sessionDuration" FROM session_duration')" = 10 ]
  "$BATS_TEST_DIRNAME/../../local/postgres.sh" stop "$server" immediate
}

teardown() {
  if [ -d "$BATS_TEST_TMPDIR/pg" ]; then
    "$BATS_TEST_DIRNAME/../../local/postgres.sh" stop "$BATS_TEST_TMPDIR/pg" immediate 2>/dev/null || true
  fi
}
