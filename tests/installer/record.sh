#!/usr/bin/env bash
# Writes what the installer does today into configurations/*/expected.diff or refused, for a person
# to read before it is committed: record.sh [NAME...]
# shellcheck disable=SC2154  # node and etc are set by make_node
set -euo pipefail

cd "$(dirname "$0")"
export BATS_TEST_DIRNAME=$PWD BATS_FILE_TMPDIR BATS_TEST_TMPDIR BUILD=${BUILD:-$PWD/../../build}
BATS_FILE_TMPDIR=$(mktemp -d)
BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/nodes
trap 'stop_listening; rm -rf "$BATS_FILE_TMPDIR"' EXIT
skip() { echo "$*" >&2; exit 1; }
# shellcheck source-path=SCRIPTDIR source=helpers.bash
. ./helpers.bash
mkdir "$BATS_TEST_TMPDIR"
setup_programs
listen
if ((!$#)); then set -- configurations/*; fi
for folder in "$@"; do
  name=${folder##*/}
  make_node "$name"
  rm -f "configurations/$name"/{expected.diff,refused}
  status=0
  installer install 2>"$node/log" || status=$?
  if ((status)); then
    sed -n "s#^ERROR##; s#$node/etc/containerd#/etc/containerd#g; \$s#^#$status #p" "$node/log" \
      >"configurations/$name/refused"
  else
    rm -f "$etc"/*.orig*
    etc_differences >"configurations/$name/expected.diff" || true
  fi
done
