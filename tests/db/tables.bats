# Tables that others made, and values at their edges: refused or exact, never cut or rounded.

load helpers

setup() { use_emptied_database; }

refused_unchanged() { # STATUS TEXT ARGUMENT...
  local before
  before=$(snapshot)
  fails "$@"
  same_as_before "$before"
}

# Tables of the old shape.

old_table() {
  sql "CREATE TABLE session_duration (userId varchar(10) PRIMARY KEY, sessionDuration integer);
    INSERT INTO session_duration VALUES ('user1', 100), ('user2', NULL), ('user9', 7)"
}

@test "a table with folded names is found and added to, an old NULL counting as 0" {
  old_table
  events user1 5 user2 30 user3 1 >in.jsonl
  succeeds in.jsonl
  same $'user1\t105\nuser2\t30\nuser3\t1\nuser9\t7' "$(rows session_duration userid sessionduration)"
  same 'public.session_duration("userId","sessionDuration")' "$(sql 'SELECT target FROM aggregator_runs')"
}

@test "what the old generator wrote, with its spaces, loads into the old table" {
  old_table
  printf '{"timestamp": "2024-10-07T14:30:00", "userId": "user%s", "eventType": "click", "productId": "product1", "sessionDuration": %s}\n' \
    1 180 2 30 1 20 >in.jsonl
  succeeds in.jsonl
  same $'user1\t300\nuser2\t30\nuser9\t7' "$(rows session_duration userid sessionduration)"
}

@test "an exact column name is preferred to a folded one" {
  sql 'CREATE TABLE session_duration ("userId" text UNIQUE, userid text UNIQUE, "sessionDuration" bigint, sessionduration bigint)'
  events user1 5 >in.jsonl
  succeeds in.jsonl
  same 'user1||5|' "$(sql 'SELECT * FROM session_duration')"
}

@test "a key longer than the column is refused by name" {
  old_table
  events user1 5 user4567890X 1 >in.jsonl
  refused_unchanged 4 "key 'user4567890X' does not fit column userid of public.session_duration, which is character varying(10); widen" in.jsonl
}

@test "a key whose trailing spaces would be cut is refused" {
  old_table
  events 'user456789 ' 1 >in.jsonl
  refused_unchanged 4 "key 'user456789 ' does not fit column userid" in.jsonl
  sql 'ALTER TABLE session_duration ALTER userid TYPE char(10)'
  events 'user1 ' 1 >in.jsonl
  refused_unchanged 4 "key 'user1 ' does not fit column userid" in.jsonl
  events user1 1 >in.jsonl
  succeeds in.jsonl
  same 101 "$(sql "SELECT sessionduration FROM session_duration WHERE userid = 'user1'")"
}

@test "a key column that is not text is refused" {
  sql 'CREATE TABLE session_duration (userid integer PRIMARY KEY, sessionduration integer)'
  events 7 1 >in.jsonl
  refused_unchanged 4 'column userid of public.session_duration, of type integer, does not keep all keys apart' unread.jsonl
}

@test "a key column that takes two keys for one is refused before the input is read" {
  if [[ $(sql "SELECT count(*) FROM pg_collation WHERE collprovider = 'i'") == 0 ]]; then skip 'a server without ICU'; fi
  sql "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE session_duration (userid text COLLATE any_case PRIMARY KEY, sessionduration bigint)"
  refused_unchanged 4 'does not keep all keys apart; make it text with a deterministic collation' unread.jsonl
  sql "CREATE DOMAIN id AS text COLLATE any_case; ALTER TABLE session_duration ALTER userid TYPE id"
  refused_unchanged 4 'does not keep all keys apart' unread.jsonl
  # One index that tells them apart does not help: ON CONFLICT asks the other as well.
  sql 'ALTER TABLE session_duration ALTER userid TYPE text COLLATE "C"; CREATE UNIQUE INDEX ON session_duration (userid COLLATE any_case)'
  refused_unchanged 4 'does not keep all keys apart' unread.jsonl
}

@test "a key column of a domain over text is loaded into" {
  sql "CREATE DOMAIN id AS text COLLATE \"C\" CHECK (VALUE <> 'nobody');
    CREATE TABLE session_duration (userid id PRIMARY KEY, sessionduration bigint)"
  events a 1 A 2 a 3 >in.jsonl
  succeeds in.jsonl
  same $'A\t2\na\t4' "$(rows session_duration userid sessionduration)"
  events nobody 1 >out.jsonl
  refused_unchanged 4 'violates check constraint' out.jsonl
}

# Numbers.

@test "a sum over an integer column is refused" {
  old_table
  events user9 2147483640 >fits.jsonl
  events user1 1 user9 2147483641 >sum.jsonl
  events user1 1 user3 2147483648 >new.jsonl
  refused_unchanged 4 'integer out of range (SQLSTATE 22003); widen the column' sum.jsonl
  refused_unchanged 4 'integer out of range (SQLSTATE 22003); widen the column' new.jsonl
  succeeds fits.jsonl
  same 2147483647 "$(sql "SELECT sessionduration FROM session_duration WHERE userid = 'user9'")"
}

@test "a sum over a smallint column is refused" {
  sql 'CREATE TABLE session_duration (userid text PRIMARY KEY, sessionduration smallint)'
  events user1 32000 >in.jsonl
  succeeds --run-id 1 in.jsonl
  refused_unchanged 4 'smallint out of range' --run-id 2 in.jsonl
}

@test "numeric columns take what fits, exactly" {
  sql 'CREATE TABLE session_duration (userid text PRIMARY KEY, sessionduration numeric);
    CREATE TABLE narrow (userid text PRIMARY KEY, sessionduration numeric(12, 2))'
  events user1 9223372036854775807 >huge.jsonl
  events user1 1234567890 >big.jsonl
  succeeds --run-id 1 huge.jsonl
  succeeds --run-id 2 huge.jsonl
  same 18446744073709551614 "$(sql 'SELECT sessionduration FROM session_duration')"
  succeeds --table narrow big.jsonl
  same 1234567890.00 "$(sql 'SELECT sessionduration FROM narrow')"
  refused_unchanged 4 'numeric field overflow' --table narrow huge.jsonl
}

@test "columns that do not keep whole numbers are refused" {
  events user1 5 >in.jsonl
  for type in 'double precision' real 'numeric(5,-2)' text 'bigint[]' money; do
    sql "CREATE TABLE session_duration (userid text PRIMARY KEY, sessionduration $type)"
    refused_unchanged 4 "column sessionduration of public.session_duration is of type $type, which does not keep whole numbers exactly" in.jsonl
    sql 'DROP TABLE session_duration'
  done
}

@test "totals reach 2^63-1 and never pass it" {
  events edge 9223372036854775806 edge 1 other 5 >edge.jsonl
  succeeds --run-id edge edge.jsonl
  same $'edge\t9223372036854775807\nother\t5' "$(rows)"
  same 9223372036854775812 "$(sql 'SELECT total FROM aggregator_runs')"

  events other 1 beyond 9223372036854775807 beyond 1 >beyond.jsonl
  refused_unchanged 3 "the total of 'beyond' passes 9223372036854775807; nothing was loaded" beyond.jsonl

  events other 1 edge 1 >more.jsonl
  refused_unchanged 4 'bigint out of range (SQLSTATE 22003)' more.jsonl

  events edge 9223372036854775808 >value.jsonl
  refused_unchanged 3 'value.jsonl:1:' value.jsonl
}

# Unique indexes.

@test "a table without a usable unique index is refused with the statement that helps" {
  events user1 5 >in.jsonl
  sql 'CREATE TABLE session_duration (userid text, other text, sessionduration bigint);
    CREATE INDEX ON session_duration (userid)'
  local hint='CREATE UNIQUE INDEX ON public.session_duration (userid)' index
  refused_unchanged 4 "$hint" in.jsonl
  for index in 'UNIQUE INDEX i ON session_duration (userid) WHERE sessionduration > 0' \
    'UNIQUE INDEX i ON session_duration (lower(userid))' \
    'UNIQUE INDEX i ON session_duration (other)'; do
    sql "CREATE $index"
    refused_unchanged 4 "$hint" in.jsonl
    sql 'DROP INDEX i'
  done
  # As CREATE INDEX CONCURRENTLY leaves it where it found two of a key.
  sql "CREATE UNIQUE INDEX i ON session_duration (userid);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass"
  refused_unchanged 4 "$hint" in.jsonl
  sql 'DROP INDEX i'
  sql 'ALTER TABLE session_duration ADD CONSTRAINT i UNIQUE (userid) DEFERRABLE INITIALLY IMMEDIATE'
  refused_unchanged 4 "$hint" in.jsonl
  sql "ALTER TABLE session_duration DROP CONSTRAINT i; $hint"
  succeeds in.jsonl
  same 'user1||5' "$(sql 'SELECT * FROM session_duration')"
}

@test "a unique index that carries other columns is usable" {
  sql 'CREATE TABLE session_duration (userid text, sessionduration bigint);
    CREATE UNIQUE INDEX ON session_duration (userid) INCLUDE (sessionduration)'
  events user1 5 >in.jsonl
  succeeds --run-id 1 in.jsonl
  succeeds --run-id 2 in.jsonl
  same 'user1|10' "$(sql 'SELECT * FROM session_duration')"
}

# Kinds of relations.

@test "a partitioned table is loaded into" {
  sql 'CREATE TABLE session_duration (userid text PRIMARY KEY, sessionduration bigint) PARTITION BY HASH (userid);
    CREATE TABLE p0 PARTITION OF session_duration FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE p1 PARTITION OF session_duration FOR VALUES WITH (MODULUS 2, REMAINDER 1)'
  make_events in.jsonl 500 50
  succeeds --run-id 1 in.jsonl
  succeeds --run-id 2 in.jsonl
  same "$(sums in.jsonl in.jsonl)" "$(rows session_duration userid sessionduration)"
}

@test "a view, a foreign or a materialized view is refused" {
  sql 'CREATE TABLE t (userid text PRIMARY KEY, sessionduration bigint);
    CREATE VIEW session_duration AS SELECT * FROM t;
    CREATE MATERIALIZED VIEW m AS SELECT * FROM t'
  events user1 5 >in.jsonl
  refused_unchanged 4 'public.session_duration is not a table' in.jsonl
  refused_unchanged 4 'public.m is not a table' --table m in.jsonl
}

@test "a missing column is named" {
  sql 'CREATE TABLE session_duration (userid text PRIMARY KEY, seconds bigint)'
  events user1 5 >in.jsonl
  refused_unchanged 4 'table public.session_duration has no column "sessionDuration"' in.jsonl
  refused_unchanged 4 'table public.session_duration has no column "user"' --key user in.jsonl
}

@test "another column that must not be empty is refused, one with a default is filled" {
  sql 'CREATE TABLE session_duration (userid text PRIMARY KEY, sessionduration bigint, region text NOT NULL)'
  events user1 5 >in.jsonl
  refused_unchanged 4 'null value in column "region"' in.jsonl
  sql "ALTER TABLE session_duration ALTER region SET DEFAULT 'eu'"
  succeeds in.jsonl
  same 'user1|5|eu' "$(sql 'SELECT * FROM session_duration')"
}

@test "a trigger's refusal is final and changes nothing" {
  succeeds /dev/null
  sql "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE EXCEPTION 'not on sundays'; END \$\$;
    CREATE TRIGGER no BEFORE INSERT ON session_duration FOR EACH ROW EXECUTE FUNCTION no()"
  events user1 5 >in.jsonl
  refused_unchanged 4 'the database says: not on sundays (SQLSTATE P0001)' in.jsonl
}

@test "a trigger that keeps rows out is refused, not counted as loaded" {
  succeeds /dev/null
  sql "CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS \$\$
       BEGIN IF NEW.\"userId\" = 'user2' THEN RETURN NULL; END IF; RETURN NEW; END \$\$;
       CREATE TRIGGER skip BEFORE INSERT ON session_duration FOR EACH ROW EXECUTE FUNCTION skip()"
  events user1 5 user2 1 user3 1 >in.jsonl
  refused_unchanged 4 'public.session_duration took 2 of 3 totals: a trigger keeps rows out' in.jsonl
}

# Names.

@test "tables are named with schema, capitals, spaces, dots and quotes" {
  events user1 5 >in.jsonl
  sql 'CREATE SCHEMA "My Reports"; CREATE SCHEMA plain'
  local name quoted
  while IFS='|' read -r name quoted; do
    succeeds --run-id "$name" --table "$name" in.jsonl
    succeeds --run-id "$name" --table "$name" in.jsonl
    [[ $stderr == *'already applied'* ]]
    same $'user1\t5' "$(rows "$quoted")"
  done <<'END'
plain.totals|plain.totals
"My Reports"."Total.of ""all"""|"My Reports"."Total.of ""all"""
CamelCase|public."CamelCase"
"dotted.name"|public."dotted.name"
robert'); DROP TABLE students;--|public."robert'); DROP TABLE students;--"
naïve|public."naïve"
END
  same 1 "$(sql 'SELECT count(*) FROM plain.aggregator_runs')"
  same 1 "$(sql 'SELECT count(*) FROM "My Reports".aggregator_runs')"
  same 4 "$(ledger_count)"
}

@test "a name in other letters finds the folded table" {
  sql 'CREATE SCHEMA reports; CREATE TABLE reports.totals (userid text PRIMARY KEY, sessionduration bigint)'
  events user1 5 >in.jsonl
  succeeds --table Reports.Totals in.jsonl
  same $'user1\t5' "$(rows reports.totals userid sessionduration)"
  fails 4 'schema "nowhere" does not exist' --table nowhere.totals in.jsonl
}

@test "one target has one name, however the server quotes" {
  use_new_database
  events user1 5 >in.jsonl
  succeeds --run-id 1 in.jsonl
  sql "ALTER DATABASE $PGDATABASE SET quote_all_identifiers = on"
  succeeds --run-id 1 in.jsonl
  same $'user1\t5' "$(rows)"
}

@test "fields may have hostile names" {
  printf '{"we\\"ird; DROP TABLE x":"a","ünits %%s":5}\n' >in.jsonl
  succeeds --key 'we"ird; DROP TABLE x' --value 'ünits %s' in.jsonl
  succeeds --key 'we"ird; DROP TABLE x' --value 'ünits %s' in.jsonl
  same 'a|5' "$(sql 'SELECT "we""ird; DROP TABLE x", "ünits %s" FROM session_duration')"
}

@test "the search path decides where an unqualified table is" {
  use_new_database
  sql "CREATE SCHEMA mine; ALTER DATABASE $PGDATABASE SET search_path = mine, public"
  events user1 5 >in.jsonl
  succeeds in.jsonl
  same 'mine.session_duration("userId","sessionDuration")' "$(sql 'SELECT target FROM mine.aggregator_runs')"
}

# Statistics.

@test "--stats keeps count, min and max over several runs" {
  events a 5 a 3 b 7 >one.jsonl
  events a 1 a 9 c 0 >two.jsonl
  succeeds --stats one.jsonl
  succeeds --stats two.jsonl
  succeeds --stats two.jsonl
  same 'a|18|4|1|9
b|7|1|7|7
c|0|1|0|0' "$(sql 'SELECT "userId", "sessionDuration", count, min, max FROM session_duration ORDER BY 1')"
  same 2 "$(sql "SELECT count(*) FROM aggregator_runs WHERE target LIKE '%,count,min,max)'")"
}

@test "--stats into a table without those columns names the missing one" {
  events a 5 >in.jsonl
  succeeds in.jsonl
  refused_unchanged 4 'has no column "count"' --stats in.jsonl
}

@test "old NULL statistics are taken over" {
  sql "CREATE TABLE session_duration (userid text PRIMARY KEY, sessionduration bigint, count bigint, min bigint, max bigint);
    INSERT INTO session_duration VALUES ('a')"
  events a 5 a 3 >in.jsonl
  succeeds --stats in.jsonl
  same 'a|8|2|3|5' "$(sql 'SELECT * FROM session_duration')"
}

# Keys.

@test "hostile keys come back byte for byte" {
  python3 - >in.jsonl 2>expected <<'END'
import json, random, sys
random.seed(1)
keys = ["tab\there", "line\nfeed", "carriage\rreturn", "back\\slash", "\\.", "\\N", "NULL", "null", "'", '"', "''", "$$",
        "'); DROP TABLE session_duration; --", "$1", "%s%n", "{}", ",", ";", " leading", "trailing ", "  ", "\t", "\n", "\\", "\\\\n",
        "\U0001f600", "e\u0301", "\u00e9", "\uffff", "\ufffe", "\ufeffbom", "\U0010ffff", "\u0001", "\u001f", "\u007f", "\u0080",
        "a", "A", "\u00e4", "z", "Z", "x" * 1024, "\u20ac" * 341, "a\u200bb", "\u202eright", "user,1", "COPY", "-", "0", "1e5", "\u0430"]
for _ in range(2000):
    keys.append("".join(chr(random.choice([random.randrange(1, 0x80), random.randrange(0x80, 0x800),
                random.randrange(0x800, 0xd800), random.randrange(0xe000, 0x110000)])) for _ in range(random.randrange(1, 40))))
totals = {}
for key in keys * 2:
    value = random.randrange(1000)
    totals[key] = totals.get(key, 0) + value
    print(json.dumps({"userId": key, "sessionDuration": value}, ensure_ascii=random.random() < .5))
for key in sorted(totals, key=str.encode):
    print(key.encode().hex(), totals[key], file=sys.stderr)
END
  succeeds in.jsonl
  same "$(<expected)" "$(sql "SELECT encode(convert_to(\"userId\", 'UTF8'), 'hex') || ' ' || \"sessionDuration\" FROM session_duration ORDER BY \"userId\"")"
  (($(wc -l <expected) > 2000))
}

@test "the longest keys that --max-key allows fit the table's index" {
  python3 - >in.jsonl <<'END'
import json, random
random.seed(2)
for size in range(2500, 2601, 10):
    print(json.dumps({"userId": "".join(chr(random.randrange(0x21, 0x7f)) for _ in range(size)), "sessionDuration": 1}))
END
  fails 3 'in.jsonl:1:' in.jsonl
  succeeds --max-key 2600 in.jsonl
  same '11|2600' "$(sql 'SELECT count(*), max(length("userId")) FROM session_duration')"
}

@test "a database in another encoding takes the keys it can write, and refuses others" {
  sql "CREATE DATABASE latin_$BATS_TEST_NUMBER ENCODING latin1 LOCALE 'C' TEMPLATE template0"
  export PGDATABASE=latin_$BATS_TEST_NUMBER PGCLIENTENCODING=UTF8
  events 'é' 5 'z' 1 'ä' 2 >latin.jsonl
  succeeds latin.jsonl
  loaded_once latin.jsonl
  events 'z' 1 '😀' 5 >emoji.jsonl
  refused_unchanged 4 'has no equivalent in encoding "LATIN1" (SQLSTATE 22P05)' emoji.jsonl
}

# Memory.

@test "totals that spill to disk load exactly" {
  awk 'BEGIN { for (i = 0; i < 90000; i++) printf "{\"userId\":\"%0200d\",\"sessionDuration\":%d}\n", i * 7919 % 60000, i }' >spill.jsonl
  succeeds --max-memory 25M --threads 2 --report report.json spill.jsonl
  (($(jq .spilled_bytes report.json) > 0))
  sums spill.jsonl >expected
  cmp expected <(rows)
  (($(jq '.peak_rss_bytes // 0' report.json) < 40 << 20))
}
