#!/usr/bin/env bash
# The experiment on one machine, without a cluster: the same container under runc and under runsc,
# with a directory of the host mounted, and a witness on the host's side.
#
#   ./run.sh gvisor [OPTION...]
#
#   --runtime-dir DIR  where runc and runsc are (else RUNC, RUNSC, the box's own, the PATH, apt)
#   --keep DIR         keep the reports and the witness's record there
#   --confound WHAT    spoil it on purpose, to see it refused: uid, capability, seccomp, path, mode
#                      or directory (the two pods of many demonstrations: one may write, one not)
#   --costs            measure what calls and starts cost, too; reports a busy machine
#   --help             this text
#   anything else      goes to `gvisor_probe compare`: --format markdown, --expect FILE ...
#
# Cells: runc, gvisor (runsc as it comes), gvisor-sealed (runsc with overlay2=all:memory) and
# runc-unconfined (without a seccomp filter, to tell its work from the sandbox's). Needs root,
# because runc and runsc do.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=cells.sh
. "$here/cells.sh"

start_turns=20
cells=(runc gvisor gvisor-sealed runc-unconfined)
work='' serve='' running='' runtime=() container=()

die() { echo "experiment: $*" >&2; exit 2; }
help() { sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"; }

clean_up() {
  local status=$?
  trap '' INT TERM HUP
  if [[ -n $running ]]; then
    kill "$running" 2>/dev/null || true
    wait "$running" || true
    "${runtime[@]}" delete --force "${container[-1]}" 2>/dev/null || true
  fi
  if [[ -n $serve ]]; then
    kill "$serve" 2>/dev/null || true
    wait "$serve" || true
  fi
  if [[ -n $work ]]; then remove_work "$work"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

find_runtimes() {
  if [[ -n $runtime_dir ]]; then
    export RUNC=$runtime_dir/runc RUNSC=$runtime_dir/runsc
    [[ -x $RUNC && -x $RUNSC ]] || die "--runtime-dir: no runc and runsc in $runtime_dir"
  fi
  if ! command -v "${RUNC:-runc}" >/dev/null || ! find_runsc >/dev/null; then
    "$root/.ci/setup" gvisor
  fi
}

# What the container is to be, and what of it differs on purpose under gVisor.
declare_cell() { # CELL
  declare -g CELL_UID=65534 CELL_MOUNT=/host CELL_CAPABILITIES='[]' CELL_SECCOMP=RuntimeDefault
  declare -g host=$work/host
  if [[ $1 == runc-unconfined ]]; then CELL_SECCOMP=Unconfined; fi
  if [[ $1 != gvisor* ]]; then return; fi
  case $confound in
  uid) CELL_UID=65533 ;;
  capability) CELL_CAPABILITIES='["CAP_DAC_OVERRIDE"]' ;;
  seccomp) CELL_SECCOMP=Unconfined ;;
  path) CELL_MOUNT=/elsewhere ;;
  mode) chmod 0755 "$host/open" ;;
  directory) host=$work/other ;;
  esac
}

run_probe() { # CELL OUTPUT COMMAND [OPTION...]
  local cell=$1 output=$2 status=0 reader
  prepare_cell "$cell" "$work" "$probe" "$host" "${@:3}" --format json --log-format text \
    --run-id "$run_id" --cell "$cell" --runtime "${cell%%-*}" --pod-node "$node" \
    --pod-uid "$CELL_UID" --pod-gids 65534 --pod-host-path "$host" --pod-mount-read-only false \
    --pod-root-read-only true --pod-seccomp "$CELL_SECCOMP" --pod-privileged false \
    --pod-capabilities "$(jq -r 'if . == [] then "none" else join(",") end' \
      <<<"$CELL_CAPABILITIES")"
  # Through a pipe: processes of runsc overwrite each other's output in a file.
  cat "$work/pipe" >"$output" &
  reader=$!
  timeout --kill-after=5 "${EXPERIMENT_TIMEOUT:-300}" "${container[@]}" \
    </dev/null >"$work/pipe" 2>"$work/log" &
  running=$!
  wait "$running" || status=$?
  running=''
  # What is left of a container that was ended would keep the pipe open.
  if ((status != 0)); then "${runtime[@]}" delete --force "${container[-1]}" 2>/dev/null || true; fi
  wait "$reader"
  if ((status != 0)); then
    cat "$work/log" >&2
    echo "experiment: the container of cell $cell ended with status $status" >&2
    exit 1
  fi
}

start_decoys() {
  "$probe" witness serve --path "$work/host" --log-format text 2>"$work/serve.log" &
  serve=$!
  until [[ -e $work/host/decoys.json ]]; do
    if ! kill -0 "$serve" 2>/dev/null; then
      cat "$work/serve.log" >&2
      exit 1
    fi
  done
}

stop_decoys() {
  kill "$serve"
  wait "$serve"
  serve=''
}

prepare() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/argo-steps.XXXXXX")
  chmod 0755 "$work"
  mkfifo "$work/pipe"
  results=${keep:-$work/results}
  mkdir -p "$results"
  run_id=${RUN_ID:-local-$(date -u +%Y%m%d-%H%M%S)}
  node=${NODE_NAME:-$(hostname)}
  token=$("$probe" witness prepare --path "$work/host")
  if [[ $confound == directory ]]; then
    "$probe" witness prepare --path "$work/other" >/dev/null
    chmod 0755 "$work/other/open"
  fi
}

# Measures how long a container takes that prints its version and ends, the runtime's own time
# included. Cells take turns, because the load of the machine changes. The first
# turn warms up and is thrown away.
measure_starts() {
  local turn cell began starts=()
  declare -A command_of=()
  for cell in runc gvisor gvisor-sealed; do
    declare_cell "$cell"
    prepare_cell "$cell" "$work" "$probe" "$host" --version
    command_of[$cell]=${container[*]@Q}
  done
  for ((turn = 0; turn <= start_turns; turn++)); do
    for cell in runc gvisor gvisor-sealed; do
      local -a command="(${command_of[$cell]})"
      began=$EPOCHREALTIME
      "${command[@]}" </dev/null >/dev/null 2>&1
      if ((turn > 0)); then starts+=("$cell $((${EPOCHREALTIME/./} - ${began/./}))"); fi
    done
  done
  printf '%s\n' "${starts[@]}" | jq -nR '
    [inputs | split(" ") | {cell: .[0], ms: (.[1] | tonumber / 1000)}] | group_by(.cell)
    | map({(.[0].cell): map(.ms)}) | add' >"$results/starts.json"
  jq -r 'def at($p): sort | .[(length - 1) * $p | round];
    def ms: . * 10 | round / 10;
    def noisy: at(0.5) as $m | map(. - $m | fabs) | at(0.5) > $m / 10;
    . as $all | to_entries[]
    | "start to end of a container, ms: \(.key) median \(.value | at(0.5) | ms),"
      + " 95% \(.value | at(0.95) | ms)"
      + if .key == "runc" then "" else ", more than runc in its turn: median \([.value, $all.runc]
        | transpose | map(.[0] - .[1]) | at(0.5) | ms)" end
      + if .value | noisy then " (noisy: conclude nothing)" else "" end
    ' "$results/starts.json" >&2
}

experiment() {
  local cell reports=()
  prepare
  start_decoys
  for cell in "${cells[@]}"; do
    declare_cell "$cell"
    run_probe "$cell" "$results/$cell.json" run --path "$CELL_MOUNT" --keep-for-witness
    chmod 1777 "$work/host/open"
    reports+=("$results/$cell.json")
  done
  stop_decoys
  "$probe" witness collect --path "$work/host" --canary "$token" --node "$node" \
    --report "$results/witness.json"
  if [[ $costs ]]; then
    for cell in "${cells[@]:0:3}"; do
      declare_cell "$cell"
      run_probe "$cell" "$results/$cell-costs.json" costs
      reports+=("$results/$cell-costs.json")
    done
    measure_starts
  fi
  "$probe" compare "${reports[@]}" --witness "$results/witness.json" --log-format text \
    "${compare_options[@]}"
}

runtime_dir='' keep='' confound='' costs='' compare_options=()
while (($#)); do
  case $1 in
  -h | --help)
    help
    exit 0
    ;;
  --runtime-dir | --keep | --confound)
    (($# > 1)) || die "$1 needs a value"
    case $1 in
    --runtime-dir) runtime_dir=$2 ;;
    --keep) keep=$2 ;;
    --confound) confound=$2 ;;
    esac
    shift
    ;;
  --costs) costs=yes ;;
  *) compare_options+=("$1") ;;
  esac
  shift
done
case $confound in
'' | uid | capability | seccomp | path | mode | directory) ;;
*) die "--confound: '$confound' is not one of uid, capability, seccomp, path, mode, directory" ;;
esac
((EUID == 0)) || die "needs root, because runc and runsc do: sudo ./run.sh gvisor"
"$root/.ci/setup" build run
make -s -j"$(nproc)" -C "$root" build/gvisor_probe >&2 # stdout is for the comparison
probe=$root/build/gvisor_probe
# Lets compare check its options before anything runs.
"$probe" compare "${compare_options[@]}" --help >/dev/null
find_runtimes
experiment
