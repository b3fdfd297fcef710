#!/usr/bin/env bash
# Builds the images of the commit in two clones, the second with other habits, and compares them
# byte for byte: images/reproduce.sh [RESULTS]
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
if [[ ${1:-} ]]; then
  mkdir -p "$1"
  exec > >(tee "$1/reproduce.tap") 2>&1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
one=$work/one two=$work/a/longer/way/to/two
failed=0

git clone --quiet . "$one" && git clone --quiet --depth 1 "file://$PWD" "$two" || exit 1
"$one/images/build.sh" >/dev/null || exit 1
(umask 077 && TZ=Asia/Tokyo CFLAGS=-O0 "$two/images/build.sh" >/dev/null) || exit 1

for file in "$one"/build/images/*; do
  name=${file##*/}
  if said=$(cmp "$file" "$two/build/images/$name" 2>&1); then
    echo "ok - $name is the same from two clones: $(sha256sum "$file" | cut -c 1-64)"
  else
    echo "not ok - $name is the same from two clones: $said"
    failed=1
  fi
done
exit "$failed"
