# Reaching the server, logging in, and having the rights: what is wrong for good ends at once, with
# status 4 and before the input is read; what may pass has status 10.

load helpers

setup() {
  use_new_database
  role=loader_$BATS_TEST_NUMBER
  password='N0t-for %41 eyes"'
  events user1 5 >in.jsonl
  echo 'not an event' >bad.jsonl
}

teardown() {
  if [[ -d late ]]; then "$here/../../local/postgres.sh" stop "$PWD/late" immediate; fi
}

make_role() { sql "CREATE ROLE $role LOGIN PASSWORD '$password'; $1"; }
as_role() { PGUSER=$role PGPASSWORD=$password "$@"; }

# Login.

@test "a wrong password is refused with its SQLSTATE, and never shown" {
  DB_USER=postgres DB_PASSWORD=$password fails 4 '28P01: password authentication failed for user "postgres"' bad.jsonl
  [[ $stderr != *N0t-for* ]]
  PGPASSWORD='' fails 4 'no password supplied' bad.jsonl
}

@test "an unknown user is refused" {
  DB_USER=nobody_at_all fails 4 '28P01: password authentication failed for user "nobody_at_all"' bad.jsonl
}

@test "an unknown database is refused" {
  DB_NAME=nowhere fails 4 '3D000: database "nowhere" does not exist' bad.jsonl
}

@test "a database that one may not connect to is refused" {
  make_role "REVOKE CONNECT ON DATABASE $PGDATABASE FROM PUBLIC"
  as_role fails 4 '42501: permission denied for database' bad.jsonl
}

@test "a login refused by the last of several hosts is refused for good" {
  PGPASSWORD=wrong fails 4 28P01 --dsn 'host=127.0.0.2,127.0.0.1' bad.jsonl
}

@test "a server that is full may pass" {
  make_role "ALTER ROLE $role CONNECTION LIMIT 0"
  as_role fails 10 '53300: too many connections' bad.jsonl
}

@test "no server on the port may pass" {
  PGPORT=1 fails 10 'Connection refused' bad.jsonl
}

@test "an unknown host may pass" {
  # So long that no resolver is asked.
  DB_URL=$(printf 'x%.0s' {1..70}).test fails 10 'could not translate host name' bad.jsonl
}

@test "a password in --dsn is refused without showing it" {
  fails 2 '--dsn holds a password' --dsn "postgresql://postgres:open-secret@127.0.0.1/x" in.jsonl
  [[ $stderr != *open-secret* ]]
  fails 2 '--dsn holds a password' --dsn "host=127.0.0.1 password=open-secret" in.jsonl
  [[ $stderr != *open-secret* ]]
  AGGREGATOR_DSN='postgresql://127.0.0.1/x?password=open-secret' fails 2 '--dsn holds a password' in.jsonl
  [[ $stderr != *open-secret* ]]
}

hides() { # STATUS TEXT DSN: the DSN's secret is not shown
  fails "$1" "$2" --dsn "$3" in.jsonl
  [[ $stderr != *hidden* ]] || fail "shown: $stderr"
  AGGREGATOR_DSN=$3 fails "$1" "$2" in.jsonl
  [[ $stderr != *hidden* ]] || fail "shown: $stderr"
}

@test "nothing of a --dsn that does not parse is shown" {
  hides 2 'write % itself as %25' 'postgresql://me:hidden%zz@127.0.0.1/x'
  hides 2 'write % itself as %25' 'postgresql://127.0.0.1/x?password=hidden%'
  hides 2 '%00' 'postgresql://me:hidden%00@127.0.0.1/x'
  hides 2 'an option that libpq does not know' 'host=127.0.0.1 pasword=hidden'
  hides 2 'an option that libpq does not know' 'host=127.0.0.1 hidden=1'
  hides 2 'an option that libpq does not know' 'postgresql://127.0.0.1/x?hidden=hidden'
  hides 2 'a URI begins with postgresql://' 'me:hidden@127.0.0.1/x'
  hides 2 'a quotation mark is not closed' "host=127.0.0.1 password='hidden"
  hides 2 'two = in one option' 'postgresql://127.0.0.1/x?password=hidden=1'
  hides 2 'an option without =' 'postgresql://127.0.0.1/x?hidden'
  hides 2 'a [ is not closed' 'postgresql://[::1/hidden'
}

@test "a --dsn that splits where nobody meant it to is refused without showing it" {
  hides 2 "an '@' after a '/'" 'postgresql://me:hidden/rest@127.0.0.1/x'
  hides 2 'a port that is not a number' 'postgresql://me:hidden'
  hides 2 "an '@' after a '/'" 'postgresql://me:1234/hidden@127.0.0.1/x'
  hides 2 "an '@' in it" 'host=me:hidden@127.0.0.1 port=1'
  hides 2 'not a URI' 'dbname=postgresql://me:hidden@127.0.0.1/x'
  hides 2 'invalid sslmode value' 'host=127.0.0.1 sslmode=hidden'
  hides 2 'invalid channel_binding value' 'host=127.0.0.1 channel_binding=hidden'
}

@test "whatever libpq takes for a secret is refused in --dsn, by its name" {
  hides 2 '--dsn holds a secret, sslpassword' 'host=127.0.0.1 sslpassword=hidden'
  hides 2 '--dsn holds a secret, sslpassword' 'postgresql://127.0.0.1/x?sslpassword=hidden'
  hides 2 '--dsn holds a password' 'postgresql://me:hidden@127.0.0.1/x'
  hides 2 '--dsn holds a password' 'postgres://me@127.0.0.1/x?sslmode=disable&password=hidden'
  hides 2 '--dsn holds a password' "host=127.0.0.1 password = 'hidden words'"
}

@test "a failed connection names host, port, user and database" {
  fails 10 'connection to server at "127.0.0.1", port 1 failed' --dsn 'host=127.0.0.1 port=1' in.jsonl
  fails 4 'database "nowhere" does not exist' --dsn 'dbname=nowhere' in.jsonl
  fails 4 'for user "nobody_at_all"' --dsn 'user=nobody_at_all' in.jsonl
}

@test "a host that cannot be meant is refused by the name of its variable" {
  local host
  unset PGHOST
  DB_URL=127.0.0.1:$PGPORT fails 2 'DB_URL has a port in it: name the host alone, and the port in DB_PORT' unread.jsonl
  DB_URL=$'127.0.0.1\n' fails 2 'DB_URL has a line end in it; where it comes from a Secret or a file, make that with printf' unread.jsonl
  DB_URL='127.0.0.1 ' fails 2 'DB_URL has a blank around a host' unread.jsonl
  DB_URL='{{inputs.parameters.host}}' fails 2 'DB_URL has an Argo expression in it' unread.jsonl
  DB_URL="[::1]" fails 2 'DB_URL has brackets in it' unread.jsonl
  DB_URL="127.0.0.1,127.0.0.1:$PGPORT" fails 2 'DB_URL has a port in it' unread.jsonl
  PGHOST=127.0.0.1:$PGPORT fails 2 'PGHOST has a port in it: name the host alone, and the port in PGPORT' unread.jsonl
  fails 2 '--dsn has a port in it' --dsn "host=127.0.0.1:$PGPORT" unread.jsonl
  PGHOST=127.0.0.1 PGHOSTADDR=127.0.0.1:5432 fails 2 'could not parse network address' unread.jsonl
  for host in "$PG_SOCKET_DIR" "$PG_SOCKET_DIR,127.0.0.1" "127.0.0.1,$PG_SOCKET_DIR" ::ffff:127.0.0.1; do
    PGSSLMODE=disable DB_URL=$host succeeds in.jsonl
  done
  for host in fe80::1%lo ::1 @nobody; do
    PGPORT=1 DB_URL=$host fails 10 'connection to server ' unread.jsonl
  done
  # What is not used is not judged.
  PGHOST=127.0.0.1:1 DB_URL=127.0.0.1 succeeds in.jsonl
  DB_URL=127.0.0.1:1 succeeds --dsn 'host=127.0.0.1' in.jsonl
}

@test "a run id or a table that cannot be meant is refused by the name of its variable" {
  AGGREGATOR_RUN_ID=$'one\n' fails 2 'AGGREGATOR_RUN_ID (the environment'"'"'s --run-id): the value has a line end' unread.jsonl
  fails 2 '--run-id: the value begins or ends with a blank' --run-id ' one' unread.jsonl
  fails 2 '--run-id: the value has an Argo expression in it' --run-id '{{workflow.uid}}' unread.jsonl
  fails 2 '--table: the value has a line end in it' --table $'totals\r' unread.jsonl
  fails 2 '--table: the value has an Argo expression in it' --table 'totals_{{item}}' unread.jsonl
  succeeds --run-id 'one {{}} {1}' --table '"two words "' in.jsonl
  same '' "$(sql "SELECT tablename FROM pg_tables WHERE tablename ~ '[[:cntrl:]]'")"
}

@test "settings that libpq does not take are usage errors" {
  PGSSLMODE=sometimes fails 2 'invalid sslmode value' in.jsonl
  PGSERVICE=nowhere fails 2 'definition of service "nowhere" not found' in.jsonl
  DB_PORT=tcp://10.0.0.1:5432 fails 2 'DB_PORT is' in.jsonl
  DB_URL=postgresql://db/x fails 2 'DB_URL is a host name' in.jsonl
  fails 2 '--dsn: ' --dsn 'host=x nonsense=1' in.jsonl
}

@test "--dsn beats DB_*, which beat PG*" {
  make_role "GRANT CREATE ON SCHEMA public TO $role"
  sql "CREATE DATABASE other_$BATS_TEST_NUMBER"
  env -u PGUSER -u PGDATABASE -u PGPASSWORD PGHOST=127.0.0.2 DB_URL=127.0.0.1 DB_PORT="$PGPORT" DB_USER="$role" \
    DB_PASSWORD="$password" DB_NAME="$PGDATABASE" "$aggregator" in.jsonl
  same "$role" "$(sql "SELECT tableowner FROM pg_tables WHERE tablename = 'session_duration'")"
  DB_URL=127.0.0.2 DB_NAME=nowhere succeeds --run-id dsn \
    --dsn "postgresql://127.0.0.1:$PGPORT/other_$BATS_TEST_NUMBER" in.jsonl
  same dsn "$(sql_in "other_$BATS_TEST_NUMBER" 'SELECT run_id FROM aggregator_runs')"
  PGHOST=$PG_SOCKET_DIR succeeds --run-id socket in.jsonl
}

@test "the password stands nowhere but in the environment" {
  make_role "GRANT CREATE ON SCHEMA public TO $role"
  as_role succeeds --run-id before --report r0.json --log-format json in.jsonl
  hold 'BEGIN; LOCK TABLE aggregator_runs IN EXCLUSIVE MODE'
  as_role start --run-id during --report r1.json --outputs out in.jsonl
  wait_until_waiting
  tr '\0' ' ' <"/proc/$started/cmdline" >cmdline
  release ROLLBACK
  finish
  ended_well
  run --separate-stderr -10 env PGUSER="$role" PGPASSWORD="$password" PGPORT=1 "$aggregator" --report r2.json in.jsonl
  echo "$output$stderr" >failed
  run --separate-stderr -4 env PGUSER="$role" PGPASSWORD="$password x" "$aggregator" --report r3.json --log-format json in.jsonl
  echo "$output$stderr" >refused
  [[ -s cmdline && -s failed && -s refused && -s r0.json && -s r3.json ]]
  same '' "$(grep -rl 'N0t-for' . || true)"
}

# Password files.

# MODE NAME: a password file of libpq's, with $secret for everything.
password_file() {
  printf '*:*:*:*:%s\n' "$secret" >"$2"
  chmod "$1" "$2"
}

unused() { # TEXT ARGUMENT...: no login for want of a password, in one line of JSON that has TEXT
  run --separate-stderr "$aggregator" --log-format json "${@:2}" bad.jsonl
  [[ $status == 4 && ${#stderr_lines[@]} == 1 ]] || fail "exit status $status: $stderr"
  [[ $(jq -r .msg <<<"$stderr") == "$1"*'no password supplied'* ]] || fail "not '$1': $stderr"
}

@test "a password file that others may read is named with its mode, and libpq is kept from warning" {
  local secret=$PGPASSWORD mode
  unset PGPASSWORD
  for mode in 0640 0604 0666 2740; do
    password_file "$mode" pass
    PGPASSFILE=$PWD/pass unused "password file $PWD/pass was not read: others may with its mode $mode; make it 0600"
  done
  unused "password file $PWD/pass was not read: others may" --dsn "passfile=$PWD/pass"
  unused "password file $PWD/pass was not read: others may" --dsn "postgresql:///?passfile=$PWD/pass"
  printf '[open]\npassfile=%s\n' "$PWD/pass" >services
  export PGSSLMODE=disable # what host a service file names is not known
  PGSERVICEFILE=$PWD/services PGSERVICE=open unused "password file $PWD/pass was not read: others may"
  PGSERVICEFILE=$PWD/services unused "password file $PWD/pass was not read: others may" --dsn service=open
  HOME=$PWD
  password_file 0640 .pgpass
  unused "password file $PWD/.pgpass was not read: others may with its mode 0640"
  # The service's is taken before the variable's, and that before the home directory's.
  password_file 0600 pass
  PGSERVICEFILE=$PWD/services PGSERVICE=open PGPASSFILE=$PWD/.pgpass succeeds --run-id 1 in.jsonl
  PGPASSFILE=$PWD/pass succeeds --run-id 2 in.jsonl
  succeeds --run-id 3 --dsn "passfile=$PWD/pass" in.jsonl
  password_file 0600 .pgpass
  succeeds --run-id 4 in.jsonl
}

@test "a password file that is missing, a directory or unreadable is named with the reason" {
  local secret=$PGPASSWORD
  unset PGPASSWORD
  HOME=$PWD
  unused 'cannot connect to the database'
  PGPASSFILE=$PWD/none unused "password file $PWD/none was not read: No such file or directory"
  mkdir directory
  PGPASSFILE=$PWD/directory unused "password file $PWD/directory was not read: it is not a regular file"
  if ((EUID != 0)); then
    password_file 0200 pass
    PGPASSFILE=$PWD/pass unused "password file $PWD/pass was not read: Permission denied"
    return
  fi
  # As another user, who must be let through to it.
  local shared
  shared=$(mktemp -d)
  chmod 0711 "$shared"
  password_file 0600 "$shared/pass"
  cp "$aggregator" "$shared/aggregator"
  chmod 0755 "$shared/aggregator"
  PGPASSFILE=$shared/pass HOME=/ run --separate-stderr setpriv --reuid=65532 --regid=65532 --clear-groups "$shared/aggregator" /dev/null
  rm -r "$shared"
  ended_with 4 "was not read: Permission denied: cannot connect to the database: "
}

@test "a password file is not looked at where a password is given, nor named where none is needed" {
  local secret=wrong password=$PGPASSWORD
  password_file 0640 pass
  export PGPASSFILE=$PWD/pass
  succeeds --run-id 1 in.jsonl
  [[ $stderr != *assword* ]]
  printf '[given]\npassword=%s\nsslmode=disable\n' "$PGPASSWORD" >services
  unset PGPASSWORD
  DB_PASSWORD=$password succeeds --run-id 2 in.jsonl
  PGSERVICEFILE=$PWD/services PGSERVICE=given succeeds --run-id 3 in.jsonl
  PGHOST=$PG_SOCKET_DIR succeeds --run-id 4 in.jsonl
  [[ $stderr != *assword* ]]
}

@test "DB_PASSWORD_FILE holds the password alone, in a file of any mode" {
  local secret=$PGPASSWORD end
  unset PGPASSWORD
  export DB_PASSWORD_FILE=$PWD/pass
  for end in '' $'\n' $'\r\n'; do
    printf %s "$secret$end" >pass
    chmod 0640 pass
    succeeds --run-id "to ${#end}" in.jsonl
    succeeds --run-id "dsn ${#end}" --dsn 'sslmode=prefer' in.jsonl
    succeeds runs
  done
  ln -s pass link
  DB_PASSWORD_FILE="link" succeeds in.jsonl
  for end in $'\n\n' ' '; do
    printf %s "$secret$end" >pass
    fails 4 'password authentication failed' bad.jsonl
  done
}

@test "DB_PASSWORD_FILE that is empty, too long, no text or no file is refused by its name" {
  local text
  unset PGPASSWORD
  export DB_PASSWORD_FILE=pass
  DB_PASSWORD=x fails 2 'DB_PASSWORD and DB_PASSWORD_FILE are both set' bad.jsonl
  fails 4 'DB_PASSWORD_FILE: cannot read pass: No such file or directory' bad.jsonl
  for text in '' $'\n' $'\r\n'; do
    printf %s "$text" >pass
    fails 2 'DB_PASSWORD_FILE: pass is empty' bad.jsonl
  done
  printf 'N0t-for\0eyes\n' >pass
  fails 2 'DB_PASSWORD_FILE: pass holds a NUL' bad.jsonl
  for text in 4097 1048576; do
    head -c "$text" /dev/zero | tr '\0' x >pass
    fails 2 'DB_PASSWORD_FILE: pass holds more than 4096 bytes' bad.jsonl
  done
  { head -c 4096 /dev/zero | tr '\0' x && printf '\r\n'; } >pass
  fails 4 'password authentication failed' bad.jsonl
  mkfifo fifo
  DB_PASSWORD_FILE=. fails 4 'DB_PASSWORD_FILE: . is not a regular file' bad.jsonl
  DB_PASSWORD_FILE='fifo' fails 4 'DB_PASSWORD_FILE: fifo is not a regular file' bad.jsonl
  DB_PASSWORD_FILE='' fails 4 'no password supplied' bad.jsonl
  DB_PASSWORD_FILE=none "$aggregator" --print csv in.jsonl
}

# Rights.

@test "a missing right is named before the input is read" {
  local all="SELECT, INSERT, UPDATE" right table
  succeeds --run-id before in.jsonl
  make_role "GRANT $all ON session_duration, aggregator_runs TO $role"
  for table in session_duration aggregator_runs; do
    for right in SELECT INSERT UPDATE; do
      if [[ $table-$right == aggregator_runs-UPDATE ]]; then continue; fi
      sql "REVOKE $right ON $table FROM $role"
      as_role fails 4 "this database user has no $right right on public.$table; grant the rights that aggregator --init-sql lists" bad.jsonl
      sql "GRANT $right ON $table TO $role"
    done
  done
  as_role fails 3 'bad.jsonl:1:1: ' bad.jsonl
  sql "REVOKE TEMPORARY ON DATABASE $PGDATABASE FROM PUBLIC"
  as_role fails 4 'this database user may not make temporary tables' bad.jsonl
  sql "GRANT TEMPORARY ON DATABASE $PGDATABASE TO $role; REVOKE USAGE ON SCHEMA public FROM PUBLIC"
  as_role fails 4 '' bad.jsonl
  sql "GRANT USAGE ON SCHEMA public TO PUBLIC"
  as_role succeeds --run-id after in.jsonl
  loaded_once in.jsonl in.jsonl
}

@test "tables that are missing and may not be made are refused before the input is read" {
  make_role ''
  as_role fails 4 'cannot create a table: the database says: permission denied for schema public (SQLSTATE 42501); grant' bad.jsonl
  same '' "$(snapshot)"
}

@test "--create never says who has to make the tables" {
  fails 4 'there is no table "session_duration" and --create never is set; let the owner run what aggregator --init-sql prints' --create never bad.jsonl
  sql 'CREATE TABLE session_duration (userid text PRIMARY KEY, sessionduration bigint)'
  fails 4 'there is no table public.aggregator_runs and --create never is set' --create never bad.jsonl
  same '' "$(sql "SELECT tablename FROM pg_tables WHERE tablename = 'aggregator_runs'")"
}

@test "--init-sql makes a role that loads and can do nothing else" {
  "$aggregator" --init-sql >init.sql
  psql -Xq -v ON_ERROR_STOP=1 -f init.sql
  psql -Xq -v ON_ERROR_STOP=1 -f init.sql
  make_role "GRANT aggregator TO $role; CREATE TABLE secrets (a int)"
  sql "REVOKE TEMPORARY ON DATABASE $PGDATABASE FROM PUBLIC"
  as_role succeeds --create never --run-id 1 in.jsonl
  as_role succeeds --create never --run-id 2 in.jsonl
  as_role succeeds --create never --run-id 2 in.jsonl
  as_role succeeds runs
  loaded_once in.jsonl in.jsonl
  for deed in 'DELETE FROM session_duration' 'DELETE FROM aggregator_runs' 'TRUNCATE session_duration' \
    'TRUNCATE aggregator_runs' 'DROP TABLE session_duration' 'DROP TABLE aggregator_runs' \
    'ALTER TABLE session_duration ADD x int' 'SELECT * FROM secrets' 'CREATE TABLE mine (a int)' \
    "COPY session_duration TO PROGRAM 'cat'" 'CREATE ROLE other'; do
    run as_role sql "$deed"
    [[ $status != 0 && $output =~ 'permission denied'|'must be owner'|'must be superuser' ]] || fail "$deed: $output"
  done
  loaded_once in.jsonl in.jsonl
}

@test "row-level security that hides rows is refused, or lets nothing half through" {
  succeeds --run-id before in.jsonl
  make_role "GRANT SELECT, INSERT, UPDATE ON session_duration, aggregator_runs TO $role"
  sql 'ALTER TABLE aggregator_runs ENABLE ROW LEVEL SECURITY'
  as_role fails 4 'row-level security hides rows of public.aggregator_runs' bad.jsonl
  sql 'ALTER TABLE aggregator_runs DISABLE ROW LEVEL SECURITY; ALTER TABLE session_duration ENABLE ROW LEVEL SECURITY'
  as_role fails 4 'row-level security policy' --run-id after in.jsonl
  sql 'CREATE POLICY few ON session_duration USING ("sessionDuration" < 0) WITH CHECK (true)'
  as_role fails 4 'row-level security policy' --run-id after in.jsonl
  loaded_once in.jsonl
  sql 'CREATE POLICY all_of_it ON session_duration USING (true)'
  as_role succeeds --run-id after in.jsonl
  loaded_once in.jsonl in.jsonl
}

@test "functions and operators of others on the search path are not called" {
  sql "CREATE FUNCTION trap(text) RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN RAISE 'trapped by %', \$1; END \$\$"
  trap_call() { # NAME ARGUMENTS RESULT
    sql "CREATE FUNCTION public.$1($2) RETURNS $3 LANGUAGE sql AS \$\$ SELECT trap('$1')::$3 \$\$"
  }
  trap_call hashtextextended 'text, int' bigint
  trap_call pg_advisory_xact_lock 'numeric' text
  trap_call format 'text, name, name' text
  trap_call format 'text, name, text' text
  trap_call quote_ident name text
  trap_call format_type 'oid, bigint' text
  trap_call lower name text
  trap_call has_any_column_privilege 'regclass, text' boolean
  trap_call has_database_privilege 'name, varchar' boolean
  trap_call row_security_active regclass boolean
  trap_call to_regclass name regclass
  trap_call to_jsonb pg_collation jsonb
  trap_call set_config 'varchar, varchar, boolean' text
  trap_call to_char 'timestamp, varchar' text
  trap_call oid_is 'oid, regclass' boolean
  trap_call oid_is 'oid, regnamespace' boolean
  trap_call oid_is 'oid, regtype' boolean
  trap_call name_is 'name, varchar' boolean
  sql 'CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = oid_is);
    CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regnamespace, FUNCTION = oid_is);
    CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regtype, FUNCTION = oid_is);
    CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = varchar, FUNCTION = name_is)'
  [[ $(sql "SELECT hashtextextended('', 0)" 2>&1) == *'trapped by hashtextextended'* ]]
  succeeds --run-id 1 in.jsonl
  succeeds --run-id 1 in.jsonl
  succeeds --run-id 2 --stats --table other in.jsonl
  succeeds runs
  succeeds runs --print json
  loaded_once in.jsonl
}

@test "--init-sql serves other tables, schemas and statistics" {
  sql 'CREATE SCHEMA "My Reports"'
  "$aggregator" --init-sql --stats --table '"My Reports"."To""tals"' --key country --value 'Ünits' | psql -Xq -v ON_ERROR_STOP=1
  make_role "GRANT aggregator TO $role"
  echo '{"country":"no","Ünits":4}' >in.jsonl
  as_role succeeds --create never --stats --table '"My Reports"."To""tals"' --key country --value 'Ünits' in.jsonl
  same 'no|4|1|4|4' "$(sql 'SELECT * FROM "My Reports"."To""tals"')"
}

# Waiting for the server.

@test "--wait-db waits for a server that starts late" {
  local main_port=$PGPORT version
  version=$(default_version)
  "$here/../../local/postgres.sh" start "$PWD/late" --fast ${version:+--version "$version"}
  "$here/../../local/postgres.sh" stop "$PWD/late" immediate
  # shellcheck source=/dev/null
  . late/env
  start --wait-db 30s in.jsonl
  wait_for grep -q 'trying again' "$BATS_TEST_TMPDIR/started.err"
  "$here/../../local/postgres.sh" start "$PWD/late"
  finish
  ended_well
  [[ $PGPORT != "$main_port" ]]
  loaded_once in.jsonl
}

@test "--wait-db gives up in time, and does not wait for what stays wrong" {
  local before=$SECONDS
  PGPORT=1 run --separate-stderr -10 "$aggregator" --wait-db 1s bad.jsonl
  ((SECONDS - before <= 3))
  [[ ${stderr_lines[0]} == *'trying again for 1 s'* && ${stderr_lines[-1]} == *'Connection refused'* ]]
  before=$SECONDS
  PGPASSWORD=wrong fails 4 28P01 --wait-db 60s bad.jsonl
  ((SECONDS - before <= 3))
}
