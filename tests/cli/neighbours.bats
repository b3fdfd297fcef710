#!/usr/bin/env bats
# Hostile neighbours and odd places: others who may write where we write, and what a process may lack.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text FAKE_GEN_LOG_FORMAT=text
  programs="fake_gen aggregator"
  printf '{"userId":"u%d","sessionDuration":1}\n' 1 2 3 >in.jsonl
}

attentive() { # waits until PID is the program itself and holds signals back for its own thread
  until grep -q '^SigBlk:.*4002$' "/proc/$1/status"; do kill -0 "$1"; done
}

# Two users, and a directory that both may write to, as /tmp.
shared_directory() {
  if [ "$(id -u)" -ne 0 ]; then skip 'needs root, to be two users'; fi
  local dir=$BATS_TEST_TMPDIR
  while [[ $dir == /tmp/* ]]; do
    chmod o+x "$dir"
    dir=${dir%/*}
  done
  cp "$BUILD/fake_gen" fake_gen
  mkdir shared victim
  chmod 1777 shared
  echo precious >victim/file
  chown -R 65532 victim
  chmod 755 victim
}
as_us() { setpriv --reuid=65532 --regid=65532 --clear-groups "$@"; }
as_other() { setpriv --reuid=65531 --regid=65531 --clear-groups "$@"; }
generate() { as_us ./fake_gen --events 10 --seed 1 --output "$@"; }

@test "in a directory of all a link of another user is not followed" {
  shared_directory
  as_other ln -s ../victim/file shared/out
  run generate shared/out
  [ "$status" -eq 4 ]
  [[ $output == *'cannot follow the link shared/out: Permission denied'* ]]
  [ "$(cat victim/file)" = precious ]
  as_us ln -s ../victim/file shared/ours
  generate shared/ours
  [ "$(wc -l <victim/file)" -eq 10 ]
  [ -L shared/ours ]
}

@test "a file of another user, linked to where output goes, keeps its content" {
  shared_directory
  echo theirs >shared/theirs
  chown 65531 shared/theirs
  chmod 666 shared/theirs
  chmod 777 shared # without the sticky bit, which forbids to replace it
  ln shared/theirs shared/out
  generate shared/out
  [ "$(cat shared/theirs)" = theirs ]
  [ "$(wc -l <shared/out)" -eq 10 ]
}

@test "no race with links in a directory of all reaches another file" {
  shared_directory
  (exec setpriv --reuid=65531 --regid=65531 --clear-groups bash -c \
    'cd shared; while :; do ln -sfn ../victim/file out; ln -sfn nowhere out; rm -f out; done' 2>/dev/null 3>&-) &
  local racer=$! n
  for n in {1..150}; do
    generate shared/out 2>/dev/null || true
    [ "$(cat victim/file)" = precious ]
  done
  kill $racer
  wait $racer || true
  run bash -c 'ls -A shared | grep -v "^out$"'
  [ -z "$output" ]
}

@test "names of temporary files that are taken are not opened" {
  shared_directory
  # Without /proc there is no way but a temporary name; the process id is known beforehand.
  run as_us unshare --user --map-root-user --mount --pid --fork bash -c '
    mount -t tmpfs none /proc
    for n in 0 1 2; do ln -s ../victim/file "shared/.out.$$-$n.tmp"; done
    exec ./fake_gen --events 10 --seed 1 --output shared/out'
  if [[ $output == *'unshare failed'* ]]; then skip 'needs user namespaces'; fi
  [ "$status" -eq 0 ]
  [ "$(cat victim/file)" = precious ]
  [ "$(wc -l <shared/out)" -eq 10 ]
}

@test "a path may go up, and a dangling link is replaced where it stands" {
  mkdir -p a/b
  "$BUILD/fake_gen" --events 5 --output a/b/../out.jsonl
  [ "$(wc -l <a/out.jsonl)" -eq 5 ]
  ln -s nowhere/file a/link
  "$BUILD/fake_gen" --events 5 --output a/link
  [ "$(wc -l <a/link)" -eq 5 ]
  [ ! -e nowhere ]
}

@test "few descriptors: done, or status 10 and one line, and no output that is not whole" {
  local n
  for n in {3..14}; do
    rm -f out r.json
    run --separate-stderr bash -c 'ulimit -n "$1"; exec "$2" --events 100 --seed 1 --report r.json --output out' _ "$n" "$BUILD/fake_gen"
    [[ $status == 0 || $status == 10 ]]
    [ "${#stderr_lines[@]}" -le 1 ]
    [ ! -e out ] || [ "$(wc -l <out)" -eq 100 ]
    run --separate-stderr bash -c 'ulimit -n "$1"; exec "$2" --print csv --rejects rejects in.jsonl' _ "$n" "$BUILD/aggregator"
    [[ $status == 0 || $status == 10 ]]
    [ "${#stderr_lines[@]}" -le 1 ]
    [[ $status == 0 || -z $output ]]
  done
  [ "$status" -eq 0 ]
}

@test "a limit on the size of files is refused, not a death by signal" {
  run bash -c 'ulimit -f 1; exec "$1" --events 1000 --seed 1 --output out' _ "$BUILD/fake_gen"
  [ "$status" -eq 4 ]
  [[ $output == *'File too large'* ]]
  [ ! -e out ]
}

@test "as process 1 it works, and SIGTERM ends it with status 11" {
  unshare --pid --fork true 2>/dev/null || skip 'may not make namespaces'
  unshare --pid --fork --mount-proc "$BUILD/aggregator" --print csv in.jsonl >out.csv
  [ "$(tail -n 1 out.csv)" = u3,1 ]
  mkfifo pipe
  unshare --pid --fork --mount-proc "$BUILD/aggregator" --print csv pipe 2>err 3>&- &
  local outer=$! status=0
  exec 7>pipe
  until inner=$(pgrep -P $outer); do kill -0 $outer; done
  attentive "$inner"
  kill -TERM "$inner"
  wait $outer || status=$?
  exec 7>&-
  [ "$status" -eq 11 ]
  [ "$(cat err)" = 'aggregator: cancelled by SIGTERM' ]
}

@test "a huge environment changes nothing" {
  local n
  for n in {1..12}; do export "HUGE_$n=$(head -c 100000 /dev/zero | tr '\0' x)"; done
  "$BUILD/aggregator" --print csv in.jsonl >out.csv
  [ "$(wc -l <out.csv)" -eq 4 ]
  AGGREGATOR_KEY=$HUGE_1 run --separate-stderr "$BUILD/aggregator" --print csv in.jsonl
  [ "$status" -eq 2 ]
  [ "${#stderr}" -lt 500 ]
}

@test "no core is dumped, neither into a file nor into a pipe" {
  local program pid
  mkfifo pipe
  for program in $programs; do
    case $program in
      fake_gen) "$BUILD/fake_gen" --output pipe 2>/dev/null 3>&- & ;;
      aggregator) "$BUILD/aggregator" --print csv pipe >/dev/null 2>&1 3>&- & ;;
    esac
    pid=$!
    attentive $pid
    # Linux pipes a core even with a limit of 0, but not with one of 1.
    grep -qE '^Max core file size +[01] +[01] ' "/proc/$pid/limits"
    if [ "$(id -u)" -eq 0 ]; then grep -qE '^Max core file size +1 +1 ' "/proc/$pid/limits"; fi
    kill -ABRT $pid # bash ignores SIGQUIT for what runs in the background
    wait $pid || true
  done
  run bash -c 'ls -A | grep core'
  [ -z "$output" ]
}

@test "a user without an entry in the password file is told to name one, whatever nsswitch.conf says" {
  if [ "$(id -u)" -ne 0 ]; then skip 'needs root, to be nobody'; fi
  cp "$BUILD/aggregator" aggregator
  local dir=$PWD
  while [[ $dir == /tmp/* ]]; do chmod o+x "$dir"; dir=${dir%/*}; done
  run setpriv --reuid=4242 --regid=4242 --clear-groups env -i PGHOST=127.0.0.1 PGPORT=1 ./aggregator --log-format text in.jsonl
  [ "$status" -eq 2 ]
  [[ $output == *'local user with ID 4242 does not exist'* ]]
  run setpriv --reuid=4242 --regid=4242 --clear-groups env -i PGHOST=127.0.0.1 PGPORT=1 DB_USER=me ./aggregator --log-format text in.jsonl
  [ "$status" -eq 10 ]
  [[ $output == *'Connection refused'* ]]
}

@test "a file that was deleted, replaced or made unreadable after it was opened is read as it was" {
  local change pid
  for change in 'rm events' 'mv other events' 'chmod 0 events'; do
    rm -f events
    printf '{"userId":"u","sessionDuration":1}\n%.0s' {1..3000} >events
    echo '{"userId":"other","sessionDuration":1}' >other
    mkfifo -m 600 gate.$$ 2>/dev/null || true
    # The second file is a pipe that nobody writes to yet: the first one is read and stays open.
    "$BUILD/aggregator" --print csv -t 1 events gate.$$ >out.csv 3>&- &
    pid=$!
    exec 7>gate.$$
    $change
    exec 7>&-
    wait $pid
    [ "$(cat out.csv)" = $'userId,sessionDuration\nu,3000' ]
  done
}
