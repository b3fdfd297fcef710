#!/usr/bin/env bats
# fake_gen as a user meets it: the bytes it promises, what it refuses, how it fails.
# shellcheck disable=SC2154  # run --separate-stderr sets stderr and stderr_lines

bats_require_minimum_version 1.5.0

setup() {
  BUILD=$(realpath "${BUILD:-$BATS_TEST_DIRNAME/../../build}")
  FAKE_GEN=$BUILD/fake_gen
  mkdir "$BATS_TEST_TMPDIR/work"
  cd "$BATS_TEST_TMPDIR/work" || return
  export FAKE_GEN_LOG_FORMAT=text
  unset EVENTS USERS PRODUCTS SEED OUTPUT_FILE
}

hash_of() { # OPTIONS...: of the text that fake_gen writes
  "$FAKE_GEN" -o - "$@" 2>/dev/null | sha256sum | cut -d' ' -f1
}

golden() { # SHA256 OPTIONS...
  local want=$1 got
  shift
  got=$(hash_of "$@")
  [ "$got" = "$want" ] || { echo "$*: $got"; return 1; }
}

refused() { # STATUS TEXT COMMAND...: fails so, saying so in one line
  local want=$1 text=$2
  shift 2
  run --separate-stderr "$@"
  [ "$status" -eq "$want" ] || { echo "status $status: $stderr"; return 1; }
  [ "${#stderr_lines[@]}" -eq 1 ] || { echo "lines: $stderr"; return 1; }
  [[ $stderr == *"$text"* ]] || { echo "said: $stderr"; return 1; }
}

nothing_left() { # in the working directory, hidden or not
  [ -z "$(ls -A)" ] || { ls -lA; return 1; }
}

started() { # PID: from now on it takes signals
  until [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -ge 2 ]; do
    kill -0 "$1"
  done
}

half_way() { # PID: it has written a megabyte
  started "$1"
  until [ "$(awk '/^wchar:/{print $2}' "/proc/$1/io")" -gt 1000000 ]; do kill -0 "$1"; done
}

# Much work for little disk: it is ended long before the end.
long_run=(-n 100000000 -s 7 -z --level 9 -o events.gz)

ends_with() { # STATUS PID
  local got=0
  wait "$2" || got=$?
  [ "$got" -eq "$1" ] || { echo "status $got"; return 1; }
}

# --- the same bytes -----------------------------------------------------------------------------

@test "the text of known options never changes" {
  golden c2063a966db9df62484664557e3e2de67889e14d0c7816e2a3e82062080ba149 -s 7
  golden f0e7788582e14f00a20ea74f1229787ccab16fbfc92b0f6dcadeef7ac2c7c4e2 -s 7 -n 1000000
  golden 703faae8fbee47cb70d2e47c1bf38c2f3a1d08f7a983be93f3daab372ea69fa8 -s 7 -n 100000 -u 1000000000 -p 1000000000 --from 0001-01-01 --to 9999-12-31
  golden 9d48921ea9f0103dc9de11e9b712a5e9c27638e39f33dcc024247f5b91a7129b -s 7 -n 100000 -u 1000000 --skew 1.1
  golden 4065f7eba96ccfb3799e1988d0f86ea5d5e40a743e1d1433b452b2e94e99212a -s 7 -n 100000 -u 1000 --skew 1
  golden a5ef312bd4f893b2c4a7183853871a0564d40f78bf649fbc7fe186c019982e0e -s 7 -n 100000 --bad-every 100
  golden de0d168a8a949c6dbde69b8f53373c38aa34541d916aec167c617356c40df00a -s nightly-2025-10-07
  golden 413e5a16d218a40e1953a23d31a6de19ccfe0171180ec05a7097bc300fe72c2c -s 18446744073709551615
}

@test "compressed text inflates to the same bytes" {
  "$FAKE_GEN" -s 7 -n 1000000 -z -o a.gz
  [ "$(zcat a.gz | sha256sum | cut -d' ' -f1)" = f0e7788582e14f00a20ea74f1229787ccab16fbfc92b0f6dcadeef7ac2c7c4e2 ]
}

@test "the number of threads does not change a byte, plain or compressed" {
  for form in "" -z; do
    for threads in 1 2 7; do
      "$FAKE_GEN" -n 300001 -s 7 --bad-every 1000 $form -t $threads -o $threads.out
      cmp 1.out $threads.out
    done
  done
}

@test "a file, standard output, a pipe and a FIFO get the same bytes" {
  "$FAKE_GEN" -n 100000 -s 7 -o file
  "$FAKE_GEN" -n 100000 -s 7 -o - >stdout
  "$FAKE_GEN" -n 100000 -s 7 -o - | cmp - file
  cmp stdout file
  mkfifo fifo
  cat fifo >from_fifo &
  "$FAKE_GEN" -n 100000 -s 7 -o fifo
  wait $!
  cmp from_fifo file
  [ -p fifo ]
}

@test "standard output is appended to where the shell says so" {
  echo first >out
  "$FAKE_GEN" -n 10000 -s 7 -o - >>out
  "$FAKE_GEN" -n 10000 -s 7 -o - | cmp - <(tail -n +2 out)
}

@test "shards one after the other are the whole" {
  "$FAKE_GEN" -n 100003 -s 7 -u 50000 --skew 0.9 --bad-every 7 -o whole
  for shards in 1 4 7; do
    rm -f part.*
    for ((i = 0; i < shards; i++)); do
      "$FAKE_GEN" -n 100003 -s 7 -u 50000 --skew 0.9 --bad-every 7 --shard $i/$shards -o part.$i
    done
    cat part.? | cmp - whole
  done
  for i in 0 1 2; do
    "$FAKE_GEN" -n 100003 -s 7 -u 50000 --skew 0.9 --bad-every 7 --shard $i/3 -z -o $i.gz
  done
  cat 0.gz 1.gz 2.gz | zcat | cmp - whole
}

@test "more shards than events leave some of them empty" {
  for i in 0 1 2 3 4; do "$FAKE_GEN" -n 3 -s 7 --shard $i/5 -o $i; done
  cat 0 1 2 3 4 | cmp - <("$FAKE_GEN" -n 3 -s 7 -o -)
  [ ! -s 0 ]
}

@test "no events make an empty file, or the end of a compressed one" {
  "$FAKE_GEN" -n 0 -o plain
  "$FAKE_GEN" -n 0 -z -o packed
  [ -f plain ]
  [ "$(wc -c <plain)" -eq 0 ]
  [ "$(wc -c <packed)" -eq 28 ]
  [ -z "$(zcat packed)" ]
}

@test "a seed's leading zeros count for nothing, a longer number is text" {
  [ "$(hash_of -s 7)" = "$(hash_of -s 007)" ]
  [ "$(hash_of -s 18446744073709551616)" != "$(hash_of -s 0)" ]
}

@test "without a seed each run draws another one and reports it" {
  "$FAKE_GEN" -o a --report a.json
  "$FAKE_GEN" -o b --report b.json
  run cmp -s a b
  [ "$status" -eq 1 ]
  "$FAKE_GEN" -o again -s "$(jq -r .seed a.json)"
  cmp a again
}

# --- the events ---------------------------------------------------------------------------------

@test "every line is an event in key order with its fields in range" {
  "$FAKE_GEN" -n 200000 -s 7 -u 1234 -p 56 --from 2024-02-28T12:00:00 --to 2024-03-01 -o events
  python3 - <<'PYTHON'
import datetime, json, re
types = set("""click signIn signOut formSubmit purchase addToCart removeFromCart videoPlay videoPause
scroll search error exception profileUpdate registration newsletterSignup download
pageView""".split())
low, high = datetime.datetime(2024, 2, 28, 12), datetime.datetime(2024, 3, 1)
users, products, kinds, count = set(), set(), set(), 0
for raw in open("events", "rb"):
    count += 1
    event = json.loads(raw)
    assert list(event) == ["timestamp", "userId", "eventType", "productId", "sessionDuration"]
    assert json.dumps(event, separators=(",", ":")).encode() + b"\n" == raw
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", event["timestamp"])
    assert low <= datetime.datetime.fromisoformat(event["timestamp"]) < high
    assert re.fullmatch(r"user\d{3,}", event["userId"])
    assert re.fullmatch(r"product\d{3,}", event["productId"])
    assert type(event["sessionDuration"]) is int and 30 <= event["sessionDuration"] <= 999
    users.add(event["userId"]); products.add(event["productId"]); kinds.add(event["eventType"])
assert count == 200000
assert users == {f"user{i:03d}" for i in range(1, 1235)}
assert products == {f"product{i:03d}" for i in range(1, 57)}
assert kinds == types
PYTHON
}

@test "an hour of another zone is written as UTC, and --to is never reached" {
  "$FAKE_GEN" -n 100 -s 7 --from 2025-01-01T01:00:00+01:00 --to 2025-01-01T00:00:01Z -o events
  [ "$(cut -c1-34 events | sort -u)" = '{"timestamp":"2025-01-01T00:00:00"' ]
}

@test "skew makes the k-th user 1/k as frequent as the first" {
  "$FAKE_GEN" -n 1000000 -s 7 -u 1000000 --skew 1 -o - |
    python3 -c '
import collections, sys
counts = collections.Counter(line[45:line.index("\"", 45)] for line in sys.stdin)
first = counts["user001"]
for k in (2, 3, 5, 10):
    assert 0.95 < first / counts[f"user{k:03d}"] / k < 1.05, k
assert 0.066 < first / 1e6 < 0.073'
}

@test "every N-th line is broken, each in its way, and no other" {
  "$FAKE_GEN" -n 10000 -s 7 -o good
  "$FAKE_GEN" -n 10000 -s 7 --bad-every 10 -o mixed --report report.json
  [ "$(wc -l <mixed)" -eq 10000 ]
  [ "$(jq .bad_lines report.json)" -eq 1000 ]
  python3 - <<'PYTHON'
import json

def strict(raw):
    def once(pairs):
        assert len({key for key, _ in pairs}) == len(pairs), "key twice"
        return dict(pairs)
    event = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=lambda _: 1 / 0)
    key, value = event["userId"], event["sessionDuration"]
    assert type(key) is str and key and "\0" not in key and key.encode("utf-8")
    assert type(value) is int and 0 <= value < 2**63

ways = set()
with open("good", "rb") as good, open("mixed", "rb") as mixed:
    for number, (a, b) in enumerate(zip(good, mixed, strict=True), 1):
        if number % 10:
            assert a == b, number
            continue
        try:
            strict(b)
        except (ValueError, AssertionError, KeyError) as fault:
            ways.add((number // 10 - 1) % 20)
        else:
            raise SystemExit(f"line {number} is valid: {b}")
assert len(ways) == 20
PYTHON
}

@test "the aggregator rejects each broken line and nothing else" {
  [ -x "$BUILD/aggregator" ] || skip "no aggregator here"
  "$FAKE_GEN" -n 10000 -s 7 --bad-every 10 -o mixed
  awk 'NR % 10' mixed >good
  awk 'NR % 10 == 0' mixed >bad
  "$BUILD/aggregator" --print csv --max-bad 1000 --rejects rejects mixed >mixed.csv
  "$BUILD/aggregator" --print csv good | cmp - mixed.csv
  [ "$(wc -l <rejects)" -eq 1000 ]
  cut -f2- rejects | cmp - bad
}

# --- compressed ---------------------------------------------------------------------------------

@test "gzip finds compressed output in order" {
  "$FAKE_GEN" -n 100000 -s 7 -z -o a.gz
  gzip -t a.gz
  "$FAKE_GEN" -n 100000 -s 7 -z -o - | gzip -t
}

@test "members state their size, hold whole lines and end in the end marker" {
  "$FAKE_GEN" -n 100000 -s 7 -z -o a.gz
  python3 - <<'PYTHON'
import struct, zlib
data, at, members = open("a.gz", "rb").read(), 0, []
while at < len(data):
    assert data[at:at + 16] == b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff\x06\0BC\x02\0"
    size = struct.unpack_from("<H", data, at + 16)[0] + 1
    text = zlib.decompress(data[at + 18:at + size - 8], -15)
    assert struct.unpack_from("<II", data, at + size - 8) == (zlib.crc32(text), len(text))
    assert len(text) <= 65280
    members.append(text)
    at += size
assert at == len(data) and members[-1] == b"" and all(text[-1:] == b"\n" for text in members[:-1])
PYTHON
}

@test "a higher level makes a smaller file of the same text" {
  for level in 1 6 9; do "$FAKE_GEN" -n 50000 -s 7 -z --level $level -o $level.gz; done
  [ "$(wc -c <1.gz)" -gt "$(wc -c <6.gz)" ]
  [ "$(wc -c <6.gz)" -ge "$(wc -c <9.gz)" ]
  zcat 1.gz | cmp - <(zcat 9.gz)
}

# --- configuration, report, log -----------------------------------------------------------------

@test "the fixed variables configure it, its own beat them, options beat both" {
  export EVENTS=20 USERS=2 PRODUCTS=3 SEED=7 OUTPUT_FILE=named.jsonl
  "$FAKE_GEN"
  cmp named.jsonl <("$FAKE_GEN" -n 20 -u 2 -p 3 -s 7 -o -)
  FAKE_GEN_EVENTS=30 "$FAKE_GEN" -o own
  [ "$(wc -l <own)" -eq 30 ]
  FAKE_GEN_EVENTS=30 "$FAKE_GEN" -n 40 -o option
  [ "$(wc -l <option)" -eq 40 ]
  EVENTS='' FAKE_GEN_EVENTS='' "$FAKE_GEN" -o empty
  [ "$(wc -l <empty)" -eq 1500 ]
}

@test "without options there are 1500 events of 10 users in events.jsonl" {
  "$FAKE_GEN"
  [ "$(wc -l <events.jsonl)" -eq 1500 ]
  [ "$(grep -o '"userId":"[^"]*"' events.jsonl | sort -u | wc -l)" -eq 10 ]
  [ "$(ls -A)" = events.jsonl ]
}

@test "the report says what was done" {
  "$FAKE_GEN" -n 100000 -s run-42 -u 20 -p 30 --shard 1/4 -t 2 -z --bad-every 1000 --skew 0.5 \
    --from 2024-01-01 --to 2024-02-01 -o a.gz --report report.json
  text=$(zcat a.gz | wc -c) packed=$(wc -c <a.gz)
  jq -e --argjson text "$text" --argjson packed "$packed" '
    .program == "fake_gen" and .events == 25000 and .bytes == $text and .output_bytes == $packed
    and .bad_lines == 25 and .seed == "run-42" and .users == 20 and .products == 30
    and .from == "2024-01-01T00:00:00" and .to == "2024-02-01T00:00:00" and .skew == 0.5
    and .shard == "1/4" and .threads == 2 and .output == "a.gz"
    and .seconds > 0 and .user_seconds >= 0 and .system_seconds >= 0' report.json
}

@test "one line tells what was written, where and from which seed" {
  run --separate-stderr "$FAKE_GEN" -s 7
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  [ "${#stderr_lines[@]}" -eq 1 ]
  [[ $stderr =~ ^'fake_gen: wrote 1,500 events (188.7 kB) to events.jsonl in '[0-9.]+' s, seed 7'$ ]]
}

@test "memory does not grow with the events" {
  "$FAKE_GEN" -n 2000000 -s 7 -t 2 -o /dev/null --report report.json
  jq -e '.peak_rss_bytes == null or .peak_rss_bytes < 16 * 1024 * 1024' report.json
}

# --- what it refuses ----------------------------------------------------------------------------

@test "options out of range name the option, the value and the range" {
  while IFS='|' read -r option value range; do
    refused 2 "$range" "$FAKE_GEN" "--$option=$value"
    [[ $stderr == *"--$option"* ]]
    [[ $stderr == *"'$value'"* ]]
    nothing_left
  done <<'CASES'
events|1000000000001|0 to 1000000000000
events|-1|0 to 1000000000000
events|1e6|0 to 1000000000000
events|99999999999999999999|0 to 1000000000000
users|0|1 to 1000000000
users|1000000001|1 to 1000000000
products|0|1 to 1000000000
products|1000000001|1 to 1000000000
level|0|1 to 9
level|10|1 to 9
threads|0|1 to 256
threads|257|1 to 256
shard|4/4|0 to N-1
shard|0/0|0 to N-1
shard|1|0 to N-1
from|2025-02-29|0001-01-01T00:00:00 to 9999-12-31T23:59:59
from|0001-01-01T00:00:00+01:00|0001-01-01T00:00:00 to 9999-12-31T23:59:59
to|9999-12-31T23:59:59-01:00|0001-01-01T00:00:00 to 9999-12-31T23:59:59
skew|10.1|0 to 10
skew|-1|decimal number
bad-every|1000000000001|0 to 1000000000000
log-format|xml|auto|text|json
CASES
}

@test "values that cannot stand together or alone are refused" {
  refused 2 "--from: '2025-01-02T00:00:00'" "$FAKE_GEN" --from 2025-01-02 --to 2025-01-02
  [[ $stderr == *"before --to 2025-01-02T00:00:00"* ]]
  refused 2 --seed "$FAKE_GEN" -s ''
  refused 2 --seed "$FAKE_GEN" -s $'a\nb'
  refused 2 --seed "$FAKE_GEN" -s "$(printf '%01001d' 7)"
  refused 2 --output "$FAKE_GEN" -o ''
  refused 2 'unexpected argument' "$FAKE_GEN" events.jsonl
  nothing_left
}

@test "a variable out of range is named" {
  EVENTS=many refused 2 EVENTS "$FAKE_GEN"
  FAKE_GEN_USERS=0 refused 2 FAKE_GEN_USERS "$FAKE_GEN"
  nothing_left
}

# --- how it fails -------------------------------------------------------------------------------

@test "a full device is worth another try" {
  refused 10 /dev/full "$FAKE_GEN" -o /dev/full
  refused 10 /dev/full "$FAKE_GEN" -n 1000000 -t 7 -z -o /dev/full
  refused 10 'standard output' bash -c '"$0" -o - >/dev/full' "$FAKE_GEN"
}

@test "closed standard output is refused where it is the output, and only there" {
  refused 4 'standard output' bash -c '"$0" -o - >&-' "$FAKE_GEN"
  bash -c '"$0" -s 7 -o file >&- 2>&- <&-' "$FAKE_GEN"
  cmp file <("$FAKE_GEN" -s 7 -o -)
}

@test "a reader that quits ends it with one clear line" {
  for threads in 1 2 7; do
    refused 4 'reader has gone away' \
      bash -c '"$0" -n 10000000 -t "$1" -o - | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}' \
      "$FAKE_GEN" $threads
  done
}

@test "a directory that may not be written to is refused for good" {
  mkdir closed
  chmod 555 closed
  # Root passes every permission; without this capability it is like anybody.
  without=()
  if [ "$(id -u)" -eq 0 ]; then without=(setpriv --bounding-set -dac_override); fi
  refused 4 closed/events "${without[@]}" "$FAKE_GEN" -o closed/events
  [ -z "$(ls -A closed)" ]
}

@test "an output that is a directory, or lies in none, is refused for good" {
  mkdir there
  refused 4 directory "$FAKE_GEN" -o there
  refused 4 there/ "$FAKE_GEN" -o there/
  refused 4 missing/events "$FAKE_GEN" -o missing/events
  [ -z "$(ls -A there)" ]
}

@test "a failed run leaves the older file as it was" {
  echo old >out
  cp out same
  refused 4 'too large' bash -c 'ulimit -f 100; trap "" XFSZ; "$0" -n 100000 -o out' "$FAKE_GEN"
  cmp out same
  [ "$(ls -A | paste -sd' ')" = "out same" ]
}

@test "a new file replaces the old one, readable for the group whatever the umask" {
  echo old >out
  bash -c 'umask 0; "$0" -s 7 -o out' "$FAKE_GEN"
  [ "$(stat -c %a out)" = 640 ]
  cmp out <("$FAKE_GEN" -s 7 -o -)
}

@test "SIGTERM and SIGINT half-way leave no file and status 11" {
  for signal in TERM INT; do
    "$FAKE_GEN" "${long_run[@]}" 2>../err &
    half_way $!
    kill -$signal $!
    ends_with 11 $!
    [ "$(wc -l <../err)" -eq 1 ]
    grep -q "cancelled by SIG$signal" ../err
    nothing_left
  done
}

@test "a deadline that has passed leaves no file and status 11" {
  ARGO_DEADLINE=2020-01-01T00:00:00Z refused 11 ARGO_DEADLINE "$FAKE_GEN" "${long_run[@]}"
  nothing_left
}

@test "SIGKILL half-way leaves nothing under the final name" {
  "$FAKE_GEN" "${long_run[@]}" 2>/dev/null &
  half_way $!
  kill -KILL $!
  ends_with 137 $!
  [ ! -e events.gz ]
}

@test "SIGTERM ends it where nobody opens the FIFO, or nobody reads on" {
  mkfifo fifo
  "$FAKE_GEN" -n 10000000 -s 7 -o fifo 2>/dev/null &
  started $!
  kill -TERM $!
  ends_with 11 $!

  exec 8<>fifo
  "$FAKE_GEN" -n 10000000 -s 7 -o fifo 2>/dev/null &
  started $!
  kill -TERM $!
  ends_with 11 $!
  exec 8<&-
}
