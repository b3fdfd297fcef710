#!/usr/bin/env bash
# Prints the SPDX 2.3 bill of an image, from what images/origins.sh finds in it.
#
#   images/sbom.sh PROGRAM VERSION LINKED MAP STRIPPED BASE IMAGE_DIGEST REVISION
# LINKED is the program with symbols, STRIPPED what the image holds beside the files of BASE.
# SOURCE_DATE_EPOCH dates it.
set -euo pipefail

program=$1 version=$2 linked=$3 map=$4 stripped=$5 base=$6 image=$7 revision=$8
lock=common/deps/deps.lock
export LC_ALL=C

die() { echo "sbom: $*" >&2; exit 1; }

license() { # SOURCE-PACKAGE: what its authors declare
  case $1 in
  bzip2) echo bzip2-1.0.6 ;;
  ca-certificates) echo MPL-2.0 ;;
  cjson | tomlplusplus) echo MIT ;;
  curl) echo curl ;;
  gcc-*) echo 'GPL-3.0-or-later WITH GCC-exception-3.1' ;;
  glibc | libmicrohttpd) echo LGPL-2.1-or-later ;;
  libarchive) echo BSD-2-Clause ;;
  openssl) echo Apache-2.0 ;;
  postgresql-*) echo PostgreSQL ;;
  tzdata) echo LicenseRef-public-domain ;;
  libzstd) echo 'BSD-3-Clause OR GPL-2.0-only' ;;
  libmd) echo BSD-3-Clause ;;
  xxhash) echo BSD-2-Clause ;;
  zlib) echo Zlib ;;
  *) die "no license is known for $1: look it up in its copyright file and add it here" ;;
  esac
}

declare -A files=()
while IFS=$'\t' read -r origin file sum; do
  files[$origin]+="${files[$origin]:+, }$file sha256:$sum"
done < <(images/origins.sh "$linked" "$map" "$base")
((${#files[@]})) || die "nothing is known of what was linked"

debian_package() { # NAME FILES
  local about package_version source source_version arch sum
  about=$(dpkg-query -W -f '${Version} ${source:Package} ${source:Version} ${Architecture}\n' "$1")
  read -r package_version source source_version arch <<<"${about%%$'\n'*}"
  # Only while apt still lists the very version that is installed.
  sum=$(apt-cache show "$1=$package_version" 2>/dev/null | sed -n 's/^SHA256: //p' | head -n 1)
  jq -n '$ARGS.named' --arg name "$1" --arg version "$package_version" --arg arch "$arch" \
    --arg source "$source $source_version" --arg sum "$sum" --arg files "$2" \
    --arg license "$(license "$source")" --argjson sources '[]'
}

locked_package() { # NAME FILES
  local dsc sources
  dsc=$(sed -n "s#^[0-9a-f]\{64\}  .*/\($1_.*\)\.dsc\$#\1#p" "$lock")
  [[ -n $dsc ]] || die "$1 is not in $lock"
  sources=$(sed -n "s#^\([0-9a-f]\{64\}\)  .*/\($1_.*\)#\1 \2#p" "$lock" |
    jq -R 'split(" ") | {sum: .[0], file: .[1]}' | jq -s .)
  jq -n '$ARGS.named' --arg name "$1" --arg version "${dsc#*_}" --arg arch source \
    --arg source "$1 ${dsc#*_}" --arg sum '' --arg files "$2" \
    --arg license "$(license "$1")" --argjson sources "$sources"
}

distribution=$(sed -n 's/^ID=//p' /etc/os-release)
bill=$(
  for origin in "${!files[@]}"; do
    case $origin in
    deb:*) debian_package "${origin#*:}" "${files[$origin]}" ;;
    lock:*) locked_package "${origin#*:}" "${files[$origin]}" ;;
    esac
  done |
    jq -s --arg program "$program" --arg version "$version" --arg image "${image#sha256:}" \
      --arg binary "$(sha256sum "$stripped" | cut -c 1-64)" --arg revision "$revision" \
      --arg distribution "$distribution" --arg epoch "$SOURCE_DATE_EPOCH" \
      --arg release "$(sed -n 's/^VERSION_ID="\(.*\)"/\1/p' /etc/os-release)" \
      -f images/sbom.jq
)
# The name must be the document's own: it comes from its contents.
sum=$(sha256sum <<<"$bill" | cut -c 1-32)
jq --arg ns "https://spdx.org/spdxdocs/$program-$version-$sum" '.documentNamespace = $ns' <<<"$bill"
