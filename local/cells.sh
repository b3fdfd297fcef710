# shellcheck shell=bash
# The same restricted pod under different runtimes; sourced by tests and by record_fixtures.sh.
# Needs root, runc and jq; gVisor's cells need runsc: $RUNSC, the box's own, or one in the PATH.
#
#   runc             runc with containerd's default seccomp profile
#   runc-unconfined  runc without a profile: what the node's kernel itself has
#   gvisor           runsc as it comes
#   gvisor-sealed    runsc with overlay2=all:memory: writes to mounts stay in the sandbox
#
# All have uid and gid 65534, no capabilities, no new privileges, a read-only root, and a directory
# of the node at /host. An experiment may spoil that: CELL_UID, CELL_MOUNT, CELL_CAPABILITIES (a JSON
# array), CELL_SECCOMP (RuntimeDefault, Unconfined).

cells_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

find_runsc() { # prints the path of a runsc; fails when there is none
  local found
  for found in "${RUNSC:-}" ~/.cache/argo-steps/box/built/gvisor-*/bin/runsc; do
    if [[ -x $found ]]; then
      echo "$found"
      return
    fi
  done
  command -v runsc
}

prepare_path() { # DIR: as a witness would, without the decoys
  mkdir -p "$1/open" "$1/locked"
  chmod 0755 "$1" "$1/locked"
  chmod 01777 "$1/open"
  head -c 8 /dev/urandom | xxd -p >"$1/canary"
  chmod 0644 "$1/canary"
}

remove_work() { # WORK: runsc leaves an empty network namespace mounted there
  if mountpoint -q "$1/runsc/null-netns"; then umount "$1/runsc/null-netns"; fi
  rm -rf "$1"
}

make_bundle() { # BUNDLE PROGRAM HOSTDIR SECCOMP ARGUMENT...: SECCOMP is a profile's file, or ''
  local bundle=$1 program=$2 host=$3 seccomp=$4 mount=${CELL_MOUNT:-/host}
  shift 4
  mkdir -p "$bundle/rootfs$mount" "$bundle/rootfs/proc" "$bundle/rootfs/dev" "$bundle/rootfs/sys"
  install -m 0755 "$program" "$bundle/rootfs/gvisor_probe"
  rm -f "$bundle/config.json"
  "${RUNC:-runc}" spec --bundle "$bundle"
  jq --arg host "$host" --arg mount "$mount" --argjson uid "${CELL_UID:-65534}" \
    --argjson capabilities "${CELL_CAPABILITIES:-[]}" --slurpfile seccomp "${seccomp:-/dev/null}" '
    .hostname = "probe"
    | .process += {terminal: false, args: (["/gvisor_probe"] + $ARGS.positional), cwd: "/",
        user: {uid: $uid, gid: 65534}, noNewPrivileges: true,
        capabilities: {bounding: $capabilities, effective: $capabilities, permitted: $capabilities,
          inheritable: $capabilities, ambient: $capabilities}}
    | .root = {path: "rootfs", readonly: true}
    | .mounts += [{destination: $mount, type: "bind", source: $host,
        options: ["rbind", "rprivate", "rw"]}]
    | if ($seccomp | length) > 0 then .linux.seccomp = $seccomp[0].profile else . end
    ' --args -- "$@" <"$bundle/config.json" >"$bundle/config.new"
  mv "$bundle/config.new" "$bundle/config.json"
}

# Makes the bundle and sets the arrays `runtime`, with its options, and `container`, which runs it.
prepare_cell() { # CELL WORK PROGRAM HOSTDIR ARGUMENT...: in WORK, a directory of its own
  local cell=$1 work=$2 program=$3 host=$4 profile='' id seccomp=RuntimeDefault flags runsc
  shift 4
  id=$cell-$$-$RANDOM
  if [[ $cell == runc-unconfined ]]; then seccomp=Unconfined; fi
  if [[ ${CELL_SECCOMP:-$seccomp} == RuntimeDefault ]]; then
    profile=$cells_here/runtime_default.json
  fi
  make_bundle "$work/$id" "$program" "$host" "$profile" "$@"
  if [[ $cell == runc* ]]; then
    runtime=("${RUNC:-runc}" --root "$work/runc")
  else
    runsc=$(find_runsc) || return 127
    mkdir -p "$work/runsc"
    runtime=("$runsc" --root "$work/runsc" --network=none --ignore-cgroups)
    # Debian's of 2022 knows neither systrap nor the size of an overlay.
    flags=$("$runsc" flags 2>&1) || true
    if [[ $flags == *systrap* ]]; then
      runtime+=(--platform=systrap)
      if [[ $cell == gvisor-sealed ]]; then runtime+=('--overlay2=all:memory,size=64m'); fi
    else
      runtime+=(--platform=ptrace)
      if [[ $cell == gvisor-sealed ]]; then runtime+=(--overlay2=all:memory); fi
    fi
  fi
  container=("${runtime[@]}" run --bundle "$work/$id" "$id")
}

run_cell() { # the same arguments
  local runtime container
  prepare_cell "$@" || return
  timeout --kill-after=5 120 "${container[@]}" </dev/null
}
