#!/usr/bin/env bash
# A private pgbouncer in transaction mode before a server that local/postgres.sh started.
#
#   pgbouncer.sh start DIR SERVER_DIR [setting=value...]
#   pgbouncer.sh stop DIR
#
# DIR has: env (as the server's, with the pooler's port), log, pgbouncer.ini. Any role of the
# server may log in. Exit status 77: no pgbouncer here.
set -euo pipefail

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/../../local/postgres.sh"

pause() { read -rt 0.02 <> <(:) || true; }

start() { # SERVER_DIR [SETTING...]
  local server=$1 port
  shift
  command -v pgbouncer >/dev/null || absent "no pgbouncer here: run .ci/setup test"
  [[ -f $server/env ]] || die "$server: no server was started there"
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd -P)
  open_path "$dir"
  port=$(free_port)
  # shellcheck source=/dev/null
  . "$server/env"
  {
    printf '%s\n' '[databases]' "* = host=$PGHOST port=$PGPORT auth_user=$PGUSER" '[pgbouncer]'
    printf '%s\n' pool_mode=transaction listen_addr=127.0.0.1 listen_port="$port" unix_socket_dir= \
      auth_type=scram-sha-256 auth_file="$dir/users" logfile="$dir/log" pidfile="$dir/run/pid" "$@"
  } >"$dir/pgbouncer.ini"
  (umask 077 && echo "\"$PGUSER\" \"$PGPASSWORD\"" >"$dir/users")
  mkdir -p "$dir/run"
  : >>"$dir/log"
  give "$dir/users" "$dir/run" "$dir/log"
  as_user pgbouncer -q -d "$dir/pgbouncer.ini" </dev/null >/dev/null ||
    die "pgbouncer did not start, see $dir/log"
  (umask 077 && sed "s/^export PGPORT=.*/export PGPORT=$port/" "$server/env" >"$dir/env")
  for _ in {1..200}; do
    if (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    pause
  done
  tail -n 5 "$dir/log" >&2
  die "pgbouncer does not answer on port $port"
}

alive() { grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status" 2>/dev/null; }

stop() {
  local pid
  pid=$(cat "$dir/run/pid" 2>/dev/null) || return 0
  if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == pgbouncer ]]; then
    kill "$pid"
    while [[ -e $dir/run/pid ]] && alive "$pid"; do pause; done
  fi
  rm -f "$dir/run/pid"
}

dir=${2:-}
case ${1:-}-$# in
start-[3-9] | start-[1-9][0-9]) start "${@:3}" ;;
stop-2) stop ;;
*) sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"; [[ ${1:-} == --help ]] || exit 2 ;;
esac
