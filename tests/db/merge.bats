#!/usr/bin/env bats
# How totals are added to those of a table: by UPDATE and INSERT where that means the same as INSERT ...
# ON CONFLICT, whatever others write meanwhile.

load helpers

setup() {
  use_emptied_database
  events a 1 b 2 c 3 >first.jsonl
  events b 20 c 30 d 40 >second.jsonl
}

# A row that ON CONFLICT has changed names the transaction that locked it before.
upserted() { sql 'SELECT count(*) FROM session_duration WHERE xmax <> 0'; }

own_table() { sql 'CREATE TABLE session_duration ("userId" text COLLATE "C" PRIMARY KEY, "sessionDuration" bigint)'; }

@test "a table as the aggregator makes it is added to without ON CONFLICT" {
  succeeds first.jsonl
  succeeds second.jsonl
  loaded_once first.jsonl second.jsonl
  same 0 "$(upserted)"
}

@test "so are statistics" {
  succeeds --stats first.jsonl
  succeeds --stats second.jsonl
  same $'a|1|1|1|1\nb|22|2|2|20\nc|33|2|3|30\nd|40|1|40|40' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
  same 0 "$(upserted)"
}

@test "an old NULL counts as 0" {
  own_table
  sql "INSERT INTO session_duration VALUES ('a', NULL), ('z', NULL)"
  succeeds first.jsonl
  same $'a|1\nb|2\nc|3\nz|' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
  same 0 "$(upserted)"
}

@test "the planner knows how many totals are to be merged" {
  own_table
  sql "CREATE TABLE seen (rows real);
    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
      INSERT INTO seen SELECT reltuples FROM pg_class WHERE relname = 'aggregator_staging'; RETURN NULL; END \$\$;
    CREATE TRIGGER see AFTER INSERT ON session_duration FOR EACH STATEMENT EXECUTE FUNCTION see()"
  succeeds first.jsonl
  same 3 "$(sql 'SELECT max(rows) FROM seen')"
}

@test "what may tell an UPDATE from an INSERT is given ON CONFLICT" {
  local change
  for change in \
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER t BEFORE INSERT ON session_duration FOR EACH ROW EXECUTE FUNCTION f()" \
    'ALTER TABLE session_duration ADD CHECK ("sessionDuration" < 100)' \
    'ALTER TABLE session_duration ADD seen timestamptz DEFAULT now()' \
    'ALTER TABLE session_duration ADD seen bigint' \
    'ALTER TABLE session_duration ALTER "sessionDuration" TYPE numeric' \
    'ALTER TABLE session_duration ALTER "userId" TYPE text COLLATE "default"' \
    'CREATE SCHEMA IF NOT EXISTS o; DROP COLLATION IF EXISTS o."C"; CREATE COLLATION o."C" (provider = icu, locale = $$en-US$$);
     ALTER TABLE session_duration ALTER "userId" TYPE text COLLATE o."C"' \
    'ALTER TABLE session_duration ENABLE ROW LEVEL SECURITY' \
    'CREATE TABLE child () INHERITS (session_duration)'; do
    sql 'DROP TABLE IF EXISTS session_duration CASCADE; DROP TABLE IF EXISTS child, aggregator_runs; DROP FUNCTION IF EXISTS f' 2>/dev/null
    own_table
    sql "$change"
    succeeds first.jsonl
    succeeds second.jsonl
    loaded_once first.jsonl second.jsonl
    same "2 $change" "$(upserted) $change"
  done
}

@test "a trigger fires for each INSERT and each UPDATE, as ON CONFLICT has it" {
  own_table
  sql "CREATE TABLE fired (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO fired VALUES (TG_OP); RETURN NEW; END';
    CREATE TRIGGER t BEFORE INSERT OR UPDATE ON session_duration FOR EACH ROW EXECUTE FUNCTION note()"
  succeeds first.jsonl
  succeeds second.jsonl
  same $'INSERT|6\nUPDATE|2' "$(sql 'SELECT what, count(*) FROM fired GROUP BY 1 ORDER BY 1')"
}

@test "a key that somebody else is inserting is waited for and added to" {
  succeeds first.jsonl
  hold "BEGIN; INSERT INTO session_duration VALUES ('d', 400)"
  start second.jsonl
  wait_until_waiting
  release COMMIT
  finish
  ended_well
  same $'a|1\nb|22\nc|33\nd|440' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
}

@test "beside another writer ON CONFLICT adds, since UPDATE would look at each changed row anew" {
  succeeds first.jsonl
  hold "BEGIN; UPDATE session_duration SET \"sessionDuration\" = 100 WHERE \"userId\" = 'a'"
  succeeds second.jsonl
  release COMMIT
  same $'a|100\nb|22\nc|33\nd|40' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
  same 2 "$(sql "SELECT count(*) FROM session_duration WHERE xmax <> 0 AND \"userId\" IN ('b', 'c')")"
}

@test "a key that somebody else inserts between UPDATE and INSERT is added to" {
  succeeds first.jsonl
  hold "BEGIN; SELECT FROM session_duration WHERE \"userId\" = 'b' FOR UPDATE"
  start second.jsonl
  wait_until_waiting
  sql "INSERT INTO session_duration VALUES ('d', 400)"
  release COMMIT
  finish
  ended_well
  same $'a|1\nb|22\nc|33\nd|440' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
}

@test "a key that somebody else is deleting is inserted anew" {
  succeeds first.jsonl
  hold "BEGIN; DELETE FROM session_duration WHERE \"userId\" = 'b'"
  start second.jsonl
  wait_until_waiting
  release COMMIT
  finish
  ended_well
  same $'a|1\nb|20\nc|33\nd|40' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
}

@test "a trigger that is made after the table was looked at fires" {
  own_table
  sql "INSERT INTO session_duration VALUES ('b', 2);
    CREATE TABLE fired (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO fired VALUES (TG_OP); RETURN NEW; END'"
  mkfifo input
  start input
  wait_for sql_says t "SELECT to_regclass('aggregator_runs') IS NOT NULL"
  hold "BEGIN; CREATE TRIGGER t BEFORE INSERT ON session_duration FOR EACH ROW EXECUTE FUNCTION note()"
  cat second.jsonl >input
  wait_until_waiting
  release COMMIT
  finish
  ended_well
  same $'b|22\nc|30\nd|40' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
  same 3 "$(sql 'SELECT count(*) FROM fired')"
}

@test "a total that does not fit is refused, and nothing is loaded" {
  own_table
  sql "INSERT INTO session_duration VALUES ('c', 9223372036854775805)"
  fails 4 'bigint out of range (SQLSTATE 22003); widen the column' first.jsonl
  same 'c|9223372036854775805' "$(sql 'SELECT * FROM session_duration ORDER BY 1')"
  same 0 "$(ledger_count)"
}
