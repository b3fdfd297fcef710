# Behind pgbouncer in transaction mode, where each transaction may meet another server session.

load helpers

setup_file() {
  local status=0
  start_server "$(default_version)"
  if [[ ${ABSENT:-} ]]; then return; fi
  "$here/pgbouncer.sh" start "$BATS_FILE_TMPDIR/pooler" "$BATS_FILE_TMPDIR/db" default_pool_size=20 || status=$?
  if ((status == 77)); then export ABSENT="no pgbouncer here"; return; fi
  export POOLER_PORT
  POOLER_PORT=$(. "$BATS_FILE_TMPDIR/pooler/env" && echo "$PGPORT")
  (cd "$BATS_FILE_TMPDIR" && make_events big.jsonl 6000 1200 && make_events small.jsonl 1500 10)
}

teardown_file() {
  "$here/pgbouncer.sh" stop "$BATS_FILE_TMPDIR/pooler"
  stop_server
}

setup() {
  use_new_database
  big=$BATS_FILE_TMPDIR/big.jsonl
  small=$BATS_FILE_TMPDIR/small.jsonl
}

pooled() { PGPORT=$POOLER_PORT "$@"; }
pooled_sql() { pooled psql -XAtqc "$1"; }

@test "a pooler in transaction mode: loads and reruns are exact" {
  pooled succeeds "$big"
  pooled succeeds "$big"
  [[ $stderr == *'already applied'* ]]
  pooled succeeds --stats --table other "$small"
  loaded_once "$big"
  same 2 "$(ledger_count)"
  pooled succeeds runs --print json
  same 2 "${#lines[@]}"
}

@test "a pooler in transaction mode: many loads at once share few sessions" {
  local pids=() pid
  for i in {1..8}; do
    pooled "$aggregator" --run-id one "$big" 2>"err.$i" 3>&- &
    pids+=($!)
    pooled "$aggregator" --run-id "$i" "$small" 2>"err.$i" 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  loaded_once "$big" "$small" "$small" "$small" "$small" "$small" "$small" "$small" "$small"
  same 9 "$(ledger_count)"
}

@test "a pooler in transaction mode: nothing of a load stays in the shared session" {
  pooled succeeds "$small"
  local settings="SELECT current_setting('lock_timeout') || current_setting('statement_timeout')
    || current_setting('idle_in_transaction_session_timeout') || current_setting('transaction_isolation')"
  same "$(sql "$settings")" "$(pooled_sql "$settings")"
  same 0 "$(pooled_sql "SELECT count(*) FROM pg_class WHERE relname = 'aggregator_staging'")"
  same 0 "$(pooled_sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")"
}

@test "a pooler in transaction mode: a load waits for its twin" {
  pooled succeeds --run-id before "$small"
  local digest
  digest=$(sql 'SELECT input_digest FROM aggregator_runs')
  hold "BEGIN; INSERT INTO aggregator_runs SELECT target, 'twin', 0, 1, 1, 1, '$digest', 0, 1, 1, 1, 1, 'psql', now() FROM aggregator_runs"
  pooled start --run-id twin "$small"
  wait_until_waiting
  release COMMIT
  finish
  ended_well
  [[ $stderr == *'already applied'* ]]
  loaded_once "$small"
}

@test "a pooler in transaction mode: a load that is stopped lets its session go" {
  pooled succeeds --run-id before "$small"
  hold 'BEGIN; LOCK TABLE aggregator_runs IN EXCLUSIVE MODE'
  pooled start --run-id stopped "$small"
  wait_until_waiting
  kill -TERM "$started"
  finish
  ended_with 11 'cancelled by SIGTERM'
  release ROLLBACK
  wait_for sql_says 0 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
    AND pid <> pg_backend_pid()"
  pooled succeeds --run-id stopped "$small"
  loaded_once "$small" "$small"
}

@test "a pooler in transaction mode: a wrong password is refused" {
  PGPASSWORD=wrong pooled fails 4 "authentication failed" "$small"
}

@test "a pooler in transaction mode: a temporary table that another left in the session is refused" {
  pooled succeeds --run-id before "$small"
  pooled_sql 'CREATE TEMPORARY TABLE session_duration ("userId" text PRIMARY KEY, "sessionDuration" bigint)'
  pooled fails 4 '.session_duration is temporary: what is loaded into it is lost with its session' --run-id after unread.jsonl
  pooled succeeds --run-id after --table public.session_duration "$small"
  loaded_once "$small" "$small"
}
