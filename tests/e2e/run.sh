#!/usr/bin/env bash
# The cluster tests: run.sh RESULTS. FILTER=regex chooses among them.
#
# A box that is up is used and stays. Else the box's own tests run first, then one is brought up for
# the rest and taken down; what it would leave behind is a failed test.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
results=$1
box=tests/e2e/box/box
failed=0

load_images() {
  local archive
  for archive in build/images/*.tar; do "$box" load-image "$archive" >/dev/null; done
}

leave_nothing() {
  if "$box" down; then
    printf '1..1\nok 1 the box leaves nothing behind\n'
  else
    printf '1..1\nnot ok 1 the box leaves nothing behind\n'
    return 1
  fi >"$results/e2e-leftovers.tap"
}

mkdir -p "$results"
"$box" build
mine=''
if ! "$box" status >/dev/null 2>&1; then
  mine=yes
  tests/run_bats.sh "$results" tests/e2e/box || failed=1
  "$box" up
fi
load_images
JOBS=${JOBS:-3} tests/run_bats.sh "$results" tests/e2e || failed=1
if [[ $mine ]]; then
  leave_nothing || failed=1
  # On a box of its own, whose containerd knows no gVisor.
  tests/run_bats.sh "$results" tests/e2e/installer || failed=1
fi
exit "$failed"
