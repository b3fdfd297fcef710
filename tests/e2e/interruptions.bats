#!/usr/bin/env bats
# A load interrupted in its middle: its rows are copied and it waits for the table, which we hold.

load helpers

@test "a pod deleted in mid-load is replaced, and the run counts once" {
  hold_table
  name=$(submit workflows/single_run.yaml)
  load_waits
  pod=$(pod_of_step "$name" aggregate-claim)
  uid=$(kubectl get pod "$pod" -o 'jsonpath={.metadata.uid}')
  kubectl delete pod "$pod" --force --grace-period=0
  release_table
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 "$(uid_of "$name")")" ]
  [ "$(ledger_rows)" = 1 ]
  # The controller may give the replacement the same name.
  pod=$(pod_of_step "$name" aggregate-claim)
  [ "$(kubectl get pod "$pod" -o 'jsonpath={.metadata.uid}')" != "$uid" ]
}

@test "the controller restarted in mid-run finds the run again" {
  hold_table
  name=$(submit workflows/single_run.yaml)
  load_waits
  kubectl -n argo delete pods -l app=workflow-controller --force --grace-period=0
  kubectl -n argo rollout status deployment/workflow-controller --timeout=120s
  release_table
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 "$(uid_of "$name")")" ]
  [ "$(ledger_rows)" = 1 ]
}

@test "argo stop in mid-load: status 11, nothing half loaded" {
  hold_table
  name=$(submit workflows/single_run.yaml)
  load_waits
  pod=$(pod_of_step "$name" aggregate-claim)
  argo stop "$name"
  # The pod is kept: the run did not succeed.
  kubectl wait --for='jsonpath={.status.containerStatuses[?(@.name=="main")].state.terminated.exitCode}=11' \
    --timeout=180s "pod/$pod"
  release_table
  ended "$name" Failed
  nothing_loaded
  run -0 shown "$name"
  # The step says that it was shut down, or what it said itself: whichever the controller saw last.
  [[ $output == *"Stopped with strategy 'Stop'"* ]]
  [[ $output == *"shutdown with strategy:  Stop"* || $output == *"exit code 11): cancelled by SIGTERM"* ]]
}

@test "PostgreSQL restarted in mid-load: tried again, counts once" {
  hold_table
  name=$(submit workflows/single_run.yaml)
  load_waits
  kubectl delete pod postgres-0 --force --grace-period=0
  kubectl rollout status statefulset/postgres --timeout=120s
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 "$(uid_of "$name")")" ]
  [ "$(ledger_rows)" = 1 ]
}
