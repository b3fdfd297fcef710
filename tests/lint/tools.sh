#!/usr/bin/env bash
# Brings what `make lint` checks manifests, workflows of CI and Dockerfiles with into build/lint:
# bin/ and schemas/, out of a cache. Silent when it is all there; names what cannot be had, and
# leaves it out.
#
#   tools.sh                 all of it (6 minutes on 2 cores with empty caches, most of them argo's)
#   tools.sh resolve NAME    after a new version in `versions`: enter its checksum
#
# LINT_CACHE  keeps what was built (default: ~/.cache/argo-steps/lint)
set -euo pipefail

pins=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
box=$pins/../../local/box
cache=${LINT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/argo-steps/lint}
to=$pins/../../build/lint

say() { echo "lint: $*" >&2; }
die() { say "$*"; exit 1; }
# shellcheck source-path=SCRIPTDIR source=../../local/go_modules.sh
. "$pins/../../local/go_modules.sh"

build_kubeconform() { go build -o "$out/bin/" -ldflags '-s -w' ./cmd/kubeconform; }
build_kustomize() { go build -o "$out/bin/" -ldflags '-s -w' .; }
build_actionlint() { go build -o "$out/bin/" -ldflags '-s -w' ./cmd/actionlint; }

install_hadolint() {
  local log=$out/log
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --requirement "$pins/requirements.txt" --target "$out/python" >"$log" 2>&1 ||
    die "pip could not bring hadolint: $(tail -n 3 "$log")"
  mv "$out/python/bin/hadolint" "$out/bin/"
  rm -rf "$out/python" "$log"
}

schema() { # NAME DEFINITIONS: from the files of a module that is pinned beside $pins
  local files
  files=$(module_files "$1")
  "$here/schemas.py" "$files/$2" "$out/$1"
}

# The box's Argo and Kubernetes, the oldest Argo that the workflows promise to run on, and the kinds
# of the Prometheus operator.
make_schemas() {
  local here=$pins
  schema argo-oldest api/jsonschema/schema.json
  schema prometheus-operator jsonnet/prometheus-operator
  local pins=$box
  schema argo api/jsonschema/schema.json
  schema kubernetes api/openapi-spec/swagger.json
}

bring() { # NAME: exits when it cannot be had
  case $1 in
  argo)
    "$box/build.sh" argo
    # shellcheck source-path=SCRIPTDIR source=../../local/box/lib.sh
    cache=$(. "$box/lib.sh" && echo "$cache")
    ;;
  hadolint) keep hadolint "$(cat "$pins/requirements.txt")" install_hadolint ;;
  schemas)
    check_go schemas
    keep schemas "$(cat "$pins"/{versions,schemas.py} "$box/versions")" make_schemas
    ;;
  *) check_go "$1"; build_component "$1" ;;
  esac
  if [[ $1 == schemas ]]; then
    ln -sfn "$(readlink -f "$cache/current/schemas")" "$to/schemas"
  else
    ln -sf "$(readlink -f "$cache/current/$1")/bin/$1" "$to/bin/"
  fi
}

bring_all() {
  local name failed=0
  mkdir -p "$to/bin"
  for name in kubeconform kustomize actionlint hadolint schemas argo; do
    rm -f "$to/bin/$name" "$to/$name"
    # In a process of its own: `||` switches errexit off for all that a function runs.
    "${BASH_SOURCE[0]}" bring "$name" || { say "there is no $name"; failed=1; }
  done
  return "$failed"
}

case ${1:-} in
'') bring_all ;;
bring) bring "$2" ;;
resolve) resolve "${2:?usage: tools.sh resolve NAME}" ;;
*) die "usage: tools.sh [resolve NAME]" ;;
esac
