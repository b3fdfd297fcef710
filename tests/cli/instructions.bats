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

per_event() { # SUFFIX OPTIONS...: of files all and half, of EVENTS more events
  local suffix=$1
  shift
  echo $((($(instructions "all$suffix" "$@") - $(instructions "half$suffix" "$@")) / ${EVENTS:-20000}))
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

@test "an event with escapes in every string costs at most 1250 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  for file in all half; do sed 's/":"\(..\)/":"\1\\u00e9/g' "$file" >"$file.escaped"; done
  cost=$(per_event .escaped)
  echo "# $cost instructions" >&3
  ((cost <= 1250))
}

@test "an event with other alphabets in every string costs at most 1150 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  for file in all half; do sed 's/":"\(..\)/":"\1é世/g' "$file" >"$file.unicode"; done
  cost=$(per_event .unicode)
  echo "# $cost instructions" >&3
  ((cost <= 1150))
}

@test "an event with statistics costs at most 640 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  cost=$(per_event "" --stats)
  echo "# $cost instructions" >&3
  ((cost <= 640))
}

# Ten events a user, as 10,000,000 of 1,000,000 users have. What a user costs, to be sorted and
# printed, is in it.
many_users() { # SUFFIX FILTER: makes the files
  "$BUILD/fake_gen" --seed 1 --users 40000 --events 400000 --output - 2>/dev/null |
    "${@:2}" >"all$1"
  head -n "$(($(wc -l <"all$1") / 2))" "all$1" >"half$1"
}

@test "an event of one of many users costs at most 630 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  many_users .many cat
  cost=$(EVENTS=200000 per_event .many)
  echo "# $cost instructions" >&3
  ((cost <= 630))
}

@test "an event of one of many users with names of up to 36 bytes costs at most 880 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  many_users .long sed -E 's/"user([0-9]+)"/"0f8fad5b-d9cb-469f-a165-7086772\1"/'
  cost=$(EVENTS=200000 per_event .long)
  echo "# $cost instructions" >&3
  ((cost <= 880))
}

@test "an event of a user of its own costs at most 2000 instructions" {
  grep -qw avx2 /proc/cpuinfo || skip "measured with AVX2"
  cd "$BATS_FILE_TMPDIR" || return
  many_users .distinct sed =
  for file in all half; do
    sed -E 'N; s/^([0-9]+)\n(.*"user)[0-9]+"/\2\1"/' "$file.distinct" >"$file.own"
  done
  cost=$(EVENTS=200000 per_event .own)
  echo "# $cost instructions" >&3
  ((cost <= 2000))
}
