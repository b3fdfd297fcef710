#!/usr/bin/env bats
# The experiment on one machine, with real containers of runc and runsc. Needs root.

bats_require_minimum_version 1.5.0

experiment=$BATS_TEST_DIRNAME/../../local/experiment.sh
schemas=$BATS_TEST_DIRNAME/../../gvisor_probe

setup_file() {
  if ((EUID != 0)); then skip "needs root for runc and runsc"; fi
  export RUN_ID=bats NODE_NAME=node-1
  "$experiment" --keep "$BATS_FILE_TMPDIR/run" --report "$BATS_FILE_TMPDIR/comparison.json" \
    >"$BATS_FILE_TMPDIR/table"
}

setup() {
  cd "$BATS_FILE_TMPDIR/run"
  # The sandbox of Debian's runsc has a user who may not enter what bats makes.
  TMPDIR=$(mktemp -d /tmp/experiment.XXXXXX)
  export TMPDIR
  chmod 0711 "$TMPDIR"
}

teardown() { rm -rf "$TMPDIR"; }

entry() { # NAME: of the witness's record
  jq -e --arg name "$1" '.entries[] | select(.name == $name)' witness.json
}

leaves_nothing() { # no work, no mount, no process
  run ! compgen -G "$TMPDIR/argo-steps.*"
  run ! grep -F "$TMPDIR" /proc/self/mountinfo
  run ! pgrep -f "$TMPDIR/argo-steps"
}

@test "A and B land, C is contained, and it says so first" {
  [[ $(head -n 1 "$BATS_FILE_TMPDIR/table") == "A landed, B landed, C contained, D landed" ]]
}

@test "the comparison and the witness's record follow their schemas" {
  for document in "comparison $BATS_FILE_TMPDIR/comparison.json" "witness witness.json"; do
    read -r kind file <<<"$document"
    python3 - "$schemas/$kind.schema.json" "$file" <<'END'
import json, sys, jsonschema
schema, document = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(document)
END
  done
}

@test "what is expected of the cells is met, and CI keeps that as JUnit" {
  local junit=${RESULTS:-$BATS_TEST_TMPDIR}/isolation.xml
  echo '{"runc/file": "landed", "gvisor/file": "landed", "gvisor-sealed/file": "contained",
         "gvisor/decoy_socket": "refused", "gvisor/io_uring": "runtime"}' >"$BATS_TEST_TMPDIR/expect.json"
  "$BUILD/gvisor_probe" compare {runc,gvisor,gvisor-sealed,runc-unconfined}.json --witness witness.json \
    --expect "$BATS_TEST_TMPDIR/expect.json" --format junit --output "$junit"
  python3 - "$junit" <<'END'
import sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.argv[1]).getroot()
assert suites.attrib == {"tests": "6", "failures": "0"}, suites.attrib
assert len(list(suites.iter("testcase"))) == 6 and not list(suites.iter("failure"))
END
}

@test "the witness has the files of A and B, of the pod's user, and nothing of C" {
  for cell in runc gvisor; do
    [ "$(entry "open/bats-$cell/host_file_write" | jq -c '[.type, .uid, .gid]')" = '["file",65534,65534]' ]
  done
  run ! entry open/bats-gvisor-sealed/host_file_write
  run ! entry open/bats-gvisor-sealed
}

@test "a FIFO and a socket made under gVisor are not on the host" {
  for kind in fifo socket; do
    entry "open/bats-runc/host_${kind}_create"
    run ! entry "open/bats-gvisor/host_${kind}_create"
  done
}

@test "nothing lands in the locked directory, from any cell" {
  run jq -r '.entries[].name | select(startswith("locked/"))' witness.json
  [ -z "$output" ]
}

@test "the decoy socket is reached from runc's cells only" {
  [ "$(jq -c '[.decoys.connections[].said] | sort' witness.json)" = '["bats-runc","bats-runc-unconfined"]' ]
  [ "$(jq .decoys.accepts witness.json)" -eq 2 ]
  [ "$(jq -c '[.cells[].decoy_socket]' "$BATS_FILE_TMPDIR/comparison.json")" = '["reached","refused","refused","reached"]' ]
}

@test "the decoy FIFO is opened by runc's cells only" {
  [ "$(jq .decoys.fifo_writers witness.json)" -eq 2 ]
  [ "$(jq -c '[.cells[].decoy_fifo]' "$BATS_FILE_TMPDIR/comparison.json")" = '["reached","refused","refused","reached"]' ]
}

@test "what permissions, seccomp and capabilities explain is not credited to gVisor" {
  jq -e '
    [.findings[] | select(.attribution == "runtime" and (.cells | index("gvisor"))) | .id] as $credited
    | $credited - ["host_locked_write", "host_device_create", "setns", "socket_packet", "service_token"]
    == $credited' "$BATS_FILE_TMPDIR/comparison.json"
}

confounded() { # WHAT TEXT: refused with status 5, and named
  run --separate-stderr "$experiment" --confound "$1"
  [ "$status" -eq 5 ]
  [[ $stderr == *"invalid experiment: "* ]]
  [[ $output == *"$2"* ]]
  [[ $output != *"The runtime did this"* ]]
  leaves_nothing
}

@test "another uid is refused" { confounded uid "effective uid: 65534 (runc) and 65533 (gvisor)"; }

@test "another capability is refused" {
  confounded capability "declared capabilities: none (runc) and CAP_DAC_OVERRIDE (gvisor)"
}

@test "another seccomp profile is refused" {
  confounded seccomp "declared seccomp: RuntimeDefault (runc) and Unconfined (gvisor)"
}

@test "another path is refused" { confounded path "path: /host (runc) and /elsewhere (gvisor)"; }

@test "another mode is refused" {
  confounded mode "mode of open: 1777 of 0:0 (runc) and 0755 of 0:0 (gvisor)"
}

@test "two directories, as in demonstrations of EACCES, are refused" {
  confounded directory "mode of open: 1777 of 0:0 (runc) and 0755 of 0:0 (gvisor)"
}

@test "Debian's runsc of 2022 gives the same verdict" {
  if [ ! -x /usr/bin/runsc ]; then skip "no /usr/bin/runsc"; fi
  RUNSC=/usr/bin/runsc run --separate-stderr "$experiment"
  [ "$status" -eq 0 ]
  [[ ${lines[0]} == "A landed, B landed, C contained, D landed" ]]
}

@test "a sandbox that is killed fails the experiment with its cell's name, and leaves nothing" {
  "$experiment" --costs >out 2>err 3>&- &
  local pid=$! sandbox='' status=0
  until sandbox=$(pgrep -f "runsc-sandbox.*$TMPDIR"); do kill -0 "$pid"; done
  kill -KILL "${sandbox%%$'\n'*}"
  wait "$pid" || status=$?
  [ "$status" -eq 1 ]
  grep -q 'the container of cell gvisor ended with status' err
  leaves_nothing
}

@test "a stop ends it with the containers and leaves nothing" {
  "$experiment" --costs >out 2>err 3>&- &
  local pid=$! status=0
  until pgrep -f "runsc-sandbox.*$TMPDIR" >/dev/null; do kill -0 "$pid"; done
  kill -TERM "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 143 ]
  leaves_nothing
}

@test "a container that does not end in time fails the experiment, and leaves nothing" {
  EXPERIMENT_TIMEOUT=1 run --separate-stderr timeout 60 "$experiment" --costs
  [ "$status" -eq 1 ]
  [[ $stderr == *"the container of cell "*" ended with status 124"* ]]
  leaves_nothing
}

@test "an option that nobody knows fails before anything is run" {
  run --separate-stderr "$experiment" --nonsense --keep kept
  [ "$status" -eq 2 ]
  [[ $stderr == *"--nonsense"* ]]
  [ ! -e kept ]
  run --separate-stderr "$experiment" --format nonsense --keep kept
  [ "$status" -eq 2 ]
  [ ! -e kept ]
  leaves_nothing
}

@test "what is built first does not get into the output" {
  touch "$schemas/main.c"
  run --separate-stderr "$experiment" --format json
  [ "$status" -eq 0 ]
  jq -e .valid <<<"$output"
}
