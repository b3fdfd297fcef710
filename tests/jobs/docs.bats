# docs/jobs.md: its commands, as they stand there.

load helpers

setup_file() { start_all; }
teardown_file() { stop_all; }

@test "the commands of docs/jobs.md work as they stand there" {
  new_owner
  cd "$BATS_TEST_TMPDIR"
  printf '%s\n' 'FROM debian:12' 'RUN echo hi' >Dockerfile
  sed -n '/^```sh$/,/^```$/{/^```/!p}' "$here/../../docs/jobs.md" | sed 's/\bcurl /curl -sS --fail-with-body /' >commands
  [ "$(wc -l <commands)" -ge 10 ]
  URL=$url TOKEN=$token run -0 bash -euo pipefail commands
  [[ $output == *'"id": 1, "status": "not started"'* ]]
  [[ $output == *'"state": "cancelled"'* ]]
}

@test "the seeds' commands as typed: 500 jobs by ab, three times, none failed" {
  new_owner --per-minute 1000000 --active 1000000 --per-day 1000000
  for times in 1 2 3; do
    run -0 ab -q -m POST -H "Authorization: $token" -n 500 -c 4 "$url/jobs"
    [[ $output == *'Complete requests:      500'* ]]
    [[ $output == *'Failed requests:        0'* ]]
    [[ $output != *'Non-2xx'* ]]
    same $((500 * times)) "$(as_owner -c "SELECT count(DISTINCT number) FROM job j JOIN owner o ON o.id = j.owner WHERE o.name = '$owner'")"
  done
}
