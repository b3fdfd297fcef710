#!/usr/bin/env bats
# The sharded run: pods of their own, one table, one run.

load helpers

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
  name=$(kubectl create --dry-run=client -o json -f workflows/sharded_run.yaml |
    jq '.spec.parallelism = 1' | submit - -p shards=3 -p seed=x)
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

@test "the template is run sharded by itself" {
  name=$(submit --from wftmpl/pipeline --entrypoint sharded-run -p shards=2 -p seed=x)
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 x)" ]
  [ "$(ledger_rows)" = 2 ]
}

@test "a number of shards that is none is refused in one line, before any pod" {
  for shards in 0 -1 abc 257 1.5 08 ''; do
    name=$(submit workflows/sharded_run.yaml -p "shards=$shards")
    ended "$name" Failed
    run -0 shown "$name"
    [[ $output == *"shards must be a whole number from 1 to 256, not \"$shards\""* ]]
    [[ $output != *reflect* ]]
    [ "$(kubectl get pods -l "workflows.argoproj.io/workflow=$name" -o name)" = "" ]
  done
}
