#!/usr/bin/env bash
# Runs the pipeline on the box while its parts are broken at random, then proves that the table holds
# what the ledger says, each run once: chaos.sh RESULTS. RUNS=30 SEED=n choose how much and what.
#
# A box that is up is used and stays; it must not be in use by others, whose parts are broken too.
# Else one is brought up, and taken down unless something was wrong.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
results=$1
runs=${RUNS:-30}
seed=${SEED:-$RANDOM}
at_once=3
events=20000 users=200
namespace=chaos
box=local/box/box
small=/run/argo-steps-small # in the box's own /run
declare -A injected=() problems=()
bad=()
mine=''

say() { echo "chaos: $*" >&2; }

k() { timeout 60 kubectl --namespace "$namespace" "$@"; }

steady() { # COMMAND...: until it works, for what talks to parts that may be broken at the moment
  local deadline=$((SECONDS + 300))
  until "$@"; do
    ((SECONDS < deadline)) || { say "gave up on: $*"; return 1; }
    sleep 1
  done
}

sql() { k exec postgres-0 -- psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }

set_up() {
  "$box" status >/dev/null 2>&1 || mine=yes
  "$box" up
  eval "$("$box" env)"
  for program in fake_gen aggregator; do "$box" load-image "build/images/$program.tar" >/dev/null; done
  kubectl delete namespace "$namespace" --ignore-not-found --timeout=120s
  kubectl create namespace "$namespace"
  kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted
  k create secret generic postgres --from-literal=username=events --from-literal={,admin-}password=chaos
  k apply -k workflows >/dev/null
  # More patience than a user wants: what is broken here takes longer than its retries.
  k get workflowtemplate pipeline -o json | jq '.spec.templates[] |= if .retryStrategy then
    .retryStrategy += {limit: "20", backoff: {duration: "2s"}} else . end' | k replace -f -
  k rollout status statefulset/postgres --timeout=180s
}

submit() { # NUMBER [OPTION...]
  timeout 60 argo submit --namespace "$namespace" workflows/single_run.yaml --output name \
    --name "run-$1" -p events=$events -p users=$users -p seed="run-$1" -p run-id="run-$1" >/dev/null
}

exists() { k get workflow "run-$1" >/dev/null 2>&1; }
submitted() { exists "$1" || submit "$1" 2>/dev/null; }

unfinished() { # how many runs are under way
  k get workflows -l 'workflows.argoproj.io/completed!=true' -o name 2>/dev/null | wc -l
}

# --- what is broken ------------------------------------------------------------------------------

random_pod() { # SELECTOR [NAMESPACE]
  kubectl --namespace "${2:-$namespace}" get pods -l "$1" --field-selector status.phase=Running \
    -o name 2>/dev/null | sort | sed -n "$((RANDOM % 3 + 1))p"
}

kill_step() {
  local pod
  pod=$(random_pod workflows.argoproj.io/workflow)
  [[ $pod ]] && k delete "$pod" --force --grace-period=0 >/dev/null 2>&1
}

kill_database() { k delete pod postgres-0 --force --grace-period=0 >/dev/null 2>&1; }

kill_controller() {
  kubectl --namespace argo delete pods -l app=workflow-controller --force --grace-period=0 >/dev/null 2>&1
}

kill_containerd() {
  "$box" inside sh -c "kill -KILL \$(pidof containerd)" && "$box" up >/dev/null 2>&1
}

cut_network() { # of a step, for some seconds
  local pod address
  pod=$(random_pod workflows.argoproj.io/workflow)
  [[ $pod ]] || return 1
  address=$(k get "$pod" -o 'jsonpath={.status.podIP}') && [[ $address ]] || return 1
  "$box" inside nft -f - <<<"table ip chaos {
    chain forward { type filter hook forward priority -10; ip saddr $address drop; ip daddr $address drop; }
    chain input { type filter hook input priority -10; ip saddr $address drop; }
  }"
  sleep $((RANDOM % 8 + 1))
  "$box" inside nft delete table ip chaos
}

stop_backends() {
  sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name LIKE 'aggregator%'" 2>/dev/null | grep -q t
}

kinds=(kill_step kill_step kill_step kill_database kill_controller kill_containerd cut_network
  stop_backends)

inject() {
  local kind=${kinds[RANDOM % ${#kinds[@]}]}
  if "$kind"; then injected[$kind]=$((${injected[$kind]:-0} + 1)); fi
}

# The generator's volume is too small, until it is not.
fill_volume() { # NUMBER
  "$box" inside sh -c "mkdir -p $small; mountpoint -q $small || mount -t tmpfs -o size=64k,mode=1777 none $small"
  kubectl apply -f - >/dev/null <<<"{apiVersion: v1, kind: PersistentVolume, metadata: {name: small},
    spec: {capacity: {storage: 256Mi}, accessModes: [ReadWriteOnce], storageClassName: small,
      hostPath: {path: $small}, persistentVolumeReclaimPolicy: Retain}}"
  kubectl create --dry-run=client -o json -f workflows/single_run.yaml | jq --arg name "run-$1" '
      del(.metadata.generateName, .metadata.namespace) | .metadata.name = $name
      | .spec.volumeClaimTemplates = [{metadata: {name: "data"}, spec: {storageClassName: "small",
          accessModes: ["ReadWriteOnce"], resources: {requests: {storage: "256Mi"}}}}]' |
    timeout 60 argo submit --namespace "$namespace" - --output name -p events=$events -p users=$users \
      -p seed="run-$1" -p run-id="run-$1" >/dev/null
  # shellcheck disable=SC2317  # by steady
  full() {
    k get workflow "run-$1" -o json 2>/dev/null | jq -e 'any(.status.nodes // {} | .[];
      .templateName == "fake-gen" and (.message // "" | test("No space left")))' >/dev/null
  }
  steady full "$1"
  injected[fill_volume]=1
  "$box" inside mount -o remount,size=64m "$small"
}

# --- what must hold ------------------------------------------------------------------------------

wrong() { bad+=("$*"); say "WRONG: $*"; }

sums() { # of the runs that stdin names
  while read -r run; do build/fake_gen -n $events -u $users --seed "$run" -o - 2>/dev/null; done |
    tests/e2e/sums.py
}

check() {
  local phases ledger
  phases=$(k get workflows -o json | jq -r '.items[] | "\(.metadata.name) \(.status.phase)"')
  ledger=$(sql 'SELECT run_id FROM aggregator_runs ORDER BY 1')
  while read -r name phase; do
    case $phase in
    Succeeded) grep -qx "$name" <<<"$ledger" || wrong "$name succeeded and is not in the ledger" ;;
    Failed | Error) problems[$phase]=$((${problems[$phase]:-0} + 1)) ;;
    *) wrong "$name is $phase" ;;
    esac
  done <<<"$phases"
  [[ $(sql 'SELECT "userId", "sessionDuration" FROM session_duration ORDER BY 1' | sort) == \
    "$(sums <<<"$ledger" | sort)" ]] || wrong "the table is not the sum of the ledger's runs"
  [[ $(sql "SELECT count(*) FROM pg_class WHERE relpersistence = 't'") == 0 ]] ||
    wrong "a staging table is left"
  [[ $(sql "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'") == 0 ]] ||
    wrong "a transaction is left open"
}

RANDOM=$seed
mkdir -p "$results"
set_up
say "$runs runs, SEED=$seed"
steady fill_volume 0
for ((number = 1; number < runs; )); do
  if (($(unfinished) < at_once)); then
    steady submitted "$number"
    number=$((number + 1))
  fi
  sleep $((RANDOM % 4))
  inject || true
done
done_all() { (($(unfinished) == 0)); }
"$box" up
deadline=$((SECONDS + 900))
until done_all; do
  ((SECONDS < deadline)) || { wrong "runs did not end"; break; }
  sleep 2
done
steady sql 'SELECT 1' >/dev/null
check

{
  echo "chaos: $runs runs, SEED=$seed: $(sql 'SELECT count(*) FROM aggregator_runs') loaded," \
    "$((${problems[Failed]:-0} + ${problems[Error]:-0})) failed"
  for kind in "${!injected[@]}"; do printf '  %-16s %s\n' "$kind" "${injected[$kind]}"; done | sort
} | tee "$results/chaos.txt"
if ((${#bad[@]})); then
  printf '1..1\nnot ok 1 totals are exact after chaos (SEED=%s)\n' "$seed"
  printf '# %s\n' "${bad[@]}"
else
  printf '1..1\nok 1 totals are exact after chaos (SEED=%s)\n' "$seed"
fi >"$results/chaos.tap"
((${#bad[@]} == 0))
kubectl delete namespace "$namespace" --wait=false
if [[ $mine ]]; then "$box" down; fi
