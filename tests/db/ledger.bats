# The ledger's versions: an older one is brought to this program's, once, and its runs still count;
# a newer one is left alone.

load helpers

setup() {
  use_new_database
  events user1 5 user2 7 >in.jsonl
}

# As the first version made it, with the run 'before' of in.jsonl.
old_ledger() {
  succeeds --run-id before in.jsonl
  sql 'ALTER TABLE aggregator_runs DROP COLUMN applied_by, DROP COLUMN accepted, DROP COLUMN etag; COMMENT ON TABLE aggregator_runs IS NULL'
}

ledger_shape() {
  sql "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
        WHERE attrelid = 'aggregator_runs'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
  sql "SELECT obj_description('aggregator_runs'::regclass, 'pg_class')"
}

label() { sql "COMMENT ON TABLE aggregator_runs IS '$1'"; }

@test "a new ledger says its version and who loaded" {
  succeeds in.jsonl
  same 'What aggregator has loaded; ledger version 4' "$(sql "SELECT obj_description('aggregator_runs'::regclass, 'pg_class')")"
  same "$PGUSER" "$(sql 'SELECT applied_by FROM aggregator_runs')"
  succeeds runs --print json
  same "$PGUSER" "$(jq -r .applied_by <<<"$output")"
}

@test "a ledger of the first version becomes one like new, and its runs still count" {
  succeeds --run-id before in.jsonl
  fresh=$(ledger_shape)
  sql 'DROP TABLE aggregator_runs, session_duration'
  old_ledger
  succeeds --run-id before in.jsonl
  same '2|12' "$(total)"
  same "$fresh" "$(ledger_shape)"
  succeeds --run-id after in.jsonl
  same '2|24' "$(total)"
  same "before:, after:$PGUSER" "$(sql "SELECT string_agg(run_id || ':' || coalesce(applied_by, ''), ', ' ORDER BY applied_at) FROM aggregator_runs")"
}

@test "a ledger of the second version gains what was accepted" {
  succeeds --run-id before in.jsonl
  fresh=$(ledger_shape)
  sql "ALTER TABLE aggregator_runs DROP COLUMN accepted, DROP COLUMN etag; COMMENT ON TABLE aggregator_runs IS 'ledger version 2'"
  { cat in.jsonl; echo '{"userId":7,"sessionDuration":"1"}'; echo '{"userId":null}'; } >more.jsonl
  succeeds --run-id after --accept number-keys,text-numbers --skip-missing more.jsonl
  same "$fresh" "$(ledger_shape)"
  same 'before:, after:skipped 1, number-keys 1, text-numbers 1' \
    "$(sql "SELECT string_agg(run_id || ':' || coalesce(accepted, ''), ', ' ORDER BY applied_at) FROM aggregator_runs")"
  succeeds runs --print json
  same 'skipped 1, number-keys 1, text-numbers 1' "$(tail -n 1 <<<"$output" | jq -r .accepted)"
}

@test "a load makes no ledger while another session makes one" {
  succeeds --run-id before in.jsonl
  sql 'DROP TABLE aggregator_runs'
  hold "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('aggregator.create', 0))"
  start --run-id one in.jsonl
  wait_until_waiting
  same '' "$(sql "SELECT to_regclass('aggregator_runs')")"
  release ROLLBACK
  finish
  ended_well
  same 1 "$(ledger_count)"
}

@test "many loads that find an old ledger bring it up once, and all count" {
  old_ledger
  pids=()
  for n in {1..8}; do
    "$aggregator" --run-id "$n" in.jsonl >"$n.out" 2>&1 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  same '2|108' "$(total)"
  same 9 "$(ledger_count)"
}

@test "what --init-sql prints brings an old ledger up, and does no harm twice" {
  old_ledger
  "$aggregator" --init-sql >init.sql
  for _ in 1 2; do
    by_socket -f init.sql 2>/dev/null
    same 'What aggregator has loaded; ledger version 4' "$(sql "SELECT obj_description('aggregator_runs'::regclass, 'pg_class')")"
    succeeds --create never --run-id before in.jsonl
    same '2|12' "$(total)"
  done
}

@test "an old ledger that may not be changed is refused before the input is read" {
  old_ledger
  before=$(snapshot)
  fails 4 'aggregator_runs is of ledger version 1, this program'"'"'s is 4 and --create never is set' \
    --create never unread.jsonl
  fails 4 'is of ledger version 1' runs
  sql "CREATE ROLE migrator LOGIN PASSWORD 'secret'; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO migrator"
  PGUSER=migrator PGPASSWORD=secret fails 4 'cannot bring public.aggregator_runs, which its owner can, from ledger version 1 to 4' unread.jsonl
  [[ $stderr == *'must be owner of table aggregator_runs (SQLSTATE 42501)'* ]]
  same "$before" "$(snapshot)"
}

@test "a ledger that a newer program made is refused" {
  succeeds --run-id before in.jsonl
  before=$(snapshot)
  label 'Ours since May; ledger version 5'
  fails 4 'is of ledger version 5 and this program knows 4: use the aggregator that made it' unread.jsonl
  fails 4 'is of ledger version 5' runs
  same "$before" "$(snapshot)"
}

@test "a comment of one's own may stand beside the version" {
  succeeds --run-id before in.jsonl
  label 'Ours since May; ledger version 4'
  succeeds --run-id before in.jsonl
  same 'Ours since May; ledger version 4' "$(sql "SELECT obj_description('aggregator_runs'::regclass, 'pg_class')")"
  label 'ledger version 99999999999999999999'
  fails 4 'is of ledger version 999999 and' unread.jsonl
}
