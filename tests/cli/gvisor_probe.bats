#!/usr/bin/env bats
# gvisor_probe run, costs, list and explain, as a user meets them, without any container.

commands="run costs witness compare list explain"

setup_file() {
  # Where uid 65534 can reach it, too.
  OPEN_DIR=$(mktemp -d)
  chmod 0755 "$OPEN_DIR"
  install -m 0755 "$BUILD/gvisor_probe" "$OPEN_DIR/"
  export OPEN_DIR PROBE=$OPEN_DIR/gvisor_probe
}

teardown_file() { rm -rf "$OPEN_DIR"; }

setup() {
  cd "$BATS_TEST_TMPDIR"
  export GVISOR_PROBE_LOG_FORMAT=text
}

unprivileged() { # COMMAND...: as a pod would run it
  if ((EUID == 0)); then
    setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --no-new-privs "$@"
  else
    "$@"
  fi
}

valid() { # REPORT: fits the schema
  python3 - "$BATS_TEST_DIRNAME/../../gvisor_probe/report.schema.json" "$1" <<'END'
import json, sys, jsonschema
schema, report = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(report)
END
}

prepared() { # a path as a witness prepares it
  local path
  path=$(mktemp -d "$OPEN_DIR/path.XXXXXX")
  chmod 0755 "$path"
  mkdir -m 1777 "$path/open"
  mkdir -m 0755 "$path/locked"
  echo token >"$path/canary"
  echo "$path"
}

@test "each command: --help and --version on stdout, at most 95 columns, with examples and statuses" {
  for command in '' $commands; do
    for option in --help --version '-?' -V; do
      # shellcheck disable=SC2086
      "$PROBE" $command $option >out 2>err
      [ -s out ]
      [ ! -s err ]
      run awk 'length > 95' out
      [ -z "$output" ]
    done
    # shellcheck disable=SC2086
    "$PROBE" $command --help >out
    grep -q 'Examples:' out
    grep -q 'Exit status:' out
  done
}

@test "what is neither a command nor an option: status 2, one line that names it" {
  for args in rum --no-such-option 'run --no-such-option' 'costs -Q' 'list nothing' 'explain nothing' \
    'run --only uname,nothing' 'run --run-id a/b' 'run --cell ..' 'run --pod-uid -1' \
    'run --pod-gids 1;2' 'costs --batches 2' 'run stray'; do
    # shellcheck disable=SC2086
    run --separate-stderr "$PROBE" $args
    [ "$status" -eq 2 ]
    [ -z "$output" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    last=${args##* }
    [[ ${stderr_lines[0]} == *"${last##*,}"* ]]
  done
  run --separate-stderr "$PROBE"
  [ "$status" -eq 2 ]
  [[ $stderr == *"which command?"* ]]
  run --separate-stderr "$PROBE" explain
  [ "$status" -eq 2 ]
  [[ $stderr == *"which probe?"* ]]
}

@test "list names every probe that a run asks, and no other" {
  "$PROBE" list | sed -nE 's/^  ([a-z0-9_]+) .*/\1/p' | sort >listed
  unprivileged "$PROBE" run --format json | jq -r '.probes[].id' | sort >asked
  diff listed asked
  [ "$(wc -l <listed)" -ge 45 ]
}

@test "list of a group names its probes only" {
  "$PROBE" list cost >out
  grep -q '  getppid_time ' out
  run ! grep -q '  uname ' out
}

@test "every probe is explained: what it does, what it proves, and where that can be read up" {
  mapfile -t ids < <("$PROBE" list | sed -nE 's/^  ([a-z0-9_]+) .*/\1/p')
  "$PROBE" explain "${ids[@]}" >out
  for label in group does evidence source; do
    [ "$(grep -cE "^  $label +[^ ]" out)" -eq "${#ids[@]}" ]
  done
  run awk 'length > 95' out
  [ -z "$output" ]
}

@test "a run without a path: valid, nothing crashes, no probe of the path is tried" {
  unprivileged "$PROBE" run --format json >r.json
  valid r.json
  jq -e '[.probes[] | select(.result == "killed" or .result == "timeout")] == []' r.json
  jq -e '.observed.path == null and .writes == []' r.json
  jq -e '[.probes[] | select(.id | startswith("host_")) | .result] | unique == ["skipped"]' r.json
}

@test "the report is the same on stdout and in a file, and names this very program" {
  unprivileged "$PROBE" run --only uname --run-id r1 --cell c1 --runtime-class k1 \
    --report "$(prepared)/open/r.json" --format json >out.json
  diff out.json "$OPEN_DIR"/path.*/open/r.json
  jq -e --arg sum "$(sha256sum <"$PROBE" | cut -c 1-64)" '.program_sha256 == $sum
    and .run_id == "r1" and .cell.name == "c1" and .cell.runtime_class == "k1"
    and .cell.runtime == null and ([.probes[].id] == ["uname"])' out.json
}

@test "where there is no /proc, nothing crashes and nothing is concluded" {
  if ((EUID != 0)); then skip "needs root for chroot"; fi
  chroot --userspec 65534:65534 "$OPEN_DIR" /gvisor_probe run --format json >r.json
  valid r.json
  jq -e '.detection.conclusion == "unknown" and .program_sha256 == null
    and ([.probes[] | select(.result == "killed" or .result == "timeout")] == [])' r.json
}

@test "the table has at most 100 columns, a line for each probe, and the verdict" {
  unprivileged "$PROBE" run >out
  run awk 'length > 100' out
  [ -z "$output" ]
  [ "$(grep -cE '^  [a-z0-9_]+ +(allowed|denied|absent|emulated|skipped)' out)" -eq \
    "$("$PROBE" list | grep -c '^  ')" ]
  grep -q '^kernel: ' out
}

@test "what the manifest declares is read from the environment, and options beat it" {
  GVISOR_PROBE_POD_UID=65532 GVISOR_PROBE_POD_GIDS='65532, 7' GVISOR_PROBE_POD_PRIVILEGED=no \
    GVISOR_PROBE_POD_NODE=n1 GVISOR_PROBE_CELL=env "$PROBE" run -o uname -f json --cell option >r.json
  jq -e '.cell.name == "option" and .cell.pod.uid == 65532 and .cell.pod.gids == [65532, 7]
    and .cell.pod.privileged == false and .cell.pod.node == "n1"
    and .cell.pod.root_read_only == null' r.json
}

@test "a runtime that the kernel belies is warned of" {
  run --separate-stderr unprivileged "$PROBE" run --runtime gvisor --format json
  [ "$status" -eq 0 ]
  [ "$(jq .detection.declared_matches <<<"$output")" = false ]
  [[ $stderr == *"declares gvisor"* ]]
}

@test "a run leaves the path as it was" {
  path=$(prepared)
  find "$path" -printf '%P %y %m %U\n' | sort >before
  unprivileged "$PROBE" run --path "$path" --format json >r.json
  find "$path" -printf '%P %y %m %U\n' | sort >after
  diff before after
  valid r.json
  jq -e '.writes | length > 5 and all(.kept == false)' r.json
}

@test "with --keep-for-witness what was made is where the report says, with the bytes it says" {
  path=$(prepared)
  unprivileged "$PROBE" run --path "$path" --keep-for-witness --run-id r1 --cell c1 -f json >r.json
  jq -e '[.writes[] | select(.made) | .kept] | unique == [true]' r.json
  jq -r '.writes[] | select(.made) | .path' r.json | sort >said
  (cd "$path" && find open/r1-c1 -mindepth 1 | sort) >there
  diff said there
  jq -j '.writes[] | select(.probe == "host_file_write") | .content' r.json |
    cmp - "$path/open/r1-c1/host_file_write"
}

@test "a retry of the same run and cell begins anew" {
  path=$(prepared)
  for _ in 1 2; do
    unprivileged "$PROBE" run --path "$path" --keep-for-witness --run-id r1 --cell c1 -f json >r.json
    jq -e '.probes[] | select(.id == "host_file_write") | .result == "allowed" and .errno == null' r.json
  done
}

@test "a directory of another's, or a link, in the place of its own is refused" {
  path=$(prepared)
  ln -s "$path" "$path/open/r1-c1"
  run --separate-stderr unprivileged "$PROBE" run --path "$path" --run-id r1 --cell c1
  [ "$status" -eq 4 ]
  [ -z "$output" ]
  [[ $stderr == *"open/r1-c1"* ]]
  if ((EUID == 0)); then
    mkdir "$path/open/r2-c2"
    run --separate-stderr unprivileged "$PROBE" run --path "$path" --run-id r2 --cell c2
    [ "$status" -eq 4 ]
    [[ $stderr == *"open/r2-c2"* ]]
  fi
}

@test "owner and mode are said to be the cause, not isolation" {
  if ((EUID != 0)); then skip "needs root to own the directory"; fi
  path=$(prepared)
  unprivileged "$PROBE" run --path "$path" --format json >r.json
  jq -e '.probes[] | select(.id == "host_locked_write")
    | .result == "denied" and .errno == "EACCES" and .cause == "dac"' r.json
  [ -z "$(ls "$path/locked")" ]
}

@test "a path that is not prepared is said so, and nothing is made in it" {
  mkdir "$OPEN_DIR/bare"
  run --separate-stderr "$PROBE" run --only host_file_write --path "$OPEN_DIR/bare" --format json
  [ "$status" -eq 0 ]
  [[ $stderr == *"witness"* ]]
  [ "$(jq -r '.probes[0].result' <<<"$output")" = absent ]
  [ -z "$(ls "$OPEN_DIR/bare")" ]
}

@test "a path that is not there is status 4 and named" {
  run --separate-stderr "$PROBE" run --path /no/such/path
  [ "$status" -eq 4 ]
  [ -z "$output" ]
  [[ $stderr == *"/no/such/path"* ]]
}

@test "a privileged process does not try kernel calls, and says why" {
  if ((EUID != 0)); then skip "needs root"; fi
  "$PROBE" run --format json >r.json
  jq -e '[.probes[] | select(.group == "kernel-surface")]
    | length > 30 and all(.result == "skipped" and (.detail | contains("--i-am-privileged")))' r.json
  jq -e '.probes[] | select(.id == "ns_inodes") | .result == "allowed"' r.json
}

@test "the umask that was handed down is reported, and files are not for others all the same" {
  umask 0
  "$PROBE" run -o uname --report r.json >/dev/null
  [ "$(jq -r .observed.umask r.json)" = 0000 ]
  [ "$(stat -c %a r.json)" = 640 ]
}

@test "colour on a terminal only, and not with NO_COLOR" {
  # shellcheck disable=SC2016
  export TERM=xterm command='"$PROBE" run -o netlink_census,leak_config,metadata_address'
  script -qec "$command" /dev/null >shown
  grep -q $'\033\[' shown
  NO_COLOR=1 script -qec "$command" /dev/null >plain
  run ! grep -q $'\033\[' plain
  bash -c "$command" >piped 2>&1
  run ! grep -q $'\033\[' piped
}

@test "a full disk on stdout is status 10, a closed one 4, and said" {
  for args in --help --version list 'explain uname' 'run -o uname' 'run -o uname -f json'; do
    # shellcheck disable=SC2086
    run bash -c '"$@" 2>&1 >/dev/full' _ "$PROBE" $args
    [ "$status" -eq 10 ]
    [[ $output == *"No space left on device"* ]]
    # shellcheck disable=SC2086
    run bash -c '"$@" 2>&1 >&-' _ "$PROBE" $args
    [ "$status" -eq 4 ]
    [[ $output == *"standard output"* ]]
  done
}

@test "costs: every benchmark, valid, and inconclusive exactly when one is noisy" {
  "$PROBE" costs --warmup 0 --batches 5 --batch-time 1ms --format json >c.json
  valid c.json
  jq -e '["clock_cold", "clock_warm", "cpu_loop", "fork_wait", "getppid", "open_close",
    "page_touch", "pipe", "read_zero", "stat"] - [.costs.benchmarks[].id] == []' c.json
  jq -e '.costs | .conclusive == ([.benchmarks[] | select(.id != "clock_cold") | .noisy] | any | not)' c.json
  jq -e '.costs.benchmarks | all((.samples_ns | length) == .batches and .median_ns > 0
    and .noisy == (.mad_ns * 10 > .median_ns))' c.json
}

@test "SIGTERM while costs warm up: status 11, reason said" {
  "$PROBE" costs --warmup 60s 2>err 3>&- &
  pid=$!
  until grep -q '^SigBlk:.*4002$' "/proc/$pid/status"; do kill -0 $pid; done
  kill -TERM $pid
  status=0
  wait $pid || status=$?
  [ "$status" -eq 11 ]
  grep -q 'cancelled by SIGTERM' err
}

@test "a passed ARGO_DEADLINE cancels a run" {
  ARGO_DEADLINE=2020-01-01T00:00:00Z run --separate-stderr "$PROBE" costs --warmup 60s
  [ "$status" -eq 11 ]
  [[ $stderr == *ARGO_DEADLINE* ]]
}
