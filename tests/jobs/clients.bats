# Clients that are slow, greedy, old or odd: bounded, and answered. And the end of the service.

load helpers

setup_file() { start_all --metrics 127.0.0.1:0; }
teardown_file() { stop_all; }
setup() { new_owner --per-minute 100000 --active 100000 --per-day 100000; }

client() { # WHAT [N]: sets output
  run -0 python3 "$here/clients.py" "$1" "${url##*:}" "$token" "${@:2}"
}

@test "HTTP/1.0 is answered and closed" {
  client http_1_0
  same '202 closed' "$output"
}

@test "pipelined requests are answered in turn" {
  client pipelined
  same '200 200 200' "$output"
}

@test "a client that has closed its side still gets its answer" {
  client half_closed
  same 200 "$output"
}

@test "a chunked body is a body" {
  client chunked
  same 202 "$output"
}

@test "a body that never ends is cut off" {
  client chunked_for_ever
  same stopped "$output"
}

@test "a chunked body of more than 1 MiB is answered: 413" {
  client chunked_too_long
  same 413 "$output"
}

@test "a request with two lengths is refused, and nothing behind it is answered" {
  client two_lengths
  same 400 "$output"
}

@test "a Dockerfile of hundreds of kilobytes of blanks is looked at once" {
  { printf 'FROM debian:12\nRUN a'; for i in {1..14}; do head -c 60000 /dev/zero | tr '\0' ' '; printf '\\\n'; done; echo b; } >"$BATS_TEST_TMPDIR/Dockerfile"
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" /job/build
  same 202 "$code"
}

@test "2 MB are refused before they are sent" {
  client early
  same 413 "$output"
  client expect
  same $'413\n100 202' "$output"
}

@test "a body is read for those who may submit a job: others are told before" {
  client judged
  same 100 "$output"
  for bad in guess "$("$job_service" token create "$owner" --scopes read)"; do
    run -0 python3 "$here/clients.py" judged "${url##*:}" "$bad"
    [[ $output == 40[13] ]]
    run -0 python3 "$here/clients.py" judged_anyway "${url##*:}" "$bad"
    [[ $output == '40'[13]' 200' ]]
  done
}

@test "a token that was good a moment ago is judged again with the job" {
  mine -X POST -H 'Content-Type: application/json' -d '{"kind": "pipeline"}' /v1/jobs
  same 202 "$code"
  as_owner -c "UPDATE token SET revoked_at = now() WHERE owner = (SELECT id FROM owner WHERE name = '$owner')"
  mine -X POST -H 'Content-Type: application/json' -d '{"kind": "pipeline"}' /v1/jobs
  problem 401 token-unknown revoked
  mine -X POST -H 'Content-Type: application/json' -d '{"kind": "other"}' /v1/jobs
  problem 401 token-unknown revoked
}

@test "headers that never end are cut off" {
  client endless_headers
  same stopped "$output"
}

@test "a thousand clients that send a byte now and then do not delay a quick one, and are closed" {
  client slow 1000
  same $'quick\nclosed' "$output"
}

@test "two thousand long polls wait side by side, and all are answered when the job ends" {
  coproc POLLS { python3 "$here/clients.py" polls "${url##*:}" "$token" 2000; }
  read -r -t 60 place <&"${POLLS[0]}"
  mine /v1/whoami
  same 200 "$code"
  mine -X DELETE "$place"
  echo >&"${POLLS[1]}"
  read -r -t 60 answered <&"${POLLS[0]}"
  same 2000 "$answered"
}

@test "metrics count answers by route and status, on a port that clients do not have" {
  metrics=$(sed -n 's/.*metrics on port //p' "$api_log")
  mine -X POST /jobs
  for method in GET POST DELETE; do ask -X "$method" /v1/jobs; done # a path is one series
  curl -sS "http://127.0.0.1:$metrics/metrics" >"$BATS_TEST_TMPDIR/metrics"
  grep -q '^http_requests_total{route="/jobs",code="202"} [1-9]' "$BATS_TEST_TMPDIR/metrics"
  [ -z "$(sed '/^#/d; s/ [^ ]*$//' "$BATS_TEST_TMPDIR/metrics" | sort | uniq -d)" ]
  grep -q '^jobs{state="queued"} [1-9]' "$BATS_TEST_TMPDIR/metrics"
  grep -q '^database_up 1$' "$BATS_TEST_TMPDIR/metrics"
  ask /metrics
  problem 404 not-found openapi
  if command -v promtool >/dev/null; then promtool check metrics <"$BATS_TEST_TMPDIR/metrics"; fi
}

@test "SIGTERM: what is under way is answered, and the status is 0" {
  start_api --metrics 127.0.0.1:0
  metrics=$(sed -n 's/.*metrics on port //p' "$api_log")
  mine -X POST /jobs
  place=$(header location)
  curl -sS -m 30 -o "$BATS_TEST_TMPDIR/polled" -w '%{http_code}' -H "Authorization: $token" -H 'Prefer: wait=60' "$url$place" >"$BATS_TEST_TMPDIR/code" &
  poll=$!
  polls() { curl -sS "http://127.0.0.1:$metrics/metrics" | grep -q '^http_long_polls 1$'; }
  wait_for polls
  stop_api
  wait "$poll"
  same 200 "$(<"$BATS_TEST_TMPDIR/code")"
  same queued "$(jq -r .state "$BATS_TEST_TMPDIR/polled")"
}

@test "SIGTERM under load ends in order: status 0" {
  for i in 1 2 3; do
    start_api --drain 300ms
    ab -q -r -c 50 -n 1000000 -H "Authorization: $token" "$url/v1/whoami" >/dev/null 2>&1 &
    ab -q -r -c 20 -n 1000000 -m POST -H "Authorization: $token" "$url/jobs" >/dev/null 2>&1 &
    busy() { curl -sS -m 5 -H "Authorization: $token" "$url/v1/jobs?limit=1" | grep -q '"number"'; }
    wait_for busy
    stop_api
  done
}

@test "a database that does not answer makes 503, and SIGTERM ends the service" {
  start_api
  mine /v1/whoami
  mapfile -t backends < <(psql -XAtqc "SELECT pid FROM pg_stat_activity WHERE application_name = 'job_service'")
  [ "${#backends[@]}" -ge 1 ]
  kill -STOP "${backends[@]}"
  for i in {1..8}; do curl -sS -m 29 -o /dev/null -w '%{http_code}\n' -H "Authorization: $token" "$url/v1/whoami" >"$BATS_TEST_TMPDIR/code$i" & pids[i]=$!; done
  for i in {1..8}; do wait "${pids[i]}"; done
  kill -CONT "${backends[@]}"
  grep -qx 503 "$BATS_TEST_TMPDIR"/code*
  same '' "$(cat "$BATS_TEST_TMPDIR"/code* | grep -vxE '200|503')"
  stop_api
}

@test "an owner who is locked waits alone" {
  "$job_service" owner create "locked$BATS_TEST_NUMBER"
  locked=$("$job_service" token create "locked$BATS_TEST_NUMBER")
  coproc HOLDER { psql -XAtq; }
  echo "BEGIN; SELECT 'held' FROM jobs.owner_count c JOIN jobs.owner o ON o.id = c.owner WHERE o.name = 'locked$BATS_TEST_NUMBER' FOR UPDATE OF c;" >&"${HOLDER[1]}"
  read -r -t 20 held <&"${HOLDER[0]}"
  same held "$held"
  curl -sS -m 20 -o /dev/null -w '%{http_code}' -X POST -H "Authorization: $locked" "$url/jobs" >"$BATS_TEST_TMPDIR/code" &
  waiting=$!
  for i in {1..5}; do mine -m 3 -X POST /jobs; same 202 "$code"; done
  echo 'ROLLBACK;' >&"${HOLDER[1]}"
  wait "$waiting"
  same 202 "$(<"$BATS_TEST_TMPDIR/code")"
}

@test "no token stands in the database's log, whatever it logs" {
  psql -XAtqc "ALTER SYSTEM SET log_min_duration_statement = 0" -c "SELECT pg_reload_conf()"
  start_api
  mine -X POST /jobs
  mine /v1/whoami
  stop_api
  psql -XAtqc "ALTER SYSTEM RESET log_min_duration_statement" -c "SELECT pg_reload_conf()"
  grep -q 'jobs_v1.submit' "$BATS_FILE_TMPDIR/db/log"
  ! grep -rF "$token" "$BATS_FILE_TMPDIR/db/log"
}

@test "without its database the api says 503 and lives; with it, it answers again" {
  "$here/../../local/postgres.sh" stop "$BATS_FILE_TMPDIR/db" immediate
  mine -X POST /jobs
  problem 503 unavailable 'database'
  [ "$(header retry-after)" -ge 1 ]
  ask /healthz
  same 200 "$code"
  ask /readyz
  same 503 "$code"
  "$here/../../local/postgres.sh" start "$BATS_FILE_TMPDIR/db"
  ready() { ask /readyz; [ "$code" = 200 ]; }
  wait_for ready
  mine -X POST /jobs
  same 202 "$code"
}

@test "plain text on more than loopback must be asked for" {
  run -2 "$job_service" api --listen 0.0.0.0:0
  [[ $output == *--plain-text* ]]
}

@test "a port that is taken, and a database that nobody named, are told at once" {
  run -2 env -i "$job_service" api --listen 127.0.0.1:0
  [[ $output == *'no database is named'* ]]
  run ! "$job_service" api --listen "127.0.0.1:${url##*:}"
  [[ $output == *'cannot listen on'* ]]
}
