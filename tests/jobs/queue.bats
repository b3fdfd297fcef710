# Several submits in one transaction: what the api hands to the database when clients come together.

load helpers

setup_file() { start_server; }
teardown_file() { stop_server; }
setup() { new_owner; }

api_sql() { PGUSER=jobs_api PGPASSWORD=api psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
list() { local IFS=,; echo "ARRAY[$*]"; }
batch() { # TOKENS KEYS DIGITS: words, a job each; `-` is none. Prints "ITEM OUTCOME NUMBER" lines
  local n tokens=() keys=() digests=() word
  for word in $1; do tokens+=("'$word'"); done
  for word in $2; do if [ "$word" = - ]; then keys+=(NULL); else keys+=("'$word'"); fi; done
  for word in $3; do digests+=("decode(repeat('0$word', 32), 'hex')"); done
  n="ARRAY[${#tokens[@]}]"
  api_sql "SELECT format('%s %s %s', item, outcome, number) FROM jobs_v1.submit($(list "${tokens[@]}"),
    array_fill('pipeline'::text, $n), array_fill(NULL::text, $n), array_fill('{}'::text, $n),
    array_fill(NULL::text, $n), array_fill(NULL::bytea, $n), $(list "${digests[@]}"),
    $(list "${keys[@]}")::text[], array_fill(NULL::int, $n)) ORDER BY item"
}
count() { as_owner -c "SELECT $1 FROM owner_count c JOIN owner o ON o.id = c.owner WHERE o.name = '$owner'"; }

@test "a key that is twice in one batch makes one job; with another job it is refused" {
  run -0 batch "$token $token $token $token" 'k k k -' '1 1 2 1'
  same $'1 accepted 1\n2 repeated 1\n3 key-used \n4 accepted 2' "$output"
  run -0 batch "$token" k 1
  same '1 repeated 1' "$output"
  same '2 2 2' "$(count "concat_ws(' ', last_number, active, day_count)")"
}

@test "owners in one batch have numbers, keys and limits of their own" {
  "$job_service" owner create "else$BATS_TEST_NUMBER" --active 1
  other=$("$job_service" token create "else$BATS_TEST_NUMBER")
  run -0 batch "$token $other guess $other $token" 'k k k - -' '1 2 1 1 1'
  same $'1 accepted 1\n2 accepted 1\n3 token-unknown \n4 active \n5 accepted 2' "$output"
  same 2 "$(count last_number)"
}

@test "limits hold within a batch as they do between batches" {
  "$job_service" owner create "few$BATS_TEST_NUMBER" --per-minute 3
  few=$("$job_service" token create "few$BATS_TEST_NUMBER")
  run -0 batch "$few $few $few $few" '- - - -' '1 1 1 1'
  same $'1 accepted 1\n2 accepted 2\n3 accepted 3\n4 rate ' "$output"
}
