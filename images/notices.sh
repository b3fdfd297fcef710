#!/usr/bin/env bash
# Prints the notices of all third-party code and data in an image, as their licenses ask: the
# copyright file of every origin, then once each license text that those files only refer to.
#
#   images/notices.sh PROGRAM LINKED MAP BASE      (see images/origins.sh)
set -euo pipefail

program=$1
export LC_ALL=C
common=/usr/share/common-licenses

die() { echo "notices: $*" >&2; exit 1; }

copyright_file() { # ORIGIN
  case $1 in
  deb:*) readlink -e "/usr/share/doc/${1#*:}/copyright" ;;
  lock:*) readlink -e "build/deps/share/${1#*:}.copyright" ;;
  esac || die "no copyright file of $1 is here: reinstall it"
}

title() { printf '\n%s\n%s\n\n' "$1" "${1//?/=}"; }

mapfile -t origins < <(images/origins.sh "${@:2}" | cut -f 1 | sort -u)
((${#origins[@]})) || die "nothing is known of what was linked"

echo "$program holds code or data of the packages below. These are their notices."
declare -A packages=()
for origin in "${origins[@]}"; do
  file=$(copyright_file "$origin")
  packages[$file]+="${packages[$file]:+, }${origin#*:}"
done
mapfile -t files < <(printf '%s\n' "${!packages[@]}" | sort)
for file in "${files[@]}"; do
  title "${packages[$file]}"
  cat "$file"
done

# A dot or a bracket behind the name belongs to the sentence.
grep -ohE "$common/[A-Za-z0-9.-]*[A-Za-z0-9]" "${files[@]}" | sort -u | while read -r file; do
  title "${file##*/}"
  cat "$file" || die "$file is not here: reinstall base-files"
done
