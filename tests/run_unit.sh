#!/usr/bin/env bash
# Runs unit test programs and keeps their TAP: run_unit.sh RESULTS PROFILE PROGRAM...
set -uo pipefail

results=$1 profile=$2
shift 2
mkdir -p "$results"
export CMOCKA_MESSAGE_OUTPUT=tap
export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
failed=0

for program in "$@"; do
  name=unit-$profile-$(basename "$program")
  log=$results/$name.log
  "$program" </dev/null >"$results/$name.tap" 2>"$log"
  status=$?
  # A crash after the last line of TAP, or before it, must not pass for a success.
  if ((status != 0)) && ! grep -q '^not ok' "$results/$name.tap"; then
    echo "not ok - $name ended with status $status" >>"$results/$name.tap"
  fi
  if ((status != 0)); then
    failed=1
    echo "FAILED $name" >&2
    grep -A12 '^not ok' "$results/$name.tap" >&2
    cat "$log" >&2
  else
    printf '  ok  %-40s %s tests\n' "$name" "$(grep -c '^ok' "$results/$name.tap")"
  fi
done
exit "$failed"
