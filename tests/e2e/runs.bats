#!/usr/bin/env bats
# The workflows as users submit them: what is in the table afterwards, and what `argo get` shows.

load helpers

@test "a single run loads the sum of its events, and argo get shows its numbers" {
  run -0 argo submit workflows/single_run.yaml
  name=$(awk '$1 == "Name:" { print $2 }' <<<"$output")
  ended "$name" Succeeded
  expected=$(sums_of 1500 10 "$(uid_of "$name")")
  [ "$(totals)" = "$expected" ]
  run -0 shown "$name"
  total=$(awk -F '|' '{ sum += $2 } END { print sum }' <<<"$expected")
  [[ $output =~ lines:[[:space:]]+1500 ]]
  [[ $output =~ users:[[:space:]]+10 ]]
  [[ $output =~ total:[[:space:]]+$total ]]
  [[ $output =~ already-applied:[[:space:]]+false ]]
}

@test "another run adds; the same run id does not, and says so" {
  first=$(submit workflows/single_run.yaml -p seed=a -p run-id=monday)
  ended "$first" Succeeded
  again=$(submit workflows/single_run.yaml -p seed=a -p run-id=monday)
  ended "$again" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 a)" ]
  run -0 shown "$again"
  [[ $output =~ already-applied:[[:space:]]+true ]]
  other=$(submit workflows/single_run.yaml -p seed=b)
  ended "$other" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 a b)" ]
}

@test "argo resubmit is another run and adds" {
  first=$(submit workflows/single_run.yaml)
  ended "$first" Succeeded
  again=$(argo resubmit "$first" --output name | sed 's|.*/||')
  ended "$again" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 "$(uid_of "$first")" "$(uid_of "$again")")" ]
}

@test "argo retry -p keeps the parameters that are not given" {
  kubectl patch secret postgres --patch '{"stringData": {"username": "nobody"}}'
  name=$(submit workflows/single_run.yaml)
  ended "$name" Failed
  kubectl patch secret postgres --patch '{"stringData": {"username": "events"}}'
  argo retry "$name" --restart-successful --node-field-selector templateName=fake-gen -p users=5
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 5 "$(uid_of "$name")")" ]
}

@test "packed events are loaded like plain ones" {
  name=$(submit workflows/single_run.yaml -p gzip=true)
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 "$(uid_of "$name")")" ]
}

@test "two workflows at once add to one table" {
  one=$(submit workflows/single_run.yaml -p seed=one -p events=200000 -p users=5000)
  two=$(submit workflows/single_run.yaml -p seed=two -p events=200000 -p users=5000)
  ended "$one" Succeeded
  ended "$two" Succeeded
  diff <(totals) <(sums_of 200000 5000 one two)
}

@test "a run's volume goes with its success" {
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  claims() { kubectl get pvc -o name; }
  only_the_server_s() { [ "$(claims)" = persistentvolumeclaim/data-postgres-0 ]; }
  until_true 180 "end of the claim" only_the_server_s
}

@test "argo get shows a run's ten largest totals" {
  name=$(submit workflows/single_run.yaml -p users=20 -p seed=x)
  ended "$name" Succeeded
  run -0 shown "$name"
  while read -r user total; do
    [[ $output =~ ${user}[[:space:]]+${total} ]]
  done < <(sums_of 1500 20 x | sort -t '|' -k 2nr | head -n 10 | tr '|' ' ')
  [ "$(grep -cE '^ *user[0-9]+ +[0-9]+' <<<"$output")" = 10 ]
}

@test "totals and ledger are shown without a client of the database" {
  name=$(submit workflows/single_run.yaml -p seed=x -p run-id=monday)
  ended "$name" Succeeded
  run -0 argo submit --from workflowtemplate/pipeline --entrypoint show --log
  [[ $output == *"the table holds 10 keys, a total of $(sql 'SELECT sum("sessionDuration") FROM session_duration')"* ]]
  while IFS='|' read -r user total; do [[ $output =~ ${user}[[:space:]]+${total} ]]; done < <(totals)
  [[ $output =~ session_duration.*monday ]]
}

@test "the logs of a success stay, even if the controller is restarted, and go with the workflow" {
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  kubectl -n argo delete pods -l app=workflow-controller
  kubectl -n argo rollout status deployment/workflow-controller --timeout=120s
  run -0 argo logs "$name"
  [[ $output == *"loaded 10 totals"* ]]
  argo delete "$name"
  gone() { [ -z "$(kubectl get pods -l "workflows.argoproj.io/workflow=$name" -o name)" ]; }
  until_true 120 "end of the pods" gone
}

@test "the pods of a success go when their time is over" {
  change_pipeline '[{"op": "replace", "path": "/spec/podGC/deleteDelayDuration", "value": "1s"}]'
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  gone() { [ -z "$(kubectl get pods -l "workflows.argoproj.io/workflow=$name" -o name)" ]; }
  until_true 120 "end of the pods" gone
}
