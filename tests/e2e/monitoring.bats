#!/usr/bin/env bats
# What Argo's controller reports of runs, to a Prometheus with the alerts of workflows/monitoring.

load helpers

setup_file() {
  local address
  address=$("$box" kubectl -n argo get service workflow-controller-metrics -o 'jsonpath={.spec.clusterIP}')
  export prometheus_at=127.0.0.1:19090
  (cd "$root" && tests/lint/monitoring.py "$BATS_FILE_TMPDIR/rules")
  # As workflows/monitoring's ServiceMonitor asks, but for TLS, which the box's controller has not.
  jq -n --arg address "$address:9090" '{
    global: {scrape_interval: "1s", evaluation_interval: "1s"}, rule_files: ["rules/alerts.yaml"],
    scrape_configs: [{job_name: "argo", honor_labels: true, static_configs: [{targets: [$address]}]}]
  }' >"$BATS_FILE_TMPDIR/prometheus.yml"
  # shellcheck disable=SC2016  # expanded inside, where the process has that number
  "$box" inside sh -c 'echo $$ >"$1/pid"; exec prometheus --config.file="$1/prometheus.yml" \
    --log.level=error --storage.tsdb.path="$1/data" --web.listen-address="$2"' \
    sh "$BATS_FILE_TMPDIR" "$prometheus_at" >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- &
}

teardown_file() {
  "$box" inside kill "$(<"$BATS_FILE_TMPDIR/pid")"
}

asked() { # PATH: of Prometheus' API
  # shellcheck disable=SC2154  # by helpers.bash
  "$box" inside busybox wget -q -O - "http://$prometheus_at/api/v1/$1"
}

alerted() { # ALERT: for this namespace
  asked alerts | jq -e --arg alert "$1" --arg namespace "$namespace" \
    '.data.alerts[] | select(.labels.alertname == $alert and .labels.namespace == $namespace)'
}

series() { # NAME...: of each there is one
  local name
  for name; do
    [[ $(asked "query?query=$name" | jq '.data.result | length') != 0 ]] || return
  done
}

metrics_are_told() { # NAME: a metric that cannot be computed is a condition of the workflow
  [ "$(kubectl get workflow "$1" -o json |
    jq -c '[.status.conditions[].type | select(. == "MetricsError")]')" = '[]' ]
}

@test "a run that fails raises its alert, one that succeeds does not" {
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  metrics_are_told "$name"
  run ! alerted ArgoStepsRunFailed
  name=$(submit workflows/single_run.yaml -p users=none)
  ended "$name" Failed
  metrics_are_told "$name"
  until_true 60 "alert" alerted ArgoStepsRunFailed
}

@test "bad lines that were tolerated raise their alert and are shown by argo get" {
  change_pipeline '[{"op": "add", "path": "/spec/templates/fake-gen/container/env/-",
    "value": {"name": "FAKE_GEN_BAD_EVERY", "value": "100"}}]'
  name=$(submit workflows/single_run.yaml -p max-bad=100)
  ended "$name" Succeeded
  run -0 shown "$name"
  [[ $output =~ bad-lines:[[:space:]]+15 ]]
  until_true 60 "alert" alerted ArgoStepsBadLines
  [ "$(alerted ArgoStepsBadLines | jq -r .value)" = 1.5e+01 ]
}

@test "every metric that alerts and dashboard ask for is reported" {
  argo cron create workflows/cron_run.yaml
  kubectl patch cronworkflow cron-run --type merge --patch '{"spec": {"schedules": ["@every 5s"]}}'
  mapfile -t names < <(cat workflows/monitoring/* | grep -oE 'argo_workflows_[a-z_]+' | sort -u)
  ((${#names[@]} >= 5))
  until_true 120 "series of each of ${names[*]}" series "${names[@]}"
  argo cron suspend cron-run
}
