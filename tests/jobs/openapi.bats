# The service answers as /openapi.json says, asked by an independent client that makes requests up.

load helpers

setup_file() { start_all; }
teardown_file() { stop_all; }

# Left out: that a request which fits the schema is taken (a Dockerfile has rules that no schema
# tells), and that what is deleted is gone (DELETE ends a job, and leaves its record).
@test "answers are as documented, and nothing is a server error" {
  cd "$BATS_TEST_TMPDIR" # it leaves a cache where it runs
  new_owner --per-minute 1000000 --active 1000000 --per-day 1000000
  run "$here/../../build/jobs-venv/bin/st" run "$url/openapi.json" -H "Authorization: $token" --checks all \
    --exclude-checks positive_data_acceptance,use_after_free --max-examples 10 --seed 1 --request-timeout 70
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  ! grep -E 'error:' "$api_log"
}
