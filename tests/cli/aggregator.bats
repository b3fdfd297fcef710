#!/usr/bin/env bats
# The aggregator as a user meets it, without a database: what it reads, refuses and prints.

setup_file() {
  export EVENTS_FILE=$BATS_FILE_TMPDIR/events.jsonl SUMS=$BATS_FILE_TMPDIR/sums.csv
  "$BUILD/fake_gen" -n 60000 -u 500 -s 3 -o "$EVENTS_FILE"
  sums "$EVENTS_FILE" >"$SUMS"
}

attentive() { # waits until PID is the program itself and holds signals back for its own thread
  until grep -q '^SigBlk:.*4002$' "/proc/$1/status"; do kill -0 "$1"; done
}

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text
}

sums() { # an independent reader's totals of FILE...
  python3 - "$@" <<'PYTHON'
import json, sys
totals = {}
for name in sys.argv[1:]:
    with open(name, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line.strip():
                event = json.loads(line)
                totals[event["userId"]] = totals.get(event["userId"], 0) + event["sessionDuration"]
print("userId,sessionDuration")
for key in sorted(totals, key=str.encode):
    print(f"{key},{totals[key]}")
PYTHON
}

aggregate() { "$BUILD/aggregator" --print csv "$@"; }

refused() { # STATUS TEXT COMMAND...: fails so, saying so in one line, with nothing on stdout
  local want=$1 text=$2
  shift 2
  run --separate-stderr "$@"
  [ "$status" -eq "$want" ] || { echo "status $status: $stderr"; return 1; }
  [ -z "$output" ]
  [ "${#stderr_lines[@]}" -eq 1 ] || { echo "$stderr"; return 1; }
  [[ $stderr == *"$text"* ]] || { echo "said: $stderr"; return 1; }
}

# --- what it reads ------------------------------------------------------------------------------

@test "totals equal an independent sum, for any number of threads" {
  for threads in 1 2 3 8; do
    aggregate -t $threads "$EVENTS_FILE" | cmp - "$SUMS"
  done
}

@test "gzip, BGZF, several gzip members, stdin and a FIFO give the same totals" {
  gzip -c "$EVENTS_FILE" >one.gz
  "$BUILD/fake_gen" -n 60000 -u 500 -s 3 --gzip -o bgzf.gz
  split -n l/3 "$EVENTS_FILE" part.
  for part in part.*; do gzip -c "$part"; done >members.gz
  cat bgzf.gz one.gz >both.gz
  aggregate one.gz | cmp - "$SUMS"
  aggregate bgzf.gz | cmp - "$SUMS"
  aggregate members.gz | cmp - "$SUMS"
  aggregate - <"$EVENTS_FILE" | cmp - "$SUMS"
  aggregate - <one.gz | cmp - "$SUMS"
  cat "$EVENTS_FILE" | aggregate - | cmp - "$SUMS"
  cat bgzf.gz | aggregate - | cmp - "$SUMS"
  mkfifo pipe
  cat one.gz >pipe 3>&- &
  aggregate pipe | cmp - "$SUMS"
  aggregate both.gz | awk -F, 'NR > 1 { print $1 "," $2 / 2 }' | cmp - <(tail -n +2 "$SUMS")
}

@test "zstd of small frames leaves memory for a larger window that comes later" {
  yes '{"userId":"a","sessionDuration":1}' | head -n 240000 >long
  head -n 1 long >one
  zstd -q -19 long -o long.zst
  zstd -q one -o one.zst
  run -0 --separate-stderr "$BUILD/aggregator" -m 32M -t 2 --print csv one.zst long.zst
  [ "$output" = $'userId,sessionDuration\na,240001' ]
  run -0 --separate-stderr "$BUILD/aggregator" -m 32M -t 2 --print csv long.zst one.zst
  [ "$output" = $'userId,sessionDuration\na,240001' ]
}

@test "zstd of one frame, of many, of parallel compressors, with names or without, gives the same totals" {
  zstd -q -c "$EVENTS_FILE" >one.zst
  zstd -q -19 --no-check -c <"$EVENTS_FILE" >unsized.zst
  split -n l/40 "$EVENTS_FILE" part.
  for part in part.*; do
    zstd -q -c "$part"
    printf '\x5f\x2a\x4d\x18\x04\0\0\0skip'
  done >many.zst
  pzstd -q -p 4 -c "$EVENTS_FILE" >parallel.zst 2>/dev/null
  cat many.zst one.zst unsized.zst many.zst >mixed.zst
  sums "$EVENTS_FILE" "$EVENTS_FILE" "$EVENTS_FILE" "$EVENTS_FILE" >four.csv
  for threads in 1 4; do
    for file in one unsized many parallel; do
      aggregate -t $threads $file.zst | cmp - "$SUMS"
      aggregate -t $threads - < <(cat $file.zst) | cmp - "$SUMS"
    done
    aggregate -t $threads mixed.zst | cmp - four.csv
  done
  mv many.zst misleading.jsonl
  aggregate misleading.jsonl | cmp - "$SUMS"
}

@test "CRLF, blank lines and a missing last newline change nothing" {
  sed 's/$/\r/' "$EVENTS_FILE" | aggregate - | cmp - "$SUMS"
  sed 's/$/\n \t\r/' "$EVENTS_FILE" | aggregate - | cmp - "$SUMS"
  head -c -1 "$EVENTS_FILE" | aggregate - | cmp - "$SUMS"
}

@test "several files add up, and an unterminated last line does not join the next file" {
  split -n l/7 "$EVENTS_FILE" part.
  for part in part.*; do truncate -s -1 "$part"; done
  aggregate part.* | cmp - "$SUMS"
  gzip part.ac
  aggregate part.aa part.ab part.ac.gz part.a[d-z] | cmp - "$SUMS"
}

@test "the layout of Python's json.dumps and any order of keys give the same totals" {
  python3 -c '
import json, sys
for i, line in enumerate(sys.stdin):
    event = json.loads(line)
    names = sorted(event, key=lambda name: hash((name, i)))
    print(json.dumps({name: event[name] for name in names}))' <"$EVENTS_FILE" >spaced.jsonl
  aggregate spaced.jsonl | cmp - "$SUMS"
}

@test "one file under two names is status 2, and two equal files are not" {
  cp "$EVENTS_FILE" one.jsonl
  cp one.jsonl copy.jsonl
  ln one.jsonl hard.jsonl
  ln -s one.jsonl soft.jsonl
  for name in one.jsonl ./one.jsonl hard.jsonl soft.jsonl "$PWD/one.jsonl"; do
    refused 2 'are one file: its events would count twice' aggregate copy.jsonl one.jsonl /dev/null "$name"
  done
  refused 2 'are one file' aggregate one.jsonl - <one.jsonl
  refused 2 'are one file' aggregate - - <one.jsonl
  aggregate one.jsonl copy.jsonl /dev/null /dev/null | awk -F, 'NR > 1 { print $1 "," $2 / 2 }' |
    cmp - <(tail -n +2 "$SUMS")
}

@test "an empty input has no totals and is not an error" {
  [ "$(aggregate /dev/null)" = userId,sessionDuration ]
  : >empty.jsonl
  [ "$(aggregate empty.jsonl)" = userId,sessionDuration ]
}

@test "without FILE it reads INPUT_FILE, else events.jsonl" {
  cp "$EVENTS_FILE" events.jsonl
  aggregate | cmp - "$SUMS"
  INPUT_FILE=$EVENTS_FILE aggregate | cmp - "$SUMS"
  rm events.jsonl
  refused 4 'events.jsonl: No such file' aggregate
}

@test "standard input is never read unasked: a pipe with data beside events.jsonl is status 2" {
  cp "$EVENTS_FILE" events.jsonl
  refused 2 'say - to read standard input, or events.jsonl to read that' aggregate < <(cat "$EVENTS_FILE")
  refused 2 'standard input is a pipe with data' aggregate < <(echo)
  aggregate events.jsonl < <(cat "$EVENTS_FILE") | cmp - "$SUMS"
  INPUT_FILE=events.jsonl aggregate < <(cat "$EVENTS_FILE") | cmp - "$SUMS"
  aggregate --input events.jsonl < <(cat "$EVENTS_FILE") | cmp - "$SUMS"
  cat "$EVENTS_FILE" | aggregate - | cmp - "$SUMS"
  aggregate </dev/null | cmp - "$SUMS"
  aggregate <events.jsonl | cmp - "$SUMS"
  aggregate <&- | cmp - "$SUMS"
  : | aggregate | cmp - "$SUMS" # as cron does
  mkfifo open
  exec 7<>open # a writer that stays, and says nothing
  aggregate <open | cmp - "$SUMS"
  exec 7>&-
  rm events.jsonl
  refused 4 'events.jsonl: No such file or directory; name the file (- reads standard input)' aggregate < <(cat "$EVENTS_FILE")
}

@test "any field names work, and escapes mean what they say" {
  cat >odd.jsonl <<'LINES'
{"Größe":1,"user \u006eame":"a\u0062"}
{"user name":"ab","Gr\u00f6\u00dfe":2}
{"user name":"\ud83d\ude00","Größe":3}
{"user name":"😀","Größe":-0}
LINES
  run aggregate --key 'user name' --value Größe odd.jsonl
  [ "$output" = $'user name,Größe\nab,3\n😀,3' ] || [ "${lines[2]}" = "😀,3" ]
}

@test "the replaced Python aggregator's totals come out for the replaced generator's file" {
  # The pair that this replaces: json.dumps with its default separators, a dict of integer sums.
  python3 - >old.jsonl <<'PYTHON'
import json, random
random.seed(11)
for _ in range(1500):
    print(json.dumps({
        "timestamp": "2024-10-07T14:30:00",
        "userId": f"user{random.randint(1, 10):03d}",
        "eventType": random.choice(["click", "signIn", "pageView"]),
        "productId": f"product{random.randint(1, 5):03d}",
        "sessionDuration": random.randint(30, 999),
    }))
PYTHON
  aggregate old.jsonl | cmp - <(sums old.jsonl)
}

# --- what it prints -----------------------------------------------------------------------------

@test "csv quotes as RFC 4180 says, json is one exact object a line, the table is aligned" {
  cat >keys.jsonl <<'LINES'
{"userId":"a,b","sessionDuration":9007199254740993}
{"userId":"say \"hi\"","sessionDuration":2}
{"userId":"two\nlines","sessionDuration":3}
{"userId":"é","sessionDuration":4}
LINES
  run aggregate keys.jsonl
  [ "$output" = $'userId,sessionDuration\n"a,b",9007199254740993\n"say ""hi""",2\n"two\nlines",3\né,4' ] ||
    [[ $output == *'"say ""hi""",2'*'"two'* ]]
  "$BUILD/aggregator" --print json keys.jsonl >out.json
  [ "$(sed -n 1p out.json)" = '{"userId":"a,b","sessionDuration":9007199254740993}' ]
  python3 -c '
import json
rows = [json.loads(line) for line in open("out.json")]
assert [row["userId"] for row in rows] == ["a,b", "say \"hi\"", "two\nlines", "é"]'
  "$BUILD/aggregator" --print table keys.jsonl >table 2>/dev/null
  python3 -c 'assert len({len(line) for line in open("table", encoding="utf-8")}) == 1'
}

@test "--stats adds count, min and max" {
  printf '{"userId":"u","sessionDuration":%d}\n' 5 3 9 >s.jsonl
  [ "$(aggregate --stats s.jsonl | tail -n 1)" = u,17,3,3,9 ]
  [ "$("$BUILD/aggregator" --print json --stats s.jsonl)" = '{"userId":"u","sessionDuration":17,"count":3,"min":3,"max":9}' ]
}

# --- what it refuses ----------------------------------------------------------------------------

@test "the first bad line by position ends the run, whatever the threads: 3, file:line:column, no output" {
  { head -n 40000 "$EVENTS_FILE"; echo '{"userId":"u","sessionDuration":1.5}'
    tail -n 20000 "$EVENTS_FILE"; echo rubbish; } >bad.jsonl
  for threads in 1 2 5; do
    refused 3 'bad.jsonl:40001:33: the value is not a whole number' aggregate -t $threads --report r.json bad.jsonl
    [ "$(jq -c '[.lines, .events, .bad_lines]' r.json)" = '[40001,40000,1]' ]
  done
  gzip -k bad.jsonl
  refused 3 'bad.jsonl.gz:40001:33:' aggregate bad.jsonl.gz
  refused 3 'bad.jsonl:40001:33:' aggregate "$EVENTS_FILE" bad.jsonl
}

@test "line numbers count from 1 in each file, blank lines included" {
  printf '\n\n{"userId":"u","sessionDuration":-4}\n' >second.jsonl
  refused 3 'second.jsonl:3:33: the value is negative' aggregate "$EVENTS_FILE" second.jsonl
}

@test "--max-bad N tolerates N bad lines and fails on the next one" {
  { cat "$EVENTS_FILE"; echo x; echo '{"userId":""}'; echo '{"userId":"u","sessionDuration":01}'; } >bad.jsonl
  aggregate --max-bad 3 bad.jsonl | cmp - "$SUMS"
  refused 3 'bad.jsonl:60003:33: a number has a leading zero' aggregate --max-bad 2 bad.jsonl
}

@test "--max-bad P% is judged at the end, over lines that are not blank" {
  { for _ in 1 2 3 4 5 6 7 8 9; do echo '{"userId":"u","sessionDuration":1}'; echo; done; echo x; } >bad.jsonl
  [ "$(aggregate --max-bad 10% bad.jsonl 2>/dev/null | tail -n 1)" = u,9 ]
  refused 3 '1 of 10 lines are bad (10.00%), more than --max-bad 9.9%' aggregate --max-bad 9.9% bad.jsonl
  refused 3 'bad.jsonl:19:1: expected an object' aggregate --max-bad 9.9% bad.jsonl
}

@test "--rejects keeps bad lines verbatim, in order, with reasons, and implies no tolerance" {
  printf '{"userId":"u","sessionDuration":1}\nx\ty\xff\r\n{"userId":1,"sessionDuration":1}\n' >bad.jsonl
  aggregate --max-bad 2 --rejects rejects bad.jsonl >/dev/null
  printf 'bad.jsonl:2:1: expected an object\tx\ty\xff\r\nbad.jsonl:3:11: the key is not a string\t{"userId":1,"sessionDuration":1}\n' |
    cmp - rejects
  rm rejects
  refused 3 'bad.jsonl:2:1' aggregate --rejects rejects bad.jsonl
  [ "$(wc -l <rejects)" -eq 1 ]
}

@test "rejects come in the input's order from many threads" {
  awk '{ print } NR % 97 == 0 { print "bad " NR }' "$EVENTS_FILE" >bad.jsonl
  aggregate --max-bad 100% --rejects one -t 1 bad.jsonl | cmp - "$SUMS"
  aggregate --max-bad 100% --rejects many -t 6 bad.jsonl | cmp - "$SUMS"
  cmp one many
  cut -f 2 one | cmp - <(grep '^bad' bad.jsonl)
}

@test "rejects are not published when the run is cancelled" {
  mkfifo feed
  "$BUILD/aggregator" --print csv --max-bad 9 --rejects rejects - <feed >out 2>err 3>&- &
  pid=$!
  exec 7>feed
  echo bad >&7
  attentive $pid
  kill -TERM $pid
  status=0
  wait $pid || status=$?
  exec 7>&-
  [ "$status" -eq 11 ]
  [ ! -e rejects ]
}

@test "a line longer than --max-line is bad, cut and marked in the rejects, and bounded in memory" {
  { printf '{"userId":"'; head -c 30000000 /dev/zero | tr '\0' x; printf '","sessionDuration":1}\n'
    echo '{"userId":"u","sessionDuration":1}'; } >long.jsonl
  aggregate --max-bad 1 --rejects rejects -m 32M --report r.json long.jsonl >out.csv
  [ "$(tail -n 1 out.csv)" = u,1 ]
  grep -q 'long.jsonl:1:1048577: the line is longer than --max-line' rejects
  grep -q 'cut: 30000033 bytes' rejects
  [ "$(stat -c %s rejects)" -lt 2000 ]
  jq -e '.peak_rss_bytes < 40000000' r.json
  refused 3 'the line is longer than --max-line' aggregate --max-line 64 "$EVENTS_FILE"
}

@test "keys have a limit: --max-key bytes after unescaping" {
  python3 -c 'print("{\"userId\":\"" + "k" * 1024 + "\",\"sessionDuration\":1}")' >fits.jsonl
  python3 -c 'print("{\"userId\":\"" + "\\u006b" * 1024 + "\",\"sessionDuration\":1}")' >fits_escaped.jsonl
  python3 -c 'print("{\"userId\":\"" + "k" * 1025 + "\",\"sessionDuration\":1}")' >long.jsonl
  aggregate fits.jsonl >one
  aggregate fits_escaped.jsonl | cmp - one
  refused 3 'long.jsonl:1:11: the key is longer than --max-key' aggregate long.jsonl
  aggregate --max-key 1025 long.jsonl
}

@test "totals are exact to 2^63-1; one more is status 3 and nothing is printed" {
  printf '{"userId":"u","sessionDuration":%s}\n' 9223372036854775806 1 >edge.jsonl
  [ "$(aggregate edge.jsonl | tail -n 1)" = u,9223372036854775807 ]
  echo '{"userId":"u","sessionDuration":1}' >>edge.jsonl
  refused 3 "the total of 'u' passes 9223372036854775807" aggregate edge.jsonl
  refused 3 'the value is not in 0..9223372036854775807' aggregate - <<<'{"userId":"u","sessionDuration":9223372036854775808}'
}

@test "truncated, corrupt and followed gzip data is status 3 with the place" {
  gzip -c "$EVENTS_FILE" >good.gz
  head -c -9 good.gz >cut.gz
  refused 3 'truncated gzip data' aggregate cut.gz
  # Corruption shows as the first wrong byte it leads to: a bad line, or the checksum at the end.
  for at in 500 5000 100000 -8; do
    python3 -c 'import sys
data, at = bytearray(open("good.gz", "rb").read()), int(sys.argv[1])
data[at] ^= 0x55
open("flipped.gz", "wb").write(data)' $at
    refused 3 'flipped.gz' aggregate flipped.gz
  done
  refused 3 'flipped.gz: corrupt gzip data at byte' aggregate flipped.gz
  { cat good.gz; echo more; } >followed.gz
  refused 3 'bytes that are not gzip follow' aggregate followed.gz
  "$BUILD/fake_gen" -n 60000 -s 3 --gzip -o bgzf.gz
  head -c -28 bgzf.gz >unmarked.gz
  refused 3 'truncated gzip data' aggregate unmarked.gz
}

@test "truncated, corrupt and followed zstd data is status 3 with the place" {
  zstd -q -c "$EVENTS_FILE" >good.zst
  split -n l/40 "$EVENTS_FILE" part.
  for part in part.*; do zstd -q -c "$part"; done >many.zst
  for file in good many; do
    head -c -9 $file.zst >cut.zst
    refused 3 'cut.zst: truncated zstd data: it ends at byte' aggregate cut.zst
    for at in 500 5000 100000 -2; do
      python3 -c 'import sys
data, at = bytearray(open(sys.argv[1], "rb").read()), int(sys.argv[2])
data[at] ^= 0x55
open("flipped.zst", "wb").write(data)' $file.zst $at
      refused 3 'flipped.zst' aggregate flipped.zst
    done
    refused 3 'flipped.zst: corrupt zstd data at byte' aggregate flipped.zst
    { cat $file.zst; echo more; } >followed.zst
    refused 3 'bytes that are not zstd follow the compressed data at byte' aggregate followed.zst
    cp $file.zst padded.zst
    truncate -s %10240 padded.zst
    aggregate padded.zst | cmp - "$SUMS"
  done
}

@test "zstd with a dictionary is status 3 with the way out, which works" {
  head -n 2000 "$EVENTS_FILE" | split -a 4 -l 1 - line.
  zstd -q --train line.* --maxdict=2000 -o dictionary 2>/dev/null
  zstd -q -D dictionary -c "$EVENTS_FILE" >dict.zst
  refused 3 'dict.zst: the zstd frame at byte 0 needs dictionary' aggregate dict.zst
  zstd -q -dc -D dictionary dict.zst | aggregate - | cmp - "$SUMS"
}

@test "an empty file with a compressed name is status 3; a compressed file of an empty text is none" {
  : >empty.jsonl.gz
  refused 3 'empty.jsonl.gz is empty' aggregate empty.jsonl.gz
  refused 3 'empty.jsonl.gz is empty' aggregate "$EVENTS_FILE" empty.jsonl.gz
  gzip -c /dev/null >empty.jsonl.gz
  zstd -q -c </dev/null >empty.jsonl.zst
  aggregate "$EVENTS_FILE" empty.jsonl.gz empty.jsonl.zst | cmp - "$SUMS"
}

@test "zeros after the last gzip member are skipped, and nothing may follow them" {
  "$BUILD/fake_gen" -n 60000 -u 500 -s 3 --gzip -o padded.bgz
  gzip -c "$EVENTS_FILE" >padded.gz
  for file in padded.gz padded.bgz; do
    truncate -s %10240 $file # as tar and tapes do
    aggregate $file | cmp - "$SUMS"
    aggregate - < <(cat $file) | cmp - "$SUMS"
    truncate -s +1M $file
    aggregate -t 3 $file | cmp - "$SUMS"
    printf x >>$file
    refused 3 'bytes that are not gzip follow' aggregate $file
  done
}

@test "--min-lines fails a run that reads fewer lines, blank ones not counted" {
  printf '{"userId":"u","sessionDuration":1}\n\n \n%.0s' 1 2 3 >three.jsonl
  [ "$(aggregate --min-lines 3 three.jsonl | tail -n 1)" = u,3 ]
  refused 3 'the input has 3 lines that are not blank, --min-lines asks for 4' aggregate --min-lines 4 three.jsonl
  refused 3 'the input has 0 lines' env AGGREGATOR_MIN_LINES=1 "$BUILD/aggregator" --print csv /dev/null
}

@test "missing and unreadable inputs are status 4 and named" {
  refused 4 'cannot open none.jsonl: No such file' aggregate none.jsonl
  cp "$EVENTS_FILE" secret.jsonl
  chmod 0 secret.jsonl
  if [ "$(id -u)" -eq 0 ]; then
    chmod 711 . ..
    refused 4 'secret.jsonl: Permission denied' setpriv --reuid=65532 --clear-groups "$BUILD/aggregator" --print csv secret.jsonl
  else
    refused 4 'Permission denied' aggregate secret.jsonl
  fi
}

@test "input that grows while it is read is status 10" {
  python3 - "$BUILD/aggregator" <<'PYTHON'
import os, subprocess, sys
# A file that is larger than what can be read ahead, and a writer that is never done.
with open("big.jsonl", "wb") as f:
    f.write(b'{"userId":"u","sessionDuration":1}\n' * 3_000_000)
run = subprocess.Popen([sys.argv[1], "--print", "csv", "-t", "1", "big.jsonl"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
with open("big.jsonl", "ab") as f:
    while run.poll() is None:
        f.write(b'{"userId":"u","sessionDuration":1}\n')
        f.flush()
assert run.returncode == 10, run.returncode
assert b"changed while it was read" in run.stderr.read()
PYTHON
}

@test "every option out of range is status 2, naming option, value and range" {
  refused 2 "--threads: '0' is out of range: 1 to 256" aggregate -t 0 /dev/null
  refused 2 "--threads: '257' is out of range" aggregate -t 257 /dev/null
  refused 2 "--threads: '99999999999999999999' is out of range" aggregate -t 99999999999999999999 /dev/null
  refused 2 "--max-key: '2601' is out of range: 1 to 2600" aggregate --max-key 2601 /dev/null
  refused 2 "--max-line: '63' is out of range" aggregate --max-line 63 /dev/null
  refused 2 "--max-memory: '1M' is out of range" aggregate -m 1M /dev/null
  refused 2 "--max-memory: 'lots' is not a size" aggregate -m lots /dev/null
  refused 2 "--max-bad: '101%' is neither a count" aggregate --max-bad 101% /dev/null
  refused 2 "--shard: '4/4' is not I/N" aggregate --shard 4/4 --run-id r /dev/null
  refused 2 "--shard 1/4 needs --run-id" aggregate --shard 1/4 /dev/null
  refused 2 "--print: 'xml' is not one of" "$BUILD/aggregator" --print xml /dev/null
  refused 2 "--wait-db: 'soon' is not a duration" aggregate --wait-db soon /dev/null
  refused 2 "--lock-timeout: '0s' is out of range" aggregate --lock-timeout 0s /dev/null
  refused 2 "--create: 'maybe' is not one of" aggregate --create maybe /dev/null
  refused 2 "--key and --value are both 'x'" aggregate --key x --value x /dev/null
  refused 2 "--key: the value is empty" aggregate --key= /dev/null
  refused 2 "--table: 'a.b.c' is not a table name" aggregate --table a.b.c /dev/null
  refused 2 'no database is named' env -u PGHOST "$BUILD/aggregator" /dev/null
  DB_PORT=tcp://10.0.0.1:5432 refused 2 'enableServiceLinks' "$BUILD/aggregator" /dev/null
}

# --- memory -------------------------------------------------------------------------------------

@test "--max-memory holds with spills, and the totals stay exact" {
  "$BUILD/fake_gen" -n 1200000 -u 1000000 -s 5 -o many.jsonl
  aggregate -m 1G --stats many.jsonl >all.csv
  aggregate -m 26M --stats --spill-dir . --report r.json many.jsonl | cmp - all.csv
  jq -e '.spilled_bytes > 10000000 and .peak_rss_bytes < 42000000' r.json
  [ "$(ls -A | sort | paste -sd' ')" = "all.csv many.jsonl r.json" ]
}

@test "a spill directory that is missing is said, with the way out" {
  "$BUILD/fake_gen" -n 1000000 -u 1000000 -s 5 -o many.jsonl
  refused 4 'choose another with --spill-dir' aggregate -m 26M --spill-dir ./none many.jsonl
}

@test "few keys take little memory, whatever the size of the input" {
  "$BUILD/fake_gen" -n 2000000 -s 5 -o - | aggregate --report pipe.json - >/dev/null
  jq -e '.peak_rss_bytes < 16000000' pipe.json
}

@test "the digest is that of the text: not of threads, compression or the way it comes" {
  gzip -c "$EVENTS_FILE" >one.gz
  "$BUILD/fake_gen" -n 60000 -u 500 -s 3 --gzip -o bgzf.gz
  aggregate -t 1 --report a.json "$EVENTS_FILE" >/dev/null
  aggregate -t 7 --report b.json "$EVENTS_FILE" >/dev/null
  aggregate --report c.json one.gz >/dev/null
  aggregate -t 3 --report d.json bgzf.gz >/dev/null
  cat "$EVENTS_FILE" | aggregate --report e.json - >/dev/null
  zstd -q -c "$EVENTS_FILE" | aggregate --report g.json - >/dev/null
  [ "$(cat [a-eg].json | jq -r .digest | sort -u | wc -l)" -eq 1 ]
  head -n 59999 "$EVENTS_FILE" | aggregate --report f.json - >/dev/null
  [ "$(cat [a-f].json | jq -r .digest | sort -u | wc -l)" -eq 2 ]
}

@test "text of exactly whole blocks has one digest from a file and from a pipe" {
  head -c 2097151 /dev/zero | tr '\0' ' ' >blank.jsonl
  echo >>blank.jsonl
  aggregate --max-line 4M --report a.json blank.jsonl >/dev/null
  cat blank.jsonl | aggregate --max-line 4M --report b.json - >/dev/null
  gzip -c blank.jsonl | aggregate --max-line 4M --report c.json - >/dev/null
  [ "$(cat [a-c].json | jq -r .digest | sort -u | wc -l)" -eq 1 ]
  jq -e '.blank_lines == 1 and .bytes == 2097152' a.json
}

@test "--init-sql needs no database and quotes what it is given" {
  "$BUILD/aggregator" --init-sql --table 'we"ird."Ta.ble"' --key 'a"b' >script.sql 2>err ||
    refused 2 'is not a table name' "$BUILD/aggregator" --init-sql --table 'we"ird."Ta.ble"'
  "$BUILD/aggregator" --init-sql --table '"we""ird"."Ta.ble"' --key 'a"b' >script.sql
  grep -qF 'CREATE TABLE IF NOT EXISTS "we""ird"."Ta.ble"' script.sql
  grep -qF '"a""b" text COLLATE "C" PRIMARY KEY' script.sql
}
