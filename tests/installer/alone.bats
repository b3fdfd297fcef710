#!/usr/bin/env bats
# One installer at a time, and none that is stopped half-way.

load helpers.bash

setup() { need_node debian-1.6; }
teardown() { if [[ ${background:-} ]]; then kill -KILL "$background" 2>/dev/null || true; fi; }

waits_for() { # COMMAND...: until it is true, as long as the installer in the background lives
  until "$@"; do kill -0 "$background"; done
}
has_open() { [[ $(find "/proc/$1/fd" -lname "$2" 2>/dev/null) ]]; }
ends_with() { # STATUS: the installer in the background
  local status=0
  wait "$background" || status=$?
  background=
  cat "$node/log"
  [[ $status == "$1" ]]
}
in_background() { # COMMAND [OPTION...]: the installer, its output in $node/log
  as_process='exec' installer "$@" --timeout 20s >"$node/log" 2>&1 3>&- 4>&- 7>&- 8>&- &
  background=$!
}

@test "a lock that an uninstall has removed is not taken: its successor is" {
  mkdir -p "$node/opt/gvisor"
  exec 8>"$node/opt/gvisor/lock"
  flock 8
  in_background install --lock-wait 2s
  waits_for has_open "$background" "$node/opt/gvisor/lock"
  # An uninstall ends, another installer begins.
  rm "$node/opt/gvisor/lock"
  exec 7>"$node/opt/gvisor/lock"
  flock 7
  exec 8>&-
  ends_with 10
  grep -q 'another installer works on this node' "$node/log"
  diff -r "$node/etc.before" "$etc"
  exec 7>&-
}

@test "a directory that an uninstall has removed is made again, and the lock in it" {
  mkdir -p "$node/opt/gvisor"
  exec 8>"$node/opt/gvisor/lock"
  flock 8
  in_background install
  waits_for has_open "$background" "$node/opt/gvisor/lock"
  rm -r "$node/opt/gvisor"
  exec 8>&-
  ends_with 0
  [[ -e $node/opt/gvisor/lock && -e $node/opt/gvisor/state.json ]]
}

@test "an uninstall gives its lock up last: whoever waits for it begins afresh" {
  installer install
  in_background uninstall --restart-command "touch $node/restarting; until [ -e $node/go ]; do sleep 0.02; done"
  waits_for test -e "$node/restarting"
  first=$background
  in_background install
  waits_for has_open "$background" "$node/opt/gvisor/lock"
  touch "$node/go"
  wait "$first"
  ends_with 0
  installer verify
  installer uninstall
  diff -r "$node/etc.before" "$etc"
}

# The program's parent is the installer.
@test "told to stop before anything is changed, it changes nothing" {
  cat >"$node/containerd" <<END
#!/bin/sh
if [ "\$1" = --version ]; then kill -TERM \$PPID; fi
exec $containerd "\$@"
END
  chmod 755 "$node/containerd"
  for command in install uninstall; do
    run installer "$command" --containerd "$node/containerd" --restart-command "sleep 2; echo x >>$node/restarts"
    echo "$output"
    [[ $status == 11 && $output == *"cancelled by SIGTERM"* && $(restarts) == 0 && ! -e $node/opt/gvisor/state.json ]]
    diff -r "$node/etc.before" "$etc"
  done
}

@test "told to stop in mid-change, it goes on to the end" {
  installer install --restart-command "kill -TERM \$PPID; sleep 1; echo x >>$node/restarts"
  installer verify
  [[ $(installer status --format json | jq -r .phase) == settled ]]
  installer uninstall --restart-command "kill -TERM \$PPID; sleep 1; echo x >>$node/restarts"
  diff -r "$node/etc.before" "$etc"
  [[ ! -e $node/opt/gvisor ]]
}

@test "told to stop in mid-change and failing then, it puts everything back" {
  run installer install --restart-command \
    "kill -TERM \$PPID; sleep 1; [ -e $node/failed ] || { touch $node/failed; exit 7; }"
  echo "$output"
  [[ $status == 4 && $output == *"the node is as it was before"* ]]
  diff -r "$node/etc.before" "$etc"
}
