#!/usr/bin/env bats
# The cron run, created as users create it.

load helpers

@test "a cron created by argo cron create fires twice and adds twice" {
  run -0 argo cron create workflows/cron_run.yaml
  kubectl patch cronworkflow cron-run --type merge --patch '{"spec": {"schedules": ["@every 20s"]}}'
  twice() { (($(kubectl get workflows --field-selector metadata.name!=none -o json |
    jq '[.items[] | select(.status.phase == "Succeeded")] | length') >= 2)); }
  until_true 180 "two runs" twice
  argo cron suspend cron-run
  for name in $(kubectl get workflows -o 'jsonpath={.items[*].metadata.name}'); do
    ended "$name" Succeeded
  done
  mapfile -t seeds < <(sql 'SELECT run_id FROM aggregator_runs')
  ((${#seeds[@]} >= 2))
  [ "$(totals)" = "$(sums_of 1500 10 "${seeds[@]}")" ]
}

@test "a tick that fires twice counts once" {
  argo cron create workflows/cron_run.yaml
  argo cron suspend cron-run
  for _ in 1 2; do
    name=$(submit --from cronwf/cron-run --scheduled-time 2026-01-01T00:05:00Z)
    ended "$name" Succeeded
  done
  [ "$(totals)" = "$(sums_of 1500 10 cron-run-2026-01-01T00:05:00Z)" ]
  [ "$(ledger_rows)" = 1 ]
}
