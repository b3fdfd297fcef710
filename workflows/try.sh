#!/usr/bin/env bash
# Sets the workflows up in a namespace of a running cluster, submits single_run and shows its numbers.
#
#   workflows/try.sh [-p NAME=VALUE...]      parameters of workflows/single_run.yaml
#
# KUBECTL and ARGO are the commands to use, NAMESPACE where (default: the context's own). Argo's
# controller must watch that namespace, and the nodes must have the images.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
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
  echo "== setting up: service account, network policies, PostgreSQL, workflow template"
  "${kubectl[@]}" apply -k "$here"
  "${kubectl[@]}" rollout status statefulset/postgres --timeout=300s
}

run_once() {
  echo "== argo submit workflows/single_run.yaml $*"
  name=$("${argo[@]}" submit "$here/single_run.yaml" --output name "$@")
  name=${name##*/}
  "${argo[@]}" wait "$name" || true
  "${argo[@]}" get "$name"
  [[ $("${kubectl[@]}" get workflow "$name" -o jsonpath='{.status.phase}') == Succeeded ]] ||
    die "$name did not succeed; look at: ${argo[*]} logs $name"
}

check
set_up
run_once "$@"
cat <<HELP
== look around
${kubectl[*]} get pods
${argo[*]} list
${argo[*]} logs $name
${kubectl[*]} port-forward service/postgres 15432:5432
HELP
