#!/usr/bin/env bats
# The isolation experiment as users submit it, and copies of it that are confounded on purpose.

load helpers

setup_file() {
  eval "$("$box" env)"
  kubectl apply -k "$root/workflows/gvisor"
  kubectl label --overwrite nodes --all gvisor.argo-steps/ready=true
  export experiments=/var/tmp/argo-steps-gvisor
}

setup() { be_in argo-steps-gvisor; }

teardown() {
  if [[ ! ${BATS_TEST_COMPLETED:-} ]]; then
    for name in $(kubectl get workflows -o name); do argo get "${name##*/}"; done
    kubectl get pods
  fi
  argo delete --all >/dev/null
}

teardown_file() { rm -rf "$experiments"-{other,closed}; }

changed() { # JQ-FILTER: submits the experiment so changed, prints its name
  kubectl create --dry-run=client -o json -f workflows/gvisor_run.yaml | jq "$1" |
    argo submit - --output name -p warmup=0s -p batches=3 | sed 's|.*/||'
}

# The runc cell alone, with this patch of its pod.
with_runc_patched() { # PATCH
  PATCH=$1 changed '(.spec.templates[] | select(.name == "experiment").steps[1][]
    | select(.name == "runc").arguments.parameters[] | select(.name == "patch").value) = env.PATCH'
}

output() { # WORKFLOW NAME
  kubectl get workflow "$1" -o json |
    jq -r --arg name "$2" '.status.outputs.parameters // [] | .[] | select(.name == $name).value'
}

node_selector() { # WORKFLOW: of the node that its preflight asks for
  kubectl get workflow "$1" -o json | jq -r '.status.nodes[] | select(.templateName == "preflight")
    | .outputs.parameters[] | select(.name == "selector").value'
}

exit_code() { # WORKFLOW TEMPLATE
  kubectl get workflow "$1" -o json |
    jq -r --arg template "$2" '.status.nodes[] | select(.templateName == $template).outputs.exitCode'
}

logs_of() { # WORKFLOW TEMPLATE
  kubectl logs "$(pod_of_step "$1" "$2")" -c main
}

@test "runc lands, gVisor lands, the sealed one is contained, says the witness" {
  name=$(submit workflows/gvisor_run.yaml)
  ended "$name" Succeeded
  [ "$(output "$name" verdict)" = "A landed, B landed, C contained" ]
  run -0 shown "$name"
  [[ $output =~ verdict:[[:space:]]+"A landed, B landed, C contained" ]]
  [[ $output == *"contained  made inside, and the host has nothing of it"* ]]
  [[ $output != *✖* ]]
  [ ! -e "$experiments-$(uid_of "$name")" ]
}

@test "each cell's pod has its name, and its log begins with who it is and what it tried" {
  name=$(submit workflows/gvisor_run.yaml -p warmup=0s -p batches=3)
  ended "$name" Succeeded
  for cell in runc gvisor gvisor-sealed; do
    pod=$(kubectl get pods -l "workflows.argoproj.io/workflow=$name" -o name | grep -xE "pod/$name-$cell-[0-9]+")
    run -0 kubectl logs "$pod" -c main
    [[ ${lines[0]} == "cell $cell of run $(uid_of "$name"): runtime "* ]]
    [[ ${lines[1]} == "Who am I?" ]]
    [[ ${lines[3]} == "What did I try to write on the host's path, and what happened?" ]]
  done
}

@test "a cell that is lost ends the run without a verdict, and nothing stays on the node" {
  name=$(with_runc_patched '{"containers": [{"name": "main", "command": ["/none"]}]}')
  ended "$name" Failed
  [ -z "$(output "$name" verdict)" ]
  [ "$(pods_of "$name" compare)" = 0 ]
  [ ! -e "$experiments-$(uid_of "$name")" ]
}

@test "a cell that differs in anything but the runtime makes the experiment invalid, and is named" {
  main() { echo "{\"containers\": [{\"name\": \"main\", \"securityContext\": $1}]}"; }
  declare -A run
  run[uid]=$(with_runc_patched "$(main '{"runAsUser": 65533}')")
  run[seccomp]=$(with_runc_patched "$(main '{"seccompProfile": {"type": "Unconfined"}}')")
  run[bounding capabilities]=$(with_runc_patched "$(main '{"capabilities": {"add": ["NET_RAW"]}}')")
  mount() { echo "{\"volumes\": [{\"name\": \"experiment\", \"hostPath\": {\"path\": \"$1\"}}]}"; }
  # Another directory of the node; and as in the demonstration that this replaces, with another mode.
  for other in other closed; do
    mkdir -p "$experiments-$other"/{open,locked}
    head -c 16 /dev/urandom | xxd -p >"$experiments-$other/canary"
    chmod 1777 "$experiments-$other/open"
  done
  chmod 0755 "$experiments-closed/open"
  run[canary]=$(with_runc_patched "$(mount "$experiments-other")")
  run[mode of open]=$(with_runc_patched "$(mount "$experiments-closed")")
  for confounder in "${!run[@]}"; do
    name=${run[$confounder]}
    ended "$name" Failed
    [ "$(exit_code "$name" compare)" = 5 ]
    [ -z "$(output "$name" verdict)" ] || [[ $(output "$name" verdict) == invalid* ]]
    run -0 logs_of "$name" compare
    [[ $output == *"invalid experiment: $confounder"* || $output == *$'\n'"  $confounder"* ]]
  done
}

@test "a seal by annotation is heard only where containerd passes it on" {
  heard=$(submit workflows/gvisor_run.yaml -p sealed-class=gvisor-permissive -p warmup=0s -p batches=3)
  unheard=$(submit workflows/gvisor_run.yaml -p sealed-class=argo-steps-gvisor -p warmup=0s -p batches=3)
  ended "$heard" Succeeded
  ended "$unheard" Failed
  [ "$(output "$unheard" verdict)" = "A landed, B landed, C landed" ]
  [ "$(exit_code "$unheard" compare)" = 5 ]
}

@test "a runtime class that is not there is named, and no pod waits for it" {
  for class in class sealed-class; do
    name=$(submit workflows/gvisor_run.yaml -p "$class=none-such")
    ended "$name" Failed
    run -0 shown "$name"
    [[ $output == *'"none-such" not found'* ]]
    [ "$(pods_of "$name" prepare)" = 0 ]
  done
}

@test "the cluster's own class gvisor is neither changed nor removed" {
  for verb in apply delete; do
    run -0 kubectl "$verb" --dry-run=server -k workflows/gvisor
    [[ $output == *"argo-steps-gvisor"* ]]
    [[ ! $output =~ runtimeclass[^$'\n']*[/\"]gvisor ]]
  done
}

@test "the experiment uses the class that the cluster has, and says which" {
  name=$(submit workflows/gvisor_run.yaml -p class=gvisor -p sealed-class=gvisor-sealed -p warmup=0s -p batches=3)
  ended "$name" Succeeded
  [ "$(output "$name" classes)" = \
    "gvisor in gvisor (handler runsc), gvisor-sealed in gvisor-sealed (handler runsc-sealed)" ]
  [ "$(node_selector "$name")" = '{}' ]
  ours=$(submit workflows/gvisor_run.yaml -p class=gvisor -p warmup=0s -p batches=3)
  ended "$ours" Succeeded
  [ "$(node_selector "$ours")" = '{"gvisor.argo-steps/ready":"true"}' ]
}
