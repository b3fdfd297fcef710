#!/usr/bin/env bats
# What an output may replace: the file of its name, nothing else.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text FAKE_GEN_LOG_FORMAT=text GVISOR_PROBE_LOG_FORMAT=text
  printf '{"userId":"u%d","sessionDuration":1}\n' 1 2 3 >in.jsonl
  echo bad >>in.jsonl
  cp in.jsonl kept
}

refused() { # MESSAGE COMMAND...: status 2, and the input is as it was
  local message=$1
  shift
  run --separate-stderr "$@"
  echo "$stderr"
  [ "$status" -eq 2 ]
  # shellcheck disable=SC2053
  [[ $stderr == *$message* ]]
  cmp in.jsonl kept
}
totals() { refused "$1" "$BUILD/aggregator" --print csv --max-bad 1 "${@:2}"; }

@test "a user's own hidden file beside the output stays" {
  echo precious >.events.jsonl.tmp
  echo old >events.jsonl
  "$BUILD/fake_gen" --events 10 --seed 1
  "$BUILD/fake_gen" --events 10 --seed 2
  [ "$(cat .events.jsonl.tmp)" = precious ]
  [ "$(wc -l <events.jsonl)" -eq 10 ]
}

@test "outputs whose names are alike for 200 bytes keep apart" {
  local long i
  long=$(printf 'n%.0s' {1..220})
  for i in a b c d; do
    "$BUILD/fake_gen" --events 10 --seed $i --output $i
    echo old >"$long$i"
  done
  for i in a b c d; do "$BUILD/fake_gen" --events 10 --seed $i --output "$long$i" 2>/dev/null & done
  wait
  for i in a b c d; do cmp "$long$i" $i; done
  [ "$(find . -name '.n*' | wc -l)" -eq 0 ]
}

@test "what SIGKILL left of an output goes with the next one" {
  touch -d '2 minutes ago' .out.0123456789abcdef.tmp .out.tmp
  "$BUILD/fake_gen" --events 10 --seed 1 --output out
  [ ! -e .out.0123456789abcdef.tmp ]
  [ -e .out.tmp ]
}

@test "an output that is an input is refused, under whatever name" {
  mkdir dir values
  ln -s in.jsonl link
  ln -s .. dir/up
  ln in.jsonl hard
  local name
  for name in in.jsonl ./in.jsonl "$PWD/in.jsonl" link dir/up/in.jsonl hard; do
    totals '--rejects is the input in.jsonl' --rejects $name in.jsonl
    totals '--report is the input in.jsonl' --report $name in.jsonl
    totals "--report is the input $name" --report in.jsonl kept $name
  done
  ln -s ../in.jsonl values/lines
  totals '--outputs is the input in.jsonl' --outputs values in.jsonl
  INPUT_FILE=in.jsonl totals '--rejects is the input in.jsonl' --rejects in.jsonl
}

@test "two outputs that are one file are refused, also where none is there yet" {
  mkdir values
  ln -s values same
  totals '--rejects and --report are both new,' --rejects new --report ./new in.jsonl
  totals '--report and --outputs are both' --report same/total --outputs values in.jsonl
  totals '--report and --outputs are both' --report fresh/total --outputs fresh in.jsonl
  echo old >values/total
  totals '--report and --outputs are both' --report same/total --outputs values in.jsonl
  [ ! -e new ]
  [ "$(cat values/total)" = old ]
  [ ! -e fresh ]
  refused '--output and --report are both' "$BUILD/fake_gen" --events 10 --output out --report ./out
  [ ! -e out ]
  refused '--output and --report are both' "$BUILD/gvisor_probe" compare a b --output out --report out
}

@test "reports, expectations and records are inputs of gvisor_probe compare" {
  mkdir host
  echo '{}' | tee a.json expected >host/witness.json
  refused '--output is the input a.json' "$BUILD/gvisor_probe" compare a.json b.json --output ./a.json
  refused '--report is the input expected' "$BUILD/gvisor_probe" compare a.json b.json --expect expected --report expected
  refused '--report is the input host/witness.json' \
    "$BUILD/gvisor_probe" compare a.json b.json --witness host --report host/witness.json
  mkdir values
  for value in verdict valid met summary; do
    cp a.json values/$value
    refused "--outputs is the input values/$value" "$BUILD/gvisor_probe" compare a.json values/$value --outputs values
  done
}

@test "each value of --outputs is an output: no input, report or rejects file of its name is lost" {
  "$BUILD/aggregator" --print csv --max-bad 1 --outputs values in.jsonl >out 2>err
  [ "$(find values -type f | wc -l)" -ge 8 ]
  for value in values/*; do
    cp in.jsonl "$value"
    for use in "$value" "--report $value in.jsonl" "--rejects $value in.jsonl"; do
      # shellcheck disable=SC2086
      run "$BUILD/aggregator" --print csv --max-bad 1 --outputs values $use
      [ "$status" -eq 2 ]
      cmp in.jsonl "$value"
    done
  done
}

@test "an input that is redirected is not replaced either" {
  run "$BUILD/aggregator" --print csv --max-bad 1 --report in.jsonl - <in.jsonl
  [ "$status" -eq 2 ]
  run "$BUILD/aggregator" --print csv --max-bad 1 --report in.jsonl /dev/stdin <in.jsonl
  [ "$status" -eq 2 ]
  cmp in.jsonl kept
}

@test "what is written on, not replaced, may be named twice" {
  "$BUILD/aggregator" --print csv --max-bad 1 --rejects /dev/null --report /dev/null in.jsonl 2>err
  "$BUILD/aggregator" --print csv --max-bad 1 --rejects /dev/stdout --report - in.jsonl >>out 2>err
  grep -q '^u1,1' out
  grep -q bad_lines out
  grep -q in.jsonl:4:1 out
  "$BUILD/aggregator" --print csv --max-bad 1 --report r /dev/stdin <in.jsonl 2>err
  mkfifo pipe
  cat <pipe >got &
  "$BUILD/aggregator" --print csv --max-bad 1 --rejects pipe --outputs values --report r in.jsonl 2>err
  wait
  grep -q in.jsonl:4:1 got
  [ "$(cat values/total)" = 3 ]
  cmp in.jsonl kept
}

@test "a disk that is full is status 10, one that is too small for the file alone 4" {
  unshare --mount true 2>/dev/null || skip 'may not make namespaces'
  "$BUILD/fake_gen" --events 600000 --users 10000000 --seed 1 --output many.jsonl
  mkdir small
  on_small() { # MEGABYTES-TAKEN COMMAND...
    run unshare --mount bash -c 'mount -t tmpfs -o size=8m none small &&
      head -c "$0M" /dev/zero >small/other && exec "$@"' "$@"
    echo "$output"
  }
  on_small 0 "$BUILD/fake_gen" --events 200000 --seed 1 --output small/out
  [ "$status" -eq 4 ]
  [[ $output == *'small/out: No space left'*'larger one'* ]]
  on_small 4 "$BUILD/fake_gen" --events 200000 --seed 1 --output small/out
  [ "$status" -eq 10 ]
  [[ $output == *'small/out: No space left'*'free some space'* ]]
  on_small 0 "$BUILD/aggregator" --print csv --threads 1 --max-memory 25M --spill-dir small many.jsonl
  [ "$status" -eq 4 ]
  [[ $output == *'temporary file in small: No space left'*--spill-dir* ]]
  on_small 4 "$BUILD/aggregator" --print csv --threads 1 --max-memory 25M --spill-dir small many.jsonl
  [ "$status" -eq 10 ]
  [[ $output == *'temporary file in small: No space left'*--spill-dir* ]]
}
