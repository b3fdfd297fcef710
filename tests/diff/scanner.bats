#!/usr/bin/env bats
# The scanner against Python's json parser. BUILD: where the programs are. SEED and LINES: see
# scanner.py; a failure prints what replays it.

scanner() {
  run env PYTHONDONTWRITEBYTECODE=1 "$BATS_TEST_DIRNAME/scanner.py" "$1" \
    "${BUILD:-$BATS_TEST_DIRNAME/../../build}/aggregator"
  echo "$output"
  [ "$status" -eq 0 ]
  echo "# $output" | tr '\n' ' ' >&3
  echo >&3
}

@test "cases by hand: every violation is rejected in any place, every oddity accepted" {
  scanner corpus
}

@test "generated and damaged lines: rejects and totals are the reference's, whatever the limits" {
  scanner random
}

@test "what --accept, --skip-missing and JSON Pointers take is what the reference takes" {
  scanner accepted
}

@test "objects that do not have a line each: places, rejects, counts and the first broken one" {
  scanner objects
}
