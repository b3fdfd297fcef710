#!/usr/bin/env bats
# Objects of a server that does not behave. tests/db/objects.bats has one that does.

bats_require_minimum_version 1.5.0

setup_file() {
  export SERVER=$BATS_FILE_TMPDIR
  python3 "$BATS_TEST_DIRNAME/s3_server.py" "$SERVER" >"$SERVER/log" 2>&1 3>&- &
  echo $! >"$SERVER/pid"
  for _ in {1..400}; do
    if [[ -s $SERVER/port ]]; then break; fi
    sleep 0.02
  done
  awk 'BEGIN { print "userId,sessionDuration"
    for (i = 0; i < 50000; i++) sum[i % 7] += i
    for (u = 0; u < 7; u++) printf "u%d,%d\n", u, sum[u] }' >"$SERVER/sums.csv"
}
teardown_file() { kill "$(<"$SERVER/pid")"; }

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  for name in "${!AWS_@}" "${!AGGREGATOR_@}"; do unset "$name"; done
  AWS_ENDPOINT_URL=http://127.0.0.1:$(<"$SERVER/port")
  export AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID=id AWS_SECRET_ACCESS_KEY=hush-hush HOME=$PWD
  export AGGREGATOR_LOG_FORMAT=text AGGREGATOR_S3_PLAIN_HTTP=1 AGGREGATOR_S3_RETRY=2s
  : >"$SERVER/requests"
  : >"$SERVER/headers"
}

aggregate() { "$BUILD/aggregator" --print csv "$@"; }

reads() { # NAME: all of the object
  run --separate-stderr aggregate "$@"
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
  diff <(echo "$output") "$SERVER/sums.csv"
}

refused() { # STATUS TEXT ARGUMENT...: the last line on stderr has TEXT, stdout nothing
  local want=$1 text=$2
  shift 2
  run --separate-stderr aggregate "$@"
  [ "$status" -eq "$want" ] || { echo "status $status: $stderr"; return 1; }
  [ -z "$output" ]
  [[ ${stderr##*$'\n'} == *"$text"* ]] || { echo "$stderr"; return 1; }
  [[ $stderr != *hush-hush* ]]
}

requests() { grep -c "$1" "$SERVER/requests" || true; }

@test "an object is read by two requests, or by one where it was listed" {
  reads s3://good/object
  [ "$(requests ^HEAD)" -eq 1 ]
  [ "$(requests '^GET /good/object $')" -eq 1 ]
}

@test "what breaks off goes on from there, of the same version" {
  reads s3://cut/object
  [ "$(requests '^GET /cut/object bytes=')" -eq 1 ]
  grep -q 'If-Match: "0123456789abcdef"' "$SERVER/headers"
  reads s3://cuts/object
  [ "$(requests '^GET /cuts/object bytes=')" -ge 4 ]
}

@test "an object that changes or goes away while it is read ends the run, to be run again" {
  refused 10 's3://changed/object: the object changed while it was read' s3://changed/object
  refused 10 's3://swapped/object: asked for the rest from byte' s3://swapped/object --s3-retry 400ms
  refused 10 's3://vanished/object: the object went away' s3://vanished/
}

@test "a part that is not the rest that was asked for is not taken for it" {
  refused 10 'the server sends something else' s3://whole/object --s3-retry 400ms
  refused 10 'the server sends something else' s3://shifted/object --s3-retry 400ms
  refused 10 'the server sends something else' s3://long/object --s3-retry 400ms
  refused 10 's3://nameless/object' s3://nameless/object
}

@test "an object of which no length is said, so that a cut is not seen, is not taken for whole" {
  refused 10 'the server sends an answer without a length' s3://unsized/object --s3-retry 400ms
}

@test "a server that asks for a pause gets one, and is given up after --s3-retry" {
  reads s3://slow/object
  refused 10 's3://down/object: the server answers 503' s3://down/object --s3-retry 300ms
  refused 10 'SlowDown, as told' s3://down/ --s3-retry 0s
  [ "$(requests '^GET /down/?')" -eq 1 ]
}

@test "redirects are not followed, and the region that is meant is named" {
  refused 4 'PermanentRedirect, as told; the bucket is in region eu-west-1' s3://moved/
  refused 10 'TemporaryRedirect' s3://sent/ --s3-retry 0s
}

@test "an object that may not be read is refused with the rights that it takes" {
  refused 4 's3://forbidden/object: the server answers 403 AccessDenied' s3://forbidden/object
  [[ $stderr == *'s3:GetObject'* ]]
}

@test "20,000 keys with odd characters are listed by 20 requests, within little memory" {
  run --separate-stderr aggregate s3://pages/00042 --max-memory 32M --report report.json
  [ "$(jq .files report.json)" -eq 1 ]
  : >"$SERVER/requests"
  run --separate-stderr "$BUILD/aggregator" split --parts 3 s3://pages/
  [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
  [ "$(requests '^GET /pages/?')" -eq 20 ]
  [ "$(jq -c 'map(.objects)' <<<"$output")" = '[6667,6666,6667]' ]
  [ "$(jq -r '.[1].range' <<<"$output")" = 'pages/06666%20%2B%26%C3%A9%25.jsonl:pages/13332%20%2B%26%C3%A9%25.jsonl' ]
}

@test "a range is listed from where it begins to where it ends" {
  reads --range good/object:good/other s3://good/
  grep -q 'start-after=object' "$SERVER/requests"
  [ "$(requests '^GET /good/other')" -eq 1 ]
  [ "$(requests '^GET /good/third')" -eq 0 ]
  refused 2 '--range' --range good/b:good/a s3://good/
}

@test "lists that no S3 server writes are refused" {
  refused 3 's3://loop/: the list is not in the order of its keys' s3://loop/
  refused 3 'the list is not in the order of its keys' s3://unsorted/
  refused 3 "the answer is not S3's: its outermost element" s3://page/
  refused 3 'an answer of more than 16777216 bytes' s3://flood/ --s3-retry 0s
  refused 3 'an answer of more than 16777216 bytes' s3://endless/ --s3-retry 0s
  refused 3 's3://barren/: the list goes on and on without a key' s3://barren/
}

@test "an object that is named twice is refused" {
  refused 2 's3://good/object is named twice' s3://good/object s3://good/
}

@test "a stop ends the waiting within a second" {
  "$BUILD/aggregator" --print csv s3://down/ --s3-retry 1h >out 2>err 3>&- &
  local pid=$! status=0
  for _ in {1..200}; do
    if grep -q 'trying again' err; then break; fi
    sleep 0.02
  done
  kill -TERM "$pid"
  wait "$pid" || status=$?
  [ "$status" -eq 11 ]
}

@test "plain http has to be asked for" {
  AGGREGATOR_S3_PLAIN_HTTP=0 refused 2 'the endpoint is plain http' s3://good/
  [ ! -s "$SERVER/requests" ]
}

@test "without credentials nothing is sent, and all ways to give them are named" {
  unset AWS_ACCESS_KEY_ID
  refused 2 'AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not' s3://good/
  unset AWS_SECRET_ACCESS_KEY
  refused 2 'no credentials for s3://: set AWS_ACCESS_KEY_ID' s3://good/
  [ ! -s "$SERVER/requests" ]
  reads --s3-anonymous s3://good/object
  run grep -i authorization "$SERVER/headers"
  [ "$status" -eq 1 ]
}

@test "a file of shared credentials is its owner's alone" {
  printf '[default]\naws_access_key_id = wrong\n\n[loads]\r\naws_access_key_id=fileid\r\n# one\naws_secret_access_key = hush-hush\naws_session_token=token\n' >keys
  chmod 644 keys
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  export AWS_SHARED_CREDENTIALS_FILE=keys
  refused 4 'keys is not read: others may with its mode 0644; make it 0600' s3://good/object
  chmod 600 keys
  refused 2 'it has no aws_access_key_id with an aws_secret_access_key in [default]' s3://good/object
  AWS_PROFILE=loads reads s3://good/object
  grep -q 'Credential=fileid/' "$SERVER/headers"
  grep -qi 'x-amz-security-token: token' "$SERVER/headers"
}

@test "a pod's web identity token is exchanged, and again when its credentials ran out" {
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  echo pod-token >token
  export AWS_WEB_IDENTITY_TOKEN_FILE=token AWS_ENDPOINT_URL_STS=$AWS_ENDPOINT_URL
  refused 2 'AWS_ROLE_ARN is not' s3://expired/
  AWS_ROLE_ARN=another refused 4 'cannot assume the role AWS_ROLE_ARN: the server answers 403 AccessDenied' s3://expired/
  AWS_ROLE_ARN=arn:aws:iam::1:role/r reads s3://expired/
  [ "$(requests ^POST)" -eq 3 ]
}
