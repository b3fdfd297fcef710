#!/usr/bin/env bash
# Proves how programs were linked: check_binary.sh RESULTS PROGRAM...  (with symbols, not stripped)
set -uo pipefail

results=$1
shift
mkdir -p "$results"
exec > >(tee "$results/check-binary.tap") 2>&1
failed=0

check() { # NAME COMMAND...: ok when the command succeeds
  local name=$1
  shift
  if "$@"; then
    echo "ok - $name"
  else
    echo "not ok - $name"
    failed=1
  fi
}
# shellcheck disable=SC2317 # called through check
has() { grep -qE "$2" <<<"$1"; }
# shellcheck disable=SC2317
lacks() { ! has "$@"; }

for program in "$@"; do
  name=$(basename "$program")
  headers=$(readelf -hlW "$program") || exit 1
  dynamic=$(readelf -dW "$program")
  symbols=$(nm "$program")
  check "$name is position independent" has "$headers" 'Type: +DYN'
  check "$name needs no interpreter" lacks "$headers" 'INTERP'
  check "$name needs no shared library" lacks "$dynamic" 'NEEDED'
  check "$name has read-only relocations" has "$headers" 'GNU_RELRO'
  check "$name binds at start" has "$dynamic" '(BIND_NOW|FLAGS.*NOW)'
  check "$name has no executable stack" has "$headers" 'GNU_STACK.* RW  '
  check "$name has no segment both writable and executable" lacks "$headers" 'LOAD.* RWE '
  check "$name has stack protectors" has "$symbols" '__stack_chk_fail'
  check "$name has fortified calls" has "$symbols" '__(snprintf|vsnprintf|memcpy|read)_chk'
  check "$name is not dynamic to ldd" has "$(ldd "$program" 2>&1)" 'statically linked|not a dynamic'
done
exit "$failed"
