# What is loaded stays, and what the ledger says is there: tables that a crash of the server empties
# are refused, and so is a run whose totals somebody took away.

load helpers

setup() {
  use_emptied_database
  events user1 5 user2 7 >in.jsonl
}

refused_early() { # TEXT ARGUMENT...: before the input is read, and nothing is changed
  local before
  before=$(snapshot)
  fails 4 "$@" unread.jsonl
  same_as_before "$before"
}

# A crash.

@test "an UNLOGGED table is refused before the input is read, a logged one is not" {
  sql 'CREATE UNLOGGED TABLE session_duration ("userId" text PRIMARY KEY, "sessionDuration" bigint)'
  refused_early 'table public.session_duration is UNLOGGED'
  [[ $stderr == *'run ALTER TABLE public.session_duration SET LOGGED'* ]]
  sql 'ALTER TABLE session_duration SET LOGGED'
  succeeds in.jsonl
  loaded_once in.jsonl
}

@test "an UNLOGGED ledger is refused before the input is read" {
  succeeds --run-id before in.jsonl
  sql 'ALTER TABLE aggregator_runs SET UNLOGGED'
  refused_early 'ALTER TABLE public.aggregator_runs SET LOGGED' --run-id after
  loaded_once in.jsonl
}

@test "an UNLOGGED leaf partition is refused by its name, however deep it lies" {
  sql 'CREATE TABLE session_duration ("userId" text PRIMARY KEY, "sessionDuration" bigint) PARTITION BY HASH ("userId");
    CREATE TABLE p0 PARTITION OF session_duration FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE p1 PARTITION OF session_duration FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY HASH ("userId");
    CREATE SCHEMA leaves;
    CREATE UNLOGGED TABLE leaves."Deep" PARTITION OF p1 FOR VALUES WITH (MODULUS 1, REMAINDER 0)'
  refused_early 'table leaves."Deep" is UNLOGGED'
  sql 'ALTER TABLE leaves."Deep" SET LOGGED'
  succeeds in.jsonl
  loaded_once in.jsonl
}

@test "a partitioned table's own flag and children by inheritance do not count" {
  sql 'CREATE TABLE session_duration ("userId" text PRIMARY KEY, "sessionDuration" bigint);
    CREATE UNLOGGED TABLE child () INHERITS (session_duration)'
  succeeds in.jsonl
  same 2 "$(sql 'SELECT count(*) FROM ONLY session_duration')"
  # From PostgreSQL 18 on a partitioned table has no such flag.
  sql 'CREATE UNLOGGED TABLE parts ("userId" text PRIMARY KEY, "sessionDuration" bigint) PARTITION BY HASH ("userId")' 2>/dev/null ||
    sql 'CREATE TABLE parts ("userId" text PRIMARY KEY, "sessionDuration" bigint) PARTITION BY HASH ("userId")'
  sql 'CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0); ALTER TABLE part SET LOGGED'
  succeeds --table parts in.jsonl
  same 2 "$(sql 'SELECT count(*) FROM parts')"
}

@test "a temporary table is refused" {
  refused_early 'is temporary' --table pg_temp.session_duration
  [[ $stderr == *'--table schema.name'* ]]
}

@test "a ledger that is a view is refused" {
  succeeds --run-id before in.jsonl
  sql "ALTER TABLE aggregator_runs RENAME TO elsewhere; CREATE VIEW aggregator_runs AS SELECT * FROM elsewhere;
    COMMENT ON VIEW aggregator_runs IS 'ledger version 4'"
  refused_early 'public.aggregator_runs is not a table' --run-id after
}

@test "a table that becomes UNLOGGED while the input is read, or while the load waits, is refused" {
  succeeds --run-id before in.jsonl
  for table in session_duration aggregator_runs; do
    mkfifo "$table.in"
    start --run-id after "$table.in"
    exec {feed}>"$table.in" # until it is opened for reading
    sql "ALTER TABLE $table SET UNLOGGED"
    cat in.jsonl >&"$feed"
    exec {feed}>&-
    finish
    ended_with 4 "table public.$table is UNLOGGED"
    sql "ALTER TABLE $table SET LOGGED"
  done
  hold 'BEGIN; LOCK TABLE aggregator_runs IN EXCLUSIVE MODE'
  start --run-id after in.jsonl
  wait_until_waiting
  sql 'ALTER TABLE session_duration SET UNLOGGED'
  release ROLLBACK
  finish
  ended_with 4 'table public.session_duration is UNLOGGED'
  loaded_once in.jsonl
  sql 'ALTER TABLE session_duration SET LOGGED'
  mkfifo again
  start --run-id before again
  exec {feed}>again
  sql 'ALTER TABLE session_duration SET UNLOGGED'
  cat in.jsonl >&"$feed"
  exec {feed}>&-
  finish
  ended_with 4 'table public.session_duration is UNLOGGED'
}

# Totals that are gone.

gone='its totals are gone; to load them again, let the ledger'"'"'s owner run: aggregator runs --forget'

@test "a run of a table that was dropped is refused before the input is read, and no table is made" {
  succeeds --run-id one in.jsonl
  sql 'DROP TABLE session_duration'
  refused_early 'public.session_duration was gone and had to be made: its totals are gone' --run-id one
  [[ $stderr == *"$gone 'one'"* && $stderr == *--allow-empty-table* ]]
  same '' "$(sql "SELECT to_regclass('session_duration')")"
  succeeds --run-id one --allow-empty-table --report report.json in.jsonl
  same true "$(jq .already_applied report.json)"
  succeeds --run-id two in.jsonl
  loaded_once in.jsonl
}

@test "a run without an id, of a table that was dropped, is refused when the input names it" {
  succeeds in.jsonl
  sql 'DROP TABLE session_duration'
  fails 4 'was gone and had to be made: its totals are gone' --report report.json in.jsonl
  same 'false false' "$(jq -r '"\(.loaded) \(.already_applied)"' report.json)"
  fails 4 'public.session_duration holds no row: its totals are gone' in.jsonl
  AGGREGATOR_ALLOW_EMPTY_TABLE=1 succeeds in.jsonl
  [[ $stderr == *'already applied'* ]]
}

@test "a run of a table that was emptied is refused, other runs are not" {
  succeeds --run-id one in.jsonl
  sql 'TRUNCATE session_duration'
  refused_early "run 'one' was loaded at " --run-id one
  [[ $stderr == *'with 2 keys, but public.session_duration holds no row'* ]]
  succeeds --run-id two in.jsonl
  loaded_once in.jsonl
  sql 'DELETE FROM session_duration'
  refused_early 'holds no row' --run-id two
}

@test "a table of others, made when the run was read for, does not hide that the totals are gone" {
  succeeds in.jsonl
  sql 'DROP TABLE session_duration'
  mkfifo feed
  start feed
  exec {feed}>feed # until it is opened for reading
  events other 1 >other.jsonl
  succeeds other.jsonl
  cat in.jsonl >&"$feed"
  exec {feed}>&-
  finish
  ended_with 4 'was gone and had to be made'
  loaded_once other.jsonl
}

@test "runs at once of a table that was dropped load once, and none is refused" {
  succeeds --run-id old in.jsonl
  sql 'DROP TABLE session_duration'
  local pids=() pid
  for i in {1..8}; do
    "$aggregator" --run-id new in.jsonl 2>"err.$i" 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  loaded_once in.jsonl
  same 2 "$(ledger_count)"
}

@test "a table that is made anew is loaded, however the session writes its times" {
  succeeds --run-id one in.jsonl
  for style in SQL Postgres German; do
    sql 'DROP TABLE session_duration'
    PGOPTIONS="-c datestyle=$style -c timezone=Asia/Kolkata" succeeds --run-id "$style" in.jsonl
    loaded_once in.jsonl
  done
}

@test "a run id with a quote in it is not put into a command that no shell takes" {
  succeeds --run-id "it's" in.jsonl
  sql 'TRUNCATE session_duration'
  fails 4 'runs --forget RUN (with' --run-id "it's" in.jsonl
}

@test "a run without keys has no totals that could be gone" {
  echo >blank.jsonl
  succeeds --run-id none blank.jsonl
  succeeds --run-id none blank.jsonl
  sql 'DROP TABLE session_duration'
  succeeds --run-id none blank.jsonl
  [[ $stderr == *'already applied'* ]]
}

@test "rows that row-level security hides are not taken for gone" {
  succeeds --run-id one in.jsonl
  sql "CREATE ROLE blind LOGIN PASSWORD 'x'; GRANT SELECT, INSERT, UPDATE ON session_duration, aggregator_runs TO blind;
    GRANT USAGE ON SCHEMA public TO blind; ALTER TABLE session_duration ENABLE ROW LEVEL SECURITY"
  PGUSER=blind PGPASSWORD=x succeeds --run-id one in.jsonl
  [[ $stderr == *'already applied'* ]]
  sql 'DROP OWNED BY blind; DROP ROLE blind'
}

# Forgetting.

@test "runs --forget prints what it deletes, and the run can be loaded again" {
  succeeds --run-id one --shard 0/2 in.jsonl
  succeeds --run-id one --shard 1/2 --allow-equal-shards in.jsonl
  succeeds --run-id two in.jsonl
  sql 'DROP TABLE session_duration'
  succeeds runs --print csv
  same 4 "${#lines[@]}"
  succeeds runs --forget one --print json
  same 'one 0 one 1' "$(jq -rs 'map("\(.run_id) \(.shard)") | join(" ")' <<<"$output")"
  same two "$(sql 'SELECT run_id FROM aggregator_runs')"
  succeeds --run-id one in.jsonl
  loaded_once in.jsonl
  fails 4 "public.aggregator_runs has no run 'three' of public.session_duration(\"userId\",\"sessionDuration\")" runs --forget three
}

@test "runs --forget leaves the same run of other tables and fields alone" {
  succeeds --run-id one in.jsonl
  succeeds --run-id one --stats --table other in.jsonl
  fails 4 "has no run 'one' of public.other(" runs --table other --forget one
  succeeds runs --table other --stats --forget one
  same 'public.session_duration("userId","sessionDuration")' "$(sql 'SELECT target FROM aggregator_runs')"
}

@test "runs --forget is for who may delete from the ledger" {
  succeeds --run-id one in.jsonl
  sql "CREATE ROLE loader_only LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA public TO loader_only;
    GRANT SELECT, INSERT, UPDATE ON session_duration, aggregator_runs TO loader_only"
  PGUSER=loader_only PGPASSWORD=x fails 4 'this database user may not delete from public.aggregator_runs: let its owner' runs --forget one
  sql 'DROP OWNED BY loader_only; DROP ROLE loader_only'
  same 1 "$(ledger_count)"
}

@test "--forget without runs is a usage error, and not read from the environment" {
  fails 2 '--forget is for `aggregator runs`' --forget one in.jsonl
  succeeds --run-id one in.jsonl
  AGGREGATOR_FORGET=one succeeds runs
  same 1 "$(ledger_count)"
}

@test "runs lists a ledger of many rows" {
  succeeds --run-id one in.jsonl
  sql "INSERT INTO aggregator_runs SELECT target, n::text, shard, shards, input_lines, input_bytes, input_digest, bad_lines, keys,
       total, seconds, peak_rss_bytes, program_version, applied_at, applied_by FROM aggregator_runs, generate_series(1, 30000) AS n"
  run timeout 60 "$aggregator" runs # where each row measured all others it took minutes
  [[ $status == 0 && ${#lines[@]} == 30002 ]]
}
