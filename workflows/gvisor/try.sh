#!/usr/bin/env bash
# Sets the gVisor experiment up in a running cluster, submits it, waits, and shows what came out, as
# ./run.sh gvisor does without a cluster.
#
#   workflows/gvisor/try.sh [-p NAME=VALUE...]      parameters of workflows/gvisor_run.yaml
#
# KUBECTL and ARGO are the commands to use. The nodes must have the image gvisor_probe, or be able to
# pull it, and one of them gVisor and the label gvisor.argo-steps/ready=true (docs/gvisor-on-nodes.md).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
read -ra kubectl <<<"${KUBECTL:-kubectl}"
read -ra argo <<<"${ARGO:-argo}"
namespace='argo-steps-gvisor'
kubectl+=(--namespace "$namespace")
argo+=(--namespace "$namespace")
die() { echo "try.sh: $*" >&2; exit 1; }

pod_of() { # TEMPLATE
  "${kubectl[@]}" get pods -l "workflows.argoproj.io/workflow=$name" -o name |
    grep -xE "pod/$name-$1-[0-9]+"
}

echo "== kubectl apply -k workflows/gvisor: namespace, service account, runtime classes"
"${kubectl[@]}" apply -k "$here"
echo "== argo submit workflows/gvisor_run.yaml $*"
name=$("${argo[@]}" submit "$here/../gvisor_run.yaml" --output name "$@")
name=${name##*/}
status=0
"${argo[@]}" wait "$name" >/dev/null || status=$?
"${argo[@]}" get "$name"
if ! pod=$(pod_of compare); then die "$name has come to no verdict; look at: ${argo[*]} logs $name"; fi
echo
"${kubectl[@]}" logs "$pod" -c main
cat <<HELP

what each cell tells of itself, for ten minutes:
  ${argo[*]} logs $name
  ${kubectl[*]} logs $(pod_of gvisor-sealed) -c main
HELP
exit "$status"
