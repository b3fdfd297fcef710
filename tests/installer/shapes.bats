#!/usr/bin/env bats
# Configurations that other programs write, or write anew: what is ours is known in them, and an
# edit that would be lost is not made.

load helpers.bash

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

@test "a configuration that is written anew at the restart: not installed, rolled back" {
  need_node minikube-1.7
  refused 5 "after its start: containerd does not see the runtime runsc" installer install \
    --restart-command "echo restarted >>$node/restarts; cp $node/etc.before/config.toml $etc/config.toml"
  [[ $output == *"the node is as it was before"* && $(restarts) == 2 ]]
  diff -r "$node/etc.before" "$etc"
}

@test "a configuration that comes back at the restart: not uninstalled, and the next run can" {
  need_node minikube-1.7
  installer install
  cp "$etc/config.toml" "$node/installed"
  refused 5 "after its start: containerd still sees the runtime runsc" installer uninstall \
    --restart-command "echo restarted >>$node/restarts; cp $node/installed $etc/config.toml"
  installer verify
  installer uninstall
  diff -r "$node/etc.before" "$etc"
}

# What k0s does at its start, as far as containerd sees it.
k0s_starts() { echo "echo restarted >>$node/restarts; cat $node/etc.before/run/cri.toml $etc/containerd.d/*.toml | awk '!/^version/ || !seen++' >$etc/run/cri.toml"; }

@test "k0s: with its drop-in directory, and nothing else is touched" {
  for name in k0s-1.7 k0s-2.1; do
    need_node "$name"
    mkdir "$etc/containerd.d"
    k0s=(--drop-in "$etc/containerd.d/60-gvisor.toml" --restart-command "$(k0s_starts)")
    installer install "${k0s[@]}"
    installer verify "${k0s[@]}"
    diff "$node/etc.before/config.toml" "$etc/config.toml"
    [[ $(restarts) == 1 ]]
    [[ $(installer check "${k0s[@]}" | tail -n 1) == "nothing to change" ]]
    installer uninstall "${k0s[@]}" --restart-command "rm -f $etc/containerd.d/*; cp $node/etc.before/run/cri.toml $etc/run/"
    diff -r "$node/etc.before/run" "$etc/run"
    diff "$node/etc.before/config.toml" "$etc/config.toml"
  done
}

@test "k0s that does not merge the drop-in: rolled back" {
  need_node k0s-2.1
  refused 5 "after its start: containerd does not see the runtime runsc" \
    installer install --drop-in "$etc/containerd.d/60-gvisor.toml"
  diff -r "$node/etc.before" "$etc"
}

@test "where nothing is ours, another's runsc is none of our business" {
  for name in minikube-addon-once foreign-runsc-2.2; do
    if ! make_node "$name"; then continue; fi
    installer uninstall
    diff -r "$node/etc.before" "$etc"
    [[ $(restarts) == 0 ]]
  done
}
