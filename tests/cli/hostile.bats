#!/usr/bin/env bats
# Hostile input: whatever comes, memory and time stay bounded and the answer is clear.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text
}

# STATUS TEXT MEMORY ARGUMENT...: ends so, says so in one line, and never held more than MEMORY bytes.
bounded() {
  local want=$1 text=$2 memory=$3
  shift 3
  run --separate-stderr timeout 120 "$BUILD/aggregator" --print csv --report r.json "$@"
  [ "$status" -eq "$want" ] || { echo "status $status: $stderr"; return 1; }
  [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == *"$text"* ]] || { echo "said: $stderr"; return 1; }
  [ "${#stderr}" -lt 2300 ]
  [ "$(jq .peak_rss_bytes r.json)" -lt "$memory" ] || { jq .peak_rss_bytes r.json; return 1; }
}
M=1048576

event() { printf '{"userId":"%s","sessionDuration":%s%s}\n' "$1" "$2" "${3:-}"; }
many() { head -c "$1" /dev/zero | tr '\0' "$2"; } # COUNT CHARACTER

@test "a line of a gigabyte is bad, and takes no memory" {
  many $((1024 * M)) x | bounded 3 'standard input:1:1048577: the line is longer than --max-line' $((64 * M)) -m 32M -
  { many $((100 * M)) x; echo; event u 1; } | bounded 0 'read 2 lines (1 bad' $((64 * M)) -m 32M --max-bad 1 -
  jq -e '.total == 1' r.json
}

@test "a line as long as --max-line allows takes memory for itself" {
  event u 1 ",\"x\":\"$(many 100000 y)\"" >in.jsonl
  { printf '{"userId":"u","sessionDuration":1,"x":"'; many $((200 * M)) y; printf '"}\n'; } |
    bounded 0 'read 1 lines' $((520 * M)) -m 400M --max-line 256M -
}

@test "a million levels of nesting are too many, in lines of any length" {
  event u 1 ",\"x\":$(many 64 '[')$(many 64 ']')" >deep.jsonl
  bounded 3 'deep.jsonl:1:' $((96 * M)) deep.jsonl
  event u 1 ",\"x\":$(many 63 '[')$(many 63 ']')" >fits.jsonl
  bounded 0 'read 1 lines' $((96 * M)) fits.jsonl
  { printf '{"userId":"u","sessionDuration":1,"x":'; many 1000000 '['; many 1000000 ']'; echo '}'; } >million.jsonl
  bounded 3 'million.jsonl:1:' $((96 * M)) --max-line 4M million.jsonl
  many 1000000 '{' >open.jsonl
  bounded 3 'open.jsonl:1:' $((96 * M)) open.jsonl
}

@test "keys without number spill to disk within --max-memory: KEYS=10000000 for more" {
  local keys=${KEYS:-500000}
  awk -v n="$keys" 'BEGIN { for (i = 0; i < n; i++) printf "{\"userId\":\"key-%d-of-some-length\",\"sessionDuration\":1}\n", i }' |
    timeout 300 "$BUILD/aggregator" --print csv --report r.json -m 32M -t 2 - >out.csv
  [ "$(wc -l <out.csv)" -eq $((keys + 1)) ]
  [ "$(jq .total r.json)" -eq "$keys" ]
  [ "$(jq '.spilled_bytes > 0' r.json)" = true ]
  [ "$(jq .peak_rss_bytes r.json)" -lt $((48 * M)) ]
}

@test "a key of a megabyte is refused by its place" {
  event "$(many $M k)" 1 >in.jsonl
  bounded 3 'in.jsonl:1:11: the key is longer than --max-key' $((96 * M)) --max-line 4M in.jsonl
  { printf '{"userId":"'; many 600000 x | sed 's/xxxxxx/\\u006b/g'; printf '","sessionDuration":1}\n'; } >escaped.jsonl
  bounded 3 'escaped.jsonl:1:11: the key is longer than --max-key' $((96 * M)) --max-line 4M escaped.jsonl
}

@test "numbers of a million digits are out of range as values and harmless elsewhere" {
  event u "$(many 100000 9)" >value.jsonl
  bounded 3 'value.jsonl:1:33: the value is not in 0..9223372036854775807' $((96 * M)) value.jsonl
  { printf '{"userId":"u","sessionDuration":'; many 1000000 9; echo '}'; } >million.jsonl
  bounded 3 'million.jsonl:1:' $((96 * M)) --max-line 4M million.jsonl
  { printf '{"userId":"u","sessionDuration":1,"n":-'; many 1000000 9; printf .; many 1000000 9; printf e; many 1000000 9; echo '}'; } >other.jsonl
  bounded 0 'read 1 lines' $((96 * M)) --max-line 4M other.jsonl
  { printf '{"userId":"u","sessionDuration":'; many 1000000 0; echo '1}'; } >zeros.jsonl
  bounded 3 'zeros.jsonl:1:' $((96 * M)) --max-line 4M zeros.jsonl
}

@test "U+0000, lone surrogates and bytes that are not UTF-8 are refused in keys" {
  local bad
  for bad in '\u0000' 'a\u0000b' '\ud800' '\udc00' '\ud800\u0041' '\udc00\ud800' '\ud83d\ud83d\ude00'; do
    event "$bad" 1 >in.jsonl
    bounded 3 'in.jsonl:1:' $((96 * M)) in.jsonl
  done
  # Overlong forms, surrogates, beyond U+10FFFF, stray and missing continuations, a byte-order mark.
  for bad in '\xc0\x80' '\xc0\xaf' '\xe0\x80\x80' '\xf0\x80\x80\x80' '\xed\xa0\x80' '\xf4\x90\x80\x80' \
    '\xf8\x88\x80\x80\x80' '\x80' '\xc3' '\xe2\x82' '\xff' '\xfe'; do
    printf '{"userId":"a%b","sessionDuration":1}\n' "$bad" >in.jsonl
    bounded 3 'in.jsonl:1:' $((96 * M)) in.jsonl
    printf '{"userId":"a","sessionDuration":1,"x":"%b"}\n' "$bad" >in.jsonl
    bounded 3 'in.jsonl:1:' $((96 * M)) in.jsonl
  done
  printf '\n\xef\xbb\xbf{"userId":"a","sessionDuration":1}\n' >in.jsonl # not the file's first bytes
  bounded 3 'in.jsonl:2:1: ' $((96 * M)) in.jsonl
}

@test "what hostile lines hold does not reach the terminal, nor break a log line" {
  printf '{"userId":"\\u001b[2J\\u0007\\u009b","sessionDuration":9223372036854775807}\n%.0s' 1 2 >in.jsonl
  run --separate-stderr "$BUILD/aggregator" --print table in.jsonl
  [ "$status" -eq 3 ]
  [[ $stderr == *"the total of '\\x1b[2J"* && $stderr != *$'\e'* ]]
  head -n 1 in.jsonl >one.jsonl
  "$BUILD/aggregator" --print table one.jsonl >out
  run grep -cP '[\x00-\x09\x0b-\x1f\x7f]' out
  [ "$output" = 0 ]
  AGGREGATOR_LOG_FORMAT=json run --separate-stderr "$BUILD/aggregator" --print csv $'no\nsuch\e[2J.jsonl'
  [ "$status" -eq 4 ]
  [ "${#stderr_lines[@]}" -eq 1 ] && jq -e . <<<"$stderr"
}

@test "a bomb of zstd is read in bounded memory, and stopped by its lines" {
  head -c $((1024 * M)) /dev/zero | zstd -q >bomb.zst # a gigabyte in thirty kilobytes
  [ "$(stat -c %s bomb.zst)" -lt $((M / 4)) ]
  bounded 3 'bomb.zst:1:' $((64 * M)) -m 32M bomb.zst
  many $((4 * M)) '\n' | zstd -q >blank.zst
  bounded 0 "read $((4 * M)) lines (0 bad, $((4 * M)) blank)" $((64 * M)) -m 32M blank.zst
  # Frames without end that hold nothing, or that are to be skipped.
  { printf '' | zstd -q; printf '\x50\x2a\x4d\x18\0\0\0\0'; } >empty.zst
  for _ in {1..13}; do cat empty.zst empty.zst >twice && mv twice empty.zst; done
  bounded 0 'read 0 lines' $((64 * M)) -m 32M empty.zst
}

@test "the window of zstd is part of --max-memory: refused where it has no room, and totals give way to it" {
  "$BUILD/fake_gen" -n 200000 -u 2000000 -s 1 -o first.jsonl 2>/dev/null
  "$BUILD/fake_gen" -n 200000 -u 2000000 -s 2 -o second.jsonl 2>/dev/null
  zstd -q --single-thread --long=23 second.jsonl
  bounded 2 'second.jsonl.zst: the zstd frame at byte 0 needs a window of 8388608 bytes, for which --max-memory leaves no room' \
    $((40 * M)) -m 25M -t 1 second.jsonl.zst
  "$BUILD/aggregator" --print csv first.jsonl second.jsonl >want 2>/dev/null
  timeout 120 "$BUILD/aggregator" --print csv --report r.json -m 40M -t 1 first.jsonl second.jsonl.zst 2>/dev/null | cmp - want
  jq -e '.spilled_bytes > 0 and .peak_rss_bytes < 40 * 1048576' r.json
  # A window of 128 MiB is read where there is memory for it; a larger one never.
  printf '\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00' >w27.zst
  bounded 0 'read 0 lines' $((64 * M)) w27.zst
  bounded 2 'needs a window of 134217728 bytes, for which --max-memory leaves no room' $((64 * M)) -m 100M w27.zst
  printf '\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00' >w28.zst
  bounded 3 'needs a window of 268435456 bytes, more than 134217728' $((64 * M)) -m 1G w28.zst
}

@test "a bomb of gzip is read in bounded memory, and stopped by its lines" {
  # 256 MiB of zeros in a thousandth: one line, longer than any limit.
  head -c $((256 * M)) /dev/zero | gzip -6 >bomb.gz
  [ "$(stat -c %s bomb.gz)" -lt $((M / 2)) ]
  bounded 3 'bomb.gz:1:' $((64 * M)) -m 32M bomb.gz
  # 2^22 blank lines, a thousand times smaller as they lie there.
  many $((4 * M)) '\n' | gzip -6 >blank.gz
  bounded 0 "read $((4 * M)) lines (0 bad, $((4 * M)) blank)" $((64 * M)) -m 32M blank.gz
  # Empty members without end.
  printf '' | gzip >empty.gz
  for _ in {1..13}; do cat empty.gz empty.gz >twice && mv twice empty.gz; done
  bounded 0 'read 0 lines' $((64 * M)) -m 32M empty.gz
}

@test "objects without lines: length, levels and what is between them are bounded" {
  # An object of 200 MiB is passed over, one that never ends is refused, in the memory of --max-line.
  { event u 1; printf '{"userId":"u","sessionDuration":1,"x":"'; many $((200 * M)) y; printf '"}'; event u 2; } |
    bounded 0 'read 3 lines (1 bad' $((64 * M)) -m 32M --accept concatenated --max-bad 1 -
  jq -e '.total == 3' r.json
  { event u 1; printf '{"userId":"'; many $((200 * M)) '{'; } |
    bounded 3 'standard input:2:1: the object does not end' $((64 * M)) -m 32M --accept concatenated --max-bad 100% -
  { event u 1; many $((200 * M)) ' '; event u 2; } | bounded 0 'read 2 lines (0 bad' $((64 * M)) -m 32M --accept concatenated -
  { event u 1; many $((16 * M)) '\n'; event u 2; } | bounded 0 "$((16 * M)) blank" $((64 * M)) -m 32M --accept concatenated -
  { event u 1; many $M '{'; } | bounded 3 'standard input:2:1: ' $((64 * M)) -m 32M --accept concatenated --max-bad 100% -
  { event u 1; printf '{"x":'; many 3000000 '['; many 3000000 ']'; printf '}'; event u 2; } |
    bounded 0 'read 3 lines (1 bad' $((64 * M)) -m 32M --accept concatenated --max-bad 1 -
  # Empty ones without number, on one line.
  { event u 1; many $((2 * M)) x | sed 's/x/{}/g'; } |
    bounded 0 "skipped $((2 * M))" $((64 * M)) -m 32M --accept concatenated --skip-missing -
}

@test "numbers of a million digits and exponents of a thousand are computed, or refused, at once" {
  local value zeros
  zeros=$(many 100000 0)
  for value in "1$zeros.0e-100000" "0.${zeros}1e100001" "0e$(many 1000 9)" "-0.${zeros}e-$(many 1000 9)"; do
    event u "$value" >value.jsonl
    bounded 0 'read 1 lines' $((96 * M)) --accept whole-floats value.jsonl
  done
  for value in "1e$(many 1000 9)" "1e-$(many 1000 9)" "1$zeros.0" "0.${zeros}1" "1.${zeros}1e100000"; do
    event u "$value" >value.jsonl
    bounded 3 'value.jsonl:1:33: the value is not' $((96 * M)) --accept whole-floats value.jsonl
  done
  { printf '{"userId":'; many $M 7; printf ',"sessionDuration":1}'; } >key.jsonl
  bounded 3 'key.jsonl:1:11: the key is longer than --max-key' $((96 * M)) --max-line 4M --accept number-keys key.jsonl
  printf '{"userId":1e%s,"sessionDuration":1}' "$(many 1000 9)" >key.jsonl
  bounded 3 'key.jsonl:1:11: the key is longer than --max-key' $((96 * M)) --accept number-keys,whole-floats key.jsonl
  event u "\"$(many 100000 0)\"" >value.jsonl
  bounded 3 'value.jsonl:1:33: the value is not a number' $((96 * M)) --accept text-numbers value.jsonl
}

@test "pointers go through a million levels no further than 64" {
  { printf '{"a":'; many 1000000 x | sed 's/x/{"a":/g'; } >deep.jsonl
  bounded 3 'deep.jsonl:1:' $((96 * M)) --max-line 8M --key "$(printf '/a%.0s' {1..64})" deep.jsonl
  printf '{"a":{"a":%s},"sessionDuration":1}\n' "$(many 50000 x | sed 's/x/{"a":1,"a":2},/g; s/^/[/; s/,$/]/')" >twice.jsonl
  bounded 3 'twice.jsonl:1:' $((96 * M)) --max-line 8M --key /a/a twice.jsonl
}
