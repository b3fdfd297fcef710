# Shared by the tests of job_service: one private PostgreSQL and one api per file, an owner per test.
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the files that load this one

bats_require_minimum_version 1.5.0

here=$BATS_TEST_DIRNAME
job_service=$BUILD/job_service

start_server() {
  local name
  for name in "${!PG@}" "${!DB_@}" "${!JOB_SERVICE_@}"; do unset "$name"; done
  "$here/../../local/postgres.sh" start "$BATS_FILE_TMPDIR/db" --fast
  # shellcheck source=/dev/null
  . "$BATS_FILE_TMPDIR/db/env"
  "$job_service" --init-sql >"$BATS_FILE_TMPDIR/init.sql"
  psql -XAtq -v ON_ERROR_STOP=1 -f "$BATS_FILE_TMPDIR/init.sql" 2>/dev/null
  psql -XAtqc "ALTER ROLE jobs_api PASSWORD 'api'; ALTER ROLE jobs_dispatch PASSWORD 'dispatch'"
}

stop_server() { "$here/../../local/postgres.sh" stop "$BATS_FILE_TMPDIR/db" immediate; }

wait_for() { # COMMAND...: at most 20 s
  local end=$((SECONDS + 20))
  until "$@"; do ((SECONDS < end)) || return 1; sleep 0.02; done
}

start_api() { # OPTION...: sets url; its log is $api_log
  api_dir=$(mktemp -d "$BATS_FILE_TMPDIR/api.XXXXXX")
  api_log=$api_dir/log
  PGUSER=jobs_api PGPASSWORD=api "$job_service" api --listen 127.0.0.1:0 --port-file "$api_dir/port" \
    --log-format text "$@" 3>&- >"$api_log" 2>&1 &
  api_pid=$!
  wait_for test -s "$api_dir/port"
  url=http://127.0.0.1:$(<"$api_dir/port")
  export url api_pid api_log
}

stop_api() { # its status
  local status=0
  kill "$api_pid"
  wait "$api_pid" 2>/dev/null || status=$?
  # Of an earlier process of bats: it is not a child.
  while kill -0 "$api_pid" 2>/dev/null; do :; done
  return $((status == 127 ? 0 : status))
}

start_all() { start_server && start_api "$@"; }
stop_all() { stop_api; stop_server; }

as_owner() { psql -XAtq -v ON_ERROR_STOP=1 -c 'SET ROLE jobs_owner' -c 'SET search_path = jobs' "$@"; }

new_owner() { # OPTION...: sets owner and token
  owner=o$BATS_TEST_NUMBER
  "$job_service" owner create "$owner" "$@"
  token=$("$job_service" token create "$owner")
}

# The body of an answer; its status in $code, its headers in $BATS_TEST_TMPDIR/headers.
ask() { # CURL-ARGUMENT... PATH
  local path=${*: -1}
  : >"$BATS_TEST_TMPDIR/body"
  code=$(curl -sS -m 30 -o "$BATS_TEST_TMPDIR/body" -D "$BATS_TEST_TMPDIR/headers" -w '%{http_code}' \
    "${@:1:$#-1}" "$url$path")
  body=$(<"$BATS_TEST_TMPDIR/body")
}

mine() { ask -H "Authorization: $token" "$@"; } # with the test's token

header() { sed -n "s/^$1: \(.*\)\r\$/\1/Ip" "$BATS_TEST_TMPDIR/headers"; }

field() { jq -r "$1" <<<"$body"; }

same() { # EXPECTED ACTUAL
  if [[ $1 != "$2" ]]; then printf 'expected: %s\nactual:   %s\n' "$1" "$2"; return 1; fi
}

problem() { # STATUS TYPE TEXT: a problem with a detail that holds the text
  same "$1" "$code" && same application/problem+json "$(header content-type)" &&
    same "urn:job-service:problem:$2" "$(field .type)" && same "$1" "$(field .status)" || return
  [[ $(field .detail) == *"$3"* ]] || { echo "detail: $(field .detail)"; return 1; }
}

dockerfile() { printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/Dockerfile"; }

# What a dispatcher will do: a job's state is set as its role may.
set_state() { # ID STATE [SQL-ASSIGNMENT...]
  PGUSER=jobs_dispatch PGPASSWORD=dispatch psql -XAtq -v ON_ERROR_STOP=1 \
    -c "UPDATE jobs.job SET state = '$2'$(printf ', %s' "${@:3}" | sed 's/^, $//') WHERE id = '$1'"
}
