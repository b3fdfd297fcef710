#!/usr/bin/env bats
# Uninstalling asks containerd before gVisor's programs go, finds the drop-in wherever an
# installation put it, and does not ask what is only of matter to an installation.

load helpers.bash

gone() { diff -r "$node/etc.before" "$etc" && [[ ! -e $node/opt/gvisor ]]; }
import_first() { # DIRECTORY: it is made, and what is in it imported before all else
  mkdir "$etc/$1"
  sed -i "s#^imports = \[#imports = [\"$etc/$1/*.toml\", #" "$etc/config.toml"
  cp -r "$etc/$1" "$etc/config.toml" "$node/etc.before/"
}

@test "a drop-in goes though another directory is imported first since" {
  need_node one-line-2.1
  installer install
  import_first config.d
  installer uninstall
  rmdir "$node/etc.before/conf.d" 2>/dev/null || true
  gone
}

@test "a drop-in that --drop-in named goes without naming it again" {
  need_node default-2.2
  installer install --drop-in "$etc/conf.d/70-gv.toml"
  installer uninstall
  gone
  need_node no-line-end-2.1 # which imports no directory: the line goes too
  installer install --drop-in "$etc/extra/gv.toml"
  echo '# edited' >>"$etc/config.toml"
  installer uninstall
  [[ ! -e $etc/extra && ! -e $node/opt/gvisor ]]
  run ! grep -r gv "$etc"
}

@test "a drop-in that k0s merges goes without naming it again" {
  for name in k0s-1.7 k0s-2.1; do
    need_node "$name"
    mkdir "$etc/containerd.d"
    installer install --drop-in "$etc/containerd.d/60-gvisor.toml" --restart-command \
      "cat $node/etc.before/run/cri.toml $etc/containerd.d/*.toml | awk '!/^version/ || !seen++' >$etc/run/cri.toml"
    installer uninstall --restart-command "ls $etc/containerd.d/* || cp $node/etc.before/run/cri.toml $etc/run/"
    rmdir "$etc/containerd.d"
    gone
  done
}

@test "runtimes in a file that nobody knows of: the programs stay, and all else" {
  for lost in false true; do
    need_node default-2.2
    installer install
    mv "$etc/conf.d/60-gvisor.toml" "$etc/conf.d/99-site.toml"
    if [[ $lost == true ]]; then rm -r "$node/opt/gvisor"; fi
    cp -r "$etc" "$node/installed"
    refused 5 "containerd still sees the runtime runsc" installer uninstall
    [[ $output == *"nothing was changed"* && $(restarts) == 1 ]]
    diff -r "$node/installed" "$etc"
    [[ $lost == true ]] || [[ -x $node/opt/gvisor/current/runsc && -e $node/opt/gvisor/state.json ]]
    rm "$etc/conf.d/99-site.toml"
    installer uninstall
    [[ ! -e $node/opt/gvisor ]]
  done
}

@test "a configuration that containerd cannot read proves nothing: the programs stay" {
  need_node default-2.2
  installer install
  rm "$etc/conf.d/60-gvisor.toml"
  echo 'plugins = 3' >"$etc/conf.d/site.toml"
  refused 4 "containerd cannot read its configuration" installer uninstall
  [[ -x $node/opt/gvisor/current/runsc ]]
}

@test "another configuration than that of the installation is refused by every command" {
  need_node kubeadm-systemd-2.2
  installer install
  cp -r "$etc" "$node/installed"
  for command in check install verify uninstall; do
    refused 4 "gVisor was installed into $etc/config.toml" installer "$command" --config "$node/etc/other.toml"
  done
  diff -r "$node/installed" "$etc"
  [[ -x $node/opt/gvisor/current/runsc ]]
  mv "$etc" "$node/etc/moved" # by another name it is the same file
  ln -s moved "$etc"
  installer uninstall --config "$node/etc/moved/config.toml"
  gone
}

@test "the drop-in moves with the options and the imports: one of ours is there at a time" {
  need_node default-2.2
  installer install
  installer install --drop-in "$etc/conf.d/70-gv.toml"
  installer verify --drop-in "$etc/conf.d/70-gv.toml"
  [[ $(ls "$etc/conf.d") == 70-gv.toml && $(restarts) == 2 ]]
  installer uninstall
  gone
  need_node no-line-end-2.1 # here by an import line, to the user's directory and back
  installer install
  mkdir "$etc/own"
  installer install --drop-in "$etc/own/gv.toml"
  [[ $(cd "$etc" && echo ./*) == *own* && ! -e $etc/conf.d ]]
  run ! grep conf.d "$etc/config.toml"
  installer install
  installer verify
  [[ -z $(ls "$etc/own") && -e $etc/conf.d/60-gvisor.toml ]]
  installer uninstall
  rmdir "$etc/own"
  gone
}

@test "what a user changed between two installations stays" {
  need_node debian-1.6
  installer install
  { echo '# mine'; cat "$node/etc.before/config.toml"; } >"$etc/config.toml"
  installer install
  installer uninstall
  { echo '# mine'; cat "$node/etc.before/config.toml"; } | diff - "$etc/config.toml"
}

@test "a backup of another installation stays as it is" {
  need_node debian-1.6
  echo older >"$etc/config.toml.gvisor_installer.orig"
  run installer install
  [[ $status == 0 && $output == *"is of an older installation and stays"* ]]
  installer uninstall
  [[ $(<"$etc/config.toml.gvisor_installer.orig") == older ]]
  diff "$node/etc.before/config.toml" "$etc/config.toml"
}

@test "a move that fails leaves the drop-in where it was" {
  need_node no-line-end-2.1
  installer install
  cp -r "$etc" "$node/installed"
  refused 4 "the node is as it was before" installer install --drop-in "$etc/extra/gv.toml" \
    --restart-command "[ -e $node/failed ] || { touch $node/failed; exit 7; }"
  diff -r "$node/installed" "$etc"
  installer verify
  installer uninstall
  gone
}

@test "a file that took the earlier drop-in's place stays" {
  need_node default-2.2
  installer install
  echo '# mine' >"$etc/conf.d/60-gvisor.toml"
  installer install --drop-in "$etc/conf.d/70-gv.toml"
  installer uninstall
  [[ $(<"$etc/conf.d/60-gvisor.toml") == '# mine' && ! -e $etc/conf.d/70-gv.toml ]]
}

@test "two drop-ins of ours, as an older installer could leave them, both go" {
  need_node default-2.2
  installer install --drop-in "$etc/conf.d/70-gv.toml"
  cp "$etc/conf.d/70-gv.toml" "$etc/conf.d/60-gvisor.toml"
  installer uninstall
  gone
}

@test "where nothing is ours, what would refuse an installation does not matter" {
  local tried=0
  for name in docker-cri-disabled docker-cri-disabled-2.1 cri-disabled-in-import-2.1 version-1-2.2 \
    too-new-1.7 byte-order-mark-2.1 byte-order-mark-imported-2.1; do
    if ! make_node "$name"; then continue; fi
    tried=$((tried + 1))
    echo "$name"
    installer uninstall
    gone
    [[ $(restarts) == 0 ]]
  done
  ((tried)) || skip "no containerd is to be had"
}

@test "a node that was given to docker since loses gVisor" {
  for name in kubeadm-systemd-1.7 default-2.1; do
    need_node "$name"
    installer install
    sed -i '/^disabled_plugins/d; 1i disabled_plugins = ["io.containerd.grpc.v1.cri"]' "$etc/config.toml"
    installer uninstall
    [[ ! -e $node/opt/gvisor && $(restarts) == 2 ]]
    run ! grep -r runsc "$etc"
    diff <(sed '/^disabled_plugins/d' "$node/etc.before/config.toml") <(sed '/^disabled_plugins/d' "$etc/config.toml")
  done
}
