#!/usr/bin/env bats
# What the aggregator is given to read: files, directories, lists of names.

bats_require_minimum_version 1.5.0

setup_file() {
  export ALL=$BATS_FILE_TMPDIR/all.jsonl SUMS=$BATS_FILE_TMPDIR/sums.csv
  "$BUILD/fake_gen" -n 4000 -u 50 -s 9 -o "$ALL"
  "$BUILD/aggregator" --print csv "$ALL" >"$SUMS"
}

setup() {
  cd "$BATS_TEST_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text
}

aggregate() { "$BUILD/aggregator" --print csv "$@"; }

parts() { # DIRECTORY: the events in files of 500 lines, compressed in each way
  mkdir -p "$1"
  split -a 1 -d -l 500 "$ALL" "$1/part-"
  gzip "$1"/part-[23]
}

refused() { # STATUS TEXT COMMAND...: fails so, saying so in one line, with nothing on stdout
  local want=$1 text=$2
  shift 2
  run --separate-stderr "$@"
  [ "$status" -eq "$want" ] || { echo "status $status: $stderr"; return 1; }
  [ -z "$output" ]
  [ "${#stderr_lines[@]}" -eq 1 ] || { echo "$stderr"; return 1; }
  [[ $stderr == *"$text"* ]] || { echo "said: $stderr"; return 1; }
}

@test "a directory is read like its files: same totals, same digest, one count of files" {
  parts in
  aggregate --report dir.json in | cmp - "$SUMS"
  aggregate --report files.json in/* | cmp - "$SUMS"
  [ "$(jq '[.files, .digest, .lines]' dir.json)" = "$(jq '[.files, .digest, .lines]' files.json)" ]
  jq -e '.files == 8 and .lines == 4000' dir.json
  INPUT_FILE=in aggregate | cmp - "$SUMS"
  aggregate --input in | cmp - "$SUMS"
}

@test "directories in directories are read with --recursive, and told where they are not" {
  parts in/2025/01
  mv in/2025/01/part-[0-3]* in/2025
  mkdir in/2025/empty
  aggregate -R in | cmp - "$SUMS"
  aggregate in/2025/01 in/2025 2>log | cmp - "$SUMS"
  grep -q 'warning: 2 directories in directories are not read; --recursive' log
  refused 4 'in has no file to read, but directories: add --recursive' aggregate in
}

@test "files of a directory come in byte order: the first bad line is that of the first file" {
  mkdir in
  for name in b a Z .hidden; do printf '{"userId":"u","sessionDuration":1}\nbad %s\n' $name >in/$name; done
  refused 3 'in/Z:2:1: ' aggregate in
  refused 3 'in/a:2:1: ' aggregate --max-bad 1 in/
  aggregate --max-bad 3 --rejects rejects in
  [ "$(cut -d: -f1 rejects | tr '\n' ' ')" = 'in/Z in/a in/b ' ]
}

@test "hidden files are left out; links and pipes are told, and read where they are named" {
  parts in
  mkfifo in/fifo
  ln -s part-1 in/link
  printf 'no event\n' >in/.part-9.swp
  aggregate in 2>log | cmp - "$SUMS"
  grep -q 'warning: 1 symbolic links in directories are not followed; name what they lead to' log
  grep -q 'warning: 1 pipes, sockets and devices in directories are not read; name them' log
  mkdir farm
  ln -s "$PWD"/in/part-* farm
  refused 4 'farm has no file to read, but symbolic links' aggregate farm
  ln -s in to_in
  aggregate to_in 2>/dev/null | cmp - "$SUMS"
  find -L farm -type f | aggregate --files-from - | cmp - "$SUMS"
}

@test "--files-from reads names from a file or standard input, in lines or with -0" {
  parts in
  find in -name 'part-[0-4]*' >list
  aggregate --files-from list in/part-[5-9] | cmp - "$SUMS"
  AGGREGATOR_FILES_FROM=list aggregate in/part-[5-9] | cmp - "$SUMS"
  aggregate --files-from - <<<in | cmp - "$SUMS"
  mv in/part-0 $'in/a\nb'
  find in -type f -print0 | aggregate --files-from - -0 | cmp - "$SUMS"
  refused 2 '--null is for the names in --files-from' aggregate -0 in
  refused 2 'cannot be read as events too' aggregate --files-from - - <list
  refused 2 '--files-from: in/part-2.gz:1: a NUL byte; add -0' aggregate --files-from in/part-2.gz
  refused 4 '--files-from: standard input names no file' aggregate --files-from - </dev/null
}

@test "a file that comes twice, by its name and by its directory, is status 2" {
  parts in
  refused 2 'in/part-1 and in/part-1 are one file' aggregate in in/part-1
  ln in/part-1 in/twin
  refused 2 'are one file: its events would count twice' aggregate in
}

@test "names that a shell would have replaced are refused with what to do instead" {
  refused 4 'https://host/key: No such file or directory; of addresses only s3://BUCKET/KEY is read: get it first' aggregate https://host/key
  refused 4 'no shell expanded the pattern: name the directory' aggregate '/mnt/events/*.jsonl'
  # shellcheck disable=SC2088  # it is what the program is given
  refused 4 'no shell replaced the ~' aggregate '~/events.jsonl'
  # shellcheck disable=SC2016 # as it would come from a manifest
  refused 4 'nothing replaced the $' aggregate '$HOME/events.jsonl'
  refused 4 'Argo left the {{...}} as it is' aggregate '{{inputs.artifacts.events.path}}'
  for name in s3://bucket/key '*' '~' none; do
    run aggregate "$name"
    [[ $output != *fake_gen* ]]
  done
}

@test "what is missing or unreadable among many is status 4, before anything is read" {
  parts in
  printf 'bad\n' >in/aaa
  chmod 0 in/part-7
  chmod 711 .. .
  local as=()
  if [ "$(id -u)" -eq 0 ]; then as=(setpriv --reuid=65532 --clear-groups); chmod 755 in; fi
  refused 4 'cannot open in/part-7: Permission denied; let this user read it' "${as[@]}" "$BUILD/aggregator" --print csv in
  chmod 644 in/part-7
  refused 3 'in/aaa:1:1: ' aggregate in
  refused 4 'cannot open none' aggregate in none
  mkdir -m 0 in/locked
  refused 4 'cannot read in/locked: Permission denied' "${as[@]}" "$BUILD/aggregator" --print csv -R in
  mkdir empty
  refused 4 'empty has no file to read' aggregate empty
}

@test "a file that goes away after it was found is status 10" {
  parts in
  mkfifo first
  aggregate -t 1 first in >out 2>log 3>&- &
  local pid=$! status=0
  exec 9>first # opened by both: the directory was read before
  rm in/part-5
  exec 9>&-
  wait "$pid" || status=$?
  [ "$status" -eq 10 ]
  grep -q 'in/part-5 went away while the input was read; run again when its writer is done' log
  [ ! -s out ]
}

@test "an output that is a file of the directory is status 2, and keeps its content" {
  parts in
  for option in --rejects --report; do
    refused 2 "$option is the input in/part-6, which it would replace" aggregate $option in/part-6 in
    find in -name 'part-6' >list
    refused 2 "$option is the input in/part-6, which it would replace" aggregate $option in/part-6 --files-from list
  done
  aggregate in | cmp - "$SUMS"
}

@test "40,000 files take few descriptors, little memory, and no command line" {
  mkdir in
  awk '{ printf "{\"userId\":\"u%d\",\"sessionDuration\":1}\n", NR % 7 > ("in/" NR ".jsonl"); close("in/" NR ".jsonl") }' < <(seq 40000)
  (ulimit -n 32; aggregate --report r.json -t 2 -m 64M in >out)
  jq -e '.files == 40000 and .total == 40000 and .peak_rss_bytes < 24 * 1048576' r.json
  find in -type f | aggregate --files-from - | cmp - out
  refused 2 'more than --max-memory has room for' aggregate -m 26M in
}
