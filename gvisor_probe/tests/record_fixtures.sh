#!/usr/bin/env bash
# Records real reports of the same pod under four runtimes into fixtures/: record_fixtures.sh
# Run it after a change of probes or of the report. Needs root, runc, jq, python3 and runsc: cells.sh.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cells.sh
. "$(dirname "$0")/cells.sh"

cd "$cells_here/../.."
work=$(mktemp -d)
decoys=
trap '[[ -z $decoys ]] || kill "$decoys"; remove_work "$work"' EXIT
# A path of its own, as short as the sockets in it must be.
host=$work/host
prepare_path "$host"
echo 8bb1f6d2c3a94e07 >"$host/canary"
mkfifo "$host/decoy.fifo"
chmod 0666 "$host/decoy.fifo"
python3 - "$host/decoy.sock" <<'END' &
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + ".new")
os.chmod(sys.argv[1] + ".new", 0o777)
listener.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    listener.accept()[0].close()
END
decoys=$!
until [[ -S $host/decoy.sock ]]; do kill -0 "$decoys"; done

for cell in runc runc-unconfined gvisor gvisor-sealed; do
  seccomp=RuntimeDefault
  [[ $cell != runc-unconfined ]] || seccomp=Unconfined
  # Through a pipe: runsc's output to a file overwrites itself when several processes write.
  run_cell "$cell" "$work" build/gvisor_probe "$host" run --path /host --format json \
    --run-id fixture --cell "$cell" --runtime "${cell%-*}" --runtime-class "$cell" \
    --pod-node node-1 --pod-image gvisor_probe:latest --pod-uid 65534 --pod-gids 65534 \
    --pod-host-path /var/lib/probe --pod-mount-read-only false --pod-root-read-only true \
    --pod-capabilities none --pod-seccomp "$seccomp" --pod-privileged false --keep-for-witness |
    jq --arg release "$(uname -r)" '
      # This machine is of no interest.
      walk(if type == "string" then gsub($release; "6.18.0-node")
        | gsub("\\([^)]*@[^)]*\\)"; "(builder@host)") else . end)
      ' >"$work/$cell.json"
  jq -e '.detection.declared_matches' "$work/$cell.json" >/dev/null
done
mv "$work"/*.json gvisor_probe/tests/fixtures/
find "$host" -mindepth 1 -printf '%P %y %m %U:%G\n' | LC_ALL=C sort >gvisor_probe/tests/fixtures/landed.txt
