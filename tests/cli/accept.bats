#!/usr/bin/env bats
# What --accept, --skip-missing and JSON Pointers take, count and refuse, as a user meets it.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text
}

aggregate() { "$BUILD/aggregator" --print csv --report r.json "$@"; }

refused() { # STATUS TEXT COMMAND...: fails so, saying so in one line, with nothing on stdout
  local want=$1 text=$2
  shift 2
  run --separate-stderr "$@"
  [ "$status" -eq "$want" ] || { echo "status $status: $stderr"; return 1; }
  [ -z "$output" ]
  [ "${#stderr_lines[@]}" -eq 1 ] || { echo "$stderr"; return 1; }
  [[ $stderr == *"$text"* ]] || { echo "said: $stderr"; return 1; }
}

counted() { # NAME=COUNT...: in the report, and all other counters of shapes 0
  jq -e --args '($ARGS.positional | map(split("=") | {(.[0]): (.[1] | tonumber)}) | add) as $want
    | . as $report
    | ["number_keys", "text_numbers", "whole_floats", "extended_json", "concatenated", "skipped_lines", "bad_lines"]
    | map($report[.] == ($want[.] // 0)) | all' "$@" <r.json >/dev/null || { cat r.json; return 1; }
}

# --- shapes -------------------------------------------------------------------------------------

@test "each shape is refused by default with the option that takes it, and counted with that" {
  shape() { # OPTION COUNTER KEY VALUE SUM
    printf '{"userId":%s,"sessionDuration":%s}\n' '"u"' 1 "$3" "$4" >in.jsonl
    refused 3 "--accept $1 takes it" aggregate in.jsonl
    aggregate --accept "$1" in.jsonl >out 2>log
    counted "$2=1"
    [ "$(jq .total r.json)" = "$5" ]
    [[ $(<log) == *"(0 bad, 0 blank, $1 1)"* ]]
  }
  shape number-keys number_keys 7 1 2
  shape text-numbers text_numbers '"u"' '"9007199254740993"' 9007199254740994
  shape whole-floats whole_floats '"u"' 9007199254740993.0 9007199254740994
  shape extended-json extended_json '"u"' '{"$numberLong":"9007199254740993"}' 9007199254740994
}

@test "a number and the string of its digits are one user" {
  printf '{"userId":%s,"sessionDuration":1}\n' 7 '"7"' -0 '"0"' 0 -7 12345678901234567890 >in.jsonl
  aggregate --accept number-keys in.jsonl >out
  diff out - <<<$'userId,sessionDuration\n-7,1\n0,3\n12345678901234567890,1\n7,2'
  counted number_keys=5
}

@test "whole floats are exact, whatever their exponent" {
  printf '{"userId":"u","sessionDuration":%s}\n' 1e2 100.0 1.5e1 -0.0 0e999999999999 9007199254740993.0 1500e-2 >in.jsonl
  aggregate --accept whole-floats in.jsonl | grep -x "u,$((100 + 100 + 15 + 9007199254740993 + 15))"
  counted whole_floats=7
  for bad in 1.5 1e400 -1.0 1e-1 9223372036854775808.0 9223372036854775807.5 1e99999999999999999999; do
    printf '{"userId":"u","sessionDuration":%s}\n' "$bad" >bad.jsonl
    refused 3 'bad.jsonl:1:33: the value is ' aggregate --accept whole-floats bad.jsonl
  done
}

@test "lines of other shapes, strict ones between, give the totals of strict ones" {
  "$BUILD/fake_gen" -n 25000 -u 500 -s 5 -o strict.jsonl 2>/dev/null
  python3 - <<'PYTHON'
import re
shapes = ["{}", '"{}"', "{}.0", '{{"$numberLong":"{}"}}', "{}e0"]
with open("strict.jsonl") as strict, open("mixed.jsonl", "w") as mixed:
    for n, line in enumerate(strict):
        shape = shapes[n // 1250 % 5]
        line = re.sub(r'(?<="sessionDuration":)(\d+)', lambda found: shape.format(found[1]), line)
        mixed.write(line if n % 7 else line.replace('"userId"', '"x":null,"userId"'))
PYTHON
  aggregate strict.jsonl >expected
  for threads in 1 3; do
    aggregate -t $threads --accept text-numbers,whole-floats,extended-json mixed.jsonl | cmp - expected
    counted text_numbers=5000 whole_floats=10000 extended_json=5000
  done
}

@test "--accept refuses what it does not know, and takes its list from the environment" {
  echo '{"userId":7,"sessionDuration":"1"}' >in.jsonl
  for list in '' ',' all 'number-keys,' 'number-keys,text numbers'; do
    refused 2 --accept aggregate --accept "$list" in.jsonl
  done
  AGGREGATOR_ACCEPT=number-keys,text-numbers aggregate in.jsonl | grep -x 7,1
}

# --- fields that are missing --------------------------------------------------------------------

@test "--skip-missing passes over what is absent or null, and over nothing else" {
  printf '%s\n' '{"userId":"u","sessionDuration":1}' '{"userId":null,"sessionDuration":1}' '{"userId":"u"}' '{}' \
    '{"sessionDuration":"x"}' >in.jsonl
  refused 3 '--skip-missing passes over' aggregate --max-bad 0 <(sed -n 2p in.jsonl)
  refused 3 'in.jsonl:5:20: the value is not a number' aggregate --skip-missing in.jsonl
  aggregate --skip-missing --max-bad 1 --rejects rejects in.jsonl 2>log | grep -x u,1
  counted skipped_lines=3 bad_lines=1
  [ "$(jq .events r.json)" -eq 1 ]
  [ "$(wc -l <rejects)" -eq 1 ]
  [[ $(<log) == *'(1 bad, 0 blank, skipped 3)'* ]]
}

@test "--max-bad P% is judged over lines that are neither blank nor skipped" {
  { echo '{"userId":"u","sessionDuration":1}'; echo x; for _ in {1..98}; do echo '{}'; echo; done; } >in.jsonl
  aggregate --skip-missing --max-bad 50% in.jsonl
  refused 3 '1 of 2 lines are bad (50.00%)' aggregate --skip-missing --max-bad 49% in.jsonl
}

@test "a run that skips every event succeeds, and warns" {
  echo '{"user_id":"u","sessionDuration":1}' >in.jsonl
  run --separate-stderr aggregate --skip-missing in.jsonl
  [ "$status" -eq 0 ]
  [ "$output" = userId,sessionDuration ]
  [[ $stderr == *"not one event has both 'userId' and 'sessionDuration'"* ]]
}

# --- fields within others -----------------------------------------------------------------------

@test "a name that begins with a slash is a JSON Pointer, any other is flat" {
  echo '{"a":{"k":"deep","v":1},"a/k":"slash","a.k":"dot","/k":"flat","v":2,"x":{"v":9}}' >in.jsonl
  [ "$(aggregate --key /a/k --value /a/v in.jsonl)" = $'k,v\ndeep,1' ]
  [ "$(aggregate --key /a/k --value v in.jsonl)" = $'k,v\ndeep,2' ]
  [ "$(aggregate --key a/k --value v in.jsonl)" = $'a/k,v\nslash,2' ]
  [ "$(aggregate --key a.k --value v in.jsonl)" = $'a.k,v\ndot,2' ]
  [ "$(aggregate --key /~1k --value /v in.jsonl)" = $'/k,v\nflat,2' ]
  [ "$(aggregate --key /a~1k --value v in.jsonl)" = $'a/k,v\nslash,2' ]
  refused 3 "the key is missing (key '/k', value 'v')" aggregate --key /k --value v in.jsonl
}

@test "columns are the last names or chosen ones, and equal ones are status 2" {
  echo '{"user":{"id":"u"},"session":{"id":3},"id":4}' >in.jsonl
  refused 2 "would both be column 'id'" aggregate --key /user/id --value /session/id in.jsonl
  refused 2 "would both be column 'id'" aggregate --key /user/id --value id in.jsonl
  refused 2 "would both be column 'x'" aggregate --key /user/id --value /session/id --key-column x --value-column x in.jsonl
  [ "$(aggregate --key /user/id --value /session/id --key-column who in.jsonl)" = $'who,id\nu,3' ]
  [ "$(aggregate --key /user/id --value /session/id --value-column n --stats in.jsonl)" = $'id,n,count,min,max\nu,3,1,3,3' ]
  [ "$("$BUILD/aggregator" --print json --key /user/id --value id --value-column n in.jsonl 2>/dev/null)" = '{"id":"u","n":4}' ]
  refused 2 '--stats adds columns' aggregate --stats --key /user/id --value /session/id --value-column count in.jsonl
}

@test "what no event can hold is status 2" {
  : >in.jsonl
  for pointer in /a/0 /a/10/b /- /0; do refused 2 'of an array' aggregate --key $pointer in.jsonl; done
  for pointer in '/~' '/a~2' '/a~'; do refused 2 'not a JSON Pointer' aggregate --value $pointer in.jsonl; done
  refused 2 'cannot both be in an event' aggregate --key /a --value /a/b in.jsonl
  refused 2 'cannot both be in an event' aggregate --key a --value /a in.jsonl
  refused 2 'more than 64 steps' aggregate --key "$(printf '/a%.0s' {1..65})" in.jsonl
}

@test "a step that is twice there, or no object, is a bad line; one that is null is missing" {
  bad() { # TEXT LINE
    echo "$2" >in.jsonl
    refused 3 "$1" aggregate --key /u/id --value v in.jsonl
  }
  bad 'in.jsonl:1:27: a step to the key appears twice' '{"u":{"id":"a"},"v":1,"u":{}}'
  bad 'in.jsonl:1:6: a step to the key is not an object' '{"u":["a"],"v":1}'
  bad 'in.jsonl:1:6: a step to the key is not an object' '{"u":"a","v":1}'
  bad 'the key is missing' '{"u":null,"v":1}'
  aggregate --skip-missing --key /u/id --value v in.jsonl
  counted skipped_lines=1
}

# --- objects without lines ----------------------------------------------------------------------

@test "objects that share lines, or are spread over them, give the totals of lines" {
  "$BUILD/fake_gen" -n 25000 -u 500 -s 5 -o lines.jsonl 2>/dev/null
  aggregate lines.jsonl >expected
  tr -d '\n' <lines.jsonl >joined
  jq . lines.jsonl >pretty
  paste -sd '   \n' lines.jsonl >rows
  { printf '\xef\xbb\xbf'; sed 's/$/\r/' pretty; } >crlf
  gzip -k joined
  for file in lines.jsonl joined joined.gz pretty rows crlf; do
    shared=25000
    [ $file != lines.jsonl ] || shared=0
    for threads in 1 3; do
      aggregate -t $threads --accept concatenated $file 2>/dev/null | cmp - expected
      [ "$(jq '[.lines, .events, .bad_lines] == [25000, 25000, 0]' r.json)" = true ]
      [ "$(jq .concatenated r.json)" -eq $shared ]
    done
    aggregate --accept concatenated - <$file 2>/dev/null | cmp - expected
  done
  for file in joined pretty rows crlf; do refused 3 '--accept concatenated takes it' aggregate $file; done
}

@test "a bad object is told by its first byte, and kept on one line" {
  printf '{"userId":"u","sessionDuration":1}{"userId":"u",\n  "sessionDuration":"x\\n"\r\n}\n{"userId":"u","sessionDuration":2}' >in.json
  refused 3 'in.json:1:35: the value is not a number, at line 2, column 21 (key' \
    aggregate --accept concatenated in.json
  aggregate --accept concatenated --max-bad 1 --rejects rejects in.json 2>/dev/null | grep -x u,3
  diff rejects - <<<'in.json:1:35: the value is not a number, at line 2, column 21'$'\t''{"userId":"u",\n  "sessionDuration":"x\n"\r\n}'
  counted bad_lines=1 concatenated=1
}

@test "JSON that is broken ends the run at 3, whatever is tolerated" {
  good='{"userId":"u","sessionDuration":1}'
  broken() { # PLACE TEXT
    printf "$2" >in.json
    rm -f rejects
    refused 3 "in.json:$1" aggregate --accept concatenated --max-bad 100% --rejects rejects in.json
    [[ $stderr == *'--max-bad does not help'* && $stderr == *'nothing was loaded'* ]]
    grep -q "^in.json:$1" rejects
  }
  broken '1:35: expected an object' "$good,$good"
  broken '2:1: the object does not end, at line 3, column 1' "$good\n{\"userId\":\"u\"\n"
  broken "1:35: expected ',' or '}', at line 1, column 48" "$good{\"userId\":\"u\"$good"
  broken '3:2: a number has a leading zero, at line 4, column 19' "$good\n\n {\"userId\":\"u\",\n\"sessionDuration\":01}$good"
  broken '2:1: expected an object' "$good\nnull\n$good"
}

@test "an object longer than --max-line is bad, and may be tolerated" {
  good='{"userId":"u","sessionDuration":1}'
  long="{\"userId\":\"u\",\"sessionDuration\":1,\"x\":\"$(head -c 5000 /dev/zero | tr '\0' x)\"}"
  echo "$good$long$good" >in.json
  refused 3 'in.json:1:35: the object is longer than --max-line (key' aggregate --accept concatenated --max-line 4000 in.json
  aggregate --accept concatenated --max-line 4000 --max-bad 1 --rejects rejects in.json | grep -x u,2
  grep -q "\.\.\.\[cut: ${#long} bytes\]$" rejects
  aggregate --accept concatenated --max-line ${#long} in.json | grep -x u,3
}

@test "a file of another format is refused as without --accept" {
  printf '[{"userId":"u","sessionDuration":1}]' >array.json
  refused 3 'this is a JSON array' aggregate --accept concatenated array.json
  printf '\n\x1e{"userId":"u","sessionDuration":1}\n' >seq.json
  refused 3 'seq.json:2:1: expected an object' aggregate --accept concatenated seq.json
}
