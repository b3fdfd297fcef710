#!/usr/bin/env bash
# Keeps containerd running, as systemd would: supervise.sh STATE CONTAINERD ARGUMENT...
#
# Ends it and starts it again when STATE/restart-containerd appears, and removes that file when it
# answers.
set -euo pipefail

request=$1/restart-containerd
shift
answers() {
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/containerd/containerd.sock")' \
    2>/dev/null
}

while :; do
  "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    if [[ -e $request && ${asked:-} != yes ]]; then
      asked=yes
      kill "$pid"
      break
    fi
    if [[ ${asked:-} == yes ]] && answers; then
      asked=no
      rm -f "$request"
    fi
    sleep 0.1
  done
  wait "$pid" || sleep 0.5
done
