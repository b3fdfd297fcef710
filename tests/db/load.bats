# The load itself: exact, and exactly once. Runs on PG_VERSION (15); load_pg17.bats and
# load_pg18.bats are the same file on other servers.

load helpers

# shellcheck disable=SC2034 # the tests' names
on="on PostgreSQL $(default_version)"

setup_file() {
  start_server "$(default_version)"
  if [[ ${ABSENT:-} ]]; then return; fi
  (cd "$BATS_FILE_TMPDIR" && make_events big.jsonl 6000 1200 && make_events small.jsonl 1500 10)
}

setup() {
  use_emptied_database
  big=$BATS_FILE_TMPDIR/big.jsonl
  small=$BATS_FILE_TMPDIR/small.jsonl
}

# One run.

@test "a fresh database gets both tables and exact totals, $on" {
  succeeds "$big"
  loaded_once "$big"
  same "userId text C
sessionDuration bigint -
primary key (\"userId\")" "$(sql "
    SELECT attname || ' ' || format_type(atttypid, atttypmod) || ' ' || CASE WHEN attcollation = 0 THEN '-'
       ELSE (SELECT collname FROM pg_collation c WHERE c.oid = attcollation) END
     FROM pg_attribute WHERE attrelid = 'session_duration'::regclass AND attnum > 0 AND attnotnull
    ORDER BY attnum")
$(sql "SELECT lower(left(pg_get_constraintdef(oid), 11)) || substr(pg_get_constraintdef(oid), 12)
    FROM pg_constraint WHERE conrelid = 'session_duration'::regclass AND contype = 'p'")"
}

@test "the ledger's row says what was read and loaded, $on" {
  make_events dirty.jsonl 1000 20 --bad-every 100
  echo >>dirty.jsonl
  run ! "$aggregator" --run-id dirty dirty.jsonl
  same '' "$(ledger)"
  succeeds --run-id dirty --max-bad 10 --report report.json dirty.jsonl
  same "public.session_duration(\"userId\",\"sessionDuration\")|dirty|0|1|1001|$(wc -c <dirty.jsonl)|$(jq -r .digest report.json)|10|20|$(total | cut -d '|' -f 2)|t|t|$(jq -r .version report.json)|t" \
    "$(sql "SELECT target, run_id, shard, shards, input_lines, input_bytes, input_digest, bad_lines, keys, total,
        seconds > 0 AND seconds < 60, peak_rss_bytes BETWEEN 1 << 20 AND 1 << 29, program_version,
        applied_at BETWEEN now() - interval '1 minute' AND now() FROM aggregator_runs")"
}

@test "runs lists the ledger as csv, json and table, $on" {
  succeeds --run-id 'first, "quoted"' "$small"
  succeeds --run-id second "$big"
  local n
  n=$(grand_total "$big")
  succeeds runs --print csv
  [[ ${lines[0]} == target,run_id,shard,shards,input_lines,* && ${#lines[@]} == 3 ]]
  [[ ${lines[1]} == '"public.session_duration(""userId"",""sessionDuration"")","first, ""quoted""",0,1,1500,'* ]]
  succeeds runs --print json
  same 'first, "quoted"' "$(jq -rs '.[0].run_id' <<<"$output")"
  same "second 6000 ${n/|/ }" "$(jq -rs '.[1] | "\(.run_id) \(.input_lines) \(.keys) \(.total)"' <<<"$output")"
  succeeds runs
  [[ ${lines[0]} == target*run_id*applied_at*applied_by && ${lines[2]} == *second*"${n#*|}"* && ${#lines[@]} == 3 ]]
  succeeds runs --print table
  [[ ${lines[1]} == *'first, "quoted"'* ]]
}

@test "runs says that nothing was loaded yet, $on" {
  fails 4 'nothing was loaded yet' runs
}

@test "an input without events is a run too, $on" {
  echo >blank.jsonl
  succeeds --run-id none blank.jsonl
  same '0|0' "$(total)"
  same 'none|0|1|0|0' "$(ledger)"
}

# The same run again.

@test "a rerun changes nothing and says that it was applied already, $on" {
  succeeds --report first.json --outputs first "$big"
  same 'false true' "$(jq -r '"\(.already_applied) \(.loaded)"' first.json)"
  local before users sum
  before=$(snapshot)
  IFS='|' read -r users sum < <(grand_total "$big")
  succeeds --report again.json --outputs again "$big"
  [[ $stderr == *'already applied'* ]]
  same "true 6000 $users" "$(jq -r '"\(.already_applied) \(.lines) \(.users)"' again.json)"
  same_as_before "$before"
  same "false 0 6000 $sum $users" \
    "$(cd first && echo "$(<already_applied) $(<bad_lines) $(<lines) $(<total) $(<users)")"
  same true "$(<again/already_applied)"
  [[ $(<first/seconds) =~ ^[0-9]+\.[0-9]{3}$ && $(<first/peak_rss_bytes) =~ ^[0-9]+$ ]]
  same 'already_applied bad_lines lines peak_rss_bytes seconds top total users' "$(cd again && echo *)"
}

@test "one run loaded 20 times, 8 of them at once, changes the table once, $on" {
  local pids=() pid batch
  for batch in 8 8 4; do
    pids=()
    for ((i = 0; i < batch; i++)); do
      "$aggregator" --run-id one "$big" 2>"err.$batch.$i" 3>&- &
      pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
  done
  loaded_once "$big"
  same 1 "$(ledger_count)"
}

@test "two runs of one input add up twice, $on" {
  succeeds --run-id monday "$small"
  succeeds --run-id tuesday "$small"
  loaded_once "$small" "$small"
  same 2 "$(ledger_count)"
}

@test "other input under a known run id is refused, $on" {
  succeeds --run-id one "$small"
  local before
  before=$(snapshot)
  fails 4 "run 'one' shard 0/1 was loaded at " --run-id one "$big"
  [[ $stderr == *'choose a new --run-id for new data'* ]]
  same_as_before "$before"
}

@test "the default run id is the digest of the text, whatever threads and packing, $on" {
  gzip -k <"$big" >big.gz
  "$BUILD/fake_gen" --events 6000 --users 1200 --seed big.jsonl --gzip --output bgzf.gz 2>/dev/null
  cmp <(zcat bgzf.gz) "$big"
  succeeds --threads 1 "$big"
  local before
  before=$(snapshot)
  succeeds --threads 4 "$big"
  succeeds big.gz
  succeeds --threads 3 bgzf.gz
  succeeds - <"$big"
  [[ $stderr == *'already applied'* ]]
  same_as_before "$before"
  same "$(sql 'SELECT input_digest FROM aggregator_runs')" "$(sql 'SELECT run_id FROM aggregator_runs')"
}

@test "without a run id, files in another order are the same run, $on" {
  succeeds "$small" "$big"
  local before
  before=$(snapshot)
  succeeds --report report.json "$big" "$small"
  same true "$(jq .already_applied report.json)"
  same_as_before "$before"
  loaded_once "$small" "$big"
}

# The digests are those that the first version of the program took.

@test "one file keeps its digest, so that runs of older ledgers are known, $on" {
  events ann 1 >a.jsonl
  succeeds a.jsonl
  same 70054f89b71fbd68b1a47e175f6e43fc "$(sql 'SELECT run_id FROM aggregator_runs')"
}

@test "several files are known by the digest that their order gave them, as name and as value, $on" {
  events ann 1 >a.jsonl
  events bob 2 >b.jsonl
  local before old_ab=1a01a2777f2378147bea1c938e4bc668
  for name in named ''; do
    succeeds ${name:+--run-id $name} --table "t$name" a.jsonl b.jsonl
    sql "UPDATE aggregator_runs SET input_digest = '$old_ab', run_id = coalesce(nullif('$name', ''), '$old_ab')
       WHERE target LIKE '%t$name(%'"
    before=$(snapshot)
    succeeds ${name:+--run-id $name} --table "t$name" --report report.json a.jsonl b.jsonl
    same true "$(jq .already_applied report.json)"
    same_as_before "$before"
  done
  fails 4 "run 'named' shard 0/1 was loaded at" --run-id named --table tnamed b.jsonl a.jsonl
}

@test "files in the name of their order whose totals are gone are not called applied, $on" {
  events ann 1 >a.jsonl
  events bob 2 >b.jsonl
  succeeds a.jsonl b.jsonl
  sql "UPDATE aggregator_runs SET input_digest = '1a01a2777f2378147bea1c938e4bc668', run_id = '1a01a2777f2378147bea1c938e4bc668'; TRUNCATE session_duration"
  fails 4 'its totals are gone' a.jsonl b.jsonl
}

@test "the work is named by target, fields and statistics too, $on" {
  succeeds --run-id one "$small"
  succeeds --run-id one --table other "$small"
  succeeds --run-id one --table other --key eventType --value sessionDuration "$small" || true
  fails 4 'has no column "eventType"' --run-id one --table other --key eventType "$small"
  same 2 "$(ledger_count)"
  same "$(rows)" "$(rows other)"
}

# Twins.

claim_of() { # FILE: the ledger row that a load of FILE would insert
  local digest
  digest=$("$aggregator" --print csv --report digest.json "$1" >/dev/null && jq -r .digest digest.json)
  echo "INSERT INTO aggregator_runs SELECT target, 'twin', 0, 1, 1, 1, '$digest', 0, 1, 1, 1, 1, 'psql', now()
     FROM aggregator_runs WHERE run_id = 'before'"
}

@test "a load waits for a twin, and is applied already once that commits, $on" {
  succeeds --run-id before "$small"
  hold "BEGIN; $(claim_of "$big")"
  start --run-id twin --report report.json "$big"
  wait_until_waiting
  same 1 "$(sql "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")"
  release COMMIT
  finish
  ended_well
  same true "$(jq .already_applied report.json)"
  loaded_once "$small"
  same 2 "$(ledger_count)"
}

@test "a load waits for a twin with other input, and is refused once that commits, $on" {
  succeeds --run-id before "$small"
  hold "BEGIN; $(claim_of "$small")"
  start --run-id twin "$big"
  wait_until_waiting
  release COMMIT
  finish
  ended_with 4 "run 'twin' shard 0/1 was loaded at "
  loaded_once "$small"
}

@test "a load waits for a twin, and loads once that rolls back, $on" {
  succeeds --run-id before "$small"
  hold "BEGIN; $(claim_of "$big")"
  start --run-id twin --report report.json "$big"
  wait_until_waiting
  release ROLLBACK
  finish
  ended_well
  same false "$(jq .already_applied report.json)"
  loaded_once "$small" "$big"
}

# Shards.

@test "four shards at once, and all of them again, load once, $on" {
  local pids=() pid
  for i in {0..3}; do
    "$BUILD/fake_gen" --events 6000 --users 1200 --seed big.jsonl --shard "$i/4" --output "part$i" 2>/dev/null
  done
  for round in 1 2; do
    pids=()
    for i in {0..3} {0..3}; do
      "$aggregator" --run-id whole --shard "$i/4" "part$i" 2>>"err.$round" 3>&- &
      pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
  done
  loaded_once "$big"
  same '0/4 1/4 2/4 3/4' "$(sql "SELECT string_agg(shard || '/' || shards, ' ' ORDER BY shard) FROM aggregator_runs")"
}

@test "another number of shards for a known run is refused, $on" {
  succeeds --run-id whole --shard 0/4 "$small"
  local before
  before=$(snapshot)
  fails 4 "run 'whole' was loaded as shard 0 of 4, now of 3" --run-id whole --shard 0/3 "$small"
  fails 4 "run 'whole' is split into 4 shards in the ledger, now into 2" --run-id whole --shard 1/2 "$small"
  fails 4 'keep the number of shards' --run-id whole "$small"
  same_as_before "$before"
}

@test "two splits of one run at once: one number of shards wins, $on" {
  hold 'BEGIN; CREATE TABLE session_duration ("userId" text PRIMARY KEY, "sessionDuration" bigint)'
  release COMMIT
  local pids=() pid failed=0
  for split in 0/2 1/2 1/3 2/3; do
    "$aggregator" --run-id whole --shard "$split" "$small" 2>>err 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || { [[ $? == 4 ]]; ((++failed)); }; done
  same 1 "$(sql 'SELECT count(DISTINCT shards) FROM aggregator_runs')"
  same $((4 - failed)) "$(ledger_count)"
  same $(((4 - failed) * $(grand_total "$small" | cut -d '|' -f 2))) "$(total | cut -d '|' -f 2)"
}

@test "two shards that had the same input are refused, empty ones and accepted ones are not, $on" {
  succeeds --run-id s --shard 0/3 "$small"
  local before
  before=$(snapshot)
  fails 4 "shard 1 of run 's' has the same input as shard 0, which was loaded at" --run-id s --shard 1/3 "$small"
  [[ $stderr == *--allow-equal-shards* ]]
  gzip -c "$small" >same.gz
  fails 4 'has the same input as shard 0' --run-id s --shard 2/3 same.gz
  same_as_before "$before"
  succeeds --run-id s --shard 0/3 "$small"
  same_as_before "$before"
  succeeds --run-id s --shard 1/3 --allow-equal-shards "$small"
  loaded_once "$small" "$small"
  for shard in 0/3 1/3 2/3; do succeeds --run-id empty --shard $shard /dev/null; done
  printf '\xef\xbb\xbf\n' >mark.jsonl # an export without events
  for shard in 0/3 1/3 2/3; do succeeds --run-id mark --shard $shard mark.jsonl; done
  succeeds --run-id other --shard 1/3 "$small"
}

@test "of two equal shards at once one is loaded, $on" {
  succeeds --run-id before "$big"
  hold "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('aggregator.load.' || target, 0))
     FROM aggregator_runs WHERE run_id = 'before'"
  local pids=() pid failed=0
  for shard in 0/2 1/2; do
    "$aggregator" --run-id s --shard $shard "$small" 2>>err 3>&- &
    pids+=($!)
  done
  wait_until_waiting 2
  release COMMIT
  for pid in "${pids[@]}"; do wait "$pid" || { [[ $? == 4 ]]; ((++failed)); }; done
  same 1 $failed
  grep -q 'has the same input as shard' err
  loaded_once "$small" "$big"
}

@test "a shard of several needs a run id, $on" {
  fails 2 '--shard 1/4 needs --run-id' --shard 1/4 "$small"
}

# Servers with other defaults.

@test "a default of repeatable read does not spoil the wait for a twin, $on" {
  isolated_by 'repeatable read'
}

@test "a default of serializable does not spoil the wait for a twin, $on" {
  isolated_by serializable
}

isolated_by() { # LEVEL
  use_new_database
  sql "ALTER DATABASE $PGDATABASE SET default_transaction_isolation = '$1'"
  succeeds --run-id before "$small"
  hold "BEGIN; $(claim_of "$big")"
  start --run-id twin --report report.json "$big"
  wait_until_waiting
  release COMMIT
  finish
  ended_well
  same 'true 1' "$(jq -r '"\(.already_applied) \(.load_attempts)"' report.json)"
  loaded_once "$small"
  three_at_once
  loaded_once "$small" "$big"
}

three_at_once() {
  local pids=() pid
  for i in {1..3}; do
    "$aggregator" --run-id three "$big" 2>"err.$i" 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
}

@test "a default of read only transactions does not stop a load, $on" {
  use_new_database
  sql "ALTER DATABASE $PGDATABASE SET default_transaction_read_only = on"
  succeeds "$small"
  loaded_once "$small"
}

@test "a short default statement_timeout does not end a load that waits, $on" {
  use_new_database
  succeeds --run-id before "$small"
  sql "ALTER DATABASE $PGDATABASE SET statement_timeout = '400ms'"
  PGOPTIONS='-c statement_timeout=0' hold "BEGIN; $(claim_of "$big")"
  start --run-id twin "$big"
  wait_for sql_says t "SELECT coalesce(bool_or(clock_timestamp() - query_start > interval '600 ms'), false)
    FROM pg_stat_activity WHERE application_name = 'aggregator' AND wait_event_type = 'Lock'"
  release ROLLBACK
  finish
  ended_well
  loaded_once "$small" "$big"
}

@test "a short default transaction_timeout does not end a load that waits, $on" {
  use_new_database
  succeeds --run-id before "$small"
  if (($(sql 'SHOW server_version_num') < 170000)); then skip "no transaction_timeout before PostgreSQL 17"; fi
  sql "ALTER DATABASE $PGDATABASE SET transaction_timeout = '400ms'"
  PGOPTIONS='-c transaction_timeout=0' hold "BEGIN; $(claim_of "$big")"
  start --run-id twin "$big"
  wait_for sql_says t "SELECT coalesce(bool_or(clock_timestamp() - xact_start > interval '600 ms'), false)
    FROM pg_stat_activity WHERE application_name = 'aggregator' AND wait_event_type = 'Lock'"
  release ROLLBACK
  finish
  ended_well
  loaded_once "$small" "$big"
}

@test "a short default lock_timeout is replaced by --lock-timeout, $on" {
  use_new_database
  succeeds --run-id before "$small"
  sql "ALTER DATABASE $PGDATABASE SET lock_timeout = '50ms'"
  hold "BEGIN; $(claim_of "$big")"
  start --run-id twin "$big"
  wait_for sql_says t "SELECT coalesce(bool_or(clock_timestamp() - query_start > interval '150 ms'), false)
    FROM pg_stat_activity WHERE application_name = 'aggregator' AND wait_event_type = 'Lock'"
  release ROLLBACK
  finish
  ended_well
  loaded_once "$small" "$big"
}
