#!/usr/bin/env bash
# Prints whose code and data an image holds, from what its link left behind: the linker's map names
# the objects and archive members that were taken, the line table the headers whose code was inlined.
#
#   images/origins.sh LINKED MAP BASE
# LINKED is the program with symbols, MAP its linker's map, BASE the files beside it. A line a file:
# origin, name and SHA-256, between tabs. The origin is deb:PACKAGE of this machine, or lock:SOURCE
# of common/deps/deps.lock.
set -euo pipefail

linked=$1 map=$2 base=$3
export LC_ALL=C

die() { echo "origins: $*" >&2; exit 1; }

contributors() { # our own files have relative names, and so do those of build/deps
  awk '/^Archive member included/ { on = 1; getline; next }
    on && !NF { exit }
    on && /^[^ ]/ { sub(/\(.*/, "", $1); print $1 }' "$map"
  awk '$1 == "LOAD" && $2 ~ /\.o$/ { print $2 }' "$map"
  objdump --dwarf=decodedline "$linked" | sed -n 's#^\(/.*\):$#\1#p'
}

declare -A seen=()
claim() { # ORIGIN FILE
  [[ ! ${seen[$2]:-} ]] || return 0
  seen[$2]=1
  printf '%s\t%s\t%s\n' "$1" "${2##*/}" "$(sha256sum "$2" | cut -c 1-64)"
}

contributors | sort -u | while read -r file; do
  case $file in
  build/deps/lib/libcjson.a) claim lock:cjson "$file" ;;
  build/deps/lib/libcurl.a) claim lock:curl "$file" ;;
  build/deps/lib/libmicrohttpd.a) claim lock:libmicrohttpd "$file" ;;
  build/deps/lib/libzstd.a) claim lock:libzstd "$file" ;;
  build/deps/lib/libp[qg]*.a) claim lock:postgresql-15 "$file" ;;
  build/deps/*) die "no source is known for $file: name its source package here" ;;
  /*)
    # Libraries of Debian carry no line tables; elsewhere they name files of the build machine.
    [[ -e $file ]] || continue
    file=$(readlink -f "$file")
    owner=$(dpkg -S "$file") || die "$file belongs to no package"
    claim "deb:${owner%%[:,]*}" "$file"
    ;;
  esac
done
for file in "$base"/etc/ssl/certs/*; do claim deb:ca-certificates "$file"; done
for file in "$base"/usr/share/zoneinfo/*; do claim deb:tzdata "$file"; done
