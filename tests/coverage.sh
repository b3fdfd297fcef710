#!/usr/bin/env bash
# Branch coverage of all tests together: coverage.sh RESULTS PURE-SOURCE...
#
# The programs are built with --coverage in build/cov and run by the same tests. Fails where the
# pure core has less than 95 % or the whole less than 85 %. gvisor_probe and gvisor_installer are shown
# without a verdict: what they do in containers and on nodes leaves no counts here.
set -euo pipefail

results=$1
shift
pure_least=95 whole_least=85
export BUILD=$PWD/build/cov/bin TMPDIR=${TMPDIR:-/tmp}
mkdir -p "$results/coverage"
find build/cov -name '*.gcda' -delete
# Tests run the programs as other users too, which leave their counts there.
chmod -R a+rwX build/cov

make -s PROFILE=cov unit fuzz-replay >"$results/coverage/unit.log" 2>&1
# Left out: an empty root has no place for counts, and README's commands use the released programs.
# Tests that time or measure the programs may fail here; where it counts they have their own run.
mapfile -t files < <(printf '%s\n' tests/{cli,db,diff}/*.bats | grep -vE 'empty_root|readme|pg1[78]')
JOBS=$(nproc) tests/run_bats.sh "$results/coverage" "${files[@]}" >"$results/coverage/bats.log" 2>&1 ||
  echo "some tests fail with counts in the programs: see $results/coverage/bats.log"

report() { # OPTION...
  gcovr --root . --object-directory build/cov --gcov-ignore-parse-errors --exclude '.*/tests/.*' \
    --exclude 'tests/.*' --exclude-unreachable-branches "$@" build/cov
}
judged=(--filter common/ --filter fake_gen/ --filter aggregator/)
pure=()
for source in "$@"; do
  if [[ $source != gvisor_* ]]; then pure+=(--filter "$source\$"); fi
done
report --branches --sort-percentage --output "$results/coverage/branches.txt"
report --sort-percentage --output "$results/coverage/lines.txt"
report "${judged[@]}" --json-summary --output "$results/coverage/whole.json"
report "${pure[@]}" --json-summary --output "$results/coverage/pure.json"
cat "$results/coverage/branches.txt"

verdict() { # NAME FILE LEAST
  local branches lines
  read -r branches lines < <(jq -r '"\(.branch_percent) \(.line_percent)"' "$2")
  if jq -e --argjson least "$3" '.branch_percent >= $least' "$2" >/dev/null; then
    echo "ok - $1: $branches % of branches (at least $3 %), $lines % of lines"
  else
    echo "not ok - $1: $branches % of branches, at least $3 % are wanted; $lines % of lines"

  fi
}
{
  verdict 'the pure core' "$results/coverage/pure.json" "$pure_least"
  verdict 'the whole' "$results/coverage/whole.json" "$whole_least"
} | tee "$results/coverage.tap"
! grep -q '^not ok' "$results/coverage.tap"
