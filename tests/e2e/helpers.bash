# shellcheck shell=bash
# Loaded by the cluster tests. Each test has a namespace of its own, which refuses pods that are not
# `restricted`, with PostgreSQL in it; kubectl and argo use it, as they would for a user who is there.

bats_require_minimum_version 1.5.0

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
box=$root/local/box/box

be_in() { # NAMESPACE: as a user whose context has it
  namespace=$1
  cd "$root" || return
  eval "$("$box" env)"
  cp "$KUBECONFIG" "$BATS_TEST_TMPDIR/kubeconfig"
  export KUBECONFIG=$BATS_TEST_TMPDIR/kubeconfig
  kubectl config set-context --current --namespace "$namespace" >/dev/null
}

make_secret() { # by README's own line
  eval "$(sed -n '/^\$ kubectl create secret generic postgres/,/)$/{s/^\$ //;p}' "$root/README.md")"
}

setup() {
  be_in "e2e-$(printf '%s' "$BATS_TEST_FILENAME $BATS_TEST_NAME" | sha256sum | cut -c 1-8)-$$"
  kubectl create namespace "$namespace"
  kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted
  make_secret
  kubectl apply -k workflows
  kubectl rollout status statefulset/postgres --timeout=180s
}

teardown() {
  if [[ ! ${BATS_TEST_COMPLETED:-} ]]; then
    argo list
    for name in $(kubectl get workflows -o name); do argo get "${name##*/}"; done
    kubectl get pods
    kubectl get events --sort-by .lastTimestamp | tail -n 20
  fi
  kubectl delete namespace "$namespace" --wait=false
}

submit() { # FILE [OPTION...]: prints the workflow's name
  argo submit "$@" --output name | sed 's|.*/||'
}

ended() { # NAME PHASE: waits until the workflow has ended, and checks how
  timeout 300 argo wait "$1" >/dev/null || true
  local phase
  phase=$(kubectl get workflow "$1" -o 'jsonpath={.status.phase}')
  [[ $phase == "$2" ]] || {
    echo "$1: $phase instead of $2"
    return 1
  }
}

until_true() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    ((SECONDS < deadline)) || {
      echo "no $what"
      return 1
    }
    sleep 0.2
  done
}

# As arguments: what kubectl exec -i should hand over is lost whole about once in thirty times, with
# status 0, where the command itself says nothing.
sql() { # STATEMENT...
  local statement commands=()
  for statement; do commands+=(-c "$statement"); done
  kubectl exec postgres-0 -- psql -XAtq -v ON_ERROR_STOP=1 "${commands[@]}"
}

totals() { sql 'SELECT "userId", "sessionDuration" FROM session_duration ORDER BY "userId"'; }
nothing_loaded() {
  [ "$(sql 'SELECT (SELECT count(*) FROM session_duration), (SELECT count(*) FROM aggregator_runs)')" = "0|0" ]
}
ledger_rows() { sql 'SELECT count(*) FROM aggregator_runs'; }

# What the table must hold after runs of these seeds, added up by Python.
sums_of() { # EVENTS USERS SEED...
  local events=$1 users=$2 seed
  shift 2
  for seed; do "$BUILD/fake_gen" --events "$events" --users "$users" --seed "$seed" -o - 2>/dev/null; done |
    "$root/tests/e2e/sums.py"
}

uid_of() { kubectl get workflow "$1" -o 'jsonpath={.metadata.uid}'; }

shown() { # NAME: what `argo get` shows, without its colours
  argo get "$1" --no-color
}

change_pipeline() { # JSON-PATCH: a template is named where its number would be
  local patch=$1 names i
  mapfile -t names < <(kubectl get workflowtemplate pipeline -o json | jq -r '.spec.templates[].name')
  for i in "${!names[@]}"; do patch=${patch//"/templates/${names[i]}/"/"/templates/$i/"}; done
  kubectl patch workflowtemplate pipeline --type json --patch "$patch"
}

pods_of() { # NAME TEMPLATE: how many there have been of a step
  kubectl get workflow "$1" -o json | jq --arg template "$2" '
    [.status.nodes[] | select(.type == "Pod" and .templateName == $template)] | length'
}

# Holds the table, so that a load stops in its middle: rows copied, nothing merged or committed.
hold_table() {
  sql 'BEGIN' 'LOCK TABLE session_duration' "SET application_name = 'holder'" 'SELECT pg_sleep(600)' \
    >/dev/null 2>&1 3>&- &
  until_true 180 "lock on the table" has_rows "FROM pg_stat_activity WHERE application_name = 'holder'"
}

release_table() {
  sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'"
}

has_rows() { [[ $(sql "SELECT count(*) > 0 $1") == t ]]; }

load_waits() {
  until_true 120 "load that waits for the table" has_rows \
    "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE '%session_duration%'"
}

pod_of_step() { # NAME TEMPLATE: the pod of its latest attempt
  kubectl get pods -l "workflows.argoproj.io/workflow=$1" --sort-by .metadata.creationTimestamp -o json |
    jq -r --arg step "$2" '[.items[].metadata.name | select(contains($step))][-1]'
}
