# The largest totals: of the table (`aggregator top`), and of a run (--outputs).

load helpers

setup() { use_emptied_database; }

@test "top lists the ten largest totals of the table as csv, json and table, and sums all" {
  "$BUILD/fake_gen" --events 2000 --users 25 --seed 1 --output in.jsonl 2>/dev/null
  succeeds --run-id one in.jsonl
  succeeds --run-id two in.jsonl
  sql 'COPY (SELECT "userId", "sessionDuration" FROM session_duration ORDER BY 2 DESC, 1 LIMIT 10)
    TO STDOUT (FORMAT csv, HEADER)' >expected
  succeeds top --print csv
  diff expected <(echo "$output")
  succeeds top --print json
  diff <(sed 1d expected) <(jq -r '[.userId, .sessionDuration] | join(",")' <<<"$output")
  succeeds top
  diff <(tr , ' ' <expected) <(tr -s ' ' <<<"$output")
  [[ $stderr == *"the table holds 25 keys, a total of $(sql 'SELECT sum("sessionDuration") FROM session_duration')"* ]]
}

@test "top makes nothing, and says that there is no table" {
  fails 4 session_duration top
  same '' "$(sql "SELECT to_regclass('session_duration')")"
  fails 2 "takes no 'x'; a file of that name is ./top" top x
}

@test "top needs no more than the right to read" {
  events a 1 >in.jsonl
  succeeds in.jsonl
  sql "CREATE ROLE reader LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA public TO reader;
    GRANT SELECT ON session_duration, aggregator_runs TO reader"
  PGUSER=reader PGPASSWORD=x succeeds top --print csv
  same $'userId,sessionDuration\na,1' "$output"
  sql 'DROP OWNED BY reader; DROP ROLE reader'
}

@test "top reads a table of the old shape, of any width" {
  sql "CREATE TABLE session_duration (userId varchar(10) PRIMARY KEY, sessionDuration integer);
    INSERT INTO session_duration VALUES ('b', NULL), ('c', 7)"
  events a 1 >in.jsonl
  succeeds in.jsonl
  succeeds top --print csv
  same $'userid,sessionduration\nc,7\na,1\nb,' "$output"
}

@test "control characters of keys do not reach the terminal" {
  printf '{"userId":"a\\u001b[31m","sessionDuration":1}\n' >in.jsonl
  succeeds --outputs out in.jsonl
  succeeds top
  [[ $output == *'a?[31m'* ]]
  run ! grep -q $'\e' out/top
}

@test "--outputs has the run's ten largest totals, the earlier key first" {
  for user in {10..29}; do events "user$user" "$((user / 2))"; done >in.jsonl
  succeeds --outputs out in.jsonl
  diff <(for user in 28 29 26 27 24 25 22 23 20 21; do echo "user$user $((user / 2))"; done) \
    <(sed 1,2d out/top | tr -s ' ')
  # The run's, whatever the table held before, and the same once more.
  events user99 1000 >more.jsonl
  succeeds more.jsonl
  succeeds --outputs again in.jsonl
  cmp out/top again/top
}
