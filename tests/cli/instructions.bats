#!/usr/bin/env bats
# How many instructions an event costs: what times on a busy machine cannot tell. The bounds are
# half as high again as measured, so that a lost fast path shows and another compiler does not.

setup_file() {
  command -v valgrind >/dev/null || skip "valgrind is not installed"
  cd "$BATS_FILE_TMPDIR" || return
  "$BUILD/fake_gen" --seed 1 --users 10 --events 40000 --output all 2>/dev/null
  head -n 20000 all >half
}

instructions() { # FILE OPTIONS...
  local file=$1
  shift
  valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    "$BUILD/aggregator" --threads 1 --print csv "$@" "$file" 2>&1 >/dev/null |
    sed -n 's/.* refs: *//p' | tr -d ,
}

per_event() { # SUFFIX: of files all and half
  echo $((($(instructions "all$1") - $(instructions "half$1")) / 20000))
}

@test "an event in the usual layout costs at most 420 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  cost=$(per_event "")
  echo "# $cost instructions" >&3
  ((cost <= 420))
}

@test "blanks between tokens, or another order of fields, cost at most a third more" {
  cd "$BATS_FILE_TMPDIR" || return
  for file in all half; do
    sed 's/":/": /g; s/,"/, "/g' "$file" >"$file.spaced"
    sed -E 's/^\{(.*),("sessionDuration":[0-9]+)\}$/{\2,\1}/' "$file" >"$file.order"
  done
  usual=$(per_event "")
  for layout in .spaced .order; do
    cost=$(per_event "$layout")
    echo "# $layout: $cost instructions against $usual" >&3
    ((cost * 3 <= usual * 4))
  done
}

@test "an event with escapes in every string costs at most 2200 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  for file in all half; do sed 's/":"\(..\)/":"\1\\u00e9/g' "$file" >"$file.escaped"; done
  cost=$(per_event .escaped)
  echo "# $cost instructions" >&3
  ((cost <= 2200))
}
