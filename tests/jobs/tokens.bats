# Owners and tokens: what they may do, how much, and until when.

load helpers

setup_file() { start_all; }
teardown_file() { stop_all; }
setup() { new_owner; }

@test "a token does what its scopes say" {
  reader=$("$job_service" token create "$owner" --scopes read)
  ask -X POST -H "Authorization: $reader" /jobs
  problem 403 token-scope scope
  ask -H "Authorization: $reader" /v1/jobs
  same 200 "$code"
  mine -X POST /jobs
  ask -X DELETE -H "Authorization: $reader" "$(header location)"
  problem 403 token-scope scope
  ask -H "Authorization: $reader" /v1/whoami
  same read "$(field '.scopes | join(" ")')"
}

@test "what is wrong with a job is told only to those who may submit" {
  printf 'RUM x\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  reader=$("$job_service" token create "$owner" --scopes read)
  ask -F "file=@$BATS_TEST_TMPDIR/Dockerfile" -H 'Authorization: guess' /job/build
  problem 401 token-unknown unknown
  ask -F "file=@$BATS_TEST_TMPDIR/Dockerfile" -H "Authorization: $reader" /job/build
  problem 403 token-scope scope
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" /job/build
  problem 422 job Dockerfile:1:1
}

@test "a revoked, an expired and a future token are unknown" {
  id=$("$job_service" token list | awk -v o="$owner" '$2 == o { print $1 }')
  "$job_service" token revoke "$id"
  mine /v1/jobs
  problem 401 token-unknown revoked
  old=$("$job_service" token create "$owner" --expires 1h)
  as_owner -c "UPDATE token SET expires_at = now() WHERE id = (SELECT max(id) FROM token)"
  ask -H "Authorization: $old" /v1/jobs
  problem 401 token-unknown expired
  next=$("$job_service" token create "$owner" --not-before '2100-01-01 UTC')
  ask -H "Authorization: $next" /v1/jobs
  problem 401 token-unknown unknown
}

@test "two tokens of an owner are valid side by side, so that one can replace the other" {
  second=$("$job_service" token create "$owner")
  mine -X POST /jobs
  ask -H "Authorization: $second" "$(header location)"
  same 200 "$code"
}

@test "the database knows no token, only its SHA-256" {
  hash=$(printf %s "$token" | sha256sum | cut -c 1-64)
  same "$owner" "$(as_owner -c "SELECT o.name FROM token t JOIN owner o ON o.id = t.owner WHERE t.hash = '\\x$hash'")"
  same 0 "$(as_owner -c "SELECT count(*) FROM token t WHERE t::text LIKE '%$token%'")"
}

@test "a chosen token comes by stdin, works, and is called weak" {
  run --separate-stderr -0 "$job_service" token import "$owner" <<<"chosen-$BATS_TEST_NUMBER"
  [[ $stderr == *'can be guessed'* ]]
  ask -X POST -H "Authorization: chosen-$BATS_TEST_NUMBER" /jobs
  same 202 "$code"
  "$job_service" token list | grep -q "$owner.*weak"
}

@test "jobs without a token are the anonymous owner's, where there is one" {
  ask -X POST /jobs
  problem 401 token-missing Authorization
  "$job_service" owner set "$owner" --anonymous yes
  ask -X POST /jobs
  same 202 "$code"
  ask /job/performance/1
  same 'not started' "$(field .status)"
  "$job_service" owner set "$owner" --anonymous no
  ask /job/performance/1
  problem 401 token-missing Authorization
}

@test "more jobs a minute than allowed wait: 429 says how long" {
  "$job_service" owner set "$owner" --per-minute 2
  mine -X POST /jobs
  mine -X POST /jobs
  mine -X POST /jobs
  problem 429 rate 'a minute'
  [ "$(header retry-after)" -ge 1 ]
  [ "$(header retry-after)" -le 30 ]
}

@test "more jobs at once than allowed: 429, until one ends" {
  "$job_service" owner set "$owner" --active 1
  mine -X POST /jobs
  place=$(header location)
  mine -X POST /jobs
  problem 429 quota 'queued and running'
  mine -X DELETE "$place"
  mine -X POST /jobs
  same 202 "$code"
}

@test "more jobs a day than allowed: 429, until midnight UTC" {
  "$job_service" owner set "$owner" --per-day 1
  mine -X POST /jobs
  mine -X POST /jobs
  problem 429 quota 'of today'
  [ "$(header retry-after)" -le 86400 ]
}

@test "whoami tells limits and what is left of them" {
  "$job_service" owner set "$owner" --active 5 --per-day 9
  mine -X POST /jobs
  mine /v1/whoami
  same "$owner 4 8" "$(field '"\(.owner) \(.left.active) \(.left.per_day)"')"
}

@test "names, scopes and numbers that cannot be are refused: status 2" {
  run -2 "$job_service" owner create 'Bad Name'
  run -2 "$job_service" owner create x --active 0
  run -2 "$job_service" token create "$owner" --scopes submit,fly
  run -2 "$job_service" token import "$owner" </dev/null
  run -2 "$job_service" token revoke all
  run -4 "$job_service" token create nobody
  run -4 "$job_service" owner create "$owner"
}
