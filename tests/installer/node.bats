#!/usr/bin/env bats
# What the node is to Kubernetes, asked before anything changes: api.py answers.

load helpers.bash

teardown() { if [[ ${api:-} ]]; then kill "$api"; fi; }

of_runtime() { # RUNTIME COMMAND: on a node that says it runs that
  local account=$BATS_TEST_TMPDIR/account
  "$here/api.py" "$account" "$1" 3>&- &
  api=$!
  until [[ -e $account/port ]]; do kill -0 "$api"; done
  KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$(<"$account/port") \
    run installer "$2" --node here --service-account "$account" --timeout 1s
  echo "status $status: $output"
  asked=$account/asked
}

@test "a node of CRI-O is refused before anything changes" {
  need_node default-2.1
  of_runtime cri-o://1.33.1 install
  [[ $status == 4 && $output == *"the node's pods run in cri-o://1.33.1"* ]]
  nothing_changed
  run ! grep pods "$asked"
}

@test "a containerd that was updated and not restarted is to be restarted first" {
  need_node default-2.1
  of_runtime containerd://2.1.2 install
  [[ $status == 4 && $output == *"restart containerd first"* ]]
  nothing_changed
}

@test "a containerd of another version than the node's is the wrong one" {
  need_node default-2.1
  of_runtime containerd://1.7.27 install
  [[ $status == 4 && $output == *"the node runs containerd 1.7.27"* ]]
  nothing_changed
}

@test "the node's own containerd is gone on with, to the pod that must run first" {
  need_node debian-1.6
  of_runtime containerd://1.6.20 install
  [[ $output == *"running a pod in the default runtime"* ]]
  grep pods "$asked"
  nothing_changed
}
