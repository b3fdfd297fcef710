#!/usr/bin/env bats
# Files that are links, directories behind links, and what hangs on files besides their bytes.

load helpers.bash

teardown() { if [[ ${shim:-} ]]; then kill "$shim" 2>/dev/null || true; fi; }

fails_once() { echo "echo x >>$node/restarts; [ -e $node/failed ] || { touch $node/failed; exit 7; }"; }
tree() { (cd "$node" && find etc data -printf '%P %y %l %m %s\n' | grep -v '\.orig' | sort && find data -type f -exec cat {} +); }

# Makes the configuration a link: to a file elsewhere, relative, over a second link, through a directory.
behind_a_link() { # HOW
  mkdir "$node/data"
  mv "$etc/config.toml" "$node/data/containerd.toml"
  case $1 in
  absolute) ln -s "$node/data/containerd.toml" "$etc/config.toml" ;;
  relative) ln -s ../../data/containerd.toml "$etc/config.toml" ;;
  twice)
    ln -s "$node/data/containerd.toml" "$etc/second.toml"
    ln -s second.toml "$etc/config.toml"
    ;;
  directory)
    ln -s ../../data "$etc/there"
    ln -s there/containerd.toml "$etc/config.toml"
    ;;
  esac
  tree >"$node/was"
}
each_way() { # NAME COMMAND: on the node NAME, its configuration behind each kind of link
  local how
  for how in absolute relative twice directory; do
    need_node "$1"
    behind_a_link "$how"
    "$2"
    tree | diff "$node/was" -
  done
}

rolls_back() { refused 4 "the node is as it was before" installer install --restart-command "$(fails_once)"; }
@test "a configuration that is a link: rolled back, the link is there and its target as before" {
  each_way debian-1.6 rolls_back
  each_way imports-of-others-2.1 rolls_back
}

installs_and_leaves() {
  installer install
  [[ -L $etc/config.toml ]]
  grep -q "$node" "$node/data/containerd.toml"
  installer verify
  installer uninstall
}
@test "a configuration that is a link: installed and uninstalled, it still is one" {
  each_way debian-1.6 installs_and_leaves
  each_way imports-of-others-2.1 installs_and_leaves
}

fails_to_leave() {
  installer install
  tree >"$node/installed"
  refused 4 "the node is as it was before" installer uninstall --restart-command "$(fails_once)"
  tree | diff "$node/installed" -
  installer uninstall
}
@test "a configuration that is a link: an uninstall that fails leaves link and target installed" {
  each_way debian-1.6 fails_to_leave
}

@test "a configuration that is a link: killed at any step, the next run undoes it" {
  export installer=$BUILD/release/bin/gvisor_installer_steps
  need_node debian-1.6
  STEPS=$node/steps installer install
  steps=$(wc -l <"$node/steps")
  for ((step = 1; step <= steps; step++)); do
    need_node debian-1.6
    behind_a_link relative
    STOP_AT=$step run installer install
    [[ $status == 137 ]]
    installer uninstall
    tree | diff "$node/was" -
  done
}

@test "notes of an older installer, which did not follow the link, are undone as well" {
  need_node debian-1.6
  behind_a_link relative
  mkdir -p "$node/opt/gvisor"
  cp "$node/data/containerd.toml" "$etc/.config.toml.gvisor_installer.before"
  sum=$(sha256sum <"$node/data/containerd.toml")
  jq -n --arg path "$etc/config.toml" --arg sum "${sum%% *}" '{phase: "changing", release: "20260101.0", drop_in: "",
    current: "", made_directory: false, config_noted: true, config_existed: true, config_before: $sum,
    config_after: "", files: [{path: $path, existed: true, sha256: $sum}]}' >"$node/opt/gvisor/state.json"
  echo '# half done' >>"$node/data/containerd.toml"
  refused 4 "put back" installer install --restart-command "exit 7"
  [[ -L $etc/config.toml && $(sha256sum <"$node/data/containerd.toml") == "$sum" ]]
}

@test "a link that leads nowhere, or round in a circle, is refused" {
  need_node debian-1.6
  rm "$etc/config.toml"
  ln -s nowhere/config.toml "$etc/config.toml"
  for command in check install verify uninstall; do
    refused 4 "$etc/config.toml is a link that leads nowhere" installer "$command"
  done
  ln -sf config.toml "$etc/config.toml"
  refused 4 "Too many levels of symbolic links" installer install
  [[ -L $etc/config.toml && $(restarts) == 0 ]]
}

@test "a drop-in that is a link, or in a directory that is one: both stay links" {
  need_node default-2.1
  mkdir "$node/data"
  ln -s ../../data "$etc/conf.d"
  tree >"$node/was"
  refused 4 "the node is as it was before" installer install --restart-command "$(fails_once)"
  tree | diff "$node/was" -
  installer install
  [[ -f $node/data/60-gvisor.toml && -L $etc/conf.d ]]
  installer uninstall
  tree | diff "$node/was" -

  installer install
  mv "$node/data/60-gvisor.toml" "$node/data/gvisor.toml"
  ln -s gvisor.toml "$node/data/60-gvisor.toml"
  installer verify
  tree >"$node/installed"
  rm "$node/failed"
  refused 4 "the node is as it was before" installer uninstall --restart-command "$(fails_once)"
  tree | diff "$node/installed" -
}

attributes() { # FILE [NAME VALUE]...: sets them, prints all
  python3 - "$@" <<'END'
import os, struct, sys
path, pairs = sys.argv[1], iter(sys.argv[2:])
for name, value in zip(pairs, pairs):
    try:
        os.setxattr(path, name, value.encode())
    except OSError:
        print(f"# no {name} here", file=sys.stderr)
if len(sys.argv) > 2:  # an access list: user 1 may read, 0640 otherwise
    entries = ((1, 6, -1), (2, 4, 1), (4, 4, -1), (16, 4, -1), (32, 0, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    os.setxattr(path, "system.posix_acl_access", acl)
for name in sorted(os.listxattr(path)):
    print(name, os.getxattr(path, name).hex())
END
}

@test "extended attributes stay, through installing, rolling back and uninstalling" {
  for name in debian-1.6 imports-of-others-2.1; do
    need_node "$name"
    attributes "$etc/config.toml" user.note kept security.selinux system_u:object_r:container_config_t:s0 \
      trusted.note kept >"$node/was"
    grep -q posix_acl "$node/was"
    kept() { attributes "$etc/config.toml" | diff "$node/was" -; }
    installer install
    kept
    installer uninstall
    kept
    refused 4 "the node is as it was before" installer install --restart-command "$(fails_once)"
    kept
    # Not of its contents: signatures of the bytes from before.
    attributes "$etc/config.toml" security.ima signature >/dev/null
    installer install
    attributes "$etc/config.toml" >"$node/is"
    run ! grep security.ima "$node/is"
  done
}

@test "a directory above --prefix that is a link: shims that run from where it leads are seen" {
  need_node debian-1.6
  mkdir "$node/data"
  ln -s data "$node/opt"
  installer install
  # As containerd starts it: by the path that all links lead to.
  for program in "$(realpath "$node/opt/gvisor/current")/containerd-shim-runsc-v1" \
    "$node/opt/gvisor/current/containerd-shim-runsc-v1" "$node/opt/gvisor/releases/$release/containerd-shim-runsc-v1"; do
    (exec -a "$program" sleep 1000) 3>&- 4>&- &
    shim=$!
    until grep -q "^$program" "/proc/$shim/cmdline"; do kill -0 "$shim"; done
    refused 4 "pods run in gVisor on this node, process $shim for one" installer uninstall
    kill "$shim"
    wait "$shim" || true
  done
  shim=
  installer uninstall
  diff -r "$node/etc.before" "$etc"
}
