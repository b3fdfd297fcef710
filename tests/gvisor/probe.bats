#!/usr/bin/env bats
# gvisor_probe run inside real containers: the same pod under runc and under gVisor's runsc.
# One run of each cell, then questions to the reports. Needs root.

cells="runc runc-unconfined gvisor gvisor-sealed"

setup_file() {
  if ((EUID != 0)); then skip "needs root for runc and runsc"; fi
  # shellcheck source=local/cells.sh
  . "$BATS_TEST_DIRNAME/../../local/cells.sh"
  WORK=$(mktemp -d)
  export WORK
  prepare_path "$WORK/host"
  # In a mount namespace of their own, so that what others mount meanwhile does not count.
  export -f run_cell prepare_cell make_bundle find_runsc state all_capabilities
  export cells_here cells
  # shellcheck disable=SC2016
  unshare --mount --propagation private bash -c '
    set -euo pipefail
    state >"$WORK/before"
    # Root with every capability and no filter, whom only the arguments of the calls hold back.
    CELL_UID=0 CELL_SECCOMP=Unconfined CELL_CAPABILITIES=$(all_capabilities) \
      run_cell runc "$WORK" "$BUILD/gvisor_probe" "$WORK/host" run --path /host --format json \
      --i-am-privileged --cell privileged 2>"$WORK/privileged.err" | cat >"$WORK/privileged.json"
    for cell in $cells; do
      run_cell "$cell" "$WORK" "$BUILD/gvisor_probe" "$WORK/host" run --path /host --format json \
        --run-id bats --cell "$cell" --runtime "${cell%-*}" --keep-for-witness 2>"$WORK/$cell.err" |
        cat >"$WORK/$cell.json"
    done
    if mountpoint -q "$WORK/runsc/null-netns"; then umount "$WORK/runsc/null-netns"; fi
    state >"$WORK/after"'
}

teardown_file() {
  if [[ ${WORK:-} ]]; then rm -rf "$WORK"; fi
}

# What of this machine a probe could have changed: settings, mounts, modules, swap, keys, host name.
state() {
  local counters='/(random|ns_last_pid|file-nr|inode-nr|inode-state|dentry-state|pty/nr)|nf_conntrack_count'
  find /proc/sys -type f -perm /200 2>/dev/null | grep -vE "$counters" | LC_ALL=C sort |
    xargs grep -aHs '' || true
  cut -d ' ' -f 3- /proc/self/mountinfo
  cat /proc/modules /proc/swaps 2>/dev/null || true
  uname -n
  find /proc/self/ns -type l -printf '%f %l\n'
}

all_capabilities() { # as a JSON array
  capsh --decode="$(sed -n 's/^CapBnd:\t//p' /proc/self/status)" | sed 's/.*=//' |
    jq -Rc 'ascii_upcase | split(",")'
}

answer() { # CELL PROBE FIELD
  jq -r --arg id "$2" ".probes[] | select(.id == \$id) | .$3" "$WORK/$1.json"
}

landed() { # CELL PROBE: the path on the host, if it is there
  local path
  path=$WORK/host/$(jq -r --arg id "$2" '.writes[] | select(.probe == $id) | .path' "$WORK/$1.json")
  [[ -e $path || -L $path ]]
}

@test "every cell ran, and its report is valid" {
  for cell in $cells; do
    python3 - "$BATS_TEST_DIRNAME/../../gvisor_probe/report.schema.json" "$WORK/$cell.json" <<'END'
import json, sys, jsonschema
schema, report = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(report)
END
  done
}

@test "no probe crashes or hangs, and no answer is unclear" {
  for cell in $cells; do
    run jq -c '.probes[] | select(.result | IN("killed", "timeout", "unclear"))' "$WORK/$cell.json"
    [ -z "$output" ]
  done
}

@test "a run takes less than 10 seconds" {
  for cell in $cells; do jq -e '.seconds < 10' "$WORK/$cell.json"; done
}

@test "with --i-am-privileged the kernel is asked as root, too" {
  jq -e '.observed.euid == 0 and (.observed.capabilities.effective | test("[1-9a-f]"))
    and ([.probes[] | select(.group == "kernel-surface" and .result == "skipped")] == [])
    and ([.probes[] | select(.result == "killed" or .result == "timeout")] == [])' \
    "$WORK/privileged.json"
}

@test "nothing on this machine changed, though one of the pods was privileged" {
  diff "$WORK/before" "$WORK/after"
}

@test "runc is told from gVisor, without conflicts, as declared" {
  for cell in runc runc-unconfined; do
    jq -e '.detection.conclusion == "not-gvisor"' "$WORK/$cell.json"
  done
  for cell in gvisor gvisor-sealed; do
    jq -e '.detection.conclusion == "confirmed"' "$WORK/$cell.json"
  done
  for cell in $cells; do
    jq -e '.detection.conflicts == [] and .detection.declared_matches' "$WORK/$cell.json"
  done
}

@test "a clock that a time namespace set back does not show a kernel of its own" {
  local up
  up=$(cut -d . -f 1 /proc/uptime)
  # As old as a virtual machine for one pod would be.
  unshare --time --boottime $((1 - up)) --fork "$BUILD/gvisor_probe" run --path "$BATS_TEST_TMPDIR" \
    --only identity --format json >"$BATS_TEST_TMPDIR/report.json"
  jq -e '.detection.conclusion == "not-gvisor"' "$BATS_TEST_TMPDIR/report.json"
}

@test "the pods are alike where they must be" {
  for cell in $cells; do
    jq -c '[.program_sha256, .observed.uid, .observed.gid, .observed.groups, .observed.no_new_privs,
      .observed.capabilities.effective, .observed.path.path, .observed.path.read_only,
      .observed.path.directories]' "$WORK/$cell.json"
  done >"$BATS_TEST_TMPDIR/alike"
  [ "$(sort -u "$BATS_TEST_TMPDIR/alike" | wc -l)" -eq 1 ]
}

@test "all cells read the same canary" {
  for cell in $cells; do
    [ "$(answer "$cell" host_canary value)" = "$(cat "$WORK/host/canary")" ]
  done
}

@test "owner and mode refuse alike everywhere, and are named as the cause" {
  for cell in $cells; do
    [ "$(answer "$cell" host_locked_write errno)" = EACCES ]
    [ "$(answer "$cell" host_locked_write cause)" = dac ]
  done
}

@test "under a seccomp filter, ENOSYS proves nothing" {
  [ "$(answer runc clone3 errno)" = ENOSYS ]
  [ "$(answer runc clone3 cause)" = indeterminate ]
}

@test "without a filter, ENOSYS is the kernel's own" {
  for call in vmsplice setfsuid remap_file_pages; do
    [ "$(answer gvisor $call errno)" = ENOSYS ]
    [ "$(answer gvisor $call cause)" = absent ]
    [ "$(answer runc $call result)" = allowed ]
  done
}

@test "files reach the host from runc and from gVisor, but not from the sealed one" {
  for cell in runc runc-unconfined gvisor; do landed $cell host_file_write; done
  run ! landed gvisor-sealed host_file_write
  [ "$(answer gvisor-sealed host_file_write result)" = allowed ]
}

@test "what lands has the bytes that the report says" {
  for cell in runc gvisor; do
    jq -j '.writes[] | select(.probe == "host_file_write") | .content' "$WORK/$cell.json" |
      cmp - "$WORK/host/open/bats-$cell/host_file_write"
  done
}

@test "FIFOs and sockets reach the host from runc only" {
  for probe in host_fifo_create host_socket_create; do
    landed runc $probe
    for cell in gvisor gvisor-sealed; do
      [ "$(answer $cell $probe result)" = allowed ]
      run ! landed $cell $probe
    done
  done
}

@test "the file policy is read from inside" {
  jq -e '.file_policy.kind == "linux"' "$WORK/runc.json"
  jq -e '.file_policy | .kind == "gofer" and .overlay_on_path == false' "$WORK/gvisor.json"
  jq -e '.file_policy | .kind == "overlay" and .overlay_on_path' "$WORK/gvisor-sealed.json"
}

@test "the node's data is there under runc and not under gVisor" {
  for probe in leak_interrupts leak_vmstat leak_diskstats; do
    [ "$(answer runc $probe result)" = allowed ]
    [ "$(answer gvisor $probe cause)" = absent ]
  done
  [ "$(answer runc boot_id value)" = "$(cat /proc/sys/kernel/random/boot_id)" ]
  [ "$(answer gvisor boot_id value)" != "$(cat /proc/sys/kernel/random/boot_id)" ]
}

@test "a filter inside gVisor takes the evidence of ENOSYS away, not the conclusion" {
  # shellcheck source=local/cells.sh
  . "$BATS_TEST_DIRNAME/../../local/cells.sh"
  prepare_cell gvisor "$WORK" "$BUILD/gvisor_probe" "$WORK/host" run --path /host --format json
  runtime+=(--oci-seccomp)
  timeout --kill-after=5 60 "${runtime[@]}" "${container[@]: -4}" </dev/null 2>"$WORK/filter.err" |
    cat >"$WORK/filter.json"
  umount "$WORK/runsc/null-netns" 2>/dev/null || true
  jq -e '.observed.seccomp == 2 and .detection.conclusion == "confirmed"' "$WORK/filter.json"
  [ "$(answer filter vmsplice cause)" = indeterminate ]
  [ "$(answer filter io_uring cause)" = policy ]
}
