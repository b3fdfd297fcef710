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
# shellcheck source-path=SCRIPTDIR source=../common/show.sh
. "$here/../common/show.sh"
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

set_up() {
  echo "== kubectl apply -k workflows: service account, network policies, PostgreSQL, template"
  "${kubectl[@]}" apply -k "$here"
  "${kubectl[@]}" rollout status statefulset/postgres --timeout=300s || {
    "${kubectl[@]}" get events --field-selector type=Warning --sort-by .lastTimestamp | tail -n 5 >&2
    die "PostgreSQL did not become ready"
  }
}

sql() { # as the database's user, from inside its pod; stdin is the statement
  # shellcheck disable=SC2016  # expanded in the pod
  "${kubectl[@]}" exec -i statefulset/postgres -- sh -c \
    'exec psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -XAtqF "$(printf "\t")" -v ON_ERROR_STOP=1'
}

run() { # [PARAMETER...]: submits, waits, sets name
  name=$("${argo[@]}" submit "$here/single_run.yaml" --output name "$@")
  name=${name##*/}
  "${argo[@]}" wait "$name" >/dev/null || {
    "${argo[@]}" get "$name"
    die "$name did not succeed; look at: ${argo[*]} logs $name"
  }
}

output() { # NAME: of the workflow's outputs
  "${kubectl[@]}" get workflow "$name" -o json |
    jq -r --arg name "$1" '.status.outputs.parameters[] | select(.name == $name).value'
}

sum_of_table() { sql <<<'SELECT count(*), coalesce(sum("sessionDuration"), 0) FROM session_duration'; }

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
sql <<<'SELECT "userId", "sessionDuration" FROM session_duration ORDER BY 2 DESC, 1 LIMIT 10' |
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
  ${kubectl[*]} exec -it statefulset/postgres -- psql -U events
  ${kubectl[*]} port-forward service/postgres 15432:5432
HELP
