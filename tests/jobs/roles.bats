# What a taken-over api could do in the database: it has the api's role, and the tokens it sees.

load helpers

setup_file() { start_all; }
teardown_file() { stop_all; }
setup() { new_owner; }

api_sql() { PGUSER=jobs_api PGPASSWORD=api psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
refused() { # SQL TEXT
  run -1 --separate-stderr api_sql "$1" 2>&1 || run -3 api_sql "$1"
  [[ $stderr$output == *"$2"* ]] || { echo "$stderr$output"; return 1; }
}

@test "it reads no table" {
  for table in owner token job result log idempotency transition dispatcher; do
    refused "SELECT * FROM jobs.$table" 'permission denied for schema jobs'
  done
}

@test "it changes no table" {
  refused "UPDATE jobs.owner SET per_minute = 1000000" 'permission denied'
  refused "INSERT INTO jobs.token SELECT 1" 'permission denied'
  refused "DELETE FROM jobs.job" 'permission denied'
}

@test "it calls no function but those of jobs_v1, of which there are at most eight" {
  refused "SELECT jobs.token_owner('x', 'read')" 'permission denied'
  [ "$(psql -XAtqc "SELECT count(*) FROM pg_proc WHERE pronamespace = 'jobs_v1'::regnamespace")" -le 8 ]
  same '' "$(psql -XAtqc "SELECT proname FROM pg_proc WHERE pronamespace = 'jobs_v1'::regnamespace AND NOT (prosecdef AND proconfig @> ARRAY['search_path=jobs, pg_temp'])")"
}

@test "no function is everybody's, here or where others might be given a way to it" {
  same '' "$(psql -XAtqc "SELECT string_agg(proname, ' ') FROM pg_proc
    WHERE pronamespace IN ('jobs'::regnamespace, 'jobs_v1'::regnamespace)
      AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0))")"
}

@test "it sees jobs only with their owner's token" {
  mine -X POST /jobs
  place=$(header location)
  same '' "$(api_sql "SELECT job FROM jobs_v1.look('guess', '${place##*/}', NULL)")"
  same '' "$(api_sql "SELECT job FROM jobs_v1.look(NULL, '${place##*/}', NULL)")"
  same token-unknown "$(api_sql "SELECT problem FROM jobs_v1.look('guess', '${place##*/}', NULL)")"
}

@test "a hash from the database is not a token" {
  hash=$(as_owner -c "SELECT encode(hash, 'hex') FROM token ORDER BY id DESC LIMIT 1")
  same token-unknown "$(api_sql "SELECT problem FROM jobs_v1.list('$hash', NULL, NULL, 1)")"
}

@test "it makes nothing: no tables, no temporary ones, no schemas, no large objects" {
  refused 'CREATE TABLE public.x (a int)' 'permission denied'
  refused 'CREATE TEMP TABLE x (a int)' 'permission denied'
  refused 'CREATE SCHEMA x' 'permission denied'
  refused 'SELECT lo_create(0)' 'permission denied'
  refused "SELECT lo_from_bytea(0, 'x')" 'permission denied'
}

# NOTIFY is for everybody, and cannot be taken away: so nothing here listens, all is polled.
@test "it holds no lock that others wait for" {
  refused 'SELECT pg_advisory_lock(1)' 'permission denied'
  refused 'SELECT pg_try_advisory_xact_lock(1)' 'permission denied'
  refused "SELECT pg_notify('jobs', 'x')" 'permission denied'
  refused 'BEGIN; LOCK TABLE jobs.job' 'permission denied'
}

@test "its transactions end soon, and it has few sessions" {
  same 10s "$(api_sql 'SHOW statement_timeout')"
  same 10s "$(api_sql 'SHOW idle_in_transaction_session_timeout')"
  [ "$(psql -XAtqc "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'jobs_api'")" -le 20 ]
}

@test "a search path of its own does not reach into the functions" {
  run -0 api_sql "SET search_path = public; SELECT problem FROM jobs_v1.look('guess', NULL, 1)"
  same token-unknown "$output"
}

@test "the schema is made twice as it is made once" {
  before=$(pg_dump --schema-only --schema=jobs --schema=jobs_v1 | grep -v '^\\')
  psql -XAtq -v ON_ERROR_STOP=1 -f "$BATS_FILE_TMPDIR/init.sql" 2>/dev/null
  same "$before" "$(pg_dump --schema-only --schema=jobs --schema=jobs_v1 | grep -v '^\\')"
}

@test "a database that has tables of others is left alone" {
  createdb shared
  PGDATABASE=shared psql -XAtqc 'CREATE TABLE session_duration (a int)'
  PGDATABASE=shared run -3 --separate-stderr psql -XAtq -v ON_ERROR_STOP=1 -f "$BATS_FILE_TMPDIR/init.sql"
  [[ $stderr == *'tables of others: public.session_duration'* ]]
  [[ $stderr == *'createdb jobs'* ]]
  PGDATABASE=shared PGUSER=jobs_api PGPASSWORD=api psql -XAtqc 'SELECT pg_advisory_xact_lock(1)'
}

@test "a newer schema is left alone" {
  createdb newer
  PGDATABASE=newer psql -XAtq -v ON_ERROR_STOP=1 -f "$BATS_FILE_TMPDIR/init.sql" 2>/dev/null
  PGDATABASE=newer psql -XAtqc "COMMENT ON SCHEMA jobs IS 'job_service: version 99'"
  PGDATABASE=newer run -3 --separate-stderr psql -XAtq -v ON_ERROR_STOP=1 -f "$BATS_FILE_TMPDIR/init.sql"
  [[ $stderr == *'newer than this job_service knows'* ]]
}
