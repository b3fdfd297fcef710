#!/usr/bin/env bats
# The installer killed at each of its steps, and run again: tests/stop_at_step.c ends it.

load helpers.bash

setup() { export installer=$BUILD/release/bin/gvisor_installer_steps; }

# No half-written file is ever where containerd would read it, and containerd can always start.
containerd_can_start() { [[ ! -e $etc/config.toml ]] || "$containerd" --config "$etc/config.toml" config dump >/dev/null; }

no_litter() { # no copies and no temporary files
  [[ -z $(find "$node/etc/containerd" "$node/opt" -name '*.tmp' -o -name '*.before' -o -name '*.partial' -o -name '*.old') ]]
}

steps_of() { # COMMAND: how many it has
  STEPS=$node/steps installer "$1"
  wc -l <"$node/steps"
}

killed() { # COMMAND NUMBER
  local status=0
  STOP_AT=$2 installer "$1" || status=$?
  [[ $status == 137 ]]
  containerd_can_start
}

@test "install, killed at any step, is finished by the next" {
  for name in debian-1.6 imports-of-others-2.1 default-2.1 none-2.1; do
    need_node "$name"
    steps=$(steps_of install)
    ((steps > 10))
    for ((step = 1; step <= steps; step++)); do
      need_node "$name"
      killed install "$step"
      installer install
      [[ $(installer status --format json | jq -r .phase) == settled ]]
      no_litter
      rm -f "$etc"/*.gvisor_installer.orig*
      etc_differences | diff "$here/configurations/$name/expected.diff" -
    done
  done
}

@test "install, killed at any step, is undone by uninstall, to the byte" {
  for name in debian-1.6 imports-of-others-2.1 none-2.1 imports-all-files-2.1; do
    need_node "$name"
    steps=$(steps_of install)
    for ((step = 1; step <= steps; step++)); do
      need_node "$name"
      killed install "$step"
      installer uninstall
      diff -r "$node/etc.before" "$etc"
      [[ ! -e $node/opt/gvisor ]]
    done
  done
}

@test "without the copies of an interrupted run the next goes no further, and uninstall takes gVisor out" {
  local changed=0
  need_node debian-1.6
  steps=$(steps_of install)
  for ((step = 1; step <= steps; step++)); do
    need_node debian-1.6
    killed install "$step"
    if ! compgen -G "$node/opt/gvisor/.config.toml.*.before" >/dev/null; then continue; fi
    if [[ $(installer status --format json | jq -r .phase) == settled ]]; then continue; fi
    rm "$node"/opt/gvisor/.config.toml.*.before
    if diff -q "$node/etc.before/config.toml" "$etc/config.toml"; then
      installer install # nothing was lost: it is copied again
      continue
    fi
    changed=$((changed + 1))
    refused 4 "a copy from before an interrupted run, is missing or changed" installer install
    refused 4 "gVisor is out of containerd's files" installer uninstall
    run ! grep -i gvisor "$etc/config.toml"
  done
  ((changed > 0))
}

@test "install, killed twice, is finished by the third" {
  need_node imports-of-others-2.1
  steps=$(steps_of install)
  for ((step = 1; step < steps; step++)); do
    need_node imports-of-others-2.1
    killed install "$step"
    status=0
    STOP_AT=5 installer install || status=$?
    [[ $status == 137 ]]
    containerd_can_start
    installer install
    installer uninstall
    diff -r "$node/etc.before" "$etc"
  done
}

@test "uninstall, killed at any step, is finished by the next" {
  for name in debian-1.6 imports-of-others-2.1 none-2.1; do
    need_node "$name"
    installer install
    steps=$(steps_of uninstall)
    ((steps > 5))
    for ((step = 1; step <= steps; step++)); do
      need_node "$name"
      installer install
      killed uninstall "$step"
      installer uninstall
      diff -r "$node/etc.before" "$etc"
      [[ ! -e $node/opt/gvisor ]]
    done
  done
}

@test "a roll-back, killed at any step, is finished by the next run's" {
  need_node imports-of-others-2.1
  STEPS=$node/steps run ! installer install --restart-command 'exit 7'
  steps=$(wc -l <"$node/steps")
  grep -q 'put back' "$node/steps"
  for ((step = 1; step <= steps; step++)); do
    need_node imports-of-others-2.1
    STOP_AT=$step run ! installer install --restart-command 'exit 7'
    containerd_can_start
    run ! installer install --restart-command 'exit 7'
    containerd_can_start
    installer uninstall
    diff -r "$node/etc.before" "$etc"
  done
}

@test "a move of the drop-in, killed at any step, is finished by the next, or undone by uninstall" {
  need_node imports-of-others-2.1
  installer install
  STEPS=$node/steps installer install --drop-in "$etc/own/gv.toml"
  steps=$(wc -l <"$node/steps")
  for ((step = 1; step <= steps; step++)); do
    for next in install uninstall; do
      need_node imports-of-others-2.1
      installer install
      STOP_AT=$step run -137 installer install --drop-in "$etc/own/gv.toml"
      containerd_can_start
      if [[ $next == install ]]; then
        installer install
        installer verify
        [[ ! -e $etc/own/gv.toml ]]
      fi
      installer uninstall
      no_litter
      diff -r "$node/etc.before" "$etc"
      [[ ! -e $node/opt/gvisor ]]
    done
  done
}
