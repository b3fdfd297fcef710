#!/usr/bin/env bash
# Records a real experiment into fixtures/, the reports of its cells and the witness's record, under
# invented names of run, node and directory. Run it as root after a change of probes or of a schema.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RUN_ID=fixture NODE_NAME=node-1
local/experiment.sh --keep "$work" --format json >/dev/null
# Debian 12 has gVisor of 2022, which answers much differently.
RUNSC=/usr/bin/runsc local/experiment.sh --keep "$work/2022" --format json >/dev/null ||
  (($? == 5))
mv "$work/2022/gvisor.json" "$work/gvisor-2022.json"

# This machine is of no interest.
dir=$(dirname "$(jq -r .path "$work/witness.json")")
for file in "$work"/*.json; do
  jq --arg release "$(uname -r)" --arg boot "$(cat /proc/sys/kernel/random/boot_id)" \
    --arg dir "$dir" '
    walk(if type == "string" then gsub($release; "6.18.0-node") | gsub($dir; "/srv/probe")
      | gsub($boot; "00000000-0000-4000-8000-000000000001")
      | gsub("\\([^)]*@[^)]*\\)"; "(builder@host)") else . end)' \
    "$file" >"gvisor_probe/tests/fixtures/$(basename "$file")"
done
