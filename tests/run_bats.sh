#!/usr/bin/env bash
# Runs bats files and keeps their TAP: run_bats.sh RESULTS DIRECTORY-OR-FILE...
# FILTER=regex runs the tests whose names match.
set -uo pipefail

results=$1
shift
mkdir -p "$results"
BUILD=${BUILD:-$(pwd)/build}
export BUILD
unset CDPATH
failed=0

for file in "$@"; do
  if [[ -d $file ]]; then set -- "$@" "$file"/*.bats; fi
done
for file in "$@"; do
  if [[ ! -f $file ]]; then continue; fi
  tap=$results/$(basename "$(dirname "$file")")-$(basename "$file" .bats).tap
  SECONDS=0
  bats --formatter tap ${FILTER:+--filter "$FILTER"} "$file" </dev/null >"$tap" 2>&1
  status=$?
  if ((status != 0)); then
    failed=1
    grep -q '^not ok' "$tap" || echo "not ok - $file ended with status $status" >>"$tap"
    echo "FAILED $file" >&2
    awk '/^not ok/{on=1} /^ok/{on=0} on' "$tap" >&2
    if ! grep -q '^ok\|^not ok' "$tap"; then cat "$tap" >&2; fi
  fi
  printf '  %-6s %-40s %s tests, %s s\n' "$([[ $status == 0 ]] && echo ok || echo FAILED)" "$file" \
    "$(grep -c '^ok' "$tap")" "$SECONDS"
done
exit "$failed"
