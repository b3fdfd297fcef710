# A job's log by ranges of bytes, and as an event stream that follows it.

load helpers

setup_file() { start_all --workers 1 --metrics 127.0.0.1:0; }
teardown_file() { stop_all; }
setup() {
  new_owner
  mine -X POST /jobs
  place=$(header location)
  id=${place##*/}
}

log_bytes() { as_owner -c "INSERT INTO log VALUES ('$id', $1, '$2')"; } # OFFSET TEXT
log_end() { as_owner -c "INSERT INTO log_end VALUES ('$id', $1, ${2:-true})"; } # BYTES [COMPLETE]
range() { mine -H "Range: bytes=$1" "$place/logs"; }

stream() { # CURL-ARGUMENT...: into file `events`
  curl -sS -N -m 40 -D "$BATS_TEST_TMPDIR/headers" -H "Authorization: $token" -H 'Accept: text/event-stream' "$@" \
    "$url$place/logs" >"$BATS_TEST_TMPDIR/events"
}
begin_stream() { stream & streaming=$!; }
has_event() { grep -qF "$1" "$BATS_TEST_TMPDIR/events"; }
texts() { sed -n 's/^data: \({"offset.*\)/\1/p' "$BATS_TEST_TMPDIR/events" | jq -j .text; }
waiting() { curl -sS "http://127.0.0.1:$(sed -n 's/.*metrics on port //p' "$api_log")/metrics" | grep -q "^http_long_polls $1\$"; }

@test "a range of a log is answered with 206 and its place" {
  log_bytes 0 'one '
  log_bytes 4 'two three'
  range 2-5
  same 206 "$code"
  same 'e tw' "$body"
  same 'bytes 2-5/*' "$(header content-range)"
  same application/octet-stream "$(header content-type)"
  same nosniff "$(header x-content-type-options)"
  log_end 13
  range 8-
  same three "$body"
  same 'bytes 8-12/13' "$(header content-range)"
  range -3
  same ree "$body"
  same 'bytes 10-12/13' "$(header content-range)"
  range 0-100
  same 'bytes 0-12/13' "$(header content-range)"
}

@test "a range that the log does not have is 416, with how much there is" {
  range 0-
  problem 416 range '0 bytes so far'
  log_bytes 0 abc
  log_end 3
  range 3-
  problem 416 range '3 bytes'
  same 'bytes */3' "$(header content-range)"
  range -0
  same 416 "$code"
}

@test "several ranges, other units, a condition, an offset and HEAD get the whole" {
  log_bytes 0 abc
  for header in 'Range: bytes=0-0,2-2' 'Range: lines=1-2' 'Range: bytes=2-1'; do
    mine -H "$header" "$place/logs"
    same '200 abc' "$code $body"
  done
  mine -H 'Range: bytes=0-0' -H 'If-Range: "x"' "$place/logs"
  same '200 abc' "$code $body"
  mine -H 'Range: bytes=0-0' "$place/logs?offset=1"
  same '200 bc' "$code $body"
  mine -I -H 'Range: bytes=0-0' "$place/logs"
  same 200 "$code"
  same bytes "$(header accept-ranges)"
}

@test "a log that has ended is streamed to its end, and the stream ends" {
  log_bytes 0 $'one\n'
  log_bytes 4 $'two\n'
  log_end 8 false
  stream
  same text/event-stream "$(header content-type)"
  same $'id: 8\ndata: {"offset":0,"text":"one\\ntwo\\n"}' "$(grep -A1 '^id: 8' "$BATS_TEST_TMPDIR/events")"
  same $'event: end\nid: end\ndata: {"bytes":8,"complete":false}' "$(grep -A2 '^event' "$BATS_TEST_TMPDIR/events")"
}

@test "a stream goes on where the last event ended, and has nothing to say after the end" {
  log_bytes 0 'one two'
  log_end 7
  stream -H 'Last-Event-ID: 4'
  same two "$(texts)"
  stream -H 'Last-Event-ID: end'
  same 204 "$(sed -n 's/HTTP[^ ]* \([0-9]*\).*/\1/p' "$BATS_TEST_TMPDIR/headers")"
  mine -H 'Accept: text/event-stream' -H 'Last-Event-ID: x' "$place/logs"
  problem 400 bad-request Last-Event-ID
}

@test "a stream follows the log as it grows, and ends when the log does" {
  begin_stream
  wait_for waiting 1
  log_bytes 0 'first '
  wait_for has_event first
  log_bytes 6 second
  wait_for has_event second
  log_end 12
  wait "$streaming"
  same 'first second' "$(texts)"
  has_event '"complete":true'
}

@test "a character that is cut between two writes stays whole; what is none becomes U+FFFD" {
  begin_stream
  log_bytes 0 'a\342\202'
  wait_for has_event '"a"'
  log_bytes 3 '\254b\377c'
  log_end 6
  wait "$streaming"
  same $'a\u20acb\ufffdc' "$(texts)"
}

@test "two hundred streams wait, hold no worker of the one there is, and all end at SIGTERM" {
  start_api --workers 1 --metrics 127.0.0.1:0
  python3 "$here/clients.py" streams "${url##*:}" "$token" 200 "$place" >"$BATS_TEST_TMPDIR/ended" &
  streams=$!
  wait_for waiting 200
  mine -m 5 /v1/whoami
  same 200 "$code"
  stop_api
  wait "$streams"
  same 200 "$(<"$BATS_TEST_TMPDIR/ended")"
}

@test "a stream is for those who may read the job, as long as they may" {
  ask -H 'Authorization: guess' -H 'Accept: text/event-stream' "$place/logs"
  problem 401 token-unknown 'unknown'
  "$job_service" owner create "else$BATS_TEST_NUMBER"
  other=$("$job_service" token create "else$BATS_TEST_NUMBER")
  ask -H "Authorization: $other" -H 'Accept: text/event-stream' "$place/logs"
  problem 404 not-found 'no such job of yours'
  begin_stream
  wait_for waiting 1
  as_owner -c "UPDATE token SET revoked_at = now() WHERE owner = (SELECT id FROM owner WHERE name = '$owner')"
  log_bytes 0 secret
  wait "$streaming"
  same '' "$(texts)"
}

@test "HTTP/1.0 gets the stream, too" {
  log_bytes 0 "$(printf 'x%.0s' {1..20000})"
  log_end 20000
  stream --http1.0
  same 20000 "$(texts | wc -c)"
  has_event '"complete":true'
}

@test "megabytes are streamed as they are" {
  as_owner -c "INSERT INTO log SELECT '$id', 7 * 9999 * g, convert_to(string_agg(lpad(n::text, 6, '0') || E'\n', '' ORDER BY n), 'UTF8')
    FROM generate_series(0, 30) g, LATERAL generate_series(g * 9999, g * 9999 + 9998) n GROUP BY g"
  log_end $((31 * 9999 * 7))
  stream
  texts >"$BATS_TEST_TMPDIR/got"
  same "$(seq -f %06.0f 0 $((31 * 9999 - 1)) | sha256sum)" "$(sha256sum <"$BATS_TEST_TMPDIR/got")"
}
