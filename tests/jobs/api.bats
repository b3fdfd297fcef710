# The routes as a client meets them: words, statuses, headers.

load helpers

setup_file() { start_all; }
teardown_file() { stop_all; }
setup() { new_owner; }

submit() { mine -X POST "$@" /v1/jobs; }
submit_json() { submit -H 'Content-Type: application/json' -d "$1"; }

@test "hello needs no token" {
  ask /hello
  same 200 "$code"
  same '{"message": "hello"}' "$body"
}

@test "POST /jobs takes the pipeline, says so with 202 and where to look" {
  mine -X POST /jobs
  same 202 "$code"
  same '{"id":1,"status":"not started"}' "$(jq -c . <<<"$body")"
  same 1 "$(header retry-after)"
  mine "$(header location)"
  same pipeline "$(field .kind)"
  same queued "$(field .state)"
}

@test "answers to POST /jobs have one length, whatever the number" {
  as_owner -c "UPDATE owner_count SET last_number = 999999 WHERE owner = (SELECT id FROM owner WHERE name = '$owner')"
  mine -X POST /jobs
  same 1000000 "$(field .id)"
  same 64 "$(header content-length)"
}

@test "the token is taken bare, and as Bearer" {
  ask -H "Authorization: $token" /v1/whoami
  same 200 "$code"
  ask -H "Authorization: Bearer $token" /v1/whoami
  same 200 "$code"
  ask -H "Authorization: bearer $token" /v1/whoami
  same "$owner" "$(field .owner)"
}

@test "no token, an unknown and a damaged one are refused alike: 401" {
  ask -X POST /jobs
  problem 401 token-missing 'Authorization'
  ask -X POST -H 'Authorization: guess' /jobs
  problem 401 token-unknown 'unknown, expired or revoked'
  same Bearer "$(header www-authenticate)"
  ask -X POST -H "Authorization: ${token%?}" /jobs
  problem 401 token-unknown 'damaged'
}

@test "a Dockerfile comes as a form, by POST and by PUT, or as the body itself" {
  dockerfile 'FROM debian:12' 'RUN echo hi'
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile;filename=test_endpoint.Dockerfile" /job/build
  same 202 "$code"
  same '{"id":1,"filename":"test_endpoint.Dockerfile"}' "$(jq -c . <<<"$body")"
  mine -X PUT -F "file=@$BATS_TEST_TMPDIR/Dockerfile" /job/build
  same 2 "$(field .id)"
  mine --data-binary "@$BATS_TEST_TMPDIR/Dockerfile" /job/build
  same '{"id":3,"filename":"Dockerfile"}' "$(jq -c . <<<"$body")"
  same 1 "$(as_owner -c "SELECT count(DISTINCT digest) FROM job WHERE owner = (SELECT id FROM owner WHERE name = '$owner')")"
}

@test "a Dockerfile with a mistake is refused with its line and column: 422" {
  dockerfile 'FROM debian:12' '' 'RUM echo hi'
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" /job/build
  problem 422 job "Dockerfile:3:1: unknown instruction 'RUM'"
  dockerfile 'FROM fedora'
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" /job/build
  problem 422 job "Dockerfile:1:6: the base 'fedora' is not allowed here"
  mine /v1/jobs
  same 0 "$(field '.jobs | length')"
}

@test "the seeds' answer follows a job to its number" {
  dockerfile 'FROM debian:12'
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" /job/build
  mine /job/performance/1
  same '{"id":1,"status":"not started"}' "$(jq -c . <<<"$body")"
  id=$(as_owner -c "SELECT j.id FROM job j JOIN owner o ON o.id = j.owner WHERE o.name = '$owner'")
  set_state "$id" running
  mine /job/performance/1
  same running "$(field .status)"
  as_owner -c "INSERT INTO result (job, attempt, workflow_uid, perf) VALUES ('$id', 1, 'u', 0.99)"
  set_state "$id" finished
  mine /job/performance/1
  same '{"id": 1, "status": "finished", "perf": 0.99}' "$body"
}

@test "a failed job says its cause and one line why" {
  mine -X POST /jobs
  id=$(header location)
  set_state "${id##*/}" failed "cause = 'oom'" "reason = 'used more than 256Mi'"
  mine /job/performance/1
  same '{"id":1,"status":"failed","cause":"oom","reason":"used more than 256Mi"}' "$(jq -c . <<<"$body")"
}

@test "parameters are checked by the kind's patterns, defaults fill the rest" {
  submit_json '{"kind": "pipeline", "name": "mine", "parameters": {"events": "3000"}}'
  same 202 "$code"
  same '{"users": "10", "events": "3000", "products": "5"}' "$(as_owner -c "SELECT parameters FROM job WHERE name = 'mine'")"
  submit_json '{"kind": "pipeline", "parameters": {"events": "3000; rm"}}'
  problem 422 job "parameter 'events'"
  submit_json '{"kind": "pipeline", "parameters": {"image": "x"}}'
  problem 422 job "no parameter 'image'"
  submit_json '{"kind": "other"}'
  problem 422 job "there is no kind 'other'"
  submit_json '{"kind": "pipeline", "image": "x"}'
  problem 400 bad-request "member 'image'"
  submit_json '{"kind": '
  problem 400 bad-request 'the body: not JSON, at byte 10'
}

@test "a key makes a repeated request the same job; with another job it is refused" {
  submit_json '{"kind": "pipeline"}'
  first=$(field .id)
  mine -X POST -H 'Idempotency-Key: k1' -H 'Content-Type: application/json' -d '{"kind": "pipeline"}' /v1/jobs
  keyed=$(field .id)
  [ "$keyed" != "$first" ]
  mine -X POST -H 'Idempotency-Key: k1' -H 'Content-Type: application/json' -d ' {"kind":"pipeline"} ' /v1/jobs
  same 202 "$code"
  same "$keyed" "$(field .id)"
  same true "$(field .repeated)"
  mine -X POST -H 'Idempotency-Key: k1' -H 'Content-Type: application/json' -d '{"kind": "pipeline", "parameters": {"users": "3"}}' /v1/jobs
  problem 422 key-used 'another job'
  mine /v1/jobs
  same 2 "$(field '.jobs | length')"
}

@test "multipart boundaries differ, the job is the same" {
  dockerfile 'FROM debian:12'
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" -H 'Idempotency-Key: k' /v1/jobs
  first=$(field .id)
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" -H 'Idempotency-Key: k' /v1/jobs
  same "$first" "$(field .id)"
}

@test "twenty requests at once with one key make one job" {
  for i in {1..20}; do
    curl -sS -m 30 -X POST -H "Authorization: $token" -H 'Idempotency-Key: race' "$url/jobs" >"$BATS_TEST_TMPDIR/$i" &
  done
  wait
  cat "$BATS_TEST_TMPDIR"/{1..20} | jq -r .id >"$BATS_TEST_TMPDIR/ids"
  same 20 "$(wc -l <"$BATS_TEST_TMPDIR/ids")"
  same 1 "$(sort -u "$BATS_TEST_TMPDIR/ids" | wc -l)"
}

@test "somebody else's job is not there: 404" {
  mine -X POST /jobs
  place=$(header location)
  "$job_service" owner create "else$BATS_TEST_NUMBER"
  other=$("$job_service" token create "else$BATS_TEST_NUMBER")
  for path in "$place" "$place/logs" /job/performance/1; do
    ask -H "Authorization: $other" "$path"
    problem 404 not-found 'no such job of yours'
  done
  ask -X DELETE -H "Authorization: $other" "$place"
  problem 404 not-found 'no such job of yours'
  mine "$place"
  same queued "$(field .state)"
}

@test "a list is newest first, by state, a page at a time" {
  for i in 1 2 3 4 5; do mine -X POST /jobs; done
  id=$(header location)
  mine -X DELETE "$id"
  mine '/v1/jobs?limit=2'
  same '5 4' "$(field '[.jobs[].number] | join(" ")')"
  mine "/v1/jobs?limit=2&cursor=$(field .next)"
  same '3 2' "$(field '[.jobs[].number] | join(" ")')"
  mine "/v1/jobs?limit=2&cursor=$(field .next)"
  same '1' "$(field '[.jobs[].number] | join(" ")')"
  same null "$(field .next)"
  mine '/v1/jobs?state=cancelled'
  same 5 "$(field '.jobs[].number')"
  mine '/v1/jobs?state=lost'
  problem 400 bad-request 'state must be one of'
  mine '/v1/jobs?limit=0'
  problem 400 bad-request 'limit must be'
}

@test "all that an owner has queued is cancelled by one call, and nothing else" {
  mine -X POST /jobs
  running=$(header location)
  set_state "${running##*/}" running
  for _ in 1 2 3; do mine -X POST /jobs; done
  other=$("$job_service" owner create "other$BATS_TEST_NUMBER" >&2 &&
    "$job_service" token create "other$BATS_TEST_NUMBER")
  ask -X POST -H "Authorization: $other" /jobs
  theirs=$(header location)
  for words in '' '?state=running' '?state='; do
    mine -X DELETE "/v1/jobs$words"
    problem 400 bad-request 'DELETE /v1/jobs?state=queued'
  done
  reader=$("$job_service" token create "$owner" --scopes read)
  ask -X DELETE -H "Authorization: $reader" '/v1/jobs?state=queued'
  problem 403 token-scope 'lacks the scope'
  mine -X DELETE '/v1/jobs?state=queued'
  same 200 "$code"
  same '{"left": 0, "cancelled": 3}' "$body"
  mine /v1/jobs
  same 'cancelled cancelled cancelled running' "$(field '[.jobs[].state] | join(" ")')"
  ask -H "Authorization: $other" "$theirs"
  same queued "$(field .state)"
}

@test "a queued job is cancelled at once, a running one is asked to end, a final one stays" {
  mine -X POST /jobs
  queued=$(header location)
  mine -X DELETE "$queued"
  same 200 "$code"
  same cancelled "$(field .state)"
  mine -X POST /jobs
  running=$(header location)
  set_state "${running##*/}" running
  mine -X DELETE "$running"
  same 202 "$code"
  same 'running true' "$(field '"\(.state) \(.cancel_asked)"')"
  mine -X DELETE "$queued"
  same 200 "$code"
  same cancelled "$(field .state)"
}

@test "the log of a job that is cancelled while it is queued has ended, though no dispatcher looks" {
  mine -X POST /jobs
  alone=$(header location)
  mine -X DELETE "$alone"
  mine "$alone/logs"
  same 'true 0' "$(header job-log-complete) $(header job-log-bytes)"
  mine -X POST /jobs
  together=$(header location)
  mine -X DELETE '/v1/jobs?state=queued'
  mine "$together/logs"
  same 'true 0' "$(header job-log-complete) $(header job-log-bytes)"
}

@test "a job's place counts those of its owner that wait before it" {
  for i in 1 2 3; do mine -X POST /jobs; done
  mine "$(header location)"
  same 3 "$(field .place)"
}

@test "a long poll ends when the job does, and with its state when the time is over" {
  mine -X POST /jobs
  place=$(header location)
  mine -H 'Prefer: wait=1' "$place"
  same queued "$(field .state)"
  same wait=1 "$(header preference-applied)"
  curl -sS -m 30 -H "Authorization: $token" -H 'Prefer: wait=25' "$url$place" >"$BATS_TEST_TMPDIR/polled" &
  poll=$!
  set_state "${place##*/}" running
  set_state "${place##*/}" failed "cause = 'exit'"
  wait "$poll"
  same failed "$(jq -r .state "$BATS_TEST_TMPDIR/polled")"
}

@test "an ETag spares an answer that is known, and a long poll waits for another one" {
  mine -X POST /jobs
  place=$(header location)
  mine "$place"
  etag=$(header etag)
  mine -H "If-None-Match: $etag" "$place"
  same 304 "$code"
  same '' "$body"
  curl -sS -m 30 -H "Authorization: $token" -H 'Prefer: wait=25' -H "If-None-Match: $etag" "$url$place" >"$BATS_TEST_TMPDIR/polled" &
  poll=$!
  set_state "${place##*/}" running
  wait "$poll"
  same running "$(jq -r .state "$BATS_TEST_TMPDIR/polled")"
}

@test "a job that has ended is answered at once, however long one would wait" {
  mine -X POST /jobs
  place=$(header location)
  mine -X DELETE "$place"
  etag=$(header etag)
  mine -H 'Prefer: wait=60' "$place"
  same cancelled "$(field .state)"
  mine -H 'Prefer: wait=60' -H "If-None-Match: $etag" "$place"
  same 304 "$code"
}

@test "a log is read from an offset, with what there is of it, to its end" {
  mine -X POST /jobs
  place=$(header location)
  id=${place##*/}
  mine "$place/logs"
  same 200 "$code"
  same '' "$body"
  same 'not yet' "$(header job-log-complete)"
  as_owner -c "INSERT INTO log VALUES ('$id', 0, 'one '), ('$id', 4, 'two '), ('$id', 8, '\xff00')"
  mine "$place/logs?offset=2"
  same 'e two ' "$(head -c 6 "$BATS_TEST_TMPDIR/body")"
  same 8 "$(wc -c <"$BATS_TEST_TMPDIR/body")"
  same application/octet-stream "$(header content-type)"
  same nosniff "$(header x-content-type-options)"
  same 10 "$(header job-log-bytes)"
  as_owner -c "INSERT INTO log_end VALUES ('$id', 10, true)"
  mine "$place/logs?offset=10"
  same true "$(header job-log-complete)"
}

@test "deleting a final job erases its log" {
  mine -X POST /jobs
  place=$(header location)
  set_state "${place##*/}" failed "cause = 'exit'"
  as_owner -c "INSERT INTO log VALUES ('${place##*/}', 0, 'secret')" -c "INSERT INTO log_end VALUES ('${place##*/}', 6, true)"
  mine -X DELETE "$place"
  mine "$place/logs"
  same '' "$body"
  same false "$(header job-log-complete)"
}

@test "a job that nobody takes says so" {
  mine -X POST /jobs
  mine "$(header location)"
  same 'no dispatcher has ever looked for jobs' "$(field .note)"
}

@test "unknown paths are 404, other methods 405 with those that are" {
  ask /nothing
  problem 404 not-found openapi
  ask /v1/jobs/17
  problem 404 not-found openapi
  ask -X DELETE /jobs
  problem 405 method POST
  same POST "$(header allow)"
}

@test "health needs nothing, readiness the database" {
  ask /healthz
  same 200 "$code"
  ask /readyz
  same 200 "$code"
}
