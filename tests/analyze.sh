#!/usr/bin/env bash
# Static analysis of the programs' sources: analyze.sh RESULTS
#
# gcc -fanalyzer and clang's analyzer; cppcheck runs with `make lint`. What is switched
# off is named here with its reason.
set -uo pipefail

results=$1
mkdir -p "$results/analyze"
mapfile -t sources < <(git ls-files '*.c' | grep -v '/tests/\|^tests/')
flags=(-std=gnu17 -D_GNU_SOURCE -I. -isystem build/deps/include -pthread)

# gcc 12 does not follow __attribute__((cleanup)), which frees, nor compound literals, which set every
# member.
gcc_off=(-Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value)
# clang's analyzer is told by analyze.h that err_set() returns false. What else fails in other files it
# still takes for success, which leaves things unset; nor does it count the users of shared memory.
clang_off=core.UndefinedBinaryOperatorResult,core.uninitialized.Branch,core.uninitialized.Assign,unix.Malloc

one() { # TOOL SOURCE: findings
  local vectors=() # as the Makefile has it
  case $2 in
  *_avx2.c) vectors=(-mavx2 -mbmi -mbmi2 -mpopcnt) ;;
  esac
  case $1 in
  gcc) gcc "${flags[@]}" "${vectors[@]}" -O1 -fanalyzer "${gcc_off[@]}" -c -o /dev/null "$2" ;;
  clang)
    if [[ $2 != common/err.c ]]; then vectors+=(-include tests/analyze.h); fi
    clang-14 "${flags[@]}" "${vectors[@]}" --analyze --analyzer-output text \
      -Xclang -analyzer-disable-checker -Xclang "$clang_off" -Wno-unknown-attributes "$2"
    ;;
  esac 2>&1 | grep -E 'warning:|error:'
}

: >"$results/analyze.tap"
for tool in gcc clang; do
  running=0
  for source in "${sources[@]}"; do
    if ((running == $(nproc))); then
      wait -n
      running=$((running - 1))
    fi
    one "$tool" "$source" >"$results/analyze/$tool-${source//\//-}.txt" &
    running=$((running + 1))
  done
  wait
  found=$(cat "$results/analyze/$tool"-*.txt | sort -u)
  if [[ -n $found ]]; then
    echo "not ok - $tool finds nothing in ${#sources[@]} sources"
    echo "# ${found//$'\n'/$'\n'# }"
  else
    echo "ok - $tool finds nothing in ${#sources[@]} sources"
  fi | tee -a "$results/analyze.tap"
done
! grep -q '^not ok' "$results/analyze.tap"
