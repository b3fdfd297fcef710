#!/usr/bin/env bash
# Prints the pure sources: `Pure.` stands in the first comment of their header, or in their own.
set -euo pipefail

says_pure() { # FILE
  [[ -f $1 ]] && awk '
    FNR == 1 && !/^\/\*/ { exit }
    /(^|[ *])Pure\.( |$)/ { found = 1 }
    /\*\// { exit }
    END { exit !found }' "$1"
}

for source in */*.c */*/*.c */*/*.cpp; do
  [[ $source != tests/* && $source != */tests/* ]] || continue
  if says_pure "${source%.*}.h" || says_pure "$source"; then echo "$source"; fi
done
