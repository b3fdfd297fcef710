#!/usr/bin/env bats
# What every program does alike. A program is added by a line in `programs` and one in `work`.

programs="fake_gen aggregator"

attentive() { # waits until PID is the program itself and holds signals back for its own thread
  until grep -q '^SigBlk:.*4002$' "/proc/$1/status"; do kill -0 "$1"; done
}

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text FAKE_GEN_LOG_FORMAT=text
}

# Arguments of a run that writes a lot of data to stdout, from input in $BATS_FILE_TMPDIR.
work() {
  case $1 in
    fake_gen) echo "--events 200000 --seed 1 --output -" ;;
    aggregator) echo "--print csv $BATS_FILE_TMPDIR/many.jsonl" ;;
  esac
}

setup_file() {
  awk 'BEGIN { for (i = 0; i < 100000; i++) printf "{\"userId\":\"u%d\",\"sessionDuration\":1}\n", i }' \
    >"$BATS_FILE_TMPDIR/many.jsonl"
}

@test "--help and --version: status 0, text on stdout, nothing on stderr, at most 95 columns" {
  for program in $programs; do
    for option in --help --version '-?' -V; do
      "$BUILD/$program" $option >out 2>err
      [ -s out ]
      [ ! -s err ]
      run awk 'length > 95' out
      [ -z "$output" ]
    done
  done
}

@test "--help names every option's default or variable, examples and exit statuses" {
  for program in $programs; do
    "$BUILD/$program" --help >out
    grep -q 'Examples:' out
    grep -q 'Exit status:' out
    grep -q -- '--report' out
  done
}

@test "--version says the name and a version" {
  for program in $programs; do
    [[ $("$BUILD/$program" --version) =~ ^$program\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
  done
}

@test "an unknown option: status 2, one line on stderr that names it, nothing on stdout" {
  for program in $programs; do
    for option in --no-such-option -Q; do
      run --separate-stderr "$BUILD/$program" $option
      [ "$status" -eq 2 ]
      [ -z "$output" ]
      [ "${#stderr_lines[@]}" -eq 1 ]
      [[ ${stderr_lines[0]} == *"$option"* ]]
    done
  done
}

@test "abbreviated options are refused, and the full name is suggested" {
  for program in $programs; do
    run --separate-stderr "$BUILD/$program" --thread 1
    [ "$status" -eq 2 ]
    [[ $stderr == *"did you mean --threads?"* ]]
  done
}

@test "an option without its value, and a flag with one, are refused" {
  for program in $programs; do
    run --separate-stderr "$BUILD/$program" --threads
    [ "$status" -eq 2 ]
    [[ $stderr == *"--threads needs a value"* ]]
    run --separate-stderr "$BUILD/$program" --help=x
    [ "$status" -eq 2 ]
    [[ $stderr == *"--help takes no value"* ]]
  done
}

@test "a broken value in the environment is refused by the variable's name; an empty one is unset" {
  AGGREGATOR_THREADS=many run --separate-stderr "$BUILD/aggregator" --print csv /dev/null
  [ "$status" -eq 2 ]
  [[ $stderr == *AGGREGATOR_THREADS* ]]
  FAKE_GEN_THREADS=many run --separate-stderr "$BUILD/fake_gen" -o -
  [ "$status" -eq 2 ]
  [[ $stderr == *FAKE_GEN_THREADS* ]]
  AGGREGATOR_THREADS='' "$BUILD/aggregator" --print csv /dev/null
  FAKE_GEN_THREADS='' EVENTS=1 "$BUILD/fake_gen" -o - >out
  [ "$(wc -l <out)" -eq 1 ]
}

@test "a complaint about options has the log format that is asked for" {
  for program in $programs; do
    prefix=${program^^}
    run --separate-stderr "$BUILD/$program" --no-such-option --log-format text
    [ "$status" -eq 2 ]
    [[ $stderr == "$program: unknown option"* ]]
    run --separate-stderr "$BUILD/$program" --log-format=text --threads many
    [ "$status" -eq 2 ]
    [[ $stderr == "$program: --threads"* ]]
    run --separate-stderr env "${prefix}_LOG_FORMAT=text" "$BUILD/$program" --threads many
    [ "$status" -eq 2 ]
    [[ $stderr == "$program: --threads"* ]]
    run --separate-stderr env "${prefix}_LOG_FORMAT=text" "$BUILD/$program" --log-format json -Q
    [ "$status" -eq 2 ]
    [[ $(jq -r .level <<<"$stderr") == error ]]
    run --separate-stderr "$BUILD/$program" --log-format xml
    [ "$status" -eq 2 ]
    [[ $(jq -r .msg <<<"$stderr") == *"not one of auto|text|json"* ]]
  done
}

@test "an option beats the environment" {
  AGGREGATOR_PRINT=json "$BUILD/aggregator" --print csv /dev/null >out
  [ "$(cat out)" = userId,sessionDuration ]
  FAKE_GEN_EVENTS=5 EVENTS=7 "$BUILD/fake_gen" --events 3 -o - >out
  [ "$(wc -l <out)" -eq 3 ]
  FAKE_GEN_EVENTS=5 EVENTS=7 "$BUILD/fake_gen" -o - >out
  [ "$(wc -l <out)" -eq 5 ]
}

@test "a full disk on stdout, for help as for data, is status 10 and said" {
  for program in $programs; do
    for args in --help --version "$(work $program)"; do
      # shellcheck disable=SC2086
      run bash -c '"$@" 2>&1 >/dev/full' _ "$BUILD/$program" $args
      [ "$status" -eq 10 ]
      [[ $output == *"No space left on device"* ]]
    done
  done
}

@test "a closed stdout is status 4 and said" {
  for program in $programs; do
    for args in --help "$(work $program)"; do
      # shellcheck disable=SC2086
      run bash -c '"$@" 2>&1 >&-' _ "$BUILD/$program" $args
      [ "$status" -eq 4 ]
      [[ $output == *"standard output"* ]]
    done
  done
}

@test "a reader that quits is status 4 and said, not a death by signal" {
  for program in $programs; do
    # shellcheck disable=SC2046
    run bash -c '"$@" 2>err | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"' _ "$BUILD/$program" $(work $program)
    [ "$output" -eq 4 ]
    grep -q "its reader has gone away" err
  done
}

@test "all of stdin, stdout and stderr closed: no crash, no file taken for one of them" {
  for program in $programs; do
    # shellcheck disable=SC2046
    run bash -c '"$@" <&- >&- 2>&-' _ "$BUILD/$program" $(work $program)
    [ "$status" -eq 4 ]
  done
}

@test "SIGTERM and SIGINT half-way: status 11 within a second, reason said" {
  mkfifo feed
  for signal in TERM INT; do
    "$BUILD/aggregator" --print csv - <feed >out 2>err 3>&- &
    pid=$!
    exec 7>feed
    head -n 1 "$BATS_FILE_TMPDIR/many.jsonl" >&7
    started=$(date +%s%N)
    attentive $pid
    kill -$signal $pid
    status=0
    wait $pid || status=$?
    exec 7>&-
    [ "$status" -eq 11 ]
    [ $((($(date +%s%N) - started) / 1000000)) -lt 1500 ]
    grep -q "cancelled by SIG$signal" err
    [ ! -s out ]

    mkfifo drain$signal
    "$BUILD/fake_gen" --events 100000000 -o drain$signal 2>err 3>&- &
    pid=$!
    exec 7<drain$signal
    head -c 100 <&7 >/dev/null
    attentive $pid
    kill -$signal $pid
    status=0
    wait $pid || status=$?
    exec 7<&-
    [ "$status" -eq 11 ]
    grep -q "cancelled by SIG$signal" err
  done
}

@test "a passed ARGO_DEADLINE cancels; Go's zero time means none; rubbish is refused" {
  # shellcheck disable=SC2046
  ARGO_DEADLINE=2020-01-01T00:00:00Z run --separate-stderr "$BUILD/fake_gen" --events 1000000000000 -o /dev/null
  [ "$status" -eq 11 ]
  [[ $stderr == *ARGO_DEADLINE* ]]
  ARGO_DEADLINE=0001-01-01T00:00:00Z "$BUILD/aggregator" --print csv /dev/null
  for program in $programs; do
    # shellcheck disable=SC2046
    ARGO_DEADLINE=soon run --separate-stderr "$BUILD/$program" $(work $program)
    [ "$status" -eq 2 ]
    [[ $stderr == *ARGO_DEADLINE* ]]
  done
}

@test "logs are JSON Lines off a terminal, with time, level, program and trace context" {
  unset AGGREGATOR_LOG_FORMAT
  TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 \
    "$BUILD/aggregator" --run-id r1 --print csv /dev/null 2>err
  jq -e '.level == "info" and .program == "aggregator" and .run_id == "r1" and .shard == "0/1"
    and .trace_id == "0af7651916cd43dd8448eb211c80319c" and .span_id == "b7ad6b7169203331"
    and (.time | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$"))' err
}

@test "reports are whole JSON objects with exact counts, time and memory" {
  "$BUILD/fake_gen" -n 1234 -s 1 -o e.jsonl --report g.json
  jq -e '.events == 1234 and .seconds >= 0 and .user_seconds >= 0 and .peak_rss_bytes > 100000 and .seed == "1"' g.json
  "$BUILD/aggregator" --print csv e.jsonl --report a.json >totals.csv
  jq -e '.lines == 1234 and .events == 1234 and .users == 10 and .bad_lines == 0 and .peak_rss_bytes > 100000' a.json
  [ "$(jq .total a.json)" = "$(awk -F, 'NR > 1 { sum += $2 } END { print sum }' totals.csv)" ]
}

@test "a failure leaves its line in the report too" {
  run "$BUILD/aggregator" --print csv missing.jsonl --report a.json
  [ "$status" -eq 4 ]
  jq -e '.exit_status == 4 and (.error | contains("missing.jsonl"))' a.json
}

@test "a report that cannot be written is an error" {
  run --separate-stderr "$BUILD/fake_gen" -n 1 -o e.jsonl --report no/such/dir/r.json
  [ "$status" -eq 4 ]
  [[ $stderr == *"no/such/dir"* ]]
}

@test "files that are made are not for others, whatever the umask handed down" {
  umask 0
  "$BUILD/fake_gen" -n 10 -o e.jsonl --report r.json
  [ "$(stat -c %a e.jsonl r.json | sort -u)" = 640 ]
}

@test "progress goes to ARGO_PROGRESS_FILE as N/M" {
  ARGO_PROGRESS_FILE=progress "$BUILD/aggregator" --print csv "$BATS_FILE_TMPDIR/many.jsonl" >/dev/null
  size=$(stat -c %s "$BATS_FILE_TMPDIR/many.jsonl")
  [ "$(cat progress)" = "$size/$size" ]
}
