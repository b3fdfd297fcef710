#!/usr/bin/env bash
# Hash flooding, counted in instructions: flood.sh PROGRAM RESULTS
#
# PROGRAM is the aggregator that is linked with tests/files/failing.c, which can draw zeros for a seed:
# there the flood must show, or it would prove nothing. Needs valgrind.
set -euo pipefail

program=$1 results=$2
keys=8000 most=2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$results"
gcc -std=gnu17 -O3 -include stdbool.h -o "$work/flood" tests/fuzz/flood.c
for kind in colliding any; do "$work/flood" "$keys" "$kind" >"$work/$kind.jsonl"; done

instructions() { # FILE FAIL_CALL
  FAIL_CALL=$2 valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$work/log" \
    "$program" --print csv --threads 1 "$1" >/dev/null 2>"$work/err" 9>/dev/null
  awk '/Collected/ { print $NF }' "$work/log"
}
any=$(instructions "$work/any.jsonl" none:1:1)
flood=$(instructions "$work/colliding.jsonl" none:1:1)
unseeded=$(instructions "$work/colliding.jsonl" getrandom:1:short)
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

{
  verdict=ok
  ((flood <= most * any)) || verdict='not ok'
  echo "$verdict - $keys keys that collide without the seed cost $(ratio "$flood" "$any") times those by chance"
  verdict=ok
  ((unseeded > most * any)) || verdict='not ok'
  echo "$verdict - without the seed they cost $(ratio "$unseeded" "$any") times, so the flood is one"
} | tee "$results/flood.tap"
! grep -q '^not ok' "$results/flood.tap"
