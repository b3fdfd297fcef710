#!/usr/bin/env bash
# Runs bats files and keeps their TAP: run_bats.sh RESULTS DIRECTORY-OR-FILE...
# JOBS=n runs so many files side by side; FILTER=regex runs the tests whose names match.
set -uo pipefail

results=$1
shift
mkdir -p "$results"
BUILD=${BUILD:-$(pwd)/build}
RESULTS=$(cd "$results" && pwd) # for what a test leaves there beside its TAP
export BUILD RESULTS
unset CDPATH
failed=0

run_file() {
  local file=$1 status=0 tap
  tap=$results/$(basename "$(dirname "$file")")-$(basename "$file" .bats).tap
  SECONDS=0
  bats --formatter tap ${FILTER:+--filter "$FILTER"} "$file" </dev/null >"$tap" 2>&1 || status=$?
  if ((status != 0)); then
    grep -q '^not ok' "$tap" || echo "not ok - $file ended with status $status" >>"$tap"
    echo "FAILED $file" >&2
    awk '/^not ok/{on=1} /^ok/{on=0} on' "$tap" >&2
    if ! grep -q '^ok' "$tap"; then cat "$tap" >&2; fi
  fi
  printf '  %-6s %-40s %s tests, %s s\n' "$([[ $status == 0 ]] && echo ok || echo FAILED)" "$file" \
    "$(grep -c '^ok' "$tap")" "$SECONDS"
  return "$status"
}

files=()
for argument in "$@"; do
  if [[ -d $argument ]]; then files+=("$argument"/*.bats); else files+=("$argument"); fi
done

running=0
for file in "${files[@]}"; do
  if ((running == ${JOBS:-1})); then
    wait -n || failed=1
    running=$((running - 1))
  fi
  run_file "$file" &
  running=$((running + 1))
done
while ((running > 0)); do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
