# TLS: a server off this machine proves who it is unless the user says otherwise.

load helpers

setup_file() {
  start_server "$(default_version)" --tls
  if [[ ${ABSENT:-} ]]; then return; fi
  start_relay # declines TLS: a server that has none
}
teardown_file() {
  stop_relay
  stop_server
}

setup() {
  use_new_database
  export HOME=$BATS_TEST_TMPDIR # libpq looks for certificates there
  tls=$BATS_FILE_TMPDIR/db/tls
  named='host=db.test hostaddr=127.0.0.1'
  events user1 5 >in.jsonl
}

encrypted() { # EXPECTED ARGUMENT...: loads, and sees from the server's side whether TLS was used
  local expected=$1
  shift
  sql "CREATE TABLE IF NOT EXISTS seen (ssl boolean, version text);
    CREATE OR REPLACE FUNCTION see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$
    BEGIN
      INSERT INTO seen SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid();
      RETURN NULL;
    END \$\$"
  "$aggregator" /dev/null --dsn 'sslmode=disable host=127.0.0.1' --run-id tables 2>/dev/null
  sql 'CREATE OR REPLACE TRIGGER see AFTER INSERT ON aggregator_runs EXECUTE FUNCTION see()'
  sql 'TRUNCATE seen'
  succeeds --run-id "$BATS_TEST_NUMBER:$*" "$@" in.jsonl
  same "$expected" "$(sql "SELECT CASE WHEN ssl THEN 'TLS' ELSE 'plain' END FROM seen")"
}

@test "verify-full succeeds with the private CA, named in PGSSLROOTCERT or in --dsn" {
  PGSSLMODE=verify-full PGSSLROOTCERT=$tls/ca.crt encrypted TLS
  encrypted TLS --dsn "host=localhost sslmode=verify-full sslrootcert=$tls/ca.crt"
  encrypted TLS --dsn "$named sslrootcert=$tls/ca.crt"
  mkdir .postgresql
  cp "$tls/ca.crt" .postgresql/root.crt
  encrypted TLS --dsn "$named"
}

@test "the password may be bound to the TLS channel" {
  encrypted TLS --dsn "$named sslrootcert=$tls/ca.crt channel_binding=require"
}

@test "another CA is refused" {
  fails 4 'certificate verify failed' --dsn "$named sslrootcert=$tls/wrong-ca.crt" in.jsonl
  PGSSLMODE=verify-ca PGSSLROOTCERT=$tls/wrong-ca.crt fails 4 'certificate verify failed' in.jsonl
}

@test "a name that is not in the certificate is refused" {
  fails 4 'does not match host name "other.test"' --dsn "host=other.test hostaddr=127.0.0.1 sslrootcert=$tls/ca.crt" in.jsonl
}

@test "off loopback the default is verify-full: an unknown CA is refused" {
  fails 4 certificate --dsn "$named" in.jsonl
  PGHOSTADDR=127.0.0.1 DB_URL=db.test fails 4 certificate in.jsonl
  PGHOSTADDR=127.0.0.1 PGHOST=db.test fails 4 certificate in.jsonl
  fails 4 certificate --dsn 'host=localhost,db.test hostaddr=127.0.0.1,127.0.0.1' in.jsonl
}

@test "off loopback the default is verify-full: a server without TLS is refused" {
  fails 4 'server does not support SSL' --dsn "$named port=$RELAY_PORT" in.jsonl
  PGSSLMODE=require fails 4 'server does not support SSL' --dsn "$named port=$RELAY_PORT" in.jsonl
}

@test "a service file's server is taken for one off this machine" {
  printf '[silent]\nhost=127.0.0.1\nport=%s\n[open]\nhost=127.0.0.1\nport=%s\nsslmode=disable\n' "$PGPORT" "$PGPORT" >services
  export PGSERVICEFILE=$PWD/services
  unset PGHOST PGPORT
  PGSERVICE=silent fails 4 certificate in.jsonl
  PGSERVICE=open succeeds in.jsonl
  . "$BATS_FILE_TMPDIR/db/env"
  export PGDATABASE=test_$BATS_TEST_NUMBER
  loaded_once in.jsonl
}

@test "sslmode=disable works where it is said" {
  encrypted plain --dsn "$named sslmode=disable"
  PGSSLMODE=disable encrypted plain --dsn "$named"
}

@test "sslmode=require encrypts without a look at the certificate, as everywhere" {
  encrypted TLS --dsn "$named sslmode=require"
  PGSSLMODE=require encrypted TLS --dsn "$named"
}

@test "on loopback TLS is used where the server has it" {
  encrypted TLS --dsn 'host=127.0.0.1'
  encrypted TLS --dsn "host=localhost"
  PGHOST=$PG_SOCKET_DIR encrypted plain
  encrypted plain --dsn "port=$RELAY_PORT"
}
