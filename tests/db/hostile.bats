# A server that means harm, or has lost its mind: it gets nothing, and the run ends with a reason.

load helpers

setup() {
  cd "$BATS_TEST_TMPDIR"
  local name
  for name in "${!PG@}" "${!DB_@}"; do
    if [[ $name != PG_* ]]; then unset "$name"; fi
  done
  export AGGREGATOR_LOG_FORMAT=text HOME=$PWD
  events user1 5 >in.jsonl
}

teardown() { if [[ ${server:-} ]]; then kill "$server"; fi; }

# MODE: with the usual settings of a server on another machine.
hostile() {
  python3 "$here/hostile_server.py" "$PWD" "$1" 3>&- &
  server=$!
  wait_for test -s port
  export PGHOSTADDR=127.0.0.1 DB_URL=db.test PGPORT
  PGPORT=$(<port)
  export DB_USER=loader DB_PASSWORD=N0t-for-you DB_NAME=events
}

@test "a server that declines TLS learns neither user nor password" {
  hostile no-tls
  fails 4 'server does not support SSL' in.jsonl
  run grep -cE 'loader|N0t-for-you|events' received
  same 0 "$output"
}

@test "a refusal full of control characters becomes one short printable line without the password" {
  hostile error
  export PGSSLMODE=disable
  fails 4 'FATAL:  28P01: ' in.jsonl
  [[ ${#stderr} -lt 2300 && $stderr != *$'\e'* && $stderr != *$'\a'* && $stderr != *N0t-for-you* ]]
}

@test "a message of a gigabyte is not waited for, and takes no memory" {
  hostile huge
  PGSSLMODE=disable fails 10 'cannot connect to the database' --report r.json in.jsonl
  [[ $(jq .peak_rss_bytes r.json) -lt 67108864 ]]
}

@test "bytes that are not the protocol end the connection" {
  hostile garbage
  PGSSLMODE=disable fails 10 'cannot connect to the database' in.jsonl
}

@test "success without rows, where rows were asked for, is a failure and no crash" {
  hostile empty
  export PGSSLMODE=disable PGTARGETSESSIONATTRS=any
  run --separate-stderr "$aggregator" in.jsonl
  [[ $status == 4 || $status == 10 ]] || fail "exit status $status: $stderr"
  run --separate-stderr "$aggregator" runs
  [[ $status == 4 || $status == 10 ]] || fail "exit status $status: $stderr"
}

@test "notices without end take no memory, and SIGTERM ends them" {
  hostile notices
  PGSSLMODE=disable PGTARGETSESSIONATTRS=any start in.jsonl
  wait_for grep -q loader received
  kill -TERM "$started"
  [[ $(awk '/VmHWM/ { print $2 }' "/proc/$started/status" 2>/dev/null || echo 0) -lt 65536 ]]
  finish
  ended_with 11 'cancelled by SIGTERM'
}

@test "a server that begins a COPY where a result was asked for, or never ends its results, is left" {
  local mode
  export PGSSLMODE=disable PGTARGETSESSIONATTRS=any
  for mode in copy-in copy-out copy-both results; do
    hostile "$mode"
    run --separate-stderr timeout --signal=KILL 60 "$aggregator" in.jsonl
    ended_with 10 'the database gave an answer that was not asked for'
    run --separate-stderr timeout --signal=KILL 60 "$aggregator" runs
    ended_with 10 'the database gave an answer that was not asked for'
    kill "$server"
    rm port
  done
  # What libpq itself asks when it looks for the primary.
  hostile copy-out
  unset PGTARGETSESSIONATTRS
  run --separate-stderr timeout --signal=KILL 60 "$aggregator" in.jsonl
  ended_with 10 'cannot connect to the database'
}
