#!/usr/bin/env bats
# What jobs' containers print, followed through an API server that lies: fake_logs.py.

load helpers.bash

setup_file() {
  start_server
  export kube=$BATS_FILE_TMPDIR/kube
  "$here/fake_logs.py" "$kube" 3>&- &
  export fake=$!
  wait_for test -s "$kube/port"
  KUBERNETES_SERVICE_PORT=$(<"$kube/port")
  export KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT
}
teardown_file() {
  kill "$fake"
  stop_server
}

# Beside the programs of the same profile: tests under the thread sanitizer use its own.
follower() { if [[ -x $BUILD/follow_logs ]]; then echo "$BUILD/follow_logs"; else echo "$BUILD/release/bin/follow_logs"; fi; }

setup() {
  rm -rf "$kube"/pods/* "$kube/asked"
  job=$(as_owner -c "INSERT INTO owner (name) VALUES ('o$BATS_TEST_NUMBER') ON CONFLICT DO NOTHING" \
    -c "INSERT INTO job (owner, number, kind, parameters, digest, state)
        SELECT id, 1, 'k', '{}', decode(repeat('00', 32), 'hex'), 'running' FROM owner
         WHERE name = 'o$BATS_TEST_NUMBER' RETURNING id")
}

teardown() {
  local name
  for name in "${!follower_pid@}"; do kill "${!name}" 2>/dev/null || true; done
}

start_follower() { # [NAME [PATIENCE]]: a dispatcher's logs; told by tell NAME
  local name=${1:-one}
  mkfifo "$BATS_TEST_TMPDIR/$name.in"
  PGUSER=jobs_dispatch PGPASSWORD=dispatch "$(follower)" "$kube" "${2:-0}" <"$BATS_TEST_TMPDIR/$name.in" \
    >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.log" 3>&- &
  declare -g "follower_pid_$name=$!"
  exec {fd}>"$BATS_TEST_TMPDIR/$name.in"
  declare -g "told_$name=$fd"
}
tell() { local fd=told_$1; echo "${*:2}" >&"${!fd}"; } # NAME COMMAND...
stop_follower() { # [NAME [SIGNAL]]: its status
  local name=${1:-one} pid=follower_pid_${1:-one} fd=told_${1:-one} status=0
  kill -"${2:-TERM}" "${!pid}"
  wait "${!pid}" || status=$?
  eval "exec ${!fd}>&-"
  rm "$BATS_TEST_TMPDIR/$name.in"
  return "$status"
}

pod() { # NAME CONTAINER STATE: with what stdin says
  mkdir -p "$kube/pods/$1"
  echo "uid-$1" >"$kube/pods/$1/uid"
  cat >"$kube/pods/$1/$2.log"
  state "$@"
}
state() { echo "$3" >"$kube/pods/$1/$2.new" && mv "$kube/pods/$1/$2.new" "$kube/pods/$1/$2.state"; }
faults() { printf '%s\n' "${@:3}" >"$kube/pods/$1/$2.faults"; } # POD CONTAINER FAULT...
follow() { tell "${by:-one}" "follow $job space $1 uid-$1 $2 ${3:-run}"; } # POD CONTAINER [LABEL]

ended() { grep -qx "ended $job .*" "$BATS_TEST_TMPDIR/${1:-one}.out"; }
outcome() { as_owner -F ' ' -c "SELECT complete, reason FROM log_end WHERE job = '$job'"; }
log_text() { # all of it, in order, as chunks without a gap
  as_owner -c "SELECT encode(string_agg(bytes, '' ORDER BY at_byte), 'hex') FROM log WHERE job = '$job'" | xxd -r -p
}
no_gaps() {
  same 0 "$(as_owner -c "SELECT count(*) FROM (SELECT at_byte, lag(at_byte + length(bytes), 1, 0::bigint)
    OVER (ORDER BY at_byte) AS before FROM log WHERE job = '$job') l WHERE at_byte <> before")"
}
output() { # what is stored of the first container
  as_owner -c "SELECT encode(string_agg(bytes, '' ORDER BY at_byte), 'hex') FROM log l JOIN log_source s USING (job)
    WHERE job = '$job' AND s.number = 1 AND at_byte >= from_byte AND at_byte < from_byte + stored" | xxd -r -p
}
stored() { as_owner -c "SELECT coalesce(sum(stored), 0) FROM log_source WHERE job = '$job'"; }
stored_at_least() { (($(stored) >= $1)); }
count_of() { tell one count; wait_for grep -q "^$1 " "$BATS_TEST_TMPDIR/one.out"; sed -n "s/^$1 //p" "$BATS_TEST_TMPDIR/one.out" | tail -n 1; }
readings() { grep -c "pods/$1/log" "$kube/asked"; }

to_the_end() { # POD CONTAINER: followed, and its log ended
  start_follower
  follow "$1" "$2"
  tell one "close $job"
  wait_for ended
}

@test "what a container printed is stored byte for byte, binary and without a last line end" {
  { head -c 300000 /dev/urandom; printf 'a\r\n\0no end'; } >"$BATS_TEST_TMPDIR/bytes"
  pod p main terminated <"$BATS_TEST_TMPDIR/bytes"
  to_the_end p main
  same 't ' "$(outcome)"
  no_gaps
  cmp <(output) "$BATS_TEST_TMPDIR/bytes"
  same "==> run <==" "$(log_text | head -n 1)"
  same 300010 "$(count_of jobs_log_bytes_stored_total)"
  same 300010 "$(count_of jobs_log_bytes_expected_total)"
}

@test "a container that prints nothing is complete" {
  pod p main terminated </dev/null
  to_the_end p main
  same 't ' "$(outcome)"
  same '==> run <==' "$(log_text)"
}

@test "a job without containers has an empty log; one whose output was missed says so" {
  start_follower
  tell one "close $job the pod was gone before it was seen"
  wait_for ended
  same 'f the pod was gone before it was seen' "$(outcome)"
}

@test "chunks are bounded" {
  head -c 1000000 /dev/urandom | pod p main terminated
  to_the_end p main
  (($(as_owner -c "SELECT max(length(bytes)) FROM log WHERE job = '$job'") <= 98304))
}

@test "output is stored while it is printed" {
  printf 'first\n' | pod p main running
  start_follower
  follow p main
  wait_for stored_at_least 6
  printf 'second\n' >>"$kube/pods/p/main.log"
  wait_for stored_at_least 13
  state p main terminated
  tell one "close $job"
  wait_for ended
  same $'==> run <==\nfirst\nsecond' "$(log_text)"
}

@test "containers come one after the other, each after a line of its own" {
  printf 'no end' | pod b main terminated
  printf 'two\n' | pod s main terminated
  printf 'three\n' | pod r main terminated
  start_follower
  follow b main build
  follow s main scan
  follow r main run
  follow b main build
  tell one "close $job"
  wait_for ended
  same $'==> build <==\nno end\n==> scan <==\ntwo\n==> run <==\nthree' "$(log_text)"
  no_gaps
}

@test "connections that end early, in whatever way, lose nothing and repeat nothing" {
  head -c 500000 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
  pod p main terminated <"$BATS_TEST_TMPDIR/bytes"
  faults p main 'cut 100000' 'status 500' 'close 70000' 'cut 0' 'status 429' 'close 200000' 'cut 499999'
  to_the_end p main
  same 't ' "$(outcome)"
  cmp <(output) "$BATS_TEST_TMPDIR/bytes"
}

@test "a container that has not started is waited for" {
  pod p main waiting </dev/null
  start_follower
  follow p main
  tell one "close $job"
  wait_for grep -q 'pods/p$' "$kube/asked"
  printf 'begun\n' >"$kube/pods/p/main.log"
  state p main terminated
  wait_for ended
  same $'==> run <==\nbegun' "$(log_text)"
}

@test "killed in the middle, the next one goes on where the last one stored" {
  head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
  head -c 200000 "$BATS_TEST_TMPDIR/bytes" | pod p main running
  start_follower
  follow p main
  wait_for stored_at_least 200000
  stop_follower one KILL || true
  cp "$BATS_TEST_TMPDIR/bytes" "$kube/pods/p/main.log"
  state p main terminated
  to_the_end p main
  same 't ' "$(outcome)"
  no_gaps
  cmp <(output) "$BATS_TEST_TMPDIR/bytes"
}

@test "a SIGTERM ends it at once, in the middle of everything" {
  for one in a b c; do head -c 100000 /dev/urandom | pod "$one" main running; done
  start_follower
  for one in a b c; do follow "$one" main "$one"; done
  wait_for stored_at_least 100000
  stop_follower
}

@test "two dispatchers at once store each byte once" {
  head -c 2000000 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
  pod p main running </dev/null
  start_follower one
  start_follower two
  by=one follow p main
  by=two follow p main
  for at in 0 1 2 3 4 5 6 7; do
    tail -c +$((at * 250000 + 1)) "$BATS_TEST_TMPDIR/bytes" | head -c 250000 >>"$kube/pods/p/main.log"
    wait_for stored_at_least $((at * 250000 + 1))
  done
  state p main terminated
  tell one "close $job"
  tell two "close $job"
  wait_for ended one
  wait_for ended two
  same 't ' "$(outcome)"
  no_gaps
  cmp <(output) "$BATS_TEST_TMPDIR/bytes"
}

@test "more than 8 MiB: the first 8 MiB stay, and whoever asked is told" {
  head -c 8388609 /dev/zero | pod p main running
  start_follower
  follow p main
  wait_for grep -qx "limit $job" "$BATS_TEST_TMPDIR/one.out"
  tell one "close $job"
  wait_for ended
  same 'f run: log-limit: it printed more than 8388608 bytes' "$(outcome)"
  same 8388608 "$(stored)"
}

over_is_stored() { [[ $(as_owner -c "SELECT reason FROM log_source WHERE job = '$job'") == 'log-limit: '* ]]; }

@test "a dispatcher that died before it acted on too much output leaves that to the next one" {
  head -c 8388609 /dev/zero | pod p main running
  start_follower one
  follow p main
  wait_for over_is_stored
  stop_follower one KILL || true
  start_follower two
  by=two follow p main
  wait_for grep -qx "limit $job" "$BATS_TEST_TMPDIR/two.out"
}

@test "8 MiB are not too much" {
  head -c 8388608 /dev/zero | pod p main terminated
  to_the_end p main
  same 't ' "$(outcome)"
  same 8388608 "$(stored)"
}

@test "a pod that is deleted in the middle leaves what was read, and says so" {
  printf 'begun\n' | pod p main running
  start_follower
  follow p main
  tell one "close $job"
  wait_for stored_at_least 6
  rm -r "$kube/pods/p"
  wait_for ended
  same 'f run: its pod is gone' "$(outcome)"
  same $'==> run <==\nbegun' "$(log_text)"
}

@test "a pod that was evicted is not complete, whatever it printed" {
  printf 'begun\n' | pod p main terminated
  echo Evicted >"$kube/pods/p/reason"
  to_the_end p main
  same 'f run: its pod was evicted' "$(outcome)"
  same $'==> run <==\nbegun' "$(log_text)"
}

@test "another pod of the same name is not read" {
  printf 'another one'"'"'s\n' | pod p main terminated
  start_follower
  tell one "follow $job space p uid-before main run"
  tell one "close $job"
  wait_for ended
  same 'f run: its pod is gone' "$(outcome)"
}

@test "a file that the node began anew is not taken for the rest" {
  printf 'first\nsecond\nthird\n' | pod p main running
  start_follower
  follow p main
  wait_for stored_at_least 19
  printf 'fourth\n' >>"$kube/pods/p/main.log"
  wait_for stored_at_least 26
  faults p main 'from 13' 'from 13' 'from 13' 'from 13' 'from 13' 'from 13'
  state p main terminated
  tell one "close $job"
  wait_for ended
  same 'f run: the node has only a part of it, in a file begun anew' "$(outcome)"
  same $'==> run <==\nfirst\nsecond\nthird\nfourth' "$(log_text)"
}

@test "what the node says in the place of output is not output" {
  printf 'real\n' | pod p main terminated
  faults p main 'says unable to retrieve container logs for containerd://0'
  to_the_end p main
  same 't ' "$(outcome)"
  same $'==> run <==\nreal' "$(log_text)"
}

@test "where the node has no output any more, its words are the reason" {
  pod p main terminated </dev/null
  gone='says failed to try resolving symlinks in path "/var/log/pods/x": no such file'
  faults p main "$gone" "$gone" "$gone" "$gone" "$gone" "$gone"
  to_the_end p main
  same 'f run: failed to try resolving symlinks in path "/var/log/pods/x": no such file' "$(outcome)"
  same '==> run <==' "$(log_text)"
}

@test "output that only begins as the node's words do is output" {
  printf 'unable' | pod p main terminated
  to_the_end p main
  same 't ' "$(outcome)"
  same $'==> run <==\nunable' "$(log_text)"
}

@test "what cannot be read in time ends as not complete" {
  printf 'begun\n' | pod p main running
  start_follower one 1
  follow p main
  follow p other
  tell one "close $job"
  wait_for ended
  [[ $(outcome) == "f run: not complete long after the job's end"* ]]
  same $'==> run <==\nbegun' "$(log_text)"
}

@test "job_runner's count is the second reading" {
  { printf '12345\n\x1e'; printf '{"cause":"done","status":0,"bytes":6,"perf":0.5}\n'; } | pod p main terminated
  start_follower
  tell one "counted $job space p uid-p main run"
  tell one "close $job"
  wait_for ended
  same 't ' "$(outcome)"
  same 1 "$(readings p)"
}

@test "output without the record that it should end with is read again" {
  printf '12345\n' | pod p main terminated
  start_follower
  tell one "counted $job space p uid-p main run"
  tell one "close $job"
  wait_for ended
  same 't ' "$(outcome)"
  same 2 "$(readings p)"
}

@test "the database may go away and come back" {
  head -c 200000 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
  head -c 1000 "$BATS_TEST_TMPDIR/bytes" | pod p main running
  start_follower
  follow p main
  wait_for stored_at_least 1000
  as_owner -c 'RESET ROLE' -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'jobs_dispatch'" >/dev/null
  cp "$BATS_TEST_TMPDIR/bytes" "$kube/pods/p/main.log"
  state p main terminated
  tell one "close $job"
  wait_for ended
  same 't ' "$(outcome)"
  no_gaps
  cmp <(output) "$BATS_TEST_TMPDIR/bytes"
}

@test "the log of a job that is gone stops nobody else's" {
  printf 'begun\n' | pod p main running
  printf 'other\n' | pod q main terminated
  start_follower
  tell one "follow 00000000-0000-0000-0000-000000000000 space p uid-p main run"
  tell one 'follow ../../secrets space p uid-p main run'
  follow q main
  tell one "close $job"
  wait_for ended
  same 't ' "$(outcome)"
  grep -q "'../../secrets' is not a job's id" "$BATS_TEST_TMPDIR/one.log"
}

@test "a log that its owner erased stays erased" {
  printf 'secret\n' | pod p main running
  start_follower
  follow p main
  wait_for stored_at_least 7
  token=$("$job_service" token create "o$BATS_TEST_NUMBER")
  as_owner -c "UPDATE job SET state = 'finished' WHERE id = '$job'"
  PGUSER=jobs_api PGPASSWORD=api psql -XAtqc "SELECT problem FROM jobs_v1.cancel('$token', '$job')"
  printf 'more\n' >>"$kube/pods/p/main.log"
  state p main terminated
  tell one "close $job"
  wait_for ended
  same 'f erased by its owner' "$(outcome)"
  same 0 "$(as_owner -c "SELECT count(*) FROM log WHERE job = '$job'")"
}

@test "control characters of a job reach no line of ours" {
  pod p main terminated </dev/null
  gone=$'says unable to retrieve container logs for \e[31m\a'
  faults p main "$gone" "$gone" "$gone" "$gone" "$gone" "$gone"
  to_the_end p main
  grep -qF 'logs for \x1b[31m\x07' "$BATS_TEST_TMPDIR/one.log"
  run ! grep -q $'[\e\a]' "$BATS_TEST_TMPDIR/one.log"
}
