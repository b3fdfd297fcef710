#!/usr/bin/env bash
# Prints the path of a real containerd, unpacked and not installed: containerd.sh VERSION
# 2.2.9 is the box's, where that was built; the others are Debian's. Status 77: not to be had.
set -euo pipefail

cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/argo-steps
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
case $1 in
1.6.20)
  file=containerd_1.6.20~ds1-1+deb12u3_amd64.deb
  sum=8669d264eeb0fcdb4a0b1ba436ab88ec5dafde4a66e1278ec279d830db4c2216
  ;;
1.7.24)
  file=containerd_1.7.24~ds1-6+deb13u1_amd64.deb
  sum=ed708deb96fe476a3bce4efa5c0538dfbcf717ab9a7c7944ba7260342c25899c
  ;;
2.1.9)
  file=containerd_2.1.9+ds1-5_amd64.deb
  sum=2dda86ce7033fd612fc50e136679d8174ccad680eb29cd4611e0d2a1b84cf591
  ;;
2.2.9)
  program=${BOX_CACHE:-$cache/box}/current/containerd/bin/containerd
  [[ -x $program ]] || exit 77
  echo "$program"
  exit
  ;;
*) exit 77 ;;
esac

to=$cache/containerd/$1
if [[ ! -x $to/usr/bin/containerd ]]; then
  mkdir -p "$cache/containerd"
  work=$(mktemp -d "$cache/containerd/.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  name=${file//+/%2b}
  curl -fsSL --retry 2 -o "$work/deb" "$mirror/pool/main/c/containerd/${name//\~/%7e}" || exit 77
  echo "$sum  $work/deb" | sha256sum --check --status || exit 77
  dpkg-deb -x "$work/deb" "$work/tree"
  rm -rf "$to"
  mv -T "$work/tree" "$to"
fi
echo "$to/usr/bin/containerd"
