#!/usr/bin/env bash
# The jobs' service on this machine: a private PostgreSQL, the api on loopback, an owner to try it.
#
#   ./run.sh api [--port N]     until Ctrl-C; port 32000 if nothing else is said
#   ./run.sh api --help
#
# The owner `demo` has the token `mytoken`, and the jobs that come without a token. Nobody runs jobs
# here: they wait, and say so. All of it is gone afterwards.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
port=32000 temp='' api=''

die() { echo "api: $*" >&2; exit 2; }

while (($#)); do
  case $1 in
  --port) port=${2:?--port needs a number}; shift ;;
  --port=*) port=${1#*=} ;;
  -h | --help) sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"; exit ;;
  *) die "'$1' is not an option, see ./run.sh api --help" ;;
  esac
  shift
done
if ! [[ $port =~ ^[0-9]{1,5}$ ]] || ((port > 65535)); then die "--port $port: a number up to 65535"; fi

clean_up() {
  local status=$?
  trap '' INT TERM HUP
  if [[ -n $api ]]; then kill "$api" 2>/dev/null || true; wait "$api" || true; fi
  if [[ -d $temp/db ]]; then "$root/local/postgres.sh" stop "$temp/db" immediate || true; fi
  if [[ -n $temp ]]; then rm -rf "$temp"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

"$root/.ci/setup" build run
temp=$(mktemp -d "${TMPDIR:-/tmp}/argo-steps.XXXXXX")
if [[ ! -x $root/build/job_service ]]; then echo "building" >&2; fi
make -s -j"$(nproc)" -C "$root" build/job_service
job_service=$root/build/job_service

"$root/local/postgres.sh" start "$temp/db"
# shellcheck source=/dev/null
. "$temp/db/env"
"$job_service" --init-sql >"$temp/init.sql"
psql -XAtq -v ON_ERROR_STOP=1 -f "$temp/init.sql" 2>"$temp/init.log" || { cat "$temp/init.log" >&2; exit 1; }
password=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')
psql -XAtq -v ON_ERROR_STOP=1 <<<"ALTER ROLE jobs_api PASSWORD '$password';" # by stdin, not argv
limits=(--per-minute 1000000 --active 1000000 --per-day 100000000)
"$job_service" owner create demo --anonymous yes "${limits[@]}"
"$job_service" token import demo --note 'for trying' <<<mytoken 2>"$temp/import.log"

PGUSER=jobs_api PGPASSWORD=$password \
  "$job_service" api --listen "127.0.0.1:$port" --port-file "$temp/port" --log-format text &
api=$!
until [[ -s $temp/port ]]; do
  kill -0 "$api" 2>/dev/null || { wait "$api" || status=$?; api=''; exit "${status:-1}"; }
  sleep 0.1
done
url=http://127.0.0.1:$(<"$temp/port")
cat <<END

  curl $url/hello
  curl -X POST -H 'Authorization: mytoken' $url/jobs
  printf 'FROM debian:12\\nRUN echo hi\\n' | curl -F 'file=@-;filename=Dockerfile' $url/job/build
  curl $url/job/performance/1
  curl -H 'Authorization: mytoken' $url/v1/jobs

The database, as its owner: (. $temp/db/env && psql)
Ctrl-C ends it and removes all of it.
END
wait "$api"
