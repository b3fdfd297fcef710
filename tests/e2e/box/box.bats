#!/usr/bin/env bats
# What the box promises to those who build on it. Needs it down, leaves it down.

bats_require_minimum_version 1.5.0

setup_file() {
  export box=$BATS_TEST_DIRNAME/../../../local/box/box here=$BATS_TEST_DIRNAME
  "$box" build
  "$box" down
}

teardown_file() { "$box" down; }

k() { "$box" kubectl -n box-test "$@"; }

pod() { # NAME RUNTIME-CLASS SCRIPT: runs it to its end, prints its output
  jq -n --arg name "$1" --arg class "$2" --arg script "$3" '
    {apiVersion: "v1", kind: "Pod", metadata: {$name}, spec: {
      restartPolicy: "Never",
      runtimeClassName: (if $class == "" then null else $class end),
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: "RuntimeDefault"}},
      containers: [{
        name: "main", image: "busybox", imagePullPolicy: "IfNotPresent",
        command: ["sh", "-ec", $script],
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}
      }]}}' | k create -f - >/dev/null
  k wait --for='jsonpath={.status.phase}=Succeeded' --timeout=180s "pod/$1" >/dev/null ||
    k describe "pod/$1"
  k logs "$1"
  k delete pod "$1" --now >/dev/null
}

until_true() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    ((SECONDS < deadline)) || {
      echo "no $what"
      return 1
    }
    sleep 0.2
  done
}

@test "without a box, status is 3 and the rest says how to get one" {
  run -3 "$box" status
  run -1 "$box" kubectl get nodes
  [[ $output == *"not up: "*"box up"* ]]
  run -0 "$box" leftovers
  [ -z "$output" ]
}

@test "build works at the first try where the cache has nothing but the large parts" {
  real=${BOX_CACHE:-$HOME/.cache/argo-steps/box}/current
  export BOX_CACHE=$BATS_TEST_TMPDIR/cache
  mkdir -p "$BOX_CACHE/built"
  for name in kubernetes argo containerd gvisor etcd coredns local-path network-policies; do
    ln -s "$(readlink -f "$real/$name")" "$BOX_CACHE/built/"
  done
  run -0 "$box" build
  [[ $output != *"building kubernetes"* ]]
  for program in kubelet argo pause; do [ -x "$BOX_CACHE/bin/$program" ]; done
  [ "$(compgen -G "$BOX_CACHE/current/image-*/image.tar" | wc -l)" -ge 8 ]
}

@test "hints name the state of the box that they are about" {
  BOX_STATE=$BATS_TEST_TMPDIR/other run -1 "$box" kubectl get nodes
  [[ $output == *"not up: BOX_STATE=$BATS_TEST_TMPDIR/other "*"/box up" ]]
}

@test "up, and again at once" {
  "$box" up
  run -0 "$box" up
  [[ $output == *"already up"* ]]
  run -0 "$box" status
  "$box" kubectl apply -f "$here/fixtures/namespace.yaml"
}

@test "env sets up a shell" {
  eval "$("$box" env)"
  [ "$(kubectl get nodes -o name)" = node/box ]
  argo list -A
}

@test "a workflow's two steps share a claim, under pod security restricted" {
  run -0 "$box" argo submit -n box-test --wait --log "$here/fixtures/two_steps.yaml"
  [[ $output == *"written by the first"* ]]
}

@test "Argo looks at what changes every second, and its containers may take 256Mi" {
  [ "$("$box" kubectl -n argo get deployment workflow-controller -o json |
    jq -r '.spec.template.spec.containers[0].env[] | select(.name == "DEFAULT_REQUEUE_TIME").value')" = 1s ]
  [ "$(k get pods -l workflows.argoproj.io/workflow -o json | jq -rc '
    [.items[].spec | (.initContainers[] | select(.name == "init")), (.containers[] | select(.name == "wait")) |
      .resources.limits.memory] | unique')" = '["256Mi"]' ]
}

@test "Argo's metrics can be read" {
  local address
  address=$("$box" kubectl -n argo get service workflow-controller-metrics -o 'jsonpath={.spec.clusterIP}')
  run -0 "$box" inside busybox wget -q -O - "http://$address:9090/metrics"
  [[ $output == *argo_workflows_* ]]
}

@test "Argo's server answers its API to those who may list, and to nobody else" {
  local address
  address=$("$box" kubectl -n argo get service argo-server -o 'jsonpath={.spec.clusterIP}')
  ask() { # TOKEN: a user of the server, as `argo` is with ARGO_SERVER
    "$box" inside env -u KUBECONFIG ARGO_SERVER="$address:2746" ARGO_SECURE=true \
      ARGO_INSECURE_SKIP_VERIFY=true ARGO_TOKEN="Bearer $1" argo list -n box-test
  }
  k create serviceaccount looker
  k create role looker --verb=list,get,watch --resource=workflows.argoproj.io
  k create rolebinding looker --role=looker --serviceaccount=box-test:looker
  run -0 ask "$(k create token looker)"
  [[ $output == *two-steps* ]]
  run ! ask "$(k create token default)"
  [[ $output == *PermissionDenied* ]]
  run ! ask none
}

@test "a memory limit binds under gVisor, for Argo's containers have limits too" {
  # The pod, not the workflow: Argo waits ten minutes for word of its container that was killed too.
  taking() { # MIB: in a step with a limit of 64Mi; prints how its pod ended
    local name phase='' end=$((SECONDS + 240))
    name=$("$box" argo submit -n box-test "$here/fixtures/memory.yaml" -p mib="$1" --output name)
    until [[ $phase == @(Succeeded|Failed) ]] || ((SECONDS > end)); do
      phase=$(k get pods -l "workflows.argoproj.io/workflow=${name##*/}" -o 'jsonpath={.items[*].status.phase}')
    done
    echo "$phase"
  }
  [ "$(taking 16)" = Succeeded ]
  [ "$(taking 512)" = Failed ]
}

@test "the gVisor classes run gVisor, and gvisor-offline without a network" {
  for class in gvisor gvisor-sealed gvisor-offline; do
    run -0 pod "in-$class" "$class" 'dmesg; grep -o "^ *eth0:" /proc/net/dev || true'
    [[ $output == *"Starting gVisor"* ]]
    [[ $class == gvisor-offline || $output == *eth0* ]]
    [[ $class != gvisor-offline || $output != *eth0* ]]
  done
}

@test "the cluster's names resolve, and nothing leads out" {
  run -0 pod names '' 'nslookup kubernetes.default.svc.cluster.local; ! nc -w 2 192.0.2.1 80'
  [[ $output == *"Address: 10.96.0.1"* ]]
}

@test "postgres:17 is PostgreSQL 17, and asks others for the password" {
  k apply -f "$here/fixtures/postgres.yaml"
  k wait --for=condition=Ready pod/postgres --timeout=180s
  run -0 k exec postgres -- psql -U app -d stats -Atc 'SELECT version()'
  [[ $output == "PostgreSQL 17."* ]]
  ask() { k exec postgres -- env PGPASSWORD="$1" psql -h postgres -U app -d stats -Atc 'SHOW max_connections'; }
  run -0 ask for-tests
  [ "$output" = 40 ]
  run ! ask wrong
  k delete -f "$here/fixtures/postgres.yaml" --now
}

@test "an image is loaded under the name that the kubelet will ask for" {
  local archive=$BATS_TEST_TMPDIR/image.tar root=$BATS_TEST_TMPDIR/root
  here=${box%/*} bash -c '. "$here/oci.sh"; mkdir -p "$1/bin"; cp /bin/busybox "$1/bin/"
    oci_archive own:v1 "$1" "{\"Cmd\": [\"/bin/busybox\", \"echo\", \"loaded\"]}" "$2"' bash "$root" "$archive"
  run -0 "$box" load-image "$archive"
  [ "$output" = docker.io/library/own:v1 ]
  run -0 "$box" load-image "$archive" example.org/team/own
  [ "$output" = example.org/team/own:latest ]
  "$box" kubectl run own --image=own:v1 --restart=Never
  "$box" kubectl wait --for='jsonpath={.status.phase}=Succeeded' --timeout=180s pod/own
  [ "$("$box" kubectl logs own)" = loaded ]
  "$box" kubectl delete pod own --now
}

@test "an image is pulled from the registry that certs.d names, and from no other" {
  local files=${BOX_STATE:-/var/lib/argo-steps-box}/certs.d archive=$BATS_TEST_TMPDIR/image.tar
  here=${box%/*} bash -c '. "$here/oci.sh"; mkdir -p "$1/bin"; cp /bin/busybox "$1/bin/"
    oci_archive pulled:v1 "$1" "{\"Cmd\": [\"/bin/busybox\", \"echo\", \"pulled\"]}" "$2"' \
    bash "$BATS_TEST_TMPDIR/root" "$archive"
  "$box" inside "$here/fixtures/registry.py" 127.0.0.1 15000 "$archive" "$BATS_TEST_TMPDIR/pid" 3>&- &
  until_true 20 "registry" test -s "$BATS_TEST_TMPDIR/pid"
  pull() { # NAME WORD: starts a pod, until its status has the word
    "$box" kubectl run "$1" --image=registry.test:5000/own:v1 --image-pull-policy=Always --restart=Never
    until_true 120 "$2 of $1" has "$@"
    "$box" kubectl delete pod "$1" --now
  }
  has() { [[ $("$box" kubectl get pod "$1" -o 'jsonpath={.status}') == *"$2"* ]]; }
  pull unknown ImagePull
  mkdir -p "$files/registry.test:5000"
  printf 'server = "http://127.0.0.1:15000"\n' >"$files/registry.test:5000/hosts.toml"
  pull known Succeeded
  "$box" inside kill "$(<"$BATS_TEST_TMPDIR/pid")"
}

@test "the machine reaches what listens on the node's port 32000" {
  local port
  port=$("$box" status | grep -oP 'jobs .*127.0.0.1:\K[0-9]+')
  "$box" kubectl run web --image=busybox --image-pull-policy=IfNotPresent --labels app=web -- \
    sh -c 'echo here >/tmp/index.html; exec httpd -f -p 8080 -h /tmp'
  "$box" kubectl create service nodeport web --tcp=8080 --node-port=32000
  "$box" kubectl wait --for=condition=Ready --timeout=180s pod/web
  answers() { [[ $(curl -s "http://127.0.0.1:$port/index.html") == here ]]; }
  until_true 60 "answer on port $port" answers
  "$box" kubectl delete service/web pod/web --now
}

@test "up starts again what was killed" {
  for service in kubelet apiserver containerd; do
    "$box" inside kill -KILL "$(cut -d ' ' -f 1 "${BOX_STATE:-/var/lib/argo-steps-box}/pid/$service")"
  done
  run -1 "$box" status
  run -0 "$box" up
  [[ $output == *"started again: containerd apiserver kubelet"* ]]
  run -0 pod after '' 'echo still here'
  [[ $output == *"still here"* ]]
}

@test "down leaves nothing, twice, also after parts were killed" {
  "$box" inside kill -KILL "$(cut -d ' ' -f 1 "${BOX_STATE:-/var/lib/argo-steps-box}/pid/containerd")"
  run -0 "$box" down
  run -0 "$box" leftovers
  [ -z "$output" ]
  run -0 "$box" down
  [[ $output == *"not up"* ]]
}

@test "an interrupted up is started over" {
  timeout -s INT 8 "$box" up || true
  run -3 "$box" status
  run -0 "$box" up
  [[ $output == *"removing what an earlier start left"* ]]
  run -0 "$box" status
}
