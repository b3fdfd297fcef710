#!/usr/bin/env bats
# gvisor_probe compare on a recorded experiment, and gvisor_probe witness as any user meets them.

bats_require_minimum_version 1.5.0

probe=$BUILD/gvisor_probe
source=$BATS_TEST_DIRNAME/../../gvisor_probe
export GVISOR_PROBE_LOG_FORMAT=text

setup() {
  cd "$BATS_TEST_TMPDIR"
  cp "$source"/tests/fixtures/*.json .
  reports="runc.json gvisor.json gvisor-sealed.json runc-unconfined.json"
}

compare() { "$probe" compare $reports --witness witness.json "$@"; }

fails() { # STATUS TEXT COMMAND...: nothing on stdout, one line on stderr with the text
  local status_wanted=$1 text=$2
  run --separate-stderr timeout 10 "${@:3}"
  [ "$status" -eq "$status_wanted" ]
  [ -z "$output" ]
  [ "${#stderr_lines[@]}" -eq 1 ]
  [[ ${stderr_lines[0]} == *"$text"* ]]
}

# Comparison.

@test "the table begins with the verdict" {
  [[ $(compare | head -n 1) == "A landed, B landed, C contained, D landed" ]]
}

@test "the JSON follows its schema, and is the same each time" {
  compare --format json >a.json
  compare --format json >b.json
  cmp a.json b.json
  python3 - "$source/comparison.schema.json" a.json <<'END'
import json, sys, jsonschema
schema, document = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(document)
END
}

@test "the recorded reports and the witness's record follow their schemas" {
  for file in $reports; do
    python3 - "$source/report.schema.json" "$file" <<'END'
import json, sys, jsonschema
schema, document = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(document)
END
  done
  python3 - "$source/witness.schema.json" witness.json <<'END'
import json, sys, jsonschema
schema, document = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft202012Validator(schema).validate(document)
END
}

@test "each expectation is a JUnit test case, and those not met fail" {
  echo '{"runc/file": "landed", "gvisor/file": "contained", "gvisor/a<b\"&": "x"}' >expect.json
  run -5 --separate-stderr compare --expect expect.json --format junit --output junit.xml
  python3 - junit.xml <<'END'
import sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.argv[1]).getroot()
cases = {case.get("name"): case.find("failure") is not None for case in suites.iter("testcase")}
assert cases == {"the cells are one experiment": False, "runc/file": False,
                 "gvisor/file": True, 'gvisor/a<b"&': True}, cases
assert suites.get("tests") == "4" and suites.get("failures") == "2", suites.attrib
END
}

@test "the recipe of docs/isolation.md makes OpenMetrics: samples of a declared family, then EOF" {
  # shellcheck disable=SC2016 # the command as it stands in the page
  sed -n '/^gvisor_probe compare --format json .*jq/,/^```/p' "$source/../docs/isolation.md" |
    sed '/^```/d; s|^gvisor_probe |"$probe" |' >recipe
  probe=$probe bash -eu recipe >metrics
  grep -qx 'gvisor_probe_answer{cell="gvisor",question="file",is="landed"} 1' metrics
  python3 - metrics <<'END'
import re, sys
lines = open(sys.argv[1]).read().split("\n")
assert lines[-2:] == ["# EOF", ""], lines[-2:]
family = None
for line in lines[:-2]:
    if kind := re.fullmatch(r"# TYPE (\w+) gauge", line):
        family = kind[1]
    else:
        assert re.fullmatch(
            rf'{family}(\{{\w+="([^"\\]|\\.)*"(,\w+="([^"\\]|\\.)*")*\}})? -?[0-9.e+-]+', line), line
END
}

@test "the Markdown's rows have as many fields as their heads" {
  compare --format markdown >page.md
  awk -F ' \\| ' '/^\|/ { if (!fields) fields = NF; if (NF != fields) { print; exit 1 } next }
    { fields = 0 }' page.md
}

@test "expectations that are met: status 0" {
  echo '{"experiment/valid": "true", "gvisor-sealed/file": ["denied", "contained"]}' >expect.json
  compare --expect expect.json
}

@test "an expectation that is not met: status 5, the output all the same, one line names it" {
  echo '{"gvisor/file": "contained"}' >expect.json
  run -5 --separate-stderr compare --expect expect.json
  [[ $output == *"NOT MET gvisor/file: expected contained, found landed"* ]]
  [ "$stderr" = "gvisor_probe: gvisor/file: expected contained, found landed" ]
}

@test "a confounder: status 5, and both values are named" {
  jq '.observed.euid = 0' gvisor.json >other.json
  reports="runc.json other.json"
  run -5 --separate-stderr compare
  [ "$stderr" = "gvisor_probe: invalid experiment: uid: 65534 (declared) and 0 (gvisor)" ]
  [[ $output == *"effective uid: 65534 (runc) and 0 (gvisor)"* ]]
}

@test "one cell given twice is not an experiment" {
  reports="runc.json runc.json"
  run -5 --separate-stderr compare
  [[ $stderr == *"cell name: runc"* ]]
}

@test "--outputs writes one value a file" {
  compare --outputs out >/dev/null
  [ "$(cat out/verdict)" = "A landed, B landed, C contained, D landed" ]
  [ "$(cat out/valid)-$(cat out/met)" = true-true ]
  # The table up to its findings.
  compare | sed '/^The runtime did this/,$d' | sed '$d' | cmp - out/summary
}

@test "the words of the verdict are explained, those that occur" {
  run -0 compare
  [[ $output == *$'\n  contained  made inside, and the host has nothing of it\n'* ]]
  [[ $output == *$'\n  landed     made inside, and the host has it\n'* ]]
  [[ $output != *"  forged "* ]]
  [[ $output == *"Not checked, because no cell declares it: image."* ]]
}

@test "--output appears whole, and --report has the JSON whatever the format" {
  compare --output table.txt --report report.json >out
  [ ! -s out ]
  compare | cmp - table.txt
  compare --format json | cmp - report.json
}

@test "--witness takes a directory with witness.json in it" {
  mkdir w
  mv witness.json w/
  "$probe" compare $reports --witness w | cmp - <("$probe" compare $reports --witness w/witness.json)
}

@test "a terminal gets colours, unless NO_COLOR is set" {
  [[ $(compare --color always) == *$'\e['* ]]
  [[ $(compare) != *$'\e['* ]]
  [[ $(TERM=xterm script -qec "$probe compare $reports" /dev/null) == *$'\e['* ]]
  [[ $(NO_COLOR=1 script -qec "$probe compare $reports" /dev/null) != *$'\e['* ]]
}

@test "broken input: status 3, one line that names file and place" {
  head -c 1000 runc.json >cut.json
  fails 3 'cut.json:' "$probe" compare cut.json gvisor.json
  fails 3 'witness.json: program is missing' "$probe" compare witness.json gvisor.json
  fails 3 'runc.json: kind is not witness' "$probe" compare runc.json gvisor.json --witness runc.json
  echo '{' >expect.json
  fails 3 'expect.json:2:1: ' "$probe" compare runc.json gvisor.json --expect expect.json
}

@test "input without end: status 3" {
  head -c 17M /dev/zero | tr '\0' ' ' >large.json
  fails 3 'large.json: more than' "$probe" compare large.json gvisor.json
}

@test "what is not a file is refused at once: status 4" {
  mkfifo pipe
  fails 4 'pipe' "$probe" compare pipe gvisor.json
  fails 4 'not a file' "$probe" compare . gvisor.json
  fails 4 'none.json' "$probe" compare none.json gvisor.json
}

@test "wrong usage: status 2" {
  fails 2 'two reports' "$probe" compare runc.json
  fails 2 'two reports' "$probe" compare
  fails 2 '--format' "$probe" compare runc.json gvisor.json --format html
}

# Witness.

# A test that fails half-way leaves no witness, on which bats would wait for ever.
teardown() {
  if [[ ${serve:-} ]]; then kill -KILL "$serve" 2>/dev/null || true; fi
}

serving() { # DIR: serves its decoys, sets $serve
  "$probe" witness serve --path "$1" --report served.json 2>serve.err 3>&- &
  serve=$!
  until [ -e "$1/decoys.json" ]; do kill -0 "$serve"; done
}

@test "a stopped witness has succeeded, and counted who came" {
  "$probe" witness prepare --path host
  serving host
  python3 - <<'END'
import os, socket
for name in (b"run-a", b"run-b\n"):
    visitor = socket.socket(socket.AF_UNIX)
    visitor.connect("host/decoy.sock")
    visitor.send(name)
    visitor.close()
fd = os.open("host/decoy.fifo", os.O_RDWR | os.O_NONBLOCK)
os.close(fd)
END
  until [ "$(jq '.accepts + .fifo_writers' host/decoys.json)" -eq 3 ]; do kill -0 "$serve"; done
  kill -TERM "$serve"
  wait "$serve"
  [ "$(jq -c '[.connections[].said]' served.json)" = '["run-a","run-b"]' ]
  [ "$(jq -c '[.serving, .fifo_opens]' served.json)" = '[false,1]' ]
}

@test "a served directory can be collected, with the decoys' counts in it" {
  token=$("$probe" witness prepare --path host)
  serving host
  "$probe" witness collect --path host --canary "$token" >record.json
  kill -TERM "$serve"
  wait "$serve"
  [ "$(jq -c '[.valid, .decoys.serving]' record.json)" = '[true,true]' ]
}

@test "collect asks the decoys to end, and has their last record" {
  "$probe" witness prepare --path host
  serving host
  python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("host/decoy.sock"); s.send(b"run-a")'
  "$probe" witness collect --path host --end-decoys >record.json
  wait "$serve"
  [ "$(jq -c '[.decoys.serving, .decoys.accepts]' record.json)" = '[false,1]' ]
  [ ! -e host/end ]
  run ! grep -q '"end"' record.json
}

@test "collect does not wait for decoys that were never served" {
  "$probe" witness prepare --path host
  timeout 10 "$probe" witness collect --path host --end-decoys >record.json
  [ "$(jq -c .decoys record.json)" = null ]
}

@test "the decoys end with their directory" {
  "$probe" witness prepare --path host
  serving host
  "$probe" witness remove --path host
  wait "$serve"
  [ "$(jq .serving served.json)" = false ]
}

@test "ready waits for the decoys as long as it is told" {
  "$probe" witness prepare --path host
  fails 10 'not there, or not yet' "$probe" witness ready --path host --wait 200ms
  "$probe" witness ready --path host --wait 60s 3>&- &
  local ready=$!
  serving host
  wait "$ready"
}

@test "a crowd of visitors who stay does not stop the witness" {
  "$probe" witness prepare --path host
  serving host
  python3 - <<'END'
import socket
visitors = []
for _ in range(1200):
    visitor = socket.socket(socket.AF_UNIX)
    visitor.connect("host/decoy.sock")
    visitors = visitors[-200:] + [visitor]
END
  until [ "$(jq .accepts host/decoys.json)" -eq 1200 ]; do kill -0 "$serve"; done
  kill -TERM "$serve"
  wait "$serve"
  [ "$(jq '.connections | length' served.json)" -eq 1000 ]
}

@test "a directory that was not prepared is refused, and one prepared elsewhere is not valid" {
  mkdir empty
  fails 4 'there is no canary' "$probe" witness serve --path empty
  "$probe" witness prepare --path host
  "$probe" witness collect --path host --canary 00000000000000000000000000000000 >record.json
  [ "$(jq .valid record.json)" = false ]
  fails 4 'cannot open none' "$probe" witness collect --path none
}

@test "witness: wrong usage is status 2" {
  fails 2 'one of prepare' "$probe" witness --path host
  fails 2 '--path' "$probe" witness prepare
  fails 2 "unknown action 'look'" "$probe" witness look --path host
}
