#!/usr/bin/env bats
# What a node is like around containerd's configuration: who reads it, what its mounts allow.

load helpers.bash

teardown() {
  if [[ ${daemon:-} ]]; then kill "$daemon" && wait "$daemon" || true; fi
  if [[ ${mounted:-} ]]; then umount "$mounted"; fi
}

both_refuse() { # STATUS TEXT [OPTION...]: check and install fail with that status, and say that
  local command
  for command in check install; do
    run installer "$command" "${@:3}"
    echo "status $status: $output"
    [[ $status == "$1" && $output == *"$2"* ]]
  done
  nothing_changed
}

# A real containerd that runs, with these options; it answers on $node/run/sock.
start_containerd() {
  need_root
  mkdir -p "$node/run"
  {
    echo 'version = 2'
    printf 'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images"]\n'
    printf 'root = "%s"\nstate = "%s"\n[grpc]\naddress = "%s"\n' "$node/run/root" "$node/run/state" "$node/run/sock"
  } >"$node/run/config.toml"
  (cd "$node/run" && exec "$containerd" "$@" >"$node/run/log" 2>&1 3>&- 4>&-) &
  daemon=$!
  until python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$node/run/sock" 2>/dev/null; do
    kill -0 "$daemon" || { cat "$node/run/log"; return 1; }
  done
}

@test "a configuration that the running containerd does not read is refused, however that was told" {
  need_root
  need_node none-2.1
  for told in "--config=$node/run/config.toml" "-c $node/run/config.toml" "-config config.toml" "--log-level warn --config $node/run/config.toml"; do
    # shellcheck disable=SC2086  # options
    start_containerd $told
    both_refuse 4 "the containerd that answers on $node/run/sock (process $daemon) reads $node/run/config.toml, not $etc/config.toml" \
      --socket "$node/run/sock"
    kill "$daemon"
    wait "$daemon" || true
    daemon=
    rm -f "$node/run/sock"
  done
}

@test "the configuration that the running containerd reads is gone on with, by a link too" {
  need_root
  need_node none-2.1
  start_containerd --config "$node/run/config.toml"
  ln -s "$node/run" "$node/elsewhere"
  run installer check --config "$node/elsewhere/config.toml" --socket "$node/run/sock"
  [[ $output == *"disabled_plugins holds the CRI plugin"* ]]
}

@test "a containerd that was told another address on its command line is known by it" {
  need_node none-2.1
  mkdir -p "$node/run"
  printf 'version = 3\n[grpc]\naddress = "/run/elsewhere.sock"\n' >"$etc/config.toml"
  need_root
  start_containerd --config "$etc/config.toml" --address "$node/run/sock" --root "$node/run/root" --state "$node/run/state"
  installer check --socket "$node/run/sock"
}

@test "a socket that the configuration does not name is another's" {
  need_node k3s-2.1
  both_refuse 4 "name the one of this configuration" --socket "$node/other.sock"
}

@test "a --prefix that is mounted noexec or read-only is refused" {
  need_root
  need_node none-2.1
  mkdir -p "$node/opt"
  mounted=$node/opt
  mount -t tmpfs -o noexec tmpfs "$node/opt"
  both_refuse 4 "is mounted noexec"
  mount -o remount,exec,ro "$node/opt"
  # installing makes its lock there first
  run installer check
  [[ $status == 4 && $output == *"is mounted read-only"* ]]
  run installer install
  [[ $status == 4 && $output == *"ead-only"* ]]
  diff -r "$node/etc.before" "$etc"
}

@test "a configuration that is a mount of its own is refused where it would be edited" {
  need_root
  need_node minikube-1.7
  mounted=$etc/config.toml
  cp "$etc/config.toml" "$node/mounted.toml"
  mount --bind "$node/mounted.toml" "$etc/config.toml"
  both_refuse 4 "is a mount of its own"
}

@test "a configuration that is a mount and imports a directory needs no edit" {
  need_root
  need_node k3s-2.1
  mounted=$etc/config.toml
  cp "$etc/config.toml" "$node/mounted.toml"
  mount --bind "$node/mounted.toml" "$etc/config.toml"
  installer install
  installer uninstall
}

@test "a containerd that finds no runtime by its path is too old" {
  need_node none-1.6
  printf '#!/bin/sh\necho containerd github.com/containerd/containerd v1.5.18 x\n' >"$node/containerd"
  chmod +x "$node/containerd"
  both_refuse 4 "containerd 1.5.18 is older than 1.6" --containerd "$node/containerd"
}
