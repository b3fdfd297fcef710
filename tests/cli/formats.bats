#!/usr/bin/env bats
# Files that are not JSON Lines, made by the programs that people make them with: each is refused by
# name, whatever is tolerated; and what a file may have around its lines.

bats_require_minimum_version 1.5.0

setup_file() {
  cd "$BATS_FILE_TMPDIR" || return
  "$BUILD/fake_gen" -n 2000 -u 5 -s 4 -o good 2>/dev/null
  "$BUILD/aggregator" --print csv good >totals 2>/dev/null
  "$BUILD/fake_gen" -n 2000 -u 5 -s 4 --gzip -o good.bgz 2>/dev/null
}

setup() {
  cd "$BATS_FILE_TMPDIR"
  rm -f rejects
  export AGGREGATOR_LOG_FORMAT=text
}

aggregate() { "$BUILD/aggregator" --print csv --max-bad 100% --rejects rejects "$@"; }

# FILE NAME: refused as NAME, whether it is read alone, behind a good file, packed, or from a pipe,
# with rejects published, and with no word on tolerating it.
is_refused() {
  local file=$1 name=$2
  pack_bgzf "$file" >"$file.bgz"
  refused "$file:1:1: this is $name" aggregate -t 1 "$file"
  refused "$file:1:1: this is $name" aggregate -t 3 good "$file" good.bgz
  refused "$file.bgz:1:1: this is $name" aggregate -t 3 good "$file.bgz"
  refused "$file:1:1: this is $name" "$BUILD/aggregator" --print csv --rejects rejects "$file"
  gzip -c "$file" >"$file.gz"
  refused "$file.gz:1:1: this is $name" aggregate "$file.gz"
  refused "standard input:1:1: this is $name" aggregate - < <(drop_by_drop "$file")
}

refused() { # TEXT COMMAND...
  local text=$1
  shift
  rm -f rejects
  run --separate-stderr "$@"
  [ "$status" -eq 3 ] || { echo "$*: status $status: $stderr"; return 1; }
  [ -z "$output" ]
  [ -e rejects ]
  [[ $stderr == "aggregator: $text"* && $stderr != *max-bad* ]] || { echo "said: $stderr"; return 1; }
}

pack_bgzf() { # FILE: as htslib does, in members that say their size, with the empty one at the end
  python3 - "$1" <<'PYTHON'
import struct, sys, zlib
def member(text):
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = deflate.compress(text) + deflate.flush()
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff\x06\x00BC\x02\x00"
    return (head + struct.pack("<H", len(data) + 25) + data
            + struct.pack("<II", zlib.crc32(text), len(text)))
text = open(sys.argv[1], "rb").read()
# The first members are tiny, so that no single one holds what a file begins with.
cuts = [0, 1, 2, 3] + list(range(4, len(text) + 60000, 60000))
for start, end in zip(cuts, cuts[1:]):
    if text[start:end]:
        sys.stdout.buffer.write(member(text[start:end]))
sys.stdout.buffer.write(member(b""))
PYTHON
}

drop_by_drop() { # FILE: its first bytes one at a time
  python3 - "$1" <<'PYTHON'
import os, sys
text = open(sys.argv[1], "rb").read()
try:
    for at in range(min(len(text), 8)):
        os.write(1, text[at:at + 1])
    sys.stdout.buffer.write(text[8:])
except BrokenPipeError:
    pass
PYTHON
}

# --- compressed and packed ----------------------------------------------------------------------

@test "compressed with what is not read: xz, lzma, bzip2, lz4, or twice" {
  xz -c good >a.xz
  xz --format=lzma -c good >a.lzma
  bzip2 -c good >a.bz2
  lz4 -qc good >a.lz4
  lz4 -qlc good >a.legacy.lz4
  gzip -c good | gzip -c >a.gz.gz
  zstd -qc good | zstd -qc >a.zst.zst
  gzip -c good | zstd -qc >a.gz.zst
  { printf '\x50\x2a\x4d\x18\x04\0\0\0size'; cat a.lz4; } >a.skip.lz4
  is_refused a.xz 'compressed with xz'
  is_refused a.lzma 'compressed with lzma'
  is_refused a.bz2 'compressed with bzip2'
  is_refused a.lz4 'compressed with lz4'
  is_refused a.legacy.lz4 'compressed with lz4'
  refused 'a.skip.lz4: this is compressed with lz4' aggregate a.skip.lz4
  refused 'a.zst.zst:1:1: this is compressed twice, with zstd inside' aggregate a.zst.zst
  refused 'a.gz.zst:1:1: this is compressed twice, with gzip inside' aggregate a.gz.zst
  refused 'a.gz.gz:1:1: this is compressed twice, with gzip inside' aggregate a.gz.gz
  refused 'standard input:1:1: this is compressed twice, with gzip inside' aggregate - < <(cat a.gz.gz)
  refused 'a.gz.gz:1:1: this is compressed twice, with gzip inside' aggregate good a.gz.gz
}

@test "the remedies work" {
  zip -q r.zip good
  tar -cf r.tar good
  iconv -f UTF-8 -t UTF-16 good >r.utf16
  jq -s . good >r.json
  jq . good >r.pretty
  sed 's/^/\x1e/' good >r.seq
  tr -d '\n' <good >r.concat
  gzip -c good | gzip >r.gz.gz
  same() { "$BUILD/aggregator" --print csv - | cmp - totals; }
  unzip -p r.zip | same
  tar -xOf r.tar | same
  iconv -f UTF-16 -t UTF-8 r.utf16 | same
  jq -c '.[]' r.json | same
  jq -c . r.pretty | same
  jq -c . r.concat | same
  tr -d '\036' <r.seq | jq -c . | same
  gzip -dc r.gz.gz | same
}

@test "archives: zip, tar of every kind" {
  zip -q a.zip good
  is_refused a.zip 'a zip archive'
  for format in v7 ustar gnu pax; do
    tar --format=$format -cf a.$format.tar good
    is_refused a.$format.tar 'a tar archive'
  done
  tar -czf a.tgz good
  refused 'a.tgz:1:1: this is a tar archive' aggregate a.tgz
}

@test "tables: Parquet, Avro, Arrow, SQLite" {
  # No program for these is at hand: what their files begin with.
  { printf 'PAR1\x15\x04\x15\x10'; cat good; printf 'PAR1'; } >a.parquet
  { printf 'Obj\x01\x04\x16avro.schema'; cat good; } >a.avro
  { printf 'ARROW1\0\0\xff\xff\xff\xff'; cat good; } >a.arrow
  python3 -c 'import sqlite3; c = sqlite3.connect("a.db"); c.execute("create table t(k)"); c.commit()'
  is_refused a.parquet Parquet
  is_refused a.avro Avro
  is_refused a.arrow Arrow
  is_refused a.db 'an SQLite database'
}

# --- text ---------------------------------------------------------------------------------------

@test "other encodings: UTF-16 and UTF-32, with and without a mark" {
  for encoding in UTF-16 UTF-32 UTF-16LE UTF-16BE UTF-32LE UTF-32BE; do
    iconv -f UTF-8 -t $encoding good >a.$encoding
    is_refused a.$encoding "$encoding text"
  done
}

@test "other texts of JSON: array, over several lines, text sequence, several objects on a line" {
  jq -s . good >a.array
  jq -sc . good >a.array_line
  { printf '\xef\xbb\xbf\r\n \t'; cat a.array; } >a.array_marked
  { printf '[\n'; sed '$!s/$/,/' good; printf ']\n'; } >a.array_of_lines
  jq . good >a.pretty
  jq . good | sed 's/$/\r/' >a.pretty_crlf
  { printf '{"events":[\n'; sed '$!s/$/,/' good; printf ']}\n'; } >a.wrapped
  sed 's/^/\x1e/' good >a.seq
  tr -d '\n' <good >a.concat
  { tr -d '\n' <good; echo; cat good; } >a.concat_then_lines
  for array in array array_line array_marked array_of_lines; do is_refused a.$array 'a JSON array'; done
  for pretty in pretty pretty_crlf wrapped; do is_refused a.$pretty 'JSON over several lines'; done
  is_refused a.seq 'a JSON text sequence'
  for concat in concat concat_then_lines; do is_refused a.$concat 'a line of several JSON objects'; done
}

@test "pages: HTML and XML, as a download that failed leaves them" {
  printf '<!DOCTYPE html>\n<html><body>404</body></html>\n' >a.html
  printf '<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>\n' >a.xml
  printf '\n  <Error><Code>AccessDenied</Code></Error>' >a.error
  for page in html xml error; do is_refused a.$page 'HTML or XML'; done
}

@test "the first file in order that is wrong is named, by its format or by a bad line before it" {
  xz -c good >w.xz
  { cat good; echo rubbish; } >w.bad
  refused 'w.xz:1:1: this is compressed' aggregate good w.xz w.bad
  run --separate-stderr "$BUILD/aggregator" --print csv -t 4 w.bad w.xz
  [ "$status" -eq 3 ]
  [[ $stderr == *'w.bad:2001:1: '* ]]
}

# --- lines --------------------------------------------------------------------------------------

@test "lines that are all bad are refused, however many are tolerated; one event is enough" {
  jq -r '[.userId, .sessionDuration] | @csv' good >b.csv
  { cat b.csv; head -n 1 good; } >b.mixed
  for tolerated in 100% 100000; do
    run --separate-stderr "$BUILD/aggregator" --print csv --max-bad $tolerated b.csv
    [ "$status" -eq 3 ]
    [ -z "$output" ]
    [[ $stderr == *"b.csv:1:1: expected an object"*"not one of 2000 lines is an event"* ]]
    aggregate --max-bad $tolerated b.mixed
  done
  printf '\n \n' >b.blank
  aggregate b.blank /dev/null
}

@test "an array further down is a bad line, as a first line is that was cut short" {
  { cat good; echo '[{"userId":"u","sessionDuration":1}]'; } >l.array
  { echo '{"userId":"u",'; cat good; } >l.cut
  { echo '{'; cat good; } >l.brace
  for file in l.array l.cut l.brace; do
    aggregate "$file" 2>/dev/null | cmp - totals
    [ "$(wc -l <rejects)" -eq 1 ]
  done
}

@test "events that only need another shape are not to be tolerated" {
  advice() { # TEXT LINE
    { head -n 3 good; printf "$2\n"; } >advice.jsonl
    run --separate-stderr "$BUILD/aggregator" --print csv advice.jsonl
    [ "$status" -eq 3 ]
    [[ $stderr == *"$1"* && $stderr != *max-bad* ]] || { echo "said: $stderr"; return 1; }
  }
  advice 'a line of its own' '{"userId":"u","sessionDuration":1}{"userId":"u","sessionDuration":1}'
  advice "jq -c '.[]'" '[{"userId":"u","sessionDuration":1}]'
  advice '--accept concatenated takes them' '{"userId":"u","sessionDuration":1}{"userId":"u","sessionDuration":1}'
  advice 'as a string, or --accept number-keys takes it' '{"userId":7,"sessionDuration":1}'
  advice 'as a number, or --accept text-numbers takes it' '{"userId":"u","sessionDuration":"1"}'
  advice 'as a number, or --accept extended-json takes it' '{"userId":"u","sessionDuration":{"$numberLong":"1"}}'
  advice 'without fraction and exponent, or --accept whole-floats takes it' '{"userId":"u","sessionDuration":100.0}'
  advice 'raise --max-key' '{"userId":"%01025d","sessionDuration":1}'
  advice "tr -d '\\000'" '\0\0{"userId":"u","sessionDuration":1}'
}

# --- what a file may have around its lines ------------------------------------------------------

@test "a byte order mark before a file's first line is skipped, and counts as its bytes" {
  { printf '\xef\xbb\xbf'; cat good; } >m.jsonl
  { printf '\xef\xbb\xbf'; sed 's/$/\r/' good; } >m.crlf
  pack_bgzf m.jsonl >m.bgz
  for file in m.jsonl m.crlf m.bgz; do "$BUILD/aggregator" --print csv -t 3 $file | cmp - totals; done
  cat m.jsonl | "$BUILD/aggregator" --print csv - | cmp - totals
  "$BUILD/aggregator" --print csv --report marked.json m.jsonl >/dev/null
  "$BUILD/aggregator" --print csv --report plain.json good >/dev/null
  [ "$(jq .bytes marked.json)" -eq $(($(jq .bytes plain.json) + 3)) ]
  [ "$(jq .digest marked.json)" != "$(jq .digest plain.json)" ]
  printf '\xef\xbb\xbf{"userId":7,"sessionDuration":1}\n' >m.bad
  run --separate-stderr "$BUILD/aggregator" --print csv m.bad
  [[ $stderr == *'m.bad:1:14: the key is not a string'* ]]
  printf '\xef\xbb\xbf' >m.only
  [ "$("$BUILD/aggregator" --print csv m.only)" = userId,sessionDuration ]
}

@test "a byte order mark before any other line is bad" {
  cat good <(printf '\xef\xbb\xbf') good >m.inside
  run --separate-stderr "$BUILD/aggregator" --print csv m.inside
  [ "$status" -eq 3 ]
  [[ $stderr == *'m.inside:2001:1: a byte order mark'* && $stderr != *max-bad* ]]
}

@test "blocks that were never written are told as NUL bytes, with place and length" {
  { cat good; head -c 5000000 /dev/zero; } >n.tail
  { cat good; printf '{"userId":"user'; head -c 4096 /dev/zero; echo; cat good; } >n.torn
  { head -c 1048576 /dev/zero; cat good; } >n.head
  truncate -s +3M n.tail
  told() { # PLACE-AND-LENGTH FILE
    run --separate-stderr "$BUILD/aggregator" --print csv -t 2 "$2"
    [ "$status" -eq 3 ]
    [[ $stderr == "aggregator: $2:$1 NUL bytes"* && $stderr != *max-bad* ]] || { echo "$stderr"; return 1; }
  }
  told '2001:1: 8145728' n.tail
  told '2001:16: 4096' n.torn
  told '1:1: 1048576' n.head
  gzip -kf n.tail
  told '2001:1: 8145728' n.tail.gz
  aggregate n.tail | cmp - totals
  grep -q '^n.tail:2001:1: 8145728 NUL bytes' rejects
}
