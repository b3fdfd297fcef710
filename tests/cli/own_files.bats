#!/usr/bin/env bats
# The table of docs/own-events.md on how events are stored, each row's command as it stands there; and
# ./run.sh files.

bats_require_minimum_version 1.5.0

setup_file() {
  export TOP PATH=$BUILD:$PATH AGGREGATOR_LOG_FORMAT=text
  TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  cd "$BATS_FILE_TMPDIR" || return
  fake_gen -n 3000 -u 12 -s 5 -o events.jsonl 2>/dev/null
  jq -rn '[inputs] | group_by(.userId)[] | [.[0].userId, (map(.sessionDuration) | add)] | join(",")' \
    events.jsonl >sums
  head -n 1500 events.jsonl >first
  tail -n 1500 events.jsonl >second

  jq -c '{account: .userId, bytes: .sessionDuration, ip: "::1"}' events.jsonl >named.jsonl
  gzip -c first >events.jsonl.gz
  zstd -qc second >events.jsonl.zst
  xz -c events.jsonl >events.jsonl.xz
  mkdir -p exports days/2025/01 mixed linked
  cp first second exports
  cp first days/2025/01/31.jsonl
  cp second days/2025/today.jsonl
  cp first mixed/first.jsonl
  cp second mixed/second.jsonl
  echo 'not an event' >mixed/README
  ln -s ../first ../second linked
  tar -cf events.tar first second
  zip -q events.zip first second
  iconv -f UTF-8 -t UTF-16 events.jsonl >utf16.jsonl
  sed '7s/^/bad, as it was cut: /' events.jsonl >worn.jsonl
  sed -n 7p events.jsonl >>worn.jsonl
}

setup() { cd "$BATS_FILE_TMPDIR" || return; }

# shellcheck disable=SC2016 # the backquotes are those of the table
commands() { # the second column of the table
  sed -n '/^| they are/,/^$/p' "$TOP/docs/own-events.md" |
    sed -nE 's/^\| .* \| `(.*)` \|$/\1/p' | sed 's/\\|/|/g'
}

@test "each command of the table gives the totals of an independent sum" {
  commands >list
  [ "$(grep -c . list)" -eq 12 ]
  local command failed=0
  while IFS= read -r command; do
    bash -euo pipefail -c "$command" 2>log </dev/null | tail -n +2 | diff - sums ||
      { echo "$command"; cat log; failed=1; }
  done <list
  [ "$failed" -eq 0 ]
}

@test "what has a command of its own is refused without it, with advice" {
  local file
  for file in events.jsonl.xz events.tar events.zip utf16.jsonl; do
    run -3 --separate-stderr aggregator --print csv --max-bad 100% "$file"
    [[ $stderr == *"$file:1:1: this is "*" | aggregator -"* ]] || { echo "$stderr"; false; }
  done
  run -4 --separate-stderr aggregator --print csv linked
  [[ $stderr == *'but symbolic links'* ]]
}

@test "./run.sh files shows the totals of files and directories, of any fields" {
  unset DB_URL PGHOST PGSERVICE AGGREGATOR_DSN
  run "$TOP/run.sh" files exports
  [ "$status" -eq 0 ]
  [[ $output == *'read       3,000 lines of 2 files, 0 rejected, 12 keys'* ]]
  [[ $output == *'loaded     12 rows, a total of '* ]]
  [ "$(grep -c '^  user0' <<<"$output")" -eq 10 ]
  [[ $output == *'… and 2 more'* ]]
  run "$TOP/run.sh" files --key=account -v bytes named.jsonl
  [ "$status" -eq 0 ]
  [[ $output == *$'\n  account '*' bytes'* ]]
  jq -c '{user: {id: .userId}, n: (.sessionDuration | tostring)}' events.jsonl >nested.jsonl
  run "$TOP/run.sh" files -k /user/id -v n --value-column seconds --accept text-numbers nested.jsonl
  [ "$status" -eq 0 ]
  [[ $output == *$'\n  id '*' seconds'* ]]
  : >empty
  run "$TOP/run.sh" files --key=/user/id empty
  [[ $status == 0 && $output == *'loaded     no rows, in a private PostgreSQL'* ]]
  run "$TOP/run.sh" files - --max-bad 1 <worn.jsonl
  [ "$status" -eq 0 ]
  [[ $output == *'3,001 lines, 1 rejected'* ]]
}

@test "./run.sh files fails as the aggregator does, and refuses what it cannot show" {
  unset DB_URL PGHOST PGSERVICE AGGREGATOR_DSN
  run -4 --separate-stderr "$TOP/run.sh" files none
  [[ $stderr == *'cannot open none: No such file'* ]]
  run -3 --separate-stderr "$TOP/run.sh" files worn.jsonl
  [[ $stderr == *'worn.jsonl:7:1: '* ]]
  run -2 --separate-stderr "$TOP/run.sh" files
  [[ $stderr == *'files needs a file or a directory'* ]]
  run -2 --separate-stderr "$TOP/run.sh" files --key
  [[ $stderr == *'--key needs a value'* ]]
  run -2 --separate-stderr "$TOP/run.sh" files --print csv first
  [[ $stderr == *'--print: use build/aggregator itself'* ]]
}
