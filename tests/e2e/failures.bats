#!/usr/bin/env bats
# What may go wrong: which status a step ends with, whether Argo tries again, what `argo get` says.

load helpers

@test "a wrong password is refused at once, for good, in a line that argo get shows" {
  kubectl patch secret postgres --patch '{"stringData": {"password": "wrong"}}'
  name=$(submit workflows/single_run.yaml)
  ended "$name" Failed
  [ "$(pods_of "$name" aggregate-claim)" = 1 ]
  run -0 shown "$name"
  [[ $output == *"exit code 4"*"password authentication failed"* ]]
  [[ $output != *wrong* ]]
}

@test "a bad line ends the run with its place, not retried, nothing loaded" {
  change_pipeline '[{"op": "add", "path": "/spec/templates/fake-gen/container/args/-", "value": "--bad-every=100"}]'
  name=$(submit workflows/single_run.yaml)
  ended "$name" Failed
  [ "$(pods_of "$name" aggregate-claim)" = 1 ]
  run -0 shown "$name"
  [[ $output =~ "exit code 3"[^$'\n']*"/data/events.jsonl:"[0-9]+:[0-9]+: ]]
  nothing_loaded
}

@test "status 64, of Argo's own wrapper, is tried again once" {
  change_pipeline '[{"op": "replace", "path": "/spec/templates/aggregate-claim/container/command", "value": ["/none"]}]'
  name=$(submit workflows/single_run.yaml)
  ended "$name" Failed
  [ "$(pods_of "$name" aggregate-claim)" = 2 ]
  run -0 shown "$name"
  [[ $output == *"exit code 64"* ]]
}

@test "PostgreSQL down at the start: status 10, tried again, loaded when it is back" {
  change_pipeline '[{"op": "add", "path": "/spec/templates/aggregate-claim/container/args/-", "value": "--wait-db=1s"}]'
  kubectl scale statefulset/postgres --replicas=0
  kubectl wait --for=delete pod/postgres-0 --timeout=180s
  name=$(submit workflows/single_run.yaml)
  failed_with_10() { kubectl get workflow "$name" -o json |
    jq -e '.status.nodes // {} | any(.type == "Pod" and .outputs.exitCode == "10")' >/dev/null; }
  until_true 120 "step that ended with status 10" failed_with_10
  kubectl scale statefulset/postgres --replicas=1
  kubectl rollout status statefulset/postgres --timeout=120s
  ended "$name" Succeeded
  (($(pods_of "$name" aggregate-claim) > 1))
  [ "$(totals)" = "$(sums_of 1500 10 "$(uid_of "$name")")" ]
}

@test "too little memory is named: OOMKilled in argo get, nothing loaded" {
  change_pipeline '[
    {"op": "replace", "path": "/spec/templates/aggregate-claim/container/resources",
     "value": {"requests": {"memory": "32Mi"}, "limits": {"memory": "32Mi"}}},
    {"op": "add", "path": "/spec/templates/aggregate-claim/container/args/-", "value": "--max-memory=1G"},
    {"op": "replace", "path": "/spec/templates/aggregate-claim/retryStrategy/limit", "value": "0"}]'
  name=$(submit workflows/single_run.yaml -p events=2000000 -p users=2000000)
  ended "$name" Failed
  run -0 shown "$name"
  [[ $output == *OOMKilled*137* ]]
  nothing_loaded
}

@test "the same work fits into that memory when the limit is respected" {
  change_pipeline '[
    {"op": "replace", "path": "/spec/templates/aggregate-claim/container/resources",
     "value": {"requests": {"memory": "96Mi"}, "limits": {"memory": "96Mi"}}}]'
  name=$(submit workflows/single_run.yaml -p events=1000000 -p users=1000000)
  ended "$name" Succeeded
  [ "$(sql 'SELECT sum("sessionDuration") FROM session_duration')" = \
    "$(sums_of 1000000 1000000 "$(uid_of "$name")" | awk -F '|' '{ sum += $2 } END { print sum }')" ]
}
