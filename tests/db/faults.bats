# What breaks in the middle of a load: nothing is half loaded, and a rerun makes it whole.

load helpers

setup_file() {
  start_server "$(default_version)"
  if [[ ${ABSENT:-} ]]; then return; fi
  start_relay
  (
    cd "$BATS_FILE_TMPDIR"
    make_events small.jsonl 300 10
    make_events middle.jsonl 8000 2000
    # More than fits into the buffers between the program and the server.
    awk 'BEGIN { for (i = 0; i < 8000; i++) printf "{\"userId\":\"%0900d\",\"sessionDuration\":%d}\n", i, i % 900 }' >wide.jsonl
  )
}
teardown_file() {
  stop_relay
  stop_server
}

setup() {
  use_new_database
  small=$BATS_FILE_TMPDIR/small.jsonl
  middle=$BATS_FILE_TMPDIR/middle.jsonl
  wide=$BATS_FILE_TMPDIR/wide.jsonl
}

teardown() {
  if [[ ${RELAY:-} ]]; then touch "$RELAY/go"; fi
  if [[ -d standby ]]; then "$here/../../local/postgres.sh" stop "$PWD/standby" immediate; fi
}

times_loaded() { # N FILE: the table holds FILE's totals N times, from N runs
  same "$1 $(sums "$2" | awk -v n="$1" '{ sum += n * $2 } END { printf "%d|%d", NR, sum }')" "$(ledger_count) $(total)"
}

nothing_loaded() { same '0 0|0' "$(ledger_count) $(total)"; }

# Servers that lack a setting.

@test "a setting that the server refuses is done without, and the others are set" {
  local -A wished=([statement_timeout]=0 [idle_in_transaction_session_timeout]=60000 [quote_all_identifiers]=off
    [tcp_keepalives_idle]=30 [tcp_keepalives_interval]=10 [tcp_keepalives_count]=3 [client_connection_check_interval]=1000)
  local refused name
  sql "ALTER DATABASE $PGDATABASE SET statement_timeout = '1h'; ALTER DATABASE $PGDATABASE SET quote_all_identifiers = on"
  succeeds --run-id before "$small"
  sql "CREATE TABLE seen (setting text, value text);
    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
      INSERT INTO seen SELECT name, setting FROM pg_settings; RETURN NULL; END \$\$;
    CREATE TRIGGER see AFTER INSERT ON aggregator_runs EXECUTE FUNCTION see()"
  for refused in "${!wished[@]}"; do
    if [[ $refused == quote* ]]; then continue; fi # what lacks it does not quote so
    sql 'TRUNCATE seen'
    plan rename "$refused"
    through_relay succeeds --run-id "without $refused" "$small"
    for name in "${!wished[@]}"; do
      if [[ $name != "$refused" ]]; then same "$name ${wished[$name]}" "$name $(sql "SELECT value FROM seen WHERE setting = '$name'")"; fi
    done
    # Under the same name, however the server quotes: else it would count twice.
    through_relay succeeds --run-id before "$small"
    [[ $stderr == *'already applied'* ]]
  done
  times_loaded "${#wished[@]}" "$small"
}

@test "a server that refuses lock_timeout is refused" {
  plan rename lock_timeout
  through_relay fails 4 'unrecognized configuration parameter "lock_timeouX" (SQLSTATE 42704)' unread.jsonl
  same '' "$(snapshot)"
}

# Answers that were not asked for.

@test "a statement that is answered with CopyIn, CopyOut or CopyBoth ends the load, whichever it is" {
  local kinds=(G H W) n=0
  while
    plan "answer-${kinds[n % 3]}" $((++n))
    run --separate-stderr timeout --signal=KILL 60 env PGPORT="$RELAY_PORT" PGSSLMODE=disable "$aggregator" --run-id "$n" "$small"
    [[ -e $RELAY/fired ]]
  do
    if ((status == 0)); then continue; fi # a COMMIT, settled by claiming again
    ended_with 10 'the database gave an answer that was not asked for'
  done
  ended_well
  ((n > 20))
  times_loaded "$(ledger_count)" "$small"
}

# The answer to COMMIT.

@test "a lost answer to COMMIT is settled: the run was loaded, once" {
  plan lose-commit-answer
  through_relay succeeds --run-id one --report report.json "$small"
  test -e "$RELAY/fired"
  same 'false true 2' "$(jq -r '"\(.already_applied) \(.loaded) \(.load_attempts)"' report.json)"
  times_loaded 1 "$small"
  succeeds --run-id one "$small"
  [[ $stderr == *'already applied'* ]]
  times_loaded 1 "$small"
}

@test "after a lost answer to COMMIT a server that is away for a while is waited for" {
  plan refuse-after-commit
  rm -f "$RELAY/refused"
  through_relay start --wait-db 0 --run-id one "$small"
  wait_for test -e "$RELAY/refused"
  touch "$RELAY/go"
  finish
  ended_well
  times_loaded 1 "$small"
}

@test "a COMMIT that is answered with ROLLBACK has loaded nothing and may be repeated" {
  plan tag COMMIT ROLLBACK
  through_relay fails 10 'the database rolled the load back' --run-id one "$small"
  test -e "$RELAY/fired"
}

@test "rows that got lost on their way into the staging table are not loaded without" {
  plan tag COPY COPY 9
  run --separate-stderr env PGPORT="$RELAY_PORT" PGSSLMODE=disable "$aggregator" --run-id one "$small"
  test -e "$RELAY/fired"
  ((status != 0))
  [[ $stderr == *'9 rows were staged instead of 10'* ]]
  nothing_loaded
}

@test "a COMMIT that never arrived is settled: the run is loaded, once" {
  plan cut-before-commit
  through_relay succeeds --run-id one --report report.json "$small"
  test -e "$RELAY/fired"
  same 'false true 2' "$(jq -r '"\(.already_applied) \(.loaded) \(.load_attempts)"' report.json)"
  times_loaded 1 "$small"
}

@test "a COMMIT that arrives after the program came back is waited for, not loaded twice" {
  plan late-commit
  through_relay start --run-id one --report report.json "$small"
  wait_for test -e "$RELAY/fired"
  wait_until_waiting
  touch "$RELAY/go"
  finish
  ended_well
  same 'false 2' "$(jq -r '"\(.already_applied) \(.load_attempts)"' report.json)"
  times_loaded 1 "$small"
}

@test "a connection cut after any message of the load leaves nothing that a rerun does not make whole" {
  local n count total run=1 status expected
  expected=$(sums "$small" | awk '{ sum += $2 } END { print sum }')
  succeeds --run-id 0 "$small"
  for ((n = 1; ; n++)); do
    plan cut-after $n
    status=0
    # Each attempt is the rerun of the one before, until one is done.
    through_relay "$aggregator" --run-id $run "$small" 2>err || status=$?
    if [[ ! -e $RELAY/fired ]]; then break; fi
    [[ $status == 0 || $status == 10 ]] || fail "cut after $n messages: exit status $status: $(<err)"
    IFS='|' read -r count total < <(sql 'SELECT (SELECT count(*) FROM aggregator_runs), sum("sessionDuration") FROM session_duration')
    if ((status == 0)); then same $((++run)) "$count"; fi
    ((count == run || count == run + 1)) || fail "cut after $n messages: $count runs in the ledger"
    ((total == count * expected)) || fail "cut after $n messages: a total of $total from $count runs"
  done
  same 0 "$status"
  same "$((run + 1)) 10|$(((run + 1) * expected))" "$(ledger_count) $(total)"
  echo "cut after each of $((n - 1)) messages, $run runs"
  ((n > 100 && run > 1))
}

# The server goes away.

stopped_in_copy() { # MODE
  succeeds --run-id before "$small"
  plan pause-copy
  through_relay start --run-id one "$wide"
  wait_for test -e "$RELAY/fired"
  wait_for sql_says 1 "$copying"
  "$here/../../local/postgres.sh" stop "$BATS_FILE_TMPDIR/db" "$1"
  finish
  "$here/../../local/postgres.sh" start "$BATS_FILE_TMPDIR/db"
  ended_with 10 ''
  times_loaded 1 "$small"
  succeeds --run-id one "$wide"
  same "$(sums "$small" "$wide" | sha256sum)" "$(rows | sha256sum)"
}

@test "a server that stops at once in mid-COPY may come back, nothing is loaded until then" {
  stopped_in_copy immediate
}

@test "a server that shuts down in mid-COPY may come back, nothing is loaded until then" {
  stopped_in_copy fast
}

@test "a session terminated in mid-COPY may be repeated" {
  succeeds --run-id before "$small"
  plan pause-copy
  through_relay start --run-id one "$wide"
  wait_for test -e "$RELAY/fired"
  wait_for sql_says 1 "$copying"
  sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' AND application_name = 'aggregator'"
  finish
  ended_with 10 ''
  times_loaded 1 "$small"
  succeeds --run-id one "$middle"
}

@test "a statement cancelled by an operator may be repeated" {
  succeeds --run-id before "$small"
  hold 'BEGIN; LOCK TABLE session_duration IN EXCLUSIVE MODE'
  start --run-id one "$small"
  wait_until_waiting
  sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
  finish
  ended_with 10 'canceling statement due to user request (SQLSTATE 57014)'
  release ROLLBACK
  times_loaded 1 "$small"
  succeeds --run-id one "$small"
  times_loaded 2 "$small"
}

@test "a server that restarts while the input is read is not missed" {
  mkfifo pipe
  start --run-id one pipe
  exec 9>pipe
  head -n 100 "$small" >&9
  wait_for sql_says t "SELECT to_regclass('aggregator_runs') IS NOT NULL"
  wait_until_gone
  "$here/../../local/postgres.sh" restart "$BATS_FILE_TMPDIR/db" fast
  tail -n +101 "$small" >&9
  exec 9>&-
  finish
  ended_well
  times_loaded 1 "$small"
}

@test "a server that is starting up may be tried again" {
  "$here/../../local/postgres.sh" stop "$BATS_FILE_TMPDIR/db" fast
  fails 10 'Connection refused' "$small"
  "$here/../../local/postgres.sh" start "$BATS_FILE_TMPDIR/db"
  succeeds "$small"
}

start_standby() { # [SETTING]
  local version
  version=$(default_version)
  "$here/../../local/postgres.sh" start "$PWD/standby" --fast ${version:+--version "$version"}
  "$here/../../local/postgres.sh" stop "$PWD/standby" fast
  touch standby/data/standby.signal
  echo "${1:-}" >>standby/data/postgresql.conf
  "$here/../../local/postgres.sh" start "$PWD/standby"
  # shellcheck source=/dev/null
  . standby/env
}

@test "a server that still recovers and takes no connections may be tried again" {
  start_standby 'hot_standby = off'
  fails 10 'FATAL:  57P03: ' "$small"
}

@test "a standby is not loaded into, and is once it is promoted" {
  start_standby
  fails 10 'server is in hot standby mode' "$small"
  sql 'SELECT pg_promote()' >promoted
  succeeds "$small"
  times_loaded 1 "$small"
}

# Locks.

@test "--lock-timeout ends the wait for a twin, for a load of the same table and for others' locks" {
  local lock target
  succeeds --run-id before "$small"
  target=$(sql 'SELECT target FROM aggregator_runs')
  for lock in "INSERT INTO aggregator_runs SELECT target, 'one', 0, 1, 1, 1, '', 0, 1, 1, 1, 1, '', now() FROM aggregator_runs" \
    'LOCK TABLE aggregator_runs IN EXCLUSIVE MODE' \
    'LOCK TABLE session_duration IN SHARE MODE' \
    "SELECT FROM session_duration WHERE \"userId\" = 'user002' FOR UPDATE" \
    "SELECT FROM pg_advisory_xact_lock(hashtextextended('aggregator.load.' || \$\$$target\$\$, 0))"; do
    hold "BEGIN; $lock"
    fails 10 'canceling statement due to lock timeout (SQLSTATE 55P03)' --lock-timeout 100ms --run-id one "$small"
    release ROLLBACK
    times_loaded 1 "$small"
  done
  succeeds --lock-timeout 1s --run-id one "$small"
  times_loaded 2 "$small"
}

@test "loads of other tables do not wait for each other" {
  succeeds --run-id before "$small"
  hold "BEGIN; SELECT FROM pg_advisory_xact_lock(hashtextextended('aggregator.load.' || target, 0)) FROM aggregator_runs"
  succeeds --lock-timeout 1s --table other "$small"
  release ROLLBACK
}

@test "a deadlock is retried inside" {
  succeeds --run-id before "$small"
  # Only the program's session looks for deadlocks in time, so that it is the one to give way.
  hold "SET deadlock_timeout = '1h'; BEGIN; UPDATE session_duration SET \"sessionDuration\" = 0 WHERE \"userId\" = 'user002'"
  start --run-id one --report report.json "$small"
  wait_until_waiting
  say "INSERT INTO aggregator_runs SELECT target, 'one', 0, 1, 1, 1, '', 0, 1, 1, 1, 1, '', now() FROM aggregator_runs"
  wait_for grep -q 'deadlock detected' "$BATS_TEST_TMPDIR/started.err"
  wait_until_waiting
  release ROLLBACK
  finish
  ended_well
  same 2 "$(jq .load_attempts report.json)"
  times_loaded 2 "$small"
}

@test "a serialization failure is retried inside" {
  succeeds --run-id before "$small"
  sql "CREATE SEQUENCE tries;
    CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS \$\$
    BEGIN
      IF nextval('tries') <= 2 THEN RAISE 'try again' USING ERRCODE = 'serialization_failure'; END IF;
      RETURN NULL;
    END \$\$;
    CREATE TRIGGER t AFTER INSERT ON session_duration EXECUTE FUNCTION fail_twice()"
  succeeds --run-id one --report report.json "$small"
  same 3 "$(jq .load_attempts report.json)"
  times_loaded 2 "$small"
}

@test "serialization failures without end are given up after eight attempts" {
  succeeds --run-id before "$small"
  sql "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS \$\$
    BEGIN RAISE 'try again' USING ERRCODE = 'serialization_failure'; END \$\$;
    CREATE TRIGGER t AFTER INSERT ON session_duration EXECUTE FUNCTION fail()"
  run --separate-stderr "$aggregator" --run-id one --report report.json "$small"
  same '10 8 8' "$status $(jq .load_attempts report.json) $(grep -c 'try again (SQLSTATE 40001)' <<<"$stderr")"
  times_loaded 1 "$small"
}

@test "a COMMIT that the server refuses is reported, not retried" {
  succeeds --run-id before "$small"
  sql "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE 'not at the end'; END \$\$;
    CREATE CONSTRAINT TRIGGER t AFTER INSERT ON aggregator_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no()"
  fails 4 'the database says: not at the end (SQLSTATE P0001)' --run-id one "$small"
  times_loaded 1 "$small"
}

@test "a COMMIT that fails by a shortage is known to have failed: it is not retried inside" {
  succeeds --run-id before "$small"
  sql "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE 'no room' USING ERRCODE = 'disk_full'; END \$\$;
    CREATE CONSTRAINT TRIGGER t AFTER INSERT ON aggregator_runs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no()"
  run --separate-stderr "$aggregator" --run-id one --report report.json "$small"
  same '10 1' "$status $(jq .load_attempts report.json)"
  [[ $stderr == *'no room (SQLSTATE 53100)'* ]]
  [[ $stderr != *unknown* ]]
  times_loaded 1 "$small"
}

# Signals.

ended_in_time() { # SIGNAL: sent now, exit status 11 follows within 1.5 s
  local from=${EPOCHREALTIME/[.,]/}
  kill -s "$1" "$started"
  finish
  (((${EPOCHREALTIME/[.,]/} - from) < 1500000)) || fail "took $((${EPOCHREALTIME/[.,]/} - from)) us"
  ended_with 11 "cancelled by SIG$1"
}

@test "SIGTERM ends the wait for a twin at once and leaves no session" {
  succeeds --run-id before "$small"
  hold "BEGIN; INSERT INTO aggregator_runs SELECT target, 'one', 0, 1, 1, 1, '', 0, 1, 1, 1, 1, '', now() FROM aggregator_runs"
  start --run-id one "$small"
  wait_until_waiting
  ended_in_time TERM
  wait_until_gone
  release ROLLBACK
  succeeds --run-id one "$small"
  times_loaded 2 "$small"
}

@test "SIGTERM ends a COPY that hangs at once and leaves no session" {
  succeeds --run-id before "$small"
  plan pause-copy
  through_relay start --run-id one "$wide"
  wait_for test -e "$RELAY/fired"
  wait_for sql_says 1 "$copying"
  ended_in_time TERM
  touch "$RELAY/go"
  wait_until_gone
  times_loaded 1 "$small"
  succeeds --run-id one "$small"
  times_loaded 2 "$small"
}

@test "SIGTERM after COMMIT changes nothing: status 0, and the report is there" {
  mkfifo report # whose reader comes late
  start --run-id one --report report "$small"
  wait_for sql_says 1 'SELECT count(*) FROM aggregator_runs'
  kill -TERM "$started"
  [[ $(jq .loaded report) == true ]]
  finish
  ended_well
  times_loaded 1 "$small"
}

@test "a deadline that passes ends the wait for a twin and leaves no session" {
  succeeds --run-id before "$small"
  hold 'BEGIN; LOCK TABLE aggregator_runs IN EXCLUSIVE MODE'
  ARGO_DEADLINE=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ) start --run-id one "$small"
  finish
  ended_with 11 'cancelled: ARGO_DEADLINE has passed'
  wait_until_gone
  release ROLLBACK
  times_loaded 1 "$small"
}

@test "kill -9 at random moments and a rerun give exact totals" {
  local seed=${SEED:-$SRANDOM} from span n delay killed=0
  echo "SEED=$seed"
  RANDOM=$seed
  from=${EPOCHREALTIME/[.,]/}
  succeeds --run-id 0 "$middle"
  span=$((${EPOCHREALTIME/[.,]/} - from))
  for n in {1..30}; do
    delay=$((RANDOM * 32768 + RANDOM))
    printf -v delay '0.%06d' $((delay % span + 1))
    # bash says "Killed" of its own children.
    { timeout --foreground -s KILL "$delay" "$aggregator" --run-id "$n" "$middle" 2>/dev/null || ((++killed)); } 2>/dev/null
    repeat_until_done --run-id "$n" "$middle"
    times_of_middle $((n + 1))
  done
  echo "killed $killed of 30 runs within $span us"
  ((killed >= 3))
  times_loaded 31 "$middle"
}

times_of_middle() { # N
  middle_total=${middle_total:-$(grand_total "$middle")}
  same "$1|${middle_total%|*}|$(($1 * ${middle_total#*|}))" \
    "$(sql 'SELECT (SELECT count(*) FROM aggregator_runs), count(*), sum("sessionDuration") FROM session_duration')"
}
