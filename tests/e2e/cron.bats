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
  tick=$namespace/cron-run/2026-01-01T00:05:00Z
  [ "$(totals)" = "$(sums_of 1500 10 "$tick")" ]
  [ "$(sql 'SELECT run_id FROM aggregator_runs')" = "$tick" ]
}

@test "a copy of the cron under another name loads its own" {
  for name in cron-run copy; do
    sed "s/name: cron-run/name: $name/" workflows/cron_run.yaml | argo cron create -
    argo cron suspend "$name"
    run=$(submit --from "cronwf/$name" --scheduled-time 2026-01-01T00:05:00Z)
    ended "$run" Succeeded
  done
  [ "$(totals)" = "$(sums_of 1500 10 "$namespace"/{cron-run,copy}/2026-01-01T00:05:00Z)" ]
  [ "$(ledger_rows)" = 2 ]
}

@test "a tick that was loaded under the name of version 0.1.0 and renamed as the docs say is not added again" {
  argo cron create workflows/cron_run.yaml
  argo cron suspend cron-run
  old=cron-run-2026-01-01T00:05:00Z
  fire() { submit --from cronwf/cron-run --scheduled-time 2026-01-01T00:05:00Z "$@"; }
  ended "$(fire -p seed=$old -p run-id=$old)" Succeeded
  sql "$(sed -n '/^UPDATE aggregator_runs/,/;$/p' docs/exactly-once.md | sed "s/NAMESPACE/$namespace/; s/;$//")"
  ended "$(fire)" Failed
  [ "$(totals)" = "$(sums_of 1500 10 $old)" ]
  [ "$(ledger_rows)" = 1 ]
}
