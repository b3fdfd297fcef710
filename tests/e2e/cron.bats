#!/usr/bin/env bats
# The cron run, created as users create it.

load helpers

create_suspended() { # NAME: the cron under this name, which fires only when it is told to
  sed "s/^  name: cron-run/  name: $1/; s/^spec:/&\n  suspend: true/" workflows/cron_run.yaml | argo cron create -
}

fire() { # NAME [OPTION...]: prints the workflow's name
  submit --from "cronwf/$1" --scheduled-time 2026-01-01T00:05:00Z "${@:2}"
}

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
  create_suspended cron-run
  for _ in 1 2; do ended "$(fire cron-run)" Succeeded; done
  tick=$namespace/cron-run/2026-01-01T00:05:00Z
  [ "$(totals)" = "$(sums_of 1500 10 "$tick")" ]
  [ "$(sql 'SELECT run_id FROM aggregator_runs')" = "$tick" ]
}

@test "a copy of the cron under another name loads its own" {
  for name in cron-run copy; do
    create_suspended "$name"
    ended "$(fire "$name")" Succeeded
  done
  [ "$(totals)" = "$(sums_of 1500 10 "$namespace"/{cron-run,copy}/2026-01-01T00:05:00Z)" ]
  [ "$(ledger_rows)" = 2 ]
}

@test "a tick that was loaded under the name of version 0.1.0 and renamed as the docs say is not added again" {
  create_suspended cron-run
  old=cron-run-2026-01-01T00:05:00Z
  ended "$(fire cron-run -p seed=$old -p run-id=$old)" Succeeded
  sql "$(sed -n '/^UPDATE aggregator_runs/,/;$/p' docs/exactly-once.md | sed "s/NAMESPACE/$namespace/; s/;$//")"
  ended "$(fire cron-run)" Failed
  [ "$(totals)" = "$(sums_of 1500 10 $old)" ]
  [ "$(ledger_rows)" = 1 ]
}
