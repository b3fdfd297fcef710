#!/usr/bin/env bats
# How a stop ends what hangs, and what it no longer changes.

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text FAKE_GEN_LOG_FORMAT=text
  printf '{"userId":"u%d","sessionDuration":1}\n' 1 2 3 >in.jsonl
}

attentive() { # waits until PID is the program itself and holds signals back for its own thread
  until grep -q '^SigBlk:.*4002$' "/proc/$1/status"; do kill -0 "$1"; done
}

stalled() { # COMMAND...: ended by SIGTERM while its stderr takes nothing
  unshare --mount true 2>/dev/null || skip 'may not make namespaces'
  run "$BATS_TEST_DIRNAME/stalled.py" "$@"
}

@test "SIGTERM ends a run whose last log line nobody reads, with the status of its work" {
  stalled "$BUILD/fake_gen" --events 10 --seed 1 --output out.jsonl
  [ "$output" = '0 ' ]
  [ "$(wc -l <out.jsonl)" -eq 10 ]
  stalled "$BUILD/aggregator" --print csv in.jsonl
  [ "$output" = '0 ' ]
}

@test "the termination log is written before a stderr that nobody reads, and keeps its status" {
  echo '{"userId":' >bad.jsonl
  stalled "$BUILD/aggregator" --print csv bad.jsonl
  [[ $output == '3 bad.jsonl:1:'* ]]
  stalled "$BUILD/fake_gen" --events -1
  [[ $output == '2 '*--events* ]]
}

# The report's FIFO holds the end up; a reader comes when the watchdog would have ended the run.
@test "SIGTERM in the end of a run changes neither its status nor its report" {
  local program pid status
  mkfifo never
  for program in fake_gen aggregator; do
    rm -f report out
    mkfifo report
    case $program in
      fake_gen) "$BUILD/fake_gen" --events 10 --seed 1 --output out --report report 2>err 3>&- & ;;
      aggregator) "$BUILD/aggregator" --print csv in.jsonl --report report >out 2>err 3>&- & ;;
    esac
    pid=$!
    until [ -s out ]; do kill -0 $pid; done
    attentive $pid
    kill -TERM $pid
    read -rt 1.5 <>never || true
    jq -e '.program' report >said
    status=0
    wait $pid || status=$?
    [ "$status" -eq 0 ]
    [ "$(cat said)" = "\"$program\"" ]
  done
}
