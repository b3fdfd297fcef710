#!/usr/bin/env bash
# Private S3 servers (versitygw), each whole inside one directory. A bucket is a directory of it.
#
#   s3.sh start DIR [--port N] [--tls]
#   s3.sh stop DIR
#   s3.sh restart DIR
#
# start makes DIR if need be; on a stopped server it starts the same one again.
#   --port N     default: a free one
#   --tls        https, by the certificate DIR/tls.crt that it makes for 127.0.0.1
# DIR has: env (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and with --tls
# AWS_CA_BUNDLE), log, data/. `mkdir DIR/data/events` makes a bucket. Servers listen on 127.0.0.1
# only. The program is built at first, out of a pinned Go module, which takes three minutes; where
# neither it nor Go is there, the exit status is 77.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
box=${BOX_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/argo-steps/box}

program=$box/current/versitygw/bin/versitygw

die() { echo "${0##*/}: $*" >&2; exit 1; }

free_port() { # below the kernel's ephemeral ports, which come and go by themselves
  local port
  while port=$((10000 + SRANDOM % 20000)) && (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

running() { [[ -s $dir/pid ]] && kill -0 "$(<"$dir/pid")" 2>/dev/null; }

make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=s3.test \
    -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:TRUE \
    -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>"$dir/openssl.log"
}

write_env() { # PORT
  local scheme=http
  if [[ -e $dir/tls.crt ]]; then scheme=https; fi
  (umask 077; {
    printf 'export %s=%s\n' AWS_ENDPOINT_URL "$scheme://127.0.0.1:$1" AWS_REGION us-east-1 \
      AWS_ACCESS_KEY_ID "tests$SRANDOM" AWS_SECRET_ACCESS_KEY "$(openssl rand -hex 16)"
    if [[ $scheme == https ]]; then printf 'export AWS_CA_BUNDLE=%q\n' "$dir/tls.crt"; fi
  } >"$dir/env")
}

launch() {
  local options=()
  # shellcheck source=/dev/null
  . "$dir/env"
  if [[ -e $dir/tls.crt ]]; then options+=(--cert "$dir/tls.crt" --key "$dir/tls.key"); fi
  ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
    setsid "$program" --port "${AWS_ENDPOINT_URL#*//}" \
    --region "$AWS_REGION" --quiet --keep-alive "${options[@]}" posix --sidecar "$dir/attributes" "$dir/data" \
    >>"$dir/log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  echo $! >"$dir/pid"
  for ((i = 0; i < 200; i++)); do
    if (: >"/dev/tcp/127.0.0.1/${AWS_ENDPOINT_URL##*:}") 2>/dev/null; then return; fi
    running || break
    sleep 0.05
  done
  tail -n 5 "$dir/log" >&2
  die "$dir: the server does not answer"
}

start() {
  local port='' tls=0
  while (($#)); do
    case $1 in
    --port) port=${2:?--port needs a number}; shift ;;
    --tls) tls=1 ;;
    *) die "unknown option '$1', see --help" ;;
    esac
    shift
  done
  if running; then die "$dir: the server is already running"; fi
  if [[ ! -x $program ]] && ! command -v go >/dev/null; then
    echo "${0##*/}: no versitygw here, nor Go to build it" >&2
    exit 77
  fi
  "$here/box/build.sh" versitygw
  mkdir -p "$dir/data" "$dir/attributes"
  if ((tls)) && [[ ! -e $dir/tls.crt ]]; then make_certificate; fi
  [[ -e $dir/env ]] || write_env "${port:-$(free_port)}"
  launch
}

stop() {
  if running; then
    kill "$(<"$dir/pid")"
    while running; do sleep 0.02; done
  fi
  rm -f "$dir/pid"
}

command=${1:-}
if [[ $command == -h || $command == --help || $# -lt 2 ]]; then
  sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"
  [[ $command == -* ]]
  exit
fi
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2
case $command in
start) start "$@" ;;
stop) stop ;;
restart) stop; launch ;;
*) die "unknown command '$command', see --help" ;;
esac
