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

@test "2 MB are refused before they are sent" {
  client early
  same 413 "$output"
  client expect
  same $'413\n100 202' "$output"
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
  curl -sS "http://127.0.0.1:$metrics/metrics" >"$BATS_TEST_TMPDIR/metrics"
  grep -q '^http_requests_total{route="/jobs",code="202"} [1-9]' "$BATS_TEST_TMPDIR/metrics"
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
