#!/usr/bin/env bats
# The installer on a box whose containerd knows no gVisor: install, use, sabotage, roll back,
# uninstall. The tests are one story and need each other; a pod runs through all of it.

bats_require_minimum_version 1.5.0

setup_file() {
  export root box BOX_STATE BOX_GVISOR=no
  root=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
  box=$root/local/box/box
  BOX_STATE=${BOX_STATE:-/var/lib/argo-steps-box-installer}
  cd "$root" || return
  if ! "$box" status >/dev/null 2>&1; then
    "$box" up
    touch "$BATS_FILE_TMPDIR/mine"
  fi
  build_installer
  "$box" load-image "$BATS_FILE_TMPDIR/gvisor_installer.tar"
  "$box" load-image build/images/gvisor_probe.tar
  cat >"$BOX_STATE/restart.sh" <<END
#!/bin/bash
touch $BOX_STATE/restart-containerd
for ((i = 0; i < 300; i++)); do [[ -e $BOX_STATE/restart-containerd ]] || exit 0; sleep 0.1; done
echo containerd does not answer >&2
exit 1
END
  chmod 755 "$BOX_STATE/restart.sh"
  cp "$BOX_STATE/config/containerd.toml" "$BATS_FILE_TMPDIR/containerd.toml"
  "$box" kubectl apply -k workflows/gvisor-installer
  settings "RESTART_COMMAND=$BOX_STATE/restart.sh" SMOKE_ARGS-
  "$box" kubectl run steady --image=busybox --restart=Never --image-pull-policy=IfNotPresent -- sleep 1d
  "$box" kubectl wait --for=condition=Ready pod/steady --timeout=180s
  identity_of_steady >"$BATS_FILE_TMPDIR/steady"
}

teardown_file() {
  if [[ -e $BATS_FILE_TMPDIR/mine ]]; then "$box" down; fi
}

setup() {
  cd "$root" || return
  eval "$("$box" env)"
}

teardown() {
  if [[ ! ${BATS_TEST_COMPLETED:-} ]]; then
    kubectl get pods -A
    kubectl -n gvisor-installer logs --selector app.kubernetes.io/part-of=argo-steps --all-containers --tail=20
    kubectl get events -A --sort-by .lastTimestamp | grep -i gvisor | tail -n 20
  fi
}

build_installer() { # with the box's gVisor baked in, which `make images` leaves out
  local payload=$BATS_FILE_TMPDIR/payload programs=${BOX_CACHE:-$HOME/.cache/argo-steps/box}/current/gvisor/bin
  mkdir "$payload"
  cp "$programs"/* "$payload/"
  "$programs/runsc" --version | sed -n 's/^runsc version //p' >"$payload/RELEASE"
  IMAGES=$BATS_FILE_TMPDIR GVISOR_PAYLOAD=$payload images/build.sh gvisor_installer
}

settings() { # NAME=VALUE...: of the box, and what a test adds; TIMEOUT from outside
  local cache=${BOX_CACHE:-$HOME/.cache/argo-steps/box}
  set -- "CONFIG=$BOX_STATE/config/containerd.toml" "CONTAINERD=$cache/bin/containerd" \
    "PREFIX=$BOX_STATE/gvisor" "TIMEOUT=${TIMEOUT:-120s}" "$@"
  "$box" kubectl -n gvisor-installer set env daemonset/gvisor-installer -c '*' \
    "${@/#/GVISOR_INSTALLER_}" >/dev/null
}

identity_of_steady() {
  "$box" kubectl get pod steady -o 'jsonpath={.metadata.uid} {.status.phase} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}'
}
steady_is_untouched() { [[ $(identity_of_steady) == "$(<"$BATS_FILE_TMPDIR/steady")" ]]; }

is_labelled() { [[ $(kubectl get node box -o 'jsonpath={.metadata.labels.gvisor\.argo-steps/ready}') == "$1" ]]; }
handlers() { kubectl get node box -o json | jq -c '[.status.runtimeHandlers[].name | select(startswith("runsc"))] | sort'; }
no_handler_is_left() { [[ $(handlers) == '[]' ]]; } # the kubelet tells at intervals
event() { kubectl get events --field-selector "involvedObject.name=box,reason=$1" -o json | jq -r '.items | sort_by(.lastTimestamp)[-1].message'; }
containerd_has_another_pid_than() { [[ $(containerd_pid) && $(containerd_pid) != "$1" ]]; }
end_lost_shims() { # all pods of gVisor have ended: a shim that stays waits for a container that never comes
  until_true 20 no_shim_is_left || "$box" inside pidof containerd-shim-runsc-v1 | xargs -r "$box" inside kill -KILL
  until_true 180 no_shim_is_left
}
no_shim_is_left() { ! "$box" inside pidof containerd-shim-runsc-v1 >/dev/null; }
containerd_pid() { "$box" inside pgrep -ox containerd; }

until_true() { # SECONDS COMMAND...
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || { echo "never: $*"; return 1; }
    sleep 0.5
  done
}

start_installer() { kubectl label --overwrite node box gvisor.argo-steps/install=true; }
stop_installer() {
  kubectl label node box gvisor.argo-steps/install-
  kubectl -n gvisor-installer wait --for=delete pod --selector app.kubernetes.io/name=gvisor-installer --timeout=180s
}
pods() { kubectl -n gvisor-installer get pods --selector app.kubernetes.io/name=gvisor-installer -o json; }
installer_is_ready() { pods | jq -e '[.items[].status.containerStatuses[]?.ready] == [true]' >/dev/null; }
last_failure() {
  pods | jq -r '.items[].status.initContainerStatuses[]? | .lastState.terminated // .state.terminated // empty
    | "\(.exitCode) \(.message)"'
}
has_failed() { [[ $(last_failure) == [1-9]* ]]; }

uninstall() { # prints the exit status of the Job's pod
  local job
  job=$(kubectl -n gvisor-installer get daemonset gvisor-installer -o json |
    jq '.spec.template.spec.initContainers[0].env' |
    jq --argjson job "$(sed 's/NODE/box/' workflows/gvisor-installer/uninstall.yaml |
      kubectl create --dry-run=client -o json -f -)" '. as $env | $job |
      .spec.backoffLimit = 0 | .spec.template.spec.containers[0].env = $env' |
    kubectl create -o name -f -)
  kubectl -n gvisor-installer wait --for='jsonpath={.status.terminatingPods}=0' "$job" --timeout=5s >/dev/null 2>&1 || true
  until_true 180 job_has_ended "$job" || return
  kubectl -n gvisor-installer get pods --selector "batch.kubernetes.io/job-name=${job##*/}" -o json |
    jq -r '.items[0].status.containerStatuses[0].state.terminated | "\(.exitCode) \(.message // "")"'
}
job_has_ended() { kubectl -n gvisor-installer get "$1" -o json | jq -e '(.status.succeeded // 0) + (.status.failed // 0) > 0' >/dev/null; }

pod_in() { # RUNTIME-CLASS: starts one that stays
  kubectl create -f - <<END
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "in-$1"}, "spec": {"runtimeClassName": "$1",
 "terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": "busybox",
 "imagePullPolicy": "IfNotPresent", "command": ["sleep", "1d"]}]}}
END
  kubectl wait --for=condition=Ready "pod/in-$1" --timeout=180s
}

@test "a node becomes one with gVisor, and is labelled when pods have proven it" {
  [[ $(handlers) == '[]' ]]
  start_installer
  until_true 180 installer_is_ready
  is_labelled true
  [[ $(handlers) == '["runsc","runsc-sealed"]' ]]
  [[ $(event GVisorInstalled) == "gVisor is installed and was tried" ]]
  [[ -z $(kubectl -n gvisor-smoke get pods -o name) ]]
  steady_is_untouched
}

@test "the isolation experiment runs on it as users submit it" {
  kubectl apply -k workflows/gvisor
  run -0 argo submit -n argo-steps-gvisor --wait workflows/gvisor_run.yaml -p warmup=0s -p batches=3
}

# Pods that are being made when containerd goes are lost or left waiting: no verdict, or the right one.
@test "containerd restarted in mid-experiment leads to no wrong verdict, and the next one is right" {
  experiment() { argo submit -n argo-steps-gvisor workflows/gvisor_run.yaml -p warmup=0s -p batches=3 --output name; }
  verdict() { kubectl -n argo-steps-gvisor get "workflow/${1##*/}" -o json | jq -r '.status | .phase, (.outputs.parameters // [] | .[] | select(.name == "verdict").value)' | xargs; }
  has_cells() { kubectl -n argo-steps-gvisor get pods -o name | grep -qE -- "${1##*/}-(runc|gvisor|gvisor-sealed)-"; }
  name=$(experiment)
  until_true 120 has_cells "$name"
  pid=$(containerd_pid)
  "$box" inside kill -TERM "$pid"
  until_true 180 containerd_has_another_pid_than "$pid"
  timeout 960 argo -n argo-steps-gvisor wait "${name##*/}" || true
  [[ $(verdict "$name") == @(Failed|"Succeeded A landed, B landed, C contained") ]]
  name=$(experiment)
  timeout 480 argo -n argo-steps-gvisor wait "${name##*/}"
  [[ $(verdict "$name") == "Succeeded A landed, B landed, C contained" ]]
  end_lost_shims
  steady_is_untouched
}

@test "the installer once more changes nothing and restarts nothing" {
  pid=$(containerd_pid)
  sum=$(sha256sum "$BOX_STATE/config/containerd.toml")
  kubectl -n gvisor-installer delete pod --all
  until_true 180 installer_is_ready
  [[ $(containerd_pid) == "$pid" && $(sha256sum "$BOX_STATE/config/containerd.toml") == "$sum" ]]
  kubectl -n gvisor-installer logs daemonset/gvisor-installer -c install | grep 'nothing to change'
}

@test "the installer's token reaches its own node's label and no further" {
  pod=$(kubectl -n gvisor-installer get pod -l app.kubernetes.io/name=gvisor-installer -o 'jsonpath={.items[0].metadata.name}')
  token=$(kubectl -n gvisor-installer create token gvisor-installer --bound-object-kind Pod --bound-object-name "$pod")
  server=$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')
  as() { kubectl --kubeconfig /dev/null --server "$server" --insecure-skip-tls-verify --token "$token" "$@"; }
  as label --overwrite node box gvisor.argo-steps/ready=true
  run ! as label node box other=label
  [[ $output == *"may change the label gvisor.argo-steps/ready only"* ]]
  run ! as annotate node box other=annotation
  run ! as patch node box --type merge -p '{"spec": {"unschedulable": true}}'
  run ! as get secrets -A
  run ! as get pods -A
  kubectl create -f - <<<'{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "other"}}'
  run ! as label node other gvisor.argo-steps/ready=true
  [[ $output == *"may change its own node only"* ]]
  kubectl delete node other
  pod='{"spec": {"containers": [{"name": "a", "image": "a"}]}}'
  run ! as -n gvisor-smoke run a --image=a --overrides="$pod"
  run ! as -n gvisor-installer run a --image=a
}

@test "uninstalling is refused while pods run in gVisor" {
  pod_in gvisor
  stop_installer
  run -0 uninstall
  [[ $output == "4 "*"pods run in gVisor on this node"* ]]
  [[ $(handlers) == '["runsc","runsc-sealed"]' ]]
  is_labelled false
  kubectl delete pod in-gvisor --now
}

@test "uninstalling brings every byte back" {
  run -0 uninstall
  [[ $output == "0 "* ]]
  cmp "$BOX_STATE/config/containerd.toml" "$BATS_FILE_TMPDIR/containerd.toml"
  [[ ! -e $BOX_STATE/gvisor && ! -e $BOX_STATE/config/conf.d ]]
  [[ $(handlers) == '[]' ]]
  is_labelled ''
  steady_is_untouched
}

@test "a configuration that is broken on purpose is rolled back, and runc's pods start" {
  cat >"$BOX_STATE/sabotage.sh" <<END
#!/bin/bash
if grep -q 60-gvisor $BOX_STATE/config/containerd.toml; then echo '[broken' >>$BOX_STATE/config/containerd.toml; fi
exec $BOX_STATE/restart.sh
END
  chmod 755 "$BOX_STATE/sabotage.sh"
  settings "RESTART_COMMAND=$BOX_STATE/sabotage.sh"
  start_installer
  until_true 180 has_failed
  run -0 last_failure
  [[ $output == *"containerd was not restarted"*"the node is as it was before"* ]]
  [[ $(event GVisorRolledBack) == *"containerd was not restarted"*"the node is as it was before" ]]
  stop_installer
  cmp "$BOX_STATE/config/containerd.toml" "$BATS_FILE_TMPDIR/containerd.toml"
  is_labelled false
  kubectl run after --image=busybox --restart=Never --image-pull-policy=IfNotPresent -- true
  kubectl wait --for='jsonpath={.status.phase}=Succeeded' pod/after --timeout=180s
  kubectl delete pod after --now
  steady_is_untouched
}

@test "gVisor that cannot be proven is rolled back" {
  settings "RESTART_COMMAND=$BOX_STATE/restart.sh" "SMOKE_ARGS=--version"
  start_installer
  until_true 180 has_failed
  run -0 last_failure
  [[ $output == "5 "*"the pod in runsc: it left no report of gvisor_probe; the node is as it was before"* ]]
  stop_installer
  cmp "$BOX_STATE/config/containerd.toml" "$BATS_FILE_TMPDIR/containerd.toml"
  until_true 180 no_handler_is_left
  steady_is_untouched
}

@test "where the kubelet never sees the runtimes, the node is put back" {
  cp "$BATS_FILE_TMPDIR/containerd.toml" "$BOX_STATE/before.toml"
  cat >"$BOX_STATE/sabotage.sh" <<END
#!/bin/bash
# containerd starts by the file of before, and only then finds the installer's in its place
mv $BOX_STATE/config/containerd.toml $BOX_STATE/config/aside.toml
cp $BOX_STATE/before.toml $BOX_STATE/config/containerd.toml
$BOX_STATE/restart.sh
status=\$?
mv $BOX_STATE/config/aside.toml $BOX_STATE/config/containerd.toml
exit \$status
END
  TIMEOUT=40s settings SMOKE_ARGS- "RESTART_COMMAND=$BOX_STATE/sabotage.sh"
  start_installer
  until_true 240 has_failed
  run -0 last_failure
  [[ $output == "5 the kubelet does not see gVisor's runtimes; the node is as it was before" ]]
  [[ $(event GVisorRolledBack) == "the kubelet does not see gVisor's runtimes; the node is as it was before" ]]
  stop_installer
  cmp "$BOX_STATE/config/containerd.toml" "$BATS_FILE_TMPDIR/containerd.toml"
  is_labelled false
  steady_is_untouched
  settings "RESTART_COMMAND=$BOX_STATE/restart.sh"
}

@test "where the proving image cannot be had, nothing is touched" {
  pid=$(containerd_pid)
  TIMEOUT=20s settings SMOKE_ARGS- SMOKE_IMAGE=gvisor_probe:none
  start_installer
  until_true 180 has_failed
  run -0 last_failure
  [[ $output == "5 nothing was changed: the pod in the default runtime: "* ]]
  [[ $(containerd_pid) == "$pid" && ! -e $BOX_STATE/gvisor/state.json ]]
  stop_installer
  settings SMOKE_IMAGE-
}

@test "after all of it a node becomes one with gVisor again, and without" {
  settings "SMOKE_ARGS-"
  start_installer
  until_true 180 installer_is_ready
  is_labelled true
  stop_installer
  run -0 uninstall
  [[ $output == "0 "* ]]
  cmp "$BOX_STATE/config/containerd.toml" "$BATS_FILE_TMPDIR/containerd.toml"
  steady_is_untouched
  kubectl delete pod steady --now
}
