#!/usr/bin/env bats
# Fields within others into columns, and how the ledger names such work.

load helpers

setup() {
  use_new_database
  printf '{"user":{"id":"%s"},"session":{"duration":%s}}\n' ann 7 bob 5 ann 1 >in.jsonl
}

nested=(--key /user/id --value /session/duration)

@test "columns are named by a pointer's last step, and the ledger's target holds the pointer" {
  succeeds "${nested[@]}" --run-id r in.jsonl
  same 'ann|8 bob|5' "$(sql 'SELECT id, duration FROM session_duration ORDER BY id' | paste -sd' ')"
  same 'public.session_duration("/user/id","/session/duration")' "$(sql 'SELECT target FROM aggregator_runs')"
  succeeds "${nested[@]}" --run-id r in.jsonl
  [[ $stderr == *'already applied'* ]]
  same 13 "$(sql 'SELECT sum(duration) FROM session_duration')"
  succeeds top "${nested[@]}"
  [[ $output == *id*duration*ann*8* ]]
}

@test "chosen columns take nested fields into a table of flat ones" {
  printf '{"userId":"ann","sessionDuration":100}\n' >flat.jsonl
  succeeds --run-id r flat.jsonl
  succeeds "${nested[@]}" --key-column userId --value-column sessionDuration --run-id r in.jsonl
  same 'ann|108 bob|5' "$(sql 'SELECT * FROM session_duration ORDER BY 1' | paste -sd' ')"
  same 'public.session_duration("/user/id" AS "userId","/session/duration" AS "sessionDuration")' \
    "$(sql "SELECT target FROM aggregator_runs WHERE target LIKE '%/%'")"
}

@test "one field into two columns is two works, and the column of its own name is the usual one" {
  sql 'CREATE TABLE session_duration (id text PRIMARY KEY, duration bigint, other bigint)'
  succeeds "${nested[@]}" --run-id r in.jsonl
  succeeds "${nested[@]}" --value-column other --run-id r in.jsonl
  succeeds "${nested[@]}" --value-column duration --run-id r in.jsonl
  [[ $stderr == *'already applied'* ]]
  same '13|13' "$(sql 'SELECT sum(duration), sum(other) FROM session_duration')"
}

@test "what cannot name a column is status 2 before the server is asked" {
  fails 2 'choose others with --key-column' --key / in.jsonl
  fails 2 'choose others with --key-column' --key "/a/$(printf 'n%.0s' {1..64})" in.jsonl
  succeeds --key "/$(printf 'n%.0s' {1..64})/id" --value /session/duration --skip-missing in.jsonl
}

@test "skipped events and what was accepted stand in the ledger" {
  printf '%s\n' '{"userId":7,"sessionDuration":100.0}' '{"userId":null}' '{"userId":"u","sessionDuration":"3"}' >shapes.jsonl
  succeeds --accept number-keys,whole-floats,text-numbers --skip-missing shapes.jsonl
  same 'skipped 1, number-keys 1, text-numbers 1, whole-floats 1' "$(sql 'SELECT accepted FROM aggregator_runs')"
  same '3|0|2|103' "$(sql 'SELECT input_lines, bad_lines, keys, total FROM aggregator_runs')"
}
