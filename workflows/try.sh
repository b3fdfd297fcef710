#!/usr/bin/env bash
# Sets the workflows up in a namespace of a running cluster, submits single_run, shows what was
# loaded, and submits the same run again to show that it counts once.
#
#   workflows/try.sh [-p NAME=VALUE...]      parameters of workflows/single_run.yaml
#
# KUBECTL and ARGO are the commands to use, NAMESPACE where (default: the context's own). Argo's
# controller must watch that namespace, and the nodes must have the images or be able to pull them
# (-p image-prefix=registry.example.org/team/). PostgreSQL and its claim stay when it ends.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../local/show.sh
. "$here/../local/show.sh"
read -ra kubectl <<<"${KUBECTL:-kubectl}"
read -ra argo <<<"${ARGO:-argo}"
if [[ -n ${NAMESPACE:-} ]]; then
  kubectl+=(--namespace "$NAMESPACE")
  argo+=(--namespace "$NAMESPACE")
fi
die() { echo "try.sh: $*" >&2; exit 1; }

check() {
  command -v "${kubectl[0]}" >/dev/null || die "there is no ${kubectl[0]}; see kubernetes.io/docs/tasks/tools"
  command -v "${argo[0]}" >/dev/null || die "there is no ${argo[0]}; see the releases of argoproj/argo-workflows"
  "${kubectl[@]}" get crd workflows.argoproj.io >/dev/null ||
    die "Argo Workflows is not installed in this cluster (no CRD workflows.argoproj.io)"
}

# The Secret is made where there is none, and never changed: the server's volume has its passwords.
make_secret() {
  local keys
  if keys=$("${kubectl[@]}" get secret postgres -o json 2>/dev/null | jq -r '.data | keys[]'); then
    [[ $keys == *admin-password* ]] ||
      die "the Secret postgres has no key admin-password, which the small server needs: it was made by" \
        "an earlier version, or is for a server of your own (workflows/overlays/external-database);" \
        "to start anew: kubectl delete statefulset/postgres pvc/data-postgres-0 secret/postgres"
    return
  fi
  echo "== kubectl create secret generic postgres: passwords, drawn at random"
  "${kubectl[@]}" create secret generic postgres --from-env-file=<(
    printf '%s\n' username=events {,admin-}password="$(openssl rand -hex 16)")
}

waiting() { # LABEL: what keeps a pod of these from running, as POD REASON MESSAGE; nothing if none is
  "${kubectl[@]}" get pods --selector "$1" -o json | jq -r '[.items[] | .metadata.name as $pod | .status |
    ((.conditions // [])[] | select(.type == "PodScheduled" and .status == "False") |
      [$pod, .reason, .message]),
    (((.initContainerStatuses // []) + (.containerStatuses // []))[] | .state.waiting // empty |
      select(.reason != "PodInitializing") | [$pod, .reason, .message // ""])][0] // empty | join(" ")'
}

# Says what pods wait for as soon as they do, and gives up on what waiting does not mend.
await() { # SECONDS WHAT LABEL COMMAND...: until it is true
  local end=$((SECONDS + $1)) what=$2 label=$3 now said='' patience=0
  shift 3
  until "$@"; do
    now=$(waiting "$label")
    # Counters and times in it change, the reason does not.
    if [[ $(cut -d ' ' -f 1-2 <<<"$now") != "$said" ]]; then
      said=$(cut -d ' ' -f 1-2 <<<"$now")
      patience=0
      if [[ $now ]]; then show waiting "for $now" >&2; fi
    fi
    case $said in
    *' ErrImagePull' | *' ImagePullBackOff' | *' ErrImageNeverPull' | *' InvalidImageName')
      if ((++patience > 5)); then
        give_up "the node has no such image and cannot pull it: $now" \
          "(README.md, \"On a cluster\", says how to bring images; -p image-prefix=HOST/PATH/ names a registry)"
      fi
      ;;
    *' CreateContainerConfigError' | *' CreateContainerError' | *' CrashLoopBackOff')
      if ((++patience > 15)); then give_up "$now"; fi
      ;;
    esac
    if ((SECONDS >= end)); then give_up "$what: not in time${now:+; waited for $now}"; fi
    sleep 1
  done
}

give_up() { # WHY: ends what would wait on without us
  if [[ ${name:-} ]]; then "${argo[@]}" terminate "$name" >/dev/null || true; fi
  die "$*"
}

is_ready() { # StatefulSet postgres, as it was last applied
  "${kubectl[@]}" get statefulset postgres -o json | jq -e '.status.observedGeneration == .metadata.generation
    and .status.readyReplicas == 1 and .status.updatedReplicas == 1' >/dev/null
}

set_up() {
  make_secret
  echo "== kubectl apply -k workflows: service account, network policies, PostgreSQL, template"
  "${kubectl[@]}" apply -k "$here"
  await 300 "a PostgreSQL that is ready" app.kubernetes.io/name=postgres is_ready
}

sql() { # STATEMENT: as the server's superuser, from inside its pod
  "${kubectl[@]}" exec statefulset/postgres -- psql -XAtqF $'\t' -v ON_ERROR_STOP=1 -c "$1"
}

has_ended() {
  [[ $("${kubectl[@]}" get workflow "$name" -o 'jsonpath={.status.phase}') == @(Succeeded|Failed|Error) ]]
}

run() { # [PARAMETER...]: submits, waits, sets name
  name=$("${argo[@]}" submit "$here/single_run.yaml" --output name "$@")
  name=${name##*/}
  await 3600 "the end of $name" workflows.argoproj.io/workflow="$name" has_ended
  [[ $("${kubectl[@]}" get workflow "$name" -o 'jsonpath={.status.phase}') == Succeeded ]] || {
    "${argo[@]}" get "$name"
    die "$name did not succeed; look at: ${argo[*]} logs $name"
  }
}

output() { # NAME: of the workflow's outputs
  "${kubectl[@]}" get workflow "$name" -o json |
    jq -r --arg name "$1" '.status.outputs.parameters[] | select(.name == $name).value'
}

sum_of_table() { sql 'SELECT count(*), coalesce(sum("sessionDuration"), 0) FROM session_duration'; }

check
set_up

echo "== argo submit workflows/single_run.yaml $*"
run "$@"
"${argo[@]}" get "$name"
uid=$("${kubectl[@]}" get workflow "$name" -o jsonpath='{.metadata.uid}')
total=$(output total)
echo
show read "$(thousands "$(output lines)") lines, $(thousands "$(output users)") users,\
 a total of $(thousands "$total")"
read -r rows sum < <(sum_of_table)
show loaded "$(thousands "$rows") rows, a total of $(thousands "$sum"), in the postgres of \
${NAMESPACE:-this namespace}"
sql 'SELECT "userId", "sessionDuration" FROM session_duration ORDER BY 2 DESC, 1 LIMIT 10' |
  show_top userId sessionDuration "$rows"

# The same seed and the same run id: Argo's retries, in short.
first=$name
run "$@" -p seed="$uid" -p run-id="$uid"
read -r rows_again sum_again < <(sum_of_table)
[[ $(output already-applied) == true && $rows_again-$sum_again == "$rows-$sum" ]] ||
  die "loaded twice: $rows rows, $sum; then $rows_again rows, $sum_again"
show "once more" "already applied: still $(thousands "$rows") rows, a total of $(thousands "$sum")"

cat <<HELP

look around:
  ${argo[*]} list
  ${argo[*]} logs $first
  ${argo[*]} cron create workflows/cron_run.yaml
  ${kubectl[*]} get pods
  ${kubectl[*]} exec -it statefulset/postgres -- psql
  ${kubectl[*]} port-forward service/postgres 15432:5432
HELP
