#!/usr/bin/env bash
# Static analysis of the programs' sources: analyze.sh RESULTS
#
# gcc -fanalyzer, clang's analyzer and clang-tidy; cppcheck runs with `make lint`. What is switched
# off is named here with its reason.
set -uo pipefail

results=$1
mkdir -p "$results/analyze"
mapfile -t sources < <(git ls-files '*.c' | grep -v '/tests/\|^tests/')
flags=(-std=gnu17 -D_GNU_SOURCE -I. -isystem build/deps/include -pthread)

# gcc 12 does not follow __attribute__((cleanup)), which frees, nor compound literals, which set every
# member.
gcc_off=(-Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value)
# easily-swappable-parameters: would want a type for every length. narrowing-conversions, signed-char:
# -Wconversion says it better. reserved-identifier, switch-default, assignment in conditions: style
# that the compiler's warnings allow on purpose. not-null-terminated-result: fields of fixed width.
# DeprecatedOrUnsafeBufferHandling wants Annex K's memcpy_s, which glibc does not have.
tidy='-*,bugprone-*,cert-*,clang-analyzer-*,concurrency-*'
tidy+=',-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier'
tidy+=',-bugprone-assignment-in-if-condition,-bugprone-not-null-terminated-result,-bugprone-signed-char-misuse'
tidy+=',-bugprone-implicit-widening-of-multiplication-result,-bugprone-branch-clone'
tidy+=',-cert-dcl37-c,-cert-dcl51-cpp,-cert-str34-c,-cert-err33-c'
tidy+=',-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-concurrency-mt-unsafe'

one() { # TOOL SOURCE: findings
  local vectors=() # as the Makefile has it
  case $2 in
  *_avx2.c) vectors=(-mavx2 -mbmi -mbmi2 -mpopcnt) ;;
  *_avx512.c) vectors=(-mavx2 -mbmi -mbmi2 -mpopcnt -mavx512bw -mavx512vl -mavx512vbmi2) ;;
  esac
  case $1 in
  gcc) gcc "${flags[@]}" "${vectors[@]}" -O1 -fanalyzer "${gcc_off[@]}" -c -o /dev/null "$2" ;;
  clang) clang-14 "${flags[@]}" "${vectors[@]}" --analyze --analyzer-output text -Wno-unknown-attributes "$2" ;;
  tidy) clang-tidy-14 --quiet --checks="$tidy" "$2" -- "${flags[@]}" "${vectors[@]}" -Wno-unknown-attributes 2>/dev/null ;;
  esac 2>&1 | grep -E 'warning:|error:'
}

: >"$results/analyze.tap"
for tool in gcc clang tidy; do
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
