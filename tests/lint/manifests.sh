# shellcheck shell=bash disable=SC2034
# Sourced: how manifests, Dockerfiles and workflows of CI are checked. tools.sh brings what checks
# them. Each check is silent when it finds nothing.

schemas=build/lint/schemas
export PATH=$PWD/build/lint/bin:$PATH

quiet() { # COMMAND...: its output if it fails
  local output
  output=$("$@" 2>&1) || echo "${output:-failed: $*}"
}

# Objects of programs' own configurations, which no API server reads.
no_schema=kustomize.config.k8s.io/v1beta1/Kustomization
no_schema+=,kustomize.config.k8s.io/v1alpha1/Component
no_schema+=,kubelet.config.k8s.io/v1beta1/KubeletConfiguration
no_schema+=,kubeproxy.config.k8s.io/v1alpha1/KubeProxyConfiguration

valid_for() { # ARGO FILE...
  local file='{{.ResourceKind}}{{.KindSuffix}}.json'
  quiet kubeconform -strict -skip "$no_schema" -schema-location "$schemas/kubernetes/$file" \
    -schema-location "$schemas/prometheus-operator/$file" -schema-location "$schemas/$1/$file" "${@:2}"
}

argo_accepts() { quiet argo lint --offline --no-color "$@"; }
kustomize_builds() { quiet kustomize build "$1"; }

runs=(workflows/{single,cron,sharded,files,objects}_run.yaml workflows/objects_cron.yaml)
rendered_is_fine() { # DIRECTORY: what kustomize makes of it, and the runs beside that
  local file
  file=$(mktemp --suffix=.yaml)
  if kustomize build "$1" >"$file" 2>&1; then
    valid_for argo "$file"
    valid_for argo-oldest "$file"
    argo_accepts "$file" "${runs[@]}"
    rules_are_kept "$file" "${runs[@]}"
  else
    cat "$file"
  fi | sed "s|^|$1: |"
  rm "$file"
}

# An overlay's patch of what templates share by YAML's anchors changes the one that it names.
patch_changes_one_place() {
  local work
  work=$(mktemp -d)
  mkdir -p "$work/overlays/one"
  cp -r workflows/base "$work/"
  cat >"$work/overlays/one/kustomization.yaml" <<'PATCH'
resources: [../../base]
patches:
  - target: {kind: WorkflowTemplate, name: pipeline}
    patch: '[{"op": "replace", "path": "/spec/templates/1/container/resources/limits/memory", "value": "7Gi"}]'
PATCH
  kustomize build "$work/overlays/one" 2>&1 | diff <(kustomize build workflows) - >"$work/changes"
  [[ $(grep -c '^>' "$work/changes") == 1 ]] || head "$work/changes"
  rm -r "$work"
}

actions_are_fine() { quiet actionlint -no-color -pyflakes= "$@"; }
dockerfile_is_fine() { quiet hadolint --no-color "$@"; }

# PrometheusRules and dashboards as Prometheus reads them, and what the alerts say to made-up series.
monitoring_holds() { # DIRECTORY: for what promtool reads
  quiet tests/lint/monitoring.py "$1"
  quiet promtool check rules "$1"/*.yaml
  quiet promtool test rules tests/lint/alerts_test.yaml
}
rules_are_kept() { quiet tests/lint/policy.py "$@"; }
