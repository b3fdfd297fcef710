#!/usr/bin/env bats
# Configurations that other programs write, or write anew: what is ours is known in them, and an
# edit that would be lost is not made.

bats_require_minimum_version 1.5.0

setup_file() {
  load helpers.bash
  setup_programs
  listen
}
teardown_file() {
  load helpers.bash
  stop_listening
}
setup() { load helpers.bash; }

refused() { # STATUS TEXT COMMAND...: it fails with that status, and says that
  local expected=$1 text=$2
  shift 2
  run "$@"
  echo "status $status"
  echo "$output"
  [[ $status == "$expected" && $output == *"$text"* ]]
}
# As tools that read TOML and write it again leave a file: without comments, in their own layout.
written_anew() { sed -i -e '/^ *#/d' -e 's/ *# gvisor_installer$//' -e 's/^ *//' -e 's/^\[/\n[/' "$@"; }

@test "tables that lost their comments are ours: verified, installed over, taken out" {
  need_node kind-1.7
  installer install
  written_anew "$etc/config.toml"
  installer verify
  [[ $(installer check | tail -n 1) == "nothing to change" ]]
  installer install
  [[ $(restarts) == 1 ]]
  cp "$node/etc.before/config.toml" "$node/expected"
  written_anew "$node/expected"
  installer uninstall
  run ! grep runsc "$etc/config.toml"
  diff -B "$node/expected" "$etc/config.toml"
}

@test "an upgrade changes tables that lost their comments" {
  need_node minikube-1.7
  installer install
  written_anew "$etc/config.toml"
  sed -i 's#/current/containerd-shim-runsc-v1#/older/containerd-shim-runsc-v1#' "$etc/config.toml"
  installer install
  installer verify
  [[ $(grep -c 'runtimes.runsc]' "$etc/config.toml") == 1 ]]
  installer uninstall
  run ! grep runsc "$etc/config.toml"
}

@test "a drop-in that lost its comments is ours" {
  need_node imports-of-others-2.1
  installer install
  written_anew "$etc"/conf.d/60-gvisor.toml "$etc/config.toml"
  installer verify
  [[ $(installer check | tail -n 1) == "nothing to change" ]]
  installer uninstall
  [[ ! -e $etc/conf.d/60-gvisor.toml ]]
  run ! grep gvisor "$etc/config.toml"
}

@test "what check prints for a template, put there, is all that installing needs" {
  need_node k3s-blank-line-1.7
  run --separate-stderr installer check
  [[ $status == 4 ]]
  echo "$output" >>"$etc/config.toml" # as k3s would make it of its template
  installer install
  installer verify
  [[ $(restarts) == 0 ]]
  refused 4 "take gVisor's lines out of $etc/config.toml.tmpl" installer uninstall
  cp "$node/etc.before/config.toml" "$etc/config.toml"
  installer uninstall
  diff -r "$node/etc.before" "$etc"
}

@test "the line that check prints for a template of containerd 2, put there, leads to a drop-in" {
  need_node k3s-without-imports-2.1
  run --separate-stderr installer check
  [[ $status == 4 && $output == "imports = "* ]]
  sed -i "1i $output" "$etc/config.toml"
  cp "$etc/config.toml" "$node/written"
  installer install
  installer verify
  diff "$node/written" "$etc/config.toml"
  [[ -e $etc/conf.d/60-gvisor.toml ]]
  installer uninstall
  diff "$node/written" "$etc/config.toml"
}

@test "microk8s is known by where its configuration stands, too" {
  need_node microk8s-1.7
  mkdir -p "$etc/microk8s"
  mv "$etc/config.toml" "$etc/microk8s/"
  refused 4 "at the end of $etc/microk8s/containerd-template.toml" \
    installer check --config "$etc/microk8s/config.toml"
}
