#!/usr/bin/env bats
# What pods may do: the namespace refuses those that are not restricted.

load helpers

@test "every pod is restricted: server, steps, Argo's own containers" {
  submit workflows/sharded_run.yaml -p shards=1 -p events=1000
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  (($(kubectl get pods -o name | wc -l) >= 3))
  # shellcheck disable=SC2154  # by setup
  run -0 kubectl label --dry-run=server --overwrite namespace "$namespace" \
    pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/enforce-version=latest
  [[ $output != *[Ww]arning* ]]
  run -1 kubectl run root --image=busybox --image-pull-policy=IfNotPresent --restart=Never -- true
  [[ $output == *'violates PodSecurity "restricted'* ]]
}

@test "the service account may report results of steps, and nothing else" {
  can() { kubectl auth can-i --as="system:serviceaccount:$namespace:argo-steps" "$@"; }
  run -0 can create workflowtaskresults.argoproj.io
  run -0 can patch workflowtaskresults.argoproj.io
  for right in "get workflowtaskresults.argoproj.io" "get workflows.argoproj.io" "get pods" "create pods" \
    "get secrets" "create pods --subresource=exec" "get configmaps"; do
    # shellcheck disable=SC2086  # the words of a right
    run -1 can $right
  done
}
