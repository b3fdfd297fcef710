#!/usr/bin/env bash
# The cluster tests: run.sh RESULTS. FILTER=regex chooses among them.
#
# A box that is up is used and stays, and only what needs no box of its own is run. Else one is
# brought up and taken down, what it would leave behind is a failed test, and the tests of the box
# and of the installer have boxes of their own: two boxes at a time.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
results=$1
box=local/box/box
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
if "$box" status >/dev/null 2>&1; then
  load_images
  JOBS=${JOBS:-3} tests/run_bats.sh "$results" tests/e2e || failed=1
else
  tests/run_bats.sh "$results" tests/e2e/installer >"$results/e2e-installer.log" 2>&1 &
  installer=$!
  "$box" up
  load_images
  JOBS=${JOBS:-3} tests/run_bats.sh "$results" tests/e2e || failed=1
  leave_nothing || failed=1
  BOX_STATE=/var/lib/argo-steps-box-tested tests/run_bats.sh "$results" tests/e2e/box || failed=1
  wait "$installer" || failed=1
  cat "$results/e2e-installer.log"
fi
exit "$failed"
