# Shared by the database tests: one private server per file, one database per test.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2119,SC2120 # for the files that load this one

bats_require_minimum_version 1.5.0

here=$BATS_TEST_DIRNAME
aggregator=$BUILD/aggregator
hold_count=0

# Servers.

default_version() { # what the file is named after, PG_VERSION, 15, or whatever is installed instead
  if [[ ${BATS_TEST_FILENAME##*/} =~ _pg([0-9]+) ]]; then
    echo "${BASH_REMATCH[1]}"
  elif [[ ${PG_VERSION:-} ]]; then
    echo "$PG_VERSION"
  elif [[ -x /usr/lib/postgresql/15/bin/postgres ]]; then
    echo 15
  fi
}

# For setup_file; sets PG*, or ABSENT where the file's tests cannot run.
start_server() { # VERSION or nothing, OPTION...
  local version=$1 name status=0
  shift
  for name in "${!PG@}" "${!DB_@}" "${!AGGREGATOR_@}"; do
    if [[ $name != PG_* ]]; then unset "$name"; fi
  done
  "$here/../../local/postgres.sh" start "$BATS_FILE_TMPDIR/db" --fast ${version:+--version "$version"} "$@" || status=$?
  # bats 1.8 cannot skip in setup_file: each test's setup does it.
  if ((status == 77)); then export ABSENT="no PostgreSQL $version here"; return; fi
  ((status == 0)) || return "$status"
  # shellcheck source=/dev/null
  . "$BATS_FILE_TMPDIR/db/env"
  export AGGREGATOR_LOG_FORMAT=text
  open_socket
  # Debian's psql is a script that looks for the real one each time.
  for name in /usr/lib/postgresql/*/bin; do
    if [[ -x $name/psql ]]; then PATH=$name:$PATH; fi
  done
}

open_socket() { # the tests' own sessions need no password there: half of psql's time
  local rules=$BATS_FILE_TMPDIR/db/data/pg_hba.conf text
  text=$(<"$rules")
  printf '%s\n' 'local all postgres trust' "$text" >"$rules"
  psql -XAtqc 'SELECT pg_reload_conf()'
}

stop_server() { "$here/../../local/postgres.sh" stop "$BATS_FILE_TMPDIR/db" immediate; }

setup_file() { start_server "$(default_version)"; } # files with needs of their own have their own
teardown_file() { stop_server; }

start_relay() { # for setup_file: $RELAY has its files, RELAY_PORT its port
  export RELAY=$BATS_FILE_TMPDIR/relay RELAY_PORT
  mkdir -p "$RELAY"
  python3 "$here/relay.py" "$RELAY" "$PGHOST" "$PGPORT" 3>&- >"$RELAY/log" 2>&1 &
  echo $! >"$RELAY/pid"
  wait_for test -s "$RELAY/port"
  RELAY_PORT=$(<"$RELAY/port")
}

stop_relay() { if [[ -s ${RELAY:-}/pid ]]; then kill "$(<"$RELAY/pid")"; fi; }

plan() { # WORD...: what the relay does to the next connections
  rm -f "$RELAY/fired" "$RELAY/go"
  echo "$*" >"$RELAY/plan.new"
  mv "$RELAY/plan.new" "$RELAY/plan"
}

through_relay() { PGPORT=$RELAY_PORT PGSSLMODE=disable "$@"; }

use_new_database() { # for setup
  if [[ ${ABSENT:-} ]]; then skip "$ABSENT"; fi
  sql_in postgres "CREATE DATABASE test_$BATS_TEST_NUMBER"
  export PGDATABASE=test_$BATS_TEST_NUMBER
  enter_directory
}

enter_directory() { # with an input that ends a run by status 3, where it is read
  cd "$BATS_TEST_TMPDIR" || return
  echo 'no event' >unread.jsonl
}

# The same, in a tenth of the time, for tests that set nothing for the whole database.
use_emptied_database() { # for setup
  if [[ ${ABSENT:-} ]]; then skip "$ABSENT"; fi
  sql "
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
    SET client_min_messages = warning;
    DO \$\$
    DECLARE name text;
    BEGIN
      FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
      END LOOP;
    END \$\$;
    CREATE SCHEMA public" >/dev/null
  enter_directory
}

# SQL.

by_socket() { PGHOST=$PG_SOCKET_DIR psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
sql() { by_socket -c "$1"; }
sql_in() { by_socket -d "$1" -c "$2"; } # DATABASE SQL

rows() { # [TABLE [KEY VALUE]]: key, tab, value, sorted by bytes, as sums prints them
  sql "COPY (SELECT ${2:-\"userId\"}, ${3:-\"sessionDuration\"} FROM ${1:-session_duration}
       ORDER BY (${2:-\"userId\"})::text COLLATE \"C\") TO STDOUT"
}

total() { sql "SELECT count(*), coalesce(sum(\"sessionDuration\"), 0) FROM session_duration"; }
ledger() { sql 'SELECT run_id, shard, shards, keys, total FROM aggregator_runs ORDER BY 1, 2'; }
ledger_count() { sql 'SELECT count(*) FROM aggregator_runs'; }

# The whole database's content: to see that nothing has changed.
snapshot() {
  by_socket <<'END'
SELECT format('SELECT %L, t::text FROM %s AS t ORDER BY 2', oid::regclass, oid::regclass)
 FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
ORDER BY oid::regclass::text \gexec
END
}

# A psql whose transaction stays open: hold SQL... ; say SQL... ; release SQL
hold() {
  local fifo=$BATS_TEST_TMPDIR/hold.$((++hold_count))
  mkfifo "$fifo"
  PGHOST=$PG_SOCKET_DIR psql -XAtq <"$fifo" >"$fifo.out" 2>&1 3>&- &
  holder=$!
  exec {holder_in}>"$fifo"
  say "$1"
  say '\echo held'
  wait_for grep -q held "$fifo.out"
}
say() { echo "$1;" >&"$holder_in"; }
release() { # SQL: the last statement
  say "$1"
  echo '\q' >&"$holder_in"
  exec {holder_in}>&-
  wait "$holder"
}

# Waiting.

wait_for() { # COMMAND...: until it succeeds, for at most 20 s
  local until=$((SECONDS + 20))
  until "$@"; do
    ((SECONDS < until)) || { echo "waited in vain for: $*" >&2; return 1; }
    sleep 0.02
  done
}

sql_says() { [[ $(sql "$2") == "$1" ]]; } # EXPECTED QUERY

waiting="SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND application_name = 'aggregator' AND wait_event_type = 'Lock'"
copying="SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND query LIKE 'COPY%' AND state = 'active' AND application_name = 'aggregator'"
connected="SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
     AND application_name = 'aggregator'"
wait_until_waiting() { wait_for sql_says "${1:-1}" "$waiting"; }
wait_until_gone() { wait_for sql_says 0 "$connected"; }

# The program.

succeeds() { # ARGUMENT...
  run --separate-stderr "$aggregator" "$@"
  ended_well
}

fails() { # STATUS TEXT ARGUMENT...: with TEXT in one line on stderr, and nothing on stdout
  local expected=$1 text=$2
  shift 2
  run --separate-stderr "$aggregator" "$@"
  ended_with "$expected" "$text"
}

ended_with() { # STATUS TEXT
  [[ $status == "$1" ]] || fail "exit status $status instead of $1: $stderr"
  [[ $stderr == *"$2"* && $stderr != *$'\n'* ]] || fail "not one line with '$2': $stderr"
  [[ -z ${output:-} ]] || fail "stdout has: $output"
}

start() { # ARGUMENT...: in the background; started is its pid
  "$aggregator" "$@" >"$BATS_TEST_TMPDIR/started.out" 2>"$BATS_TEST_TMPDIR/started.err" 3>&- &
  started=$!
}

finish() { # sets status, output and stderr as run does
  status=0
  wait "$started" || status=$?
  output=$(<"$BATS_TEST_TMPDIR/started.out")
  stderr=$(<"$BATS_TEST_TMPDIR/started.err")
}

ended_well() { [[ $status == 0 ]] || fail "exit status $status instead of 0: $stderr"; }

repeat_until_done() { # ARGUMENT...: as Argo retries; each failure must be one that is retried
  for _ in {1..10}; do
    run --separate-stderr "$aggregator" "$@"
    if ((status == 0)); then return; fi
    [[ $status == 1[01] ]] || fail "exit status $status: $stderr"
  done
  fail "still not done: $stderr"
}

# Events and what they add up to.

make_events() { # FILE COUNT USERS [OPTION...]
  "$BUILD/fake_gen" --events "$2" --users "$3" --seed "$1" --output "$1" "${@:4}" 2>/dev/null
}

events() { # KEY VALUE...: prints a line for each pair; keys are JSON string contents
  while (($#)); do
    printf '{"userId":"%s","sessionDuration":%s}\n' "$1" "$2"
    shift 2
  done
}

# An independent sum: key, tab, total, sorted by bytes.
sums() { # FILE...
  python3 -ES -c '
import json, sys
totals = {}
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        for line in file:
            event = json.loads(line)
            totals[event["userId"]] = totals.get(event["userId"], 0) + event["sessionDuration"]
for key in sorted(totals, key=str.encode):
    print(key, totals[key], sep="\t")' "$@"
}

grand_total() { sums "$@" | awk '{ n++; total += $2 } END { printf "%d|%d\n", n, total }'; } # as total prints it

# Verdicts.

fail() { echo "$*" >&2; return 1; }

same() { # EXPECTED ACTUAL
  [[ $1 == "$2" ]] || { diff <(echo "$1") <(echo "$2") >&2; return 1; }
}

same_as_before() { # BEFORE: of snapshot
  same "$1" "$(snapshot)"
}

loaded_once() { # FILE...: the table has these events' totals, each file counted once
  same "$(sums "$@")" "$(rows)"
}
