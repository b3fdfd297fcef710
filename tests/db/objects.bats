#!/usr/bin/env bats
# Objects of a real S3 server, each loaded once.

load helpers

setup_file() {
  start_server "$(default_version)"
  if [[ ${ABSENT:-} ]]; then return; fi
  start_relay
  local status=0
  "$here/../../local/s3.sh" start "$BATS_FILE_TMPDIR/s3" --tls || status=$?
  if ((status == 77)); then export ABSENT='no versitygw here, nor Go to build it'; return; fi
  ((status == 0)) || return "$status"
  (
    cd "$BATS_FILE_TMPDIR"
    for n in {00..11}; do make_events "$n" 300 20; done
  )
}
teardown_file() {
  if [[ -d $BATS_FILE_TMPDIR/s3 ]]; then "$here/../../local/s3.sh" stop "$BATS_FILE_TMPDIR/s3"; fi
  stop_relay
  stop_server
}

setup() {
  use_new_database
  for name in "${!AWS_@}"; do unset "$name"; done
  # shellcheck source=/dev/null
  . "$BATS_FILE_TMPDIR/s3/env"
  bucket=test-$BATS_TEST_NUMBER
  mkdir -p "$BATS_FILE_TMPDIR/s3/data/$bucket"
  cp "$BATS_FILE_TMPDIR"/[0-9][0-9] .
}

teardown() { if [[ ${RELAY:-} ]]; then touch "$RELAY/go"; fi; }

put() { python3 "$here/s3_put.py" "$@"; } # FILE BUCKET/KEY...

put_plain() { # FILE...: each under p/
  local file
  for file in "$@"; do printf '%s\t%s\n' "$file" "$bucket/p/$file"; done | put --lines
}

loads() { succeeds --report report.json "$@"; }

counts() { # FOUND NEW APPLIED REFUSED, as the report has them
  same "$*" "$(jq -r '"\(.objects_found) \(.objects_new) \(.objects_applied) \(.objects_refused)"' report.json)"
}

refuses() { # STATUS TEXT ARGUMENT...: at the end of stderr
  local want=$1 text=$2
  shift 2
  run --separate-stderr "$aggregator" --report report.json "$@"
  [[ $status == "$want" && $stderr == *"$text"* ]] || fail "exit status $status: $stderr"
}

@test "objects of every format are loaded once, object by object" {
  "$BUILD/fake_gen" -n 300 -u 20 -s 02 -z -o bgzf 2>/dev/null
  gzip -c 01 >gzip
  zstd -q 03 -o zst
  put 00 "$bucket/p/plain" gzip "$bucket/p/q/gzip" bgzf "$bucket/p/bgzf" zst "$bucket/p/zst"
  loads "s3://$bucket/p/"
  counts 4 4 0 0
  loaded_once 00 01 02 03
  same "$bucket/p/bgzf $bucket/p/plain $bucket/p/q/gzip $bucket/p/zst" \
    "$(sql "SELECT string_agg(run_id, ' ' ORDER BY run_id COLLATE \"C\") FROM aggregator_runs")"
  same "$(jq -r '"\(.lines) \(.total)"' report.json) 20" \
    "$(sql 'SELECT sum(input_lines), sum(total) FROM aggregator_runs' | tr '|' ' ') $(jq .users report.json)"
  loads "s3://$bucket/p/"
  counts 4 0 4 0
  same '1 0' "$(jq -r '"\(.requests) \(.object_bytes)"' report.json)"
  loaded_once 00 01 02 03
}

@test "an object has the digest that the same file has" {
  put_plain 00
  loads "s3://$bucket/p/00"
  "$aggregator" --print csv --report file.json 00 >/dev/null 2>&1
  same "$(jq -r .digest file.json)" "$(sql 'SELECT input_digest FROM aggregator_runs')"
}

@test "whatever the size of a batch, each object counts once" {
  put_plain 0? 10 11
  for options in '--batch-objects 1' '--batch-objects 5' '--batch-bytes 1' '--batch-bytes 100K' ''; do
    sql 'DROP TABLE IF EXISTS session_duration, aggregator_runs'
    # shellcheck disable=SC2086
    loads $options "s3://$bucket/p/" --outputs out
    counts 12 12 0 0
    loaded_once 0? 10 11
    same "12 20 $(sql 'SELECT sum(total) FROM aggregator_runs')" "$(cat out/objects_new) $(cat out/users) $(cat out/total)"
  done
}

@test "only what is new is loaded" {
  put_plain 00 01
  loads "s3://$bucket/"
  put_plain 02
  loads "s3://$bucket/"
  counts 3 1 2 0
  loaded_once 00 01 02
}

@test "an empty prefix is no failure" {
  loads "s3://$bucket/none/" --outputs out
  counts 0 0 0 0
  [[ $stderr == *'0 objects: 0 loaded'* ]]
  same 0 "$(cat out/objects_found)"
  succeeds --print csv "s3://$bucket/none/"
  same userId,sessionDuration "$output"
}

@test "an object with another text is refused, or with --new-versions new work, once" {
  put_plain 00 01
  loads "s3://$bucket/p/"
  cp 02 00
  put_plain 00 03
  refuses 4 "s3://$bucket/p/00 was loaded with other text" "s3://$bucket/p/"
  counts 3 1 1 1
  cp "$BATS_FILE_TMPDIR/00" before
  loaded_once before 01 03
  loads --new-versions "s3://$bucket/p/"
  counts 3 1 2 0
  loaded_once before 00 01 03
  loads --new-versions "s3://$bucket/p/"
  counts 3 0 3 0
  same 0 "$(jq .object_bytes report.json)"
  put before "$bucket/p/00"
  loads --new-versions "s3://$bucket/p/"
  counts 3 0 3 0
  loaded_once before 00 01 03
}

@test "the same text under another ETag is read once more, and not loaded" {
  put_plain 00
  loads "s3://$bucket/p/"
  sql "UPDATE aggregator_runs SET etag = 'another'"
  loads "s3://$bucket/p/"
  counts 1 0 1 0
  same "$(stat -c %s 00)" "$(jq .object_bytes report.json)"
  loads "s3://$bucket/p/"
  same 0 "$(jq .object_bytes report.json)"
  loaded_once 00
}

@test "a version under another ETag is not loaded again, and holds up nothing" {
  put_plain 00 01
  loads "s3://$bucket/p/"
  cp 00 before
  cp 02 00
  put_plain 00
  loads --new-versions "s3://$bucket/p/"
  sql "UPDATE aggregator_runs SET etag = 'another' WHERE run_id LIKE '%@%'"
  put_plain 03
  loads --new-versions "s3://$bucket/p/"
  counts 3 1 2 0
  loaded_once before 00 01 03
  loads --new-versions "s3://$bucket/p/"
  same 0 "$(jq .object_bytes report.json)"
}

@test "copies under two keys count twice" {
  put 00 "$bucket/p/a" 00 "$bucket/p/b"
  loads "s3://$bucket/p/"
  counts 2 2 0 0
  loaded_once 00 00
}

@test "a broken object is left out and the others are loaded; bad lines are judged an object" {
  { cat 01; echo broken; } >bad
  gzip -c 02 | head -c 900 >torn
  put_plain 00 bad torn 03
  refuses 3 "2 of 4 objects refused and left out, the first: s3://$bucket/p/bad:301:1:" "s3://$bucket/p/" --outputs out
  [[ $stderr == *"s3://$bucket/p/torn: truncated gzip data"* ]]
  counts 4 2 0 2
  same 2 "$(cat out/objects_refused)"
  loaded_once 00 03
  refuses 3 '1 of 4 objects refused' --max-bad 1 --rejects rejects "s3://$bucket/p/"
  counts 4 1 2 1
  loaded_once 00 01 03
  same "s3://$bucket/p/bad:301:1:" "$(grep -o '^[^ ]*' rejects)"
}

@test "with --allow-refused the run succeeds, and --outputs says what was left out and why" {
  { cat 01; echo broken; } >bad
  put_plain 00 bad 03
  loads --allow-refused "s3://$bucket/p/" --outputs out
  counts 3 2 0 1
  [[ $(<out/refused) == "s3://$bucket/p/bad:301:1:"* ]]
  loaded_once 00 03
  rm "$BATS_FILE_TMPDIR/s3/data/$bucket/p/bad"
  loads "s3://$bucket/p/" --outputs out
  same '' "$(<out/refused)"
}

@test "keys with odd characters are read and named as they are" {
  put 00 "$bucket/p/a b+c&d=é%~'\"(1).jsonl" 01 "$bucket/p/%20" 02 "$bucket/p/x{{y}}@z"
  loads "s3://$bucket/p/"
  loaded_once 00 01 02
  same "$bucket/p/a b+c&d=é%~'\"(1).jsonl" "$(sql "SELECT run_id FROM aggregator_runs WHERE run_id LIKE '%jsonl'")"
  printf '%s\0' "s3://$bucket/p/a b+c&d=é%~'\"(1).jsonl" | succeeds --files-from - -0
  loads "s3://$bucket/p/"
  counts 3 0 3 0
}

@test "parts of a prefix share it out, and what comes later is in one of them" {
  put_plain 0? 10
  run --separate-stderr "$aggregator" split --parts 3 "s3://$bucket/p/" --outputs out
  mapfile -t ranges < <(jq -r '.[].range' out/parts)
  same 3 "${#ranges[@]}"
  same "$output 11" "$(<out/parts) $(cat out/objects)"
  put 11 "$bucket/p/055"
  for range in "${ranges[@]}" "${ranges[1]}"; do loads --range "$range" "s3://$bucket/p/"; done
  loaded_once 0? 10 11
  same 12 "$(ledger_count)"
}

@test "twins load each object once, also the one that is late" {
  put_plain 0? 10 11
  pids=()
  for n in {1..4}; do
    "$aggregator" --batch-objects "$((n * 2))" "s3://$bucket/p/" >"$n.out" 2>&1 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  loaded_once 0? 10 11
  same 12 "$(ledger_count)"
}

@test "an object that a twin commits first is left out, and the batch read again" {
  put_plain 00 01 02
  loads "s3://$bucket/p/01"
  row=$(sql "COPY (SELECT * FROM aggregator_runs) TO STDOUT")
  sql "TRUNCATE aggregator_runs, session_duration"
  hold "BEGIN; INSERT INTO aggregator_runs SELECT * FROM json_populate_record(NULL::aggregator_runs,
    '$(jq -nc --arg row "$row" '$row | split("\t")' | jq -c '{target: .[0], run_id: .[1], shard: 0, shards: 1,
      input_lines: .[4], input_bytes: .[5], input_digest: .[6], bad_lines: 0, keys: .[8], total: .[9],
      seconds: 1, program_version: "1", applied_at: "2026-01-01", etag: "twin"}' | sed "s/'/''/g")')"
  start --allow-empty-table --report report.json "s3://$bucket/p/"
  wait_until_waiting
  release COMMIT
  finish
  ended_well
  [[ $stderr == *'another load was faster with one of 3 objects'* ]]
  counts 3 2 1 0
  loaded_once 00 02
}

@test "a load that is killed while it waits has loaded nothing, and the next one all" {
  put_plain 00 01 02
  loads "s3://$bucket/p/00"
  hold "BEGIN; LOCK TABLE session_duration"
  start "s3://$bucket/p/"
  wait_until_waiting
  kill -KILL "$started"
  wait "$started" || true
  release ROLLBACK
  wait_until_gone
  same 1 "$(ledger_count)"
  loads "s3://$bucket/p/"
  counts 3 2 1 0
  loaded_once 00 01 02
}

@test "a lost answer to COMMIT is settled, and the objects count as loaded by this run" {
  put_plain 00 01
  loads "s3://$bucket/p/none/"
  for fault in lose-commit-answer cut-before-commit; do
    sql "TRUNCATE aggregator_runs, session_duration"
    plan "$fault"
    through_relay loads "s3://$bucket/p/" --wait-db 5s
    counts 2 2 0 0
    loaded_once 00 01
    same 2 "$(ledger_count)"
  done
}

@test "a server that is restarted meanwhile is waited for" {
  put_plain 00
  "$here/../../local/s3.sh" stop "$BATS_FILE_TMPDIR/s3"
  start --report report.json "s3://$bucket/p/"
  wait_for grep -q 'trying again' started.err
  "$here/../../local/s3.sh" start "$BATS_FILE_TMPDIR/s3"
  finish
  ended_well
  loaded_once 00
}

@test "when totals are gone and the ledger is not, objects are refused, too" {
  put_plain 00
  loads "s3://$bucket/p/"
  sql 'TRUNCATE session_duration'
  refuses 4 'its totals are gone' "s3://$bucket/p/"
  loads --allow-empty-table "s3://$bucket/p/"
  counts 1 0 1 0
}

@test "what names one run is refused beside objects" {
  put_plain 00
  refuses 2 '--run-id is for files' --run-id x "s3://$bucket/p/"
  refuses 2 'objects are loaded one by one, files as one run' 00 "s3://$bucket/p/"
}

@test "the server's certificate is verified, and secrets stay out of argv and logs" {
  put_plain 00
  (unset AWS_CA_BUNDLE; fails 4 'certificate' --print csv "s3://$bucket/p/")
  start --print csv "s3://$bucket/p/"
  finish
  [[ $stderr != *"$AWS_SECRET_ACCESS_KEY"* ]]
  AWS_SECRET_ACCESS_KEY=wrong-secret fails 4 '403 SignatureDoesNotMatch' --print csv "s3://$bucket/p/"
  [[ $stderr != *wrong-secret* ]]
}
