#!/usr/bin/env bash
# Runs the pipeline: fake_gen writes events, aggregator folds them and loads the totals into
# PostgreSQL, once and only once.
#
#   ./run.sh [local] [OPTION...]     on this machine, without a cluster
#   ./run.sh --help
#
# Options go to fake_gen: --events N, --users N, --products N, --seed S, --skew S, --gzip ...
# (build/fake_gen --help). The aggregator takes its own from the environment: AGGREGATOR_THREADS,
# AGGREGATOR_MAX_MEMORY, AGGREGATOR_MAX_BAD ... (build/aggregator --help).
#
# What is missing is installed with apt. The totals go to a private PostgreSQL that is gone
# afterwards, unless DB_URL, PGHOST, PGSERVICE or AGGREGATOR_DSN name another server.
#
#   ./run.sh
#   ./run.sh --events 10000000 --users 1000000
#   AGGREGATOR_MAX_MEMORY=64M ./run.sh local --events 1000000 --seed 7
#   DB_URL=db.example.org DB_USER=etl DB_PASSWORD=... DB_NAME=stats ./run.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_rows=10
temp='' child=''

die() { echo "run.sh: $*" >&2; exit 2; }
help() { sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"; }

clean_up() {
  local status=$?
  trap '' INT TERM HUP PIPE
  if [[ -n $child ]]; then kill "$child" 2>/dev/null || true; wait "$child" || true; fi
  if [[ -d $temp/db ]]; then "$root/tests/db/server.sh" stop "$temp/db" immediate || true; fi
  if [[ -n $temp ]]; then rm -rf "$temp"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

attended() { # bash handles signals while it waits, but not while a program has the foreground
  local status=0
  "$@" </dev/null &
  child=$!
  wait "$child" || status=$?
  child=''
  return "$status"
}

step() { # PROGRAM [OPTION...]: its log is for when something is wrong, the reports say the rest
  attended "$root/build/$1" --log-format text "${@:2}" 2>"$temp/log" ||
    { local status=$?; cat "$temp/log" >&2; exit "$status"; }
  grep 'warning: ' "$temp/log" >&2 || true
}

prepare() { # PURPOSE...
  "$root/.ci/setup" "$@"
  temp=$(mktemp -d "${TMPDIR:-/tmp}/argo-steps.XXXXXX")
  if [[ ! -x $root/build/aggregator ]]; then echo "building" >&2; fi
  attended make -s -j"$(nproc)" -C "$root" all
}

find_database() {
  dsn=${AGGREGATOR_DSN:-}
  where="the server that AGGREGATOR_DSN names"
  if [[ -n $dsn ]]; then return; fi
  if [[ -n ${DB_URL:-} ]]; then
    where=$DB_URL
    as_psql=("PGHOST=$DB_URL" ${DB_PORT:+"PGPORT=$DB_PORT"} ${DB_USER:+"PGUSER=$DB_USER"}
      ${DB_PASSWORD:+"PGPASSWORD=$DB_PASSWORD"} ${DB_NAME:+"PGDATABASE=$DB_NAME"})
  elif [[ -n ${PGHOST:-}${PGHOSTADDR:-}${PGSERVICE:-} ]]; then
    where=${PGSERVICE:-${PGHOST:-$PGHOSTADDR}}
  else
    unset DB_USER DB_PASSWORD DB_NAME DB_PORT
    "$root/tests/db/server.sh" start "$temp/db"
    # shellcheck source=/dev/null
    . "$temp/db/env"
    where="a private PostgreSQL on port $PGPORT"
  fi
}

sql() { # reads the table under the names that the aggregator gives it
  env "${as_psql[@]}" psql -XAtq -F $'\t' -v ON_ERROR_STOP=1 -v top="$top_rows" \
    -v table="${AGGREGATOR_TABLE:-session_duration}" \
    -v key="$key_title" -v value="$value_title" ${dsn:+"$dsn"}
}

columns="
SELECT quote_ident(attname) AS k FROM pg_attribute
 WHERE attrelid = to_regclass(:'table') AND attname IN (:'key', lower(:'key'))
 ORDER BY attname = :'key' DESC LIMIT 1 \\gset
SELECT quote_ident(attname) AS v FROM pg_attribute
 WHERE attrelid = to_regclass(:'table') AND attname IN (:'value', lower(:'value'))
 ORDER BY attname = :'value' DESC LIMIT 1 \\gset
"
sum_of_table() { sql <<<"$columns SELECT count(*), coalesce(sum(:v), 0) FROM :table;"; }
top_of_table() {
  sql <<<"$columns SELECT left(regexp_replace(:k, '[[:cntrl:]]', '?', 'g'), 40), :v
       FROM :table ORDER BY :v DESC NULLS LAST, :k LIMIT :top;"
}

thousands() { # prints 1234567 as 1,234,567
  local digits=$1 out=''
  while ((${#digits} > 3)); do out=,${digits: -3}$out digits=${digits:0:-3}; done
  printf '%s%s' "$digits" "$out"
}

field() { jq -r --arg name "$2" '.[$name] // 0' "$temp/$1.json"; }
number() { thousands "$(field "$@")"; }
cost() { # REPORT: in how long and with how much memory
  jq -r 'def round_to($n): . * $n | round / $n;
    "\(.seconds | round_to(1000)) s, \((.peak_rss_bytes // 0) / 1048576 | round_to(10)) MiB"' \
    "$temp/$1.json"
}

show() { printf '%-10s %s\n' "$1" "$2"; }

show_top() { # ROWS
  local keys=() values=() key value k_width=${#key_title} v_width=${#value_title}
  while IFS=$'\t' read -r key value; do
    value=$(thousands "$value")
    keys+=("$key") values+=("$value")
    if ((${#key} > k_width)); then k_width=${#key}; fi
    if ((${#value} > v_width)); then v_width=${#value}; fi
  done < <(top_of_table)
  printf '\n  %-*s  %*s\n' "$k_width" "$key_title" "$v_width" "$value_title"
  for i in "${!keys[@]}"; do
    printf '  %-*s  %*s\n' "$k_width" "${keys[i]}" "$v_width" "${values[i]}"
  done
  if (($1 > ${#keys[@]})); then printf '  … and %s more\n' "$(thousands $(($1 - ${#keys[@]})))"; fi
  echo
}

local_run() {
  local as_psql=() dsn where rows total rows_again total_again
  local key_title=${AGGREGATOR_KEY:-userId} value_title=${AGGREGATOR_VALUE:-sessionDuration}
  for option in "$@"; do
    case $option in
    --output* | -o* | --report*) die "$option: run.sh names the files; use build/fake_gen itself" ;;
    --help | --version) die "$option: see ./run.sh --help and build/fake_gen $option" ;;
    esac
  done
  prepare build run
  find_database

  step fake_gen --output "$temp/events.jsonl" --report "$temp/generated.json" "$@"
  show generated "$(number generated events) events of $(number generated users) users,\
 seed $(field generated seed) ($(cost generated))"
  step aggregator --report "$temp/loaded.json" "$temp/events.jsonl"
  show read "$(number loaded lines) lines, $(number loaded bad_lines) rejected,\
 $(number loaded users) users ($(cost loaded))"
  read -r rows total < <(sum_of_table)
  show loaded "$(thousands "$rows") rows, a total of $(thousands "$total"), in $where"
  show_top "$rows"

  step aggregator --report "$temp/again.json" "$temp/events.jsonl"
  read -r rows_again total_again < <(sum_of_table)
  if [[ $rows_again-$total_again-$(field again already_applied) != "$rows-$total-true" ]]; then
    echo "run.sh: loaded twice: $rows rows, $total; then $rows_again rows, $total_again" >&2
    exit 1
  fi
  show "once more" "already applied: still $(thousands "$rows") rows,\
 a total of $(thousands "$total")"
}

case ${1:-local} in
local) local_run "${@:2}" ;;
-h | --help | help) help ;;
-*) local_run "$@" ;;
*) die "unknown command '$1', see ./run.sh --help" ;;
esac
