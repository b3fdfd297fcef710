# What is loaded stays, and what the ledger says is there: tables that a crash of the server empties
# are refused, and so is a run whose totals somebody took away.

load helpers

setup_file() { start_server "$(default_version)"; }
teardown_file() { stop_server; }

setup() {
  use_emptied_database
  events user1 5 user2 7 >in.jsonl
}

refused_early() { # TEXT ARGUMENT...: before the input is read, and nothing is changed
  local before
  before=$(snapshot)
  fails 4 "$@" none.jsonl
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
    COMMENT ON VIEW aggregator_runs IS 'ledger version 2'"
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
}
