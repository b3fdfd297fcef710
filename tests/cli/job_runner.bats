#!/usr/bin/env bats
# job_runner as process 1 of a namespace of its own, with programs that mean it no good.

setup() {
  cd "$BATS_TEST_TMPDIR"
  # The program's user has no way into the tests' directory.
  data=$(mktemp -d)
  chmod 777 "$data"
  export data
  export JOB_RUNNER_LOG_FORMAT=text
}

teardown() { rm -rf "$data"; }

# runner [OPTION...] -- COMMAND...: leaves stdout in `out`; the record in $record, its members by `of`.
# The program's user is nobody where the tests' is root.
runner() {
  status=0
  begin_runner "$@" >out 2>err || status=$?
  record=$(tail -n 1 out | tr -d '\036')
}
begin_runner() {
  local as=()
  if ((EUID == 0)); then as=(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs); fi
  local namespaces=(unshare --pid --fork --kill-child --mount-proc)
  if ((EUID != 0)); then namespaces=(unshare --user --map-current-user --pid --fork --kill-child --mount-proc); fi
  timeout 60 "${namespaces[@]}" -- "${as[@]}" "$BUILD/job_runner" --result "$data/perf.json" "$@"
}
of() { jq -r ".$1" <<<"$record"; }
ended() { # CAUSE STATUS: what the record says, and the runner's own status
  [ "$(of cause)" = "$1" ] || { echo "$record" >&2; cat err >&2; return 1; }
  [ "$status" -eq "$2" ]
  [ "$(head -c "$(of bytes)" out | wc -c)" -eq "$(of bytes)" ]
  [ "$(tail -c "+$(($(of bytes) + 1))" out | head -c 1)" = $'\036' ]
}

setup_file() {
  unshare --pid --fork --mount-proc true 2>/dev/null || unshare --user --map-current-user --pid --fork --mount-proc true ||
    skip 'may not make namespaces'
}

@test "a program's number is its record's, after its output and errors in their order" {
  runner -- sh -c 'echo one; echo two >&2; printf three; echo "{\"perf\": 0.99}" >$data/perf.json'
  ended 'done' 0
  [ "$(of perf)" = 0.99 ]
  [ "$(head -n 3 out)" = $'one\ntwo\nthree' ]
  [ "$(of bytes)" = 14 ]
  [ ! -s err ]
}

@test "without a command on its line it is the image's, which the program does not see" {
  JOB_RUNNER_COMMAND='["sh", "-c", "env | grep -c JOB_RUNNER_COMMAND; exit 7"]' runner
  ended exit 21
  [ "$(of status)" = 7 ]
  [ "$(head -n 1 out)" = 0 ]
  JOB_RUNNER_COMMAND='[]' runner
  ended image 26
  JOB_RUNNER_COMMAND='["sh", 1]' runner
  ended image 26
  runner
  [ "$status" -eq 2 ]
  grep -q JOB_RUNNER_COMMAND err
}

@test "the environment, which is the image's, sets no limit" {
  JOB_RUNNER_DEADLINE=1ms JOB_RUNNER_RESULT=/nowhere JOB_RUNNER_INSTALL=. JOB_RUNNER_OUTPUT_LIMIT=1 \
    runner -- sh -c 'sleep 0.05; echo "{\"perf\": 1}" >$data/perf.json'
  ended 'done' 0
}

@test "how a program ended is told: its status, its signal, that there is none" {
  runner -- sh -c 'echo "{\"perf\": 1}" >$data/perf.json; exit 3'
  ended exit 21
  [ "$(of why)" = 'the program ended with status 3' ]
  runner -- sh -c 'kill -SEGV $$'
  ended exit 21
  [ "$(of status)" = 139 ]
  runner -- /nowhere
  ended image 26
  [[ $(of why) == *nowhere*'No such file'* ]]
  runner -- "$data"
  ended image 26
}

@test "a result that is none has its reason, and nobody waits for it" {
  local case cause
  while IFS='|' read -r cause case; do
    rm -rf "${data:?}"/*
    runner -- sh -c "cd $data; $case"
    ended "$cause" "$([ "$cause" = no-result ] && echo 23 || echo 24)" || { echo "$case" >&2; false; }
    [ "$(of perf)" = null ]
  done <<'END'
no-result|true
no-result|(sleep 1; echo '{"perf": 1}' >perf.json) &
bad-result|ln -s target perf.json; echo '{"perf": 1}' >target
bad-result|ln -s /proc/1/environ perf.json
bad-result|ln -s nowhere perf.json
bad-result|mkfifo perf.json
bad-result|mkdir perf.json
bad-result|truncate -s 1G perf.json
bad-result|: >perf.json
bad-result|echo '{"perf": NaN}' >perf.json
bad-result|echo '{"perf": 1e999}' >perf.json
bad-result|echo '{"perf": 1, "perf": 1}' >perf.json
bad-result|echo '{"perf": "1"}' >perf.json
bad-result|echo '[1]' >perf.json
bad-result|echo '{"perf": 1}' >perf.json; chmod 0 perf.json
END
}

@test "a time that is over ends the program, what it started, and who left its group" {
  runner --deadline 300ms -- sh -c 'echo "{\"perf\": 1}" >$data/perf.json; sleep 100 & setsid sleep 100 & wait'
  ended deadline 22
  runner --deadline 300ms -- perl -e 'if (!($c = fork)) { setpgrp(0, 0); sleep 100 }
    select(undef, undef, undef, 0.01) until setpgrp(0, $c); sleep 100'
  ended deadline 22
  runner --deadline 300ms -- sh -c 'trap "" TERM INT HUP; kill -STOP $$'
  ended deadline 22
}

@test "who is left behind holds nothing up, and writes nothing behind the record" {
  runner -- sh -c 'echo "{\"perf\": 1}" >$data/perf.json; setsid sh -c "while :; do echo late; : >\$data/begun; done" & until [ -e $data/begun ]; do :; done'
  ended 'done' 0
}

@test "who takes back what the program wrote holds nothing up" {
  mkfifo slow
  { until [ -e "$data/taken" ] || [ -e ended ]; do :; done; cat; } <slow >out &
  status=0
  # Once another has left its group, which ends with it, it fills the way out and its own pipe, and
  # ends; then who is left behind empties that one.
  begin_runner -- perl -MPOSIX -MIO::Handle -e 'pipe($over, $held); pipe($gone, $here);
    if (!fork) { setsid(); close $here; close $held; sysread($over, $end, 1);
    open($in, "<", "/proc/self/fd/1") or die; $in->blocking(0); 1 while sysread($in, $bytes, 65536);
    open($taken, ">", "$ENV{data}/taken"); sleep 100 }
    close $here; sysread($gone, $end, 1); $| = 1; print "x" x 128000' >slow 2>err || status=$?
  touch ended
  wait "$!"
  record=$(tail -n 1 out | tr -d '\036')
  ended no-result 23
}

@test "output ends at the limit" {
  runner --output-limit 100K -- yes
  ended log-limit 25
  [ "$(of bytes)" = 102400 ]
  runner -- sh -c 'while :; do printf "%65536s" x; done'
  ended log-limit 25
  [ "$(stat -c %s out)" -le 8388608 ]
  runner --output-limit 3 -- printf abc
  ended no-result 23
}

@test "a program's record is none" {
  runner -- sh -c 'printf "\036{\"cause\":\"done\",\"status\":0,\"bytes\":0,\"perf\":1}\n"; exit 3'
  ended exit 21
  [ "$(tr -cd '\036' <out | wc -c)" -eq 1 ]
}

@test "a program cannot end, trace or write through process 1" {
  runner -- perl -e 'for $s (1..64) { kill $s, 1 } printf "%d\n", syscall(101, 16, 1, 0, 0); $! && print "$!\n";
    open(F, ">", "/proc/1/fd/1") and print F "forged\n"; print "$!\n"; open(F, "<", "/proc/1/environ"); print "$!\n"'
  ended no-result 23
  [ "$(grep -c 'Operation not permitted' out)" -eq 1 ]
  [ "$(grep -c 'Permission denied' out)" -eq 2 ]
}

@test "many processes at once are reaped" {
  runner -- sh -c 'for i in $(seq 300); do (setsid true &) ; done; echo "{\"perf\": 1}" >$data/perf.json; ps -e -o stat= | grep -c Z >&2 || true'
  ended 'done' 0
}

@test "SIGTERM ends the program at once, without a record: status 11" {
  "$BUILD/job_runner" -- sh -c 'trap "" TERM; echo begun; sleep 100' >out 2>err &
  until grep -q begun out; do kill -0 $!; done
  kill "$!"
  status=0; wait "$!" || status=$?
  [ "$status" -eq 11 ]
  [ "$(<out)" = begun ]
  grep -q cancelled err
}

@test "--install leaves the program itself, for a user of any number" {
  mkdir to
  "$BUILD/job_runner" --install to
  cmp "$BUILD/job_runner" to/job_runner
  [ "$(stat -c %a to/job_runner)" = 555 ]
  run --separate-stderr "$BUILD/job_runner" --install to
  [ "$status" -eq 4 ]
}
