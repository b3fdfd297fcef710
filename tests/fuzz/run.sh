#!/usr/bin/env bash
# Runs libFuzzer targets one after the other: run.sh DIRECTORY SECONDS TARGET...
#
# Each starts from tests/fuzz/corpus/TARGET and what earlier runs found (build/fuzz/corpus). An
# input that breaks a property stays in build/fuzz/broken; keep it in tests/fuzz/corpus once mended.
set -euo pipefail

programs=$1 seconds=$2
shift 2
here=tests/fuzz failed=0
mkdir -p build/fuzz/broken
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1

printf '%-10s %8s %12s %10s %9s %8s\n' target seconds inputs 'per second' features kept
for target in "$@"; do
  found=build/fuzz/corpus/$target log=build/fuzz/$target.log status=0
  mkdir -p "$found"
  dictionary=$here/$target.dict
  # A relative prefix, a limit for each input and for memory: a hang is a finding too.
  "$programs/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
    -artifact_prefix="build/fuzz/broken/$target-" -print_final_stats=1 \
    ${dictionary:+$([[ -f $dictionary ]] && echo "-dict=$dictionary")} \
    "$found" "$here/corpus/$target" >"$log" 2>&1 || status=$?
  awk -v target="$target" -v seconds="$seconds" '
    /number_of_executed_units/ { inputs = $2 }
    /average_exec_per_sec/ { rate = $2 }
    / ft: / { for (i = 1; i < NF; i++) { if ($i == "ft:") features = $(i + 1); if ($i == "corp:") kept = $(i + 1) } }
    END { printf "%-10s %8d %12d %10d %9d %8s\n", target, seconds, inputs, rate, features, kept }' "$log"
  if ((status != 0)); then
    failed=1
    echo "FAILED $target: see $log" >&2
    grep -E 'does not hold|ERROR|SUMMARY|Test unit written' "$log" | head -n 5 >&2 || true
  fi
done
exit "$failed"
