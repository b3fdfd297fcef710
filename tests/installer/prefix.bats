#!/usr/bin/env bats
# --prefix: whose directory it is, and that nothing but what is the installer's ever leaves it.

load helpers.bash

setup() { need_node debian-1.6; }
teardown() { if [[ ${mounted:-} ]]; then umount "$mounted"; fi; }

all_refuse() { # STATUS TEXT PREFIX
  local command
  for command in check install verify uninstall status; do
    refused "$1" "$2" installer "$command" --prefix "$3"
  done
}
listing() { (cd "$1" && find . -printf '%P %y %m %s\n' | sort); }
newer_payload() { # RELEASE: a payload of another release, sets $newer
  newer=$BATS_TEST_TMPDIR/$1
  mkdir "$newer"
  sed "s/$release/$1/" "$BATS_FILE_TMPDIR/says.c" >"$newer/says.c"
  gcc -Os -s -o "$newer/runsc" "$newer/says.c"
  cp "$newer/runsc" "$newer/containerd-shim-runsc-v1"
  echo "$1" >"$newer/RELEASE"
}

@test "the system's directories are refused, by any name that leads there" {
  ln -s /usr "$node/usr"
  mkdir "$node/empty"
  for prefix in / // /. /usr /usr/ /usr/local/ /usr/local/./bin /home /etc /etc/containerd /opt /var/lib /srv/ \
    "$node/usr" "$node/usr/local" "$node/usr/local/"; do
    all_refuse 4 "is the system's own directory" "$prefix"
  done
  [[ ! -e /usr/lock && ! -e /usr/local/lock && ! -e /home/lock && ! -e /lock ]]
}

@test "a way up in a path is refused" {
  for prefix in /opt/.. /opt/../usr /.. "$node/opt/gvisor/../.." /opt/x/..; do
    all_refuse 2 "is not an absolute path without .." "$prefix"
  done
  all_refuse 2 "is not an absolute path" opt/gvisor
  refused 2 "needs a value" installer check --prefix '' || refused 2 "" installer check --prefix ''
}

@test "dots that lead nowhere else are only dots" {
  mkdir -p "$node/opt"
  installer install --prefix "$node/opt//..gvisor/./x/"
  [[ -e $node/opt/..gvisor/x/state.json ]]
  grep -q "\"$node/opt/..gvisor/x/runsc.toml\"" "$etc/config.toml"
  installer uninstall --prefix "$node/opt/..gvisor/x"
  [[ ! -e $node/opt/..gvisor/x ]]
}

@test "a directory above containerd's own files is refused" {
  all_refuse 4 "holds $etc/config.toml" "$node/etc"
  all_refuse 4 "holds $etc/config.toml" "$etc"
  all_refuse 4 "holds $BATS_FILE_TMPDIR/sock" "$BATS_FILE_TMPDIR"
  diff -r "$node/etc.before" "$etc"
}

@test "somebody else's directory is refused, and nothing in it changes" {
  mkdir -p "$node/theirs/releases/1.0"
  echo data >"$node/theirs/releases/1.0/runsc"
  echo '{"serial": 3}' >"$node/theirs/state.json"
  listing "$node/theirs" >"$node/was"
  all_refuse 4 "is not the installer's: it holds" "$node/theirs"
  ln -s theirs "$node/link"
  all_refuse 4 "is not the installer's: it holds" "$node/link"
  all_refuse 4 "is not the installer's: it holds" "$node/link/"
  listing "$node/theirs" | diff "$node/was" -
  echo data >"$node/file"
  all_refuse 4 "is not a directory" "$node/file"
  ln -s nowhere "$node/dangling"
  all_refuse 4 "is a link that leads nowhere" "$node/dangling"
}

@test "uninstalling where nothing was installed removes nothing, and is done" {
  installer uninstall
  [[ ! -e $node/opt/gvisor && $(restarts) == 0 ]]
  mkdir -p "$node/opt/gvisor"
  touch "$node/opt/gvisor/lock"
  installer uninstall
  [[ ! -e $node/opt/gvisor && $(restarts) == 0 ]]
  diff -r "$node/etc.before" "$etc"
}

@test "a file of the user's stays where it is, and is named" {
  installer install
  mkdir "$node/opt/gvisor/releases/$release/notes"
  echo mine >"$node/opt/gvisor/releases/$release/notes/a"
  echo mine >"$node/opt/gvisor/releases/$release/gvisor-bin/b"
  echo mine >"$node/opt/gvisor/c"
  mkdir "$node/opt/gvisor/directory.toml"
  mkfifo "$node/opt/gvisor/pipe.toml"
  head -c 2M /dev/zero >"$node/opt/gvisor/large.toml"
  # A program that has changed is unpacked anew: that touches no file of the user's either.
  echo changed >>"$node/opt/gvisor/releases/$release/runsc"
  installer install
  installer verify
  run installer uninstall
  echo "$output"
  [[ $status == 0 ]]
  for file in "releases/$release/notes/a" "releases/$release/gvisor-bin/b" c; do
    [[ $output == *"$node/opt/gvisor/$file stays"* && $(<"$node/opt/gvisor/$file") == mine ]]
  done
  for file in directory.toml pipe.toml large.toml; do
    [[ $output == *"$node/opt/gvisor/$file stays"* && -e $node/opt/gvisor/$file ]]
  done
  [[ $(find "$node/opt/gvisor" -not -type d | wc -l) == 5 ]]
  diff -r "$node/etc.before" "$etc"
}

@test "releases of several versions go, one that was tampered with too, somebody else's stays" {
  installer install
  newer_payload 20261001.0
  installer install --payload "$newer"
  newer_payload 20261101.0
  installer install --payload "$newer"
  [[ $(jq -c .releases "$node/opt/gvisor/state.json") == "[\"$release\",\"20261001.0\",\"20261101.0\"]" ]]
  echo changed >>"$node/opt/gvisor/releases/20261001.0/runsc"
  mkdir "$node/opt/gvisor/releases/20270101.0"
  echo theirs >"$node/opt/gvisor/releases/20270101.0/runsc"
  run -0 installer uninstall
  [[ $output == *"releases/20270101.0/runsc stays"* ]]
  [[ $(find "$node/opt/gvisor" -not -type d) == "$node/opt/gvisor/releases/20270101.0/runsc" ]]
}

@test "what an older installer left, without a marker and without a list of releases, goes" {
  installer install
  newer_payload 20261001.0
  installer install --payload "$newer"
  rm "$node/opt/gvisor/.gvisor_installer"
  jq 'del(.version, .releases)' "$node/opt/gvisor/state.json" >"$node/state.json"
  cp "$node/state.json" "$node/opt/gvisor/state.json"
  mkdir "$node/opt/gvisor/releases/$release.old"
  cp -a "$node/opt/gvisor/releases/$release/." "$node/opt/gvisor/releases/$release.old"
  installer verify --payload "$newer"
  installer uninstall
  [[ ! -e $node/opt/gvisor ]]
  diff -r "$node/etc.before" "$etc"
}

lost() { # after `installer install`, with the notes gone or broken
  listing "$node/opt/gvisor" >"$node/was"
  refused 4 "the notes of its installation are lost" installer uninstall
  for file in "releases/$release/runsc" current runsc.toml .gvisor_installer; do
    [[ $output == *"$node/opt/gvisor/$file stays"* ]]
  done
  [[ $output == *"config.toml.gvisor_installer.orig stays"* || ! -e $etc/config.toml.gvisor_installer.orig ]]
  listing "$node/opt/gvisor" | diff "$node/was" -
  rm -f "$etc"/*.orig*
  # Who made the drop-in's directory, and a file that is empty but for its version, is not known.
  if [[ -e $etc/conf.d ]]; then rmdir "$etc/conf.d"; fi
  if [[ ! -e $node/etc.before/config.toml && -e $etc/config.toml ]]; then
    [[ $(<"$etc/config.toml") == 'version = 3' ]]
    rm "$etc/config.toml"
  fi
  diff -r "$node/etc.before" "$etc"
}

@test "lost notes: containerd's files lose what is gVisor's, under the prefix nothing goes, and it is said" {
  for name in debian-1.6 imports-of-others-2.1 none-2.1; do
    need_node "$name"
    installer install
    rm "$node/opt/gvisor/state.json"
    lost
    [[ $(restarts) == 2 ]]
    lost # and once more: nothing is left to do there
    [[ $(restarts) == 2 ]]
    rm -r "$node/opt/gvisor"
    installer uninstall
    installer install
    installer uninstall
    diff -r "$node/etc.before" "$etc"
  done
}

@test "broken notes: every command says so, and uninstalling does what it can" {
  installer install
  echo '{"phase": "settled"' >"$node/opt/gvisor/state.json"
  for command in check install verify status; do
    refused 3 "state.json is broken" installer "$command"
    [[ $output == *"gvisor_installer uninstall"* && $output != *"remove this file"* ]]
  done
  lost
  [[ $(<"$node/opt/gvisor/state.json") == '{"phase": "settled"' ]]
}

@test "lost notes and an uninstall that fails: all is as it was" {
  installer install
  rm "$node/opt/gvisor/state.json"
  cp -r "$etc" "$node/installed"
  listing "$node/opt/gvisor" >"$node/was"
  refused 4 "the node is as it was before" installer uninstall \
    --restart-command "[ -e $node/failed ] || { touch $node/failed; exit 7; }"
  diff -r "$node/installed" "$etc"
  listing "$node/opt/gvisor" | diff "$node/was" -
}

@test "notes of a newer installer are left to it" {
  installer install
  jq '.version = 9' "$node/opt/gvisor/state.json" >"$node/state.json"
  cp "$node/state.json" "$node/opt/gvisor/state.json"
  cp -r "$etc" "$node/installed"
  all_refuse 4 "was written by a newer installer" "$node/opt/gvisor"
  diff -r "$node/installed" "$etc"
}

@test "the prefix gone, containerd's files are cleaned all the same" {
  installer install
  rm -r "$node/opt/gvisor"
  installer uninstall
  diff -r "$node/etc.before" "$etc"
  [[ ! -e $node/opt/gvisor ]]
  # The original is worth keeping where it says more than what is left.
  installer install
  rm -r "$node/opt/gvisor"
  echo '# edited' >>"$etc/config.toml"
  refused 4 "config.toml.gvisor_installer.orig stays" installer uninstall
  diff <(cat "$node/etc.before/config.toml"; echo '# edited') "$etc/config.toml"
  diff "$node/etc.before/config.toml" "$etc/config.toml.gvisor_installer.orig"
}

@test "a prefix behind a link, or a mount of its own: what is in it goes, it stays" {
  mkdir -p "$node/data" "$node/opt"
  ln -s ../data "$node/opt/gvisor"
  installer install
  installer uninstall
  [[ -L $node/opt/gvisor && -d $node/data && -z $(ls -A "$node/data") ]]
  rm "$node/opt/gvisor"
  ((EUID == 0)) || skip "needs root"
  mkdir "$node/opt/gvisor"
  mounted=$node/opt/gvisor
  mount -t tmpfs tmpfs "$mounted"
  mkdir "$mounted/lost+found"
  installer install
  installer uninstall
  [[ $(ls -A "$mounted") == lost+found ]]
  diff -r "$node/etc.before" "$etc"
}

@test "a drop-in of somebody else's name is not taken out" {
  need_node imports-of-others-2.1
  mkdir "$etc/conf.d"
  echo '# mine' >"$etc/conf.d/60-gvisor.toml"
  rm -rf "$node/etc.before"
  cp -r "$etc" "$node/etc.before"
  installer uninstall
  diff -r "$node/etc.before" "$etc"
  refused 4 "is there and not ours" installer install
  diff -r "$node/etc.before" "$etc"
}
