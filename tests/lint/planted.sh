#!/usr/bin/env bash
# Plants mistakes that the checkers must find, and prints those that they did not.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=manifests.sh
. tests/lint/manifests.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

found() { # MISTAKE PATTERN CHECK...: the check says what the pattern says
  local said
  said=$("${@:3}")
  [[ $said =~ $2 ]] || echo "not found: $1 (${said:-nothing was said})"
}

sed 's/^  replicas: 1/  replica: 1/' workflows/base/postgres.yaml >"$work/kubernetes.yaml"
found "a field that Kubernetes does not have" "'replica'" valid_for argo "$work/kubernetes.yaml"
sed 's/retryPolicy:/retrypolicy:/' workflows/base/pipeline.yaml >"$work/argo.yaml"
found "a field that Argo does not have" "'retrypolicy'" valid_for argo "$work/argo.yaml"
sed 's/limit: "4"/limit: "4"\n        backoff: {cap: 1m}/; /^        backoff:$/,+3d' \
  workflows/base/pipeline.yaml >"$work/newer.yaml"
found "a field that the oldest Argo does not have" "'cap'" valid_for argo-oldest "$work/newer.yaml"
printf 'apiVersion: v1\nkind: Pot\n' >"$work/kind.yaml"
found "a kind that there is not" "schema for Pot" valid_for argo "$work/kind.yaml"
sed 's/honorLabels:/honourLabels:/' workflows/monitoring/controller.yaml >"$work/monitor.yaml"
found "a field that the Prometheus operator does not have" "'honourLabels'" valid_for argo "$work/monitor.yaml"
sed 's/template: aggregate-claim/template: aggregates/' workflows/base/pipeline.yaml >"$work/name.yaml"
found "a template that there is not" "aggregates" argo_accepts "$work/name.yaml"
echo 'resources: [nothing.yaml]' >"$work/kustomization.yaml"
found "a file that there is not" "nothing.yaml" kustomize_builds "$work"
overlay() { # NAME SED-SCRIPT: a changed copy, where its paths are right
  mkdir -p "$work/overlays/$1"
  cp -r workflows/base "$work/"
  cp workflows/overlays/"$1"/* "$work/overlays/$1/"
  sed -i "$2" "$work/overlays/$1/kustomization.yaml"
}
overlay registry 's|templates/4|templates/9|'
found "an overlay's patch of nothing" "templates/9" rendered_is_fine "$work/overlays/registry"
overlay node-pool 's|team: stats|team: [stats]|'
found "an overlay's value of the wrong type" "nodeSelector" rendered_is_fine "$work/overlays/node-pool"
overlay restricted 's|enableServiceLinks: false|dnsPolicy: Default|'
found "an overlay that breaks a rule" "Services set no variables" rendered_is_fine "$work/overlays/restricted"
printf 'on: pushed\njobs: {}\n' >"$work/ci.yaml"
found "an event that there is not" "pushed" actions_are_fine "$work/ci.yaml"
printf 'FROM debian\n' >"$work/Dockerfile"
found "an image without a tag" "DL3006" dockerfile_is_fine "$work/Dockerfile"
