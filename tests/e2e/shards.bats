#!/usr/bin/env bats
# The sharded run: pods of their own, one table, one run.

load helpers

sharded() { # JQ-FILTER PARAMETER...: the workflow, changed
  local filter=$1
  shift
  kubectl create --dry-run=client -o json -f workflows/sharded_run.yaml | jq "$filter" |
    argo submit - --output name "$@" | sed 's|.*/||'
}

@test "the sharded run as it is adds up to the whole, and argo get shows its sums" {
  run -0 argo submit workflows/sharded_run.yaml
  name=$(awk '$1 == "Name:" { print $2 }' <<<"$output")
  ended "$name" Succeeded
  diff <(totals) <(sums_of 100000 1000 "$(uid_of "$name")")
  run -0 shown "$name"
  [[ $output =~ lines:[[:space:]]+100000 ]]
  [[ $output =~ total:[[:space:]]+$(totals | awk -F '|' '{ sum += $2 } END { print sum }') ]]
  [[ $output =~ already-applied:[[:space:]]+false ]]
}

@test "eight shards are one run with eight rows in the ledger" {
  name=$(submit workflows/sharded_run.yaml -p shards=8 -p seed=x)
  ended "$name" Succeeded
  diff <(totals) <(sums_of 100000 1000 x)
  [ "$(sql 'SELECT count(DISTINCT run_id), count(*), min(shards), sum(input_lines) FROM aggregator_runs')" = \
    "1|8|8|100000" ]
}

@test "shards one after the other give the same" {
  name=$(sharded '.spec.parallelism = 1' -p shards=3 -p seed=x)
  ended "$name" Succeeded
  diff <(totals) <(sums_of 100000 1000 x)
  [ "$(ledger_rows)" = 3 ]
}

@test "another number of shards for the same run is refused, and counts nothing" {
  name=$(submit workflows/sharded_run.yaml -p shards=2 -p seed=x -p run-id=r)
  ended "$name" Succeeded
  name=$(submit workflows/sharded_run.yaml -p shards=3 -p seed=x -p run-id=r)
  ended "$name" Failed
  run -0 shown "$name"
  [[ $output == *"exit code 4"* ]]
  diff <(totals) <(sums_of 100000 1000 x)
}
