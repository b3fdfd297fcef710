#!/usr/bin/env bash
# Builds static libpq, libcurl, libmicrohttpd, libzstd and cJSON from the pinned Debian sources in
# deps.lock.
#
#   common/deps/build.sh [--prefix DIR]      default: build/deps
#
# CC             compiler (default: cc)
# DEPS_CACHE     keeps downloads and results (default: ~/.cache/argo-steps)
# DEBIAN_MIRROR  base URL of a Debian mirror to ask before apt's own
set -euo pipefail
# What our own make was told is not for PostgreSQL's.
unset MAKEFLAGS MAKELEVEL PROFILE CFLAGS CPPFLAGS LDFLAGS LIBS

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$here/../../build/deps
lock=$here/deps.lock
cc=${CC:-cc}
cache=${DEPS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/argo-steps}

say() { echo "deps: $*" >&2; }
die() { say "$*"; exit 1; }

while (($#)); do
  case $1 in
  --prefix) prefix=${2:?--prefix needs a directory}; shift 2 ;;
  --prefix=*) prefix=${1#*=}; shift ;;
  -h | --help) sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"; exit ;;
  *) die "unknown argument '$1', see --help" ;;
  esac
done

command -v "$cc" >/dev/null || die "no C compiler '$cc': run .ci/setup build"

# Static archives bind to the OpenSSL headers and compiler they were built with.
key=$({
  cat "$lock" "${BASH_SOURCE[0]}"
  "$cc" --version
  "$cc" -dumpmachine
  printf '#include <openssl/opensslv.h>\nOPENSSL_VERSION_TEXT\n' |
    "$cc" -E -P - | tail -n 1
} | sha256sum | cut -c 1-32) || die "no OpenSSL headers: run .ci/setup build"

mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
stamp=$prefix/.stamp
[[ -f $stamp || -z $(ls -A "$prefix") ]] ||
  die "$prefix is not ours to replace: name an empty directory"

up_to_date() {
  [[ -f $stamp && $(<"$stamp") == "$key" ]] || return 1
  # make compares times: a fresh checkout must not look newer than its libraries.
  if [[ $lock -nt $stamp || ${BASH_SOURCE[0]} -nt $stamp ]]; then touch "$stamp"; fi
}

up_to_date && exit 0
exec 9>"$prefix.lock"
flock 9
up_to_date && exit 0

work=$prefix.tmp
rm -rf "$work"
mkdir -p "$work/out"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

install_result() {
  echo "$key" >"$1/.stamp"
  rm -rf "$prefix"
  mv "$1" "$prefix"
}

if [[ -f $cache/built/$key.tar ]] && tar -xf "$cache/built/$key.tar" -C "$work/out"; then
  install_result "$work/out"
  exit 0
fi

mirrors() {
  [[ -z ${DEBIAN_MIRROR:-} ]] || echo "${DEBIAN_MIRROR%/}"
  command -v apt-get >/dev/null || return 0
  apt-get --print-uris update 2>/dev/null |
    sed -n "s#^'\(.*\)/dists/.*#\1#p" | awk '!seen[$0]++' |
    while read -r base; do
      case $base in
      mirror+file:*) awk '!/^#/ && NF { sub("/+$", "", $1); print $1 }' "${base#mirror+file:}" ;;
      *) echo "$base" ;;
      esac
    done
  # What Ubuntu knows of Debian: python-apt-common names its default mirror. Plain http will do,
  # as on Debian: the checksums are ours.
  sed -n '/^BaseURI: /{s#^.*https*\(:.*/debian\)/*$#http\1#p;q}' \
    /usr/share/python-apt/templates/Debian.info 2>/dev/null || true
}

download() { # URL FILE
  local helper=/usr/lib/apt/apt-helper
  if [[ -x $helper && $1 != file:* ]]; then
    # apt's own user may not write to our cache.
    "$helper" -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3 \
      download-file "$1" "$2" >"$work/log" 2>&1
  else
    curl -fsSL --retry 3 -o "$2" "$1" >"$work/log" 2>&1
  fi
}

fetch() { # SHA256 PATH: leaves the verified file in $work/src
  local sum=$1 path=$2 name=${2##*/} base tried=()
  local kept=$cache/src/$sum-$name
  matches() { echo "$sum  $1" | sha256sum --check --status 2>/dev/null; }

  if ! matches "$kept"; then
    for base in "${bases[@]}"; do
      rm -f "$work/part"
      if download "$base/${path//+/%2b}" "$work/part" && matches "$work/part"; then
        mv "$work/part" "$kept.$$"
        mv "$kept.$$" "$kept"
        break
      fi
      tried+=("$base")
    done
  fi
  matches "$kept" ||
    die "$path (sha256 ${sum:0:12}…) is not on ${tried[*]:-any mirror apt knows}: set" \
      "DEBIAN_MIRROR=URL of a Debian mirror or archive that has it, or pin another version in $lock"
  ln -s "$kept" "$work/src/$name"
}

mkdir -p "$cache/src" "$cache/built" 2>/dev/null || cache=$prefix.cache
mkdir -p "$cache/src" "$cache/built" "$work/src"
cache=$(cd "$cache" && pwd)
mapfile -t bases < <(mirrors)
say "fetching and building libpq, libcurl, libmicrohttpd, libzstd and cJSON, once (two minutes)"
while read -r sum path; do
  [[ $sum == \#* ]] || fetch "$sum" "$path"
done <"$lock"

cflags="-O2 -g -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$work=."
for flag in -fstack-clash-protection -fcf-protection -mbranch-protection=standard; do
  if "$cc" -Werror "$flag" -c -x c /dev/null -o /dev/null 2>/dev/null; then cflags+=" $flag"; fi
done

run() { # quiet unless it fails
  "$@" >"$work/log" 2>&1 </dev/null || { tail -n 30 "$work/log" >&2; die "failed: $*"; }
}

unpack() { # NAME
  # The checksums above say more than the maintainer's signature would.
  run dpkg-source --no-check -x "$work/src/$1"_*.dsc "$work/$1"
  install -D -m 644 "$work/$1/debian/copyright" "$work/out/share/$1.copyright"
}

build_libpq() {
  local src=$work/postgresql-15
  unpack postgresql-15
  cd "$src"
  # The service file is looked for where Debian's own libpq does.
  run ./configure CC="$cc" CFLAGS="$cflags" --prefix=/usr \
    --sysconfdir=/etc/postgresql-common --with-ssl=openssl --without-gssapi \
    --without-ldap --without-icu --without-readline --without-zlib --disable-nls
  run make -C src/backend generated-headers
  # Asking for the archive alone leaves out the check that libpq never calls exit(),
  # which static OpenSSL fails.
  run make -j"$(nproc)" AROPT=crsD -C src/common libpgcommon_shlib.a
  run make -j"$(nproc)" AROPT=crsD -C src/port libpgport_shlib.a
  run make -j"$(nproc)" AROPT=crsD -C src/interfaces/libpq libpq.a
  install -D -m 644 -t "$work/out/lib" src/common/libpgcommon_shlib.a \
    src/port/libpgport_shlib.a src/interfaces/libpq/libpq.a
  install -D -m 644 -t "$work/out/include" src/interfaces/libpq/libpq-fe.h \
    src/include/postgres_ext.h src/include/pg_config_ext.h
}

build_cjson() {
  unpack cjson
  cd "$work/cjson"
  # shellcheck disable=SC2086
  run "$cc" $cflags -c cJSON.c -o cJSON.o
  run ar rcsD "$work/out/lib/libcjson.a" cJSON.o
  install -D -m 644 -t "$work/out/include/cjson" cJSON.h
}

# HTTP and HTTPS alone. Signed requests (AWS's version 4) come with the digest of HTTP's logins.
build_curl() {
  unpack curl
  cd "$work/curl"
  run ./configure CC="$cc" CFLAGS="$cflags" --prefix=/usr --disable-shared --enable-static \
    --with-openssl --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --without-ca-path \
    --without-{zlib,brotli,zstd,libpsl,libidn2,nghttp2,librtmp,libssh2,libgsasl} \
    --disable-{ldap,ldaps,ftp,file,dict,telnet,tftp,pop3,imap,smb,smtp,gopher,mqtt,rtsp} \
    --disable-{manual,cookies,ntlm,tls-srp,unix-sockets,alt-svc,hsts,doh,mime,dateparse,netrc} \
    --disable-{progress-meter,threaded-resolver,libcurl-option}
  run make -j"$(nproc)" -C lib
  install -D -m 644 -t "$work/out/lib" lib/.libs/libcurl.a
  install -D -m 644 -t "$work/out/include/curl" include/curl/*.h
}

# HTTP without TLS, which ends at an ingress, and without parsers that its users do not need.
build_microhttpd() {
  unpack libmicrohttpd
  cd "$work/libmicrohttpd"
  run ./configure CC="$cc" CFLAGS="$cflags" --prefix=/usr --disable-shared --enable-static \
    --with-pic=no --disable-{https,postprocessor,bauth,dauth,httpupgrade,doc,examples,curl,tools}
  run make -j"$(nproc)" -C src/microhttpd libmicrohttpd.la
  install -D -m 644 -t "$work/out/lib" src/microhttpd/.libs/libmicrohttpd.a
  install -D -m 644 -t "$work/out/include" src/include/microhttpd.h
}

# Tests compress with it; the programs take only what decompresses.
build_zstd() {
  unpack libzstd
  cd "$work/libzstd/lib"
  run make -j"$(nproc)" libzstd.a CC="$cc" CFLAGS="$cflags -O3" ARFLAGS=rcsD \
    ZSTD_LEGACY_SUPPORT=0 ZSTD_LIB_{DICTBUILDER,DEPRECATED}=0
  install -D -m 644 -t "$work/out/lib" libzstd.a
  install -D -m 644 -t "$work/out/include" zstd.h zstd_errors.h
}

build_libpq
build_curl
build_microhttpd
build_cjson
build_zstd
cd /
tar -C "$work/out" -cf "$cache/built/$key.tar.$$" .
mv "$cache/built/$key.tar.$$" "$cache/built/$key.tar"
install_result "$work/out"
say "installed in $prefix"
