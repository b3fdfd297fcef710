#!/usr/bin/env bash
# Gives the node an image: load_image.sh FILE [NAME]
#
# FILE is an OCI or a Docker archive. The kubelet asks for full names, so a short one in the archive
# (fake_gen:latest) is completed as it would complete it (docker.io/library/fake_gen:latest).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

full() { # NAME
  local name=$1
  case $name in
  */*) [[ ${name%%/*} == *[.:]* || ${name%%/*} == localhost ]] || name=docker.io/$name ;;
  *) name=docker.io/library/$name ;;
  esac
  [[ ${name##*/} == *:* ]] || name+=:latest
  echo "$name"
}

names_in() { # FILE
  {
    tar -xOf "$1" index.json 2>/dev/null | jq -r '.manifests[].annotations // {} |
      .["io.containerd.image.name"] // .["org.opencontainers.image.ref.name"] // empty'
    tar -xOf "$1" manifest.json 2>/dev/null | jq -r '.[].RepoTags[]?'
  } | sort -u
}

file=${1:?usage: load_image.sh FILE [NAME]}
[[ -r $file ]] || die "$file: no such file"
index=()
mapfile -t names < <(names_in "$file")
if ((${#names[@]} == 0)); then
  [[ ${2:-} ]] || die "$file has no name in it: give one"
  index=(--index-name "$(full "$2")")
elif [[ ${2:-} ]]; then
  names=("${names[0]}")
fi

store() { # ARGUMENT...: containerd's images; its warnings only when it fails
  local errors
  errors=$(mktemp)
  if ! ctr images "$@" 2>"$errors"; then
    tail -n 3 "$errors" >&2
    rm "$errors"
    die "$file: containerd refused it"
  fi
  rm "$errors"
}
has() { grep -qxF "$1" <<<"$(store ls -q)"; }

store import "${index[@]}" - <"$file" >/dev/null
for name in "${names[@]:-}"; do
  wanted=$(full "${2:-$name}")
  # A Docker archive's names are completed by the import.
  if [[ $name != "$wanted" ]] && has "$name"; then
    store tag --force "$name" "$wanted" >/dev/null
    store rm "$name" >/dev/null
  fi
  has "$wanted" || die "$file: imported, but not as $wanted"
  echo "$wanted"
done | sort -u
