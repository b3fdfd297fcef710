#!/usr/bin/env bash
# Kept inputs through the fuzz targets, as TAP: replay.sh RESULTS PROFILE DIRECTORY TARGET...
set -uo pipefail

results=$1 profile=$2 programs=$3
shift 3
mkdir -p "$results"
exec > >(tee "$results/fuzz-replay-$profile.tap") 2>&1
failed=0

for target in "$@"; do
  inputs=(tests/fuzz/corpus/"$target"/*)
  if output=$(timeout 120 "$programs/replay_$target" "${inputs[@]}" 2>&1); then
    echo "ok - $target holds for ${#inputs[@]} kept inputs, $profile"
  else
    failed=1
    echo "not ok - $target fails, $profile"
    tail -n 20 <<<"$output" | sed 's/^/# /'
  fi
done
exit "$failed"
