#!/usr/bin/env bash
# Ends the box and proves that nothing of it is left.
#
# Killing process 1 of its namespaces ends every process in them, pods, sandboxes and shims too, and
# with the last one go the mounts, the network and its rules: the kernel does it, whatever state the
# parts were in. What remains to be removed are files and control groups.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

end_processes() {
  local root init _
  root=$(root_pid) || return 0
  if init=$(init_pid); then kill -KILL "$init"; else kill -KILL "$root"; fi
  # `unshare` ends when process 1 has, and that one when all the others have.
  for _ in {1..300}; do
    [[ -n $(started_at "$root") ]] || return 0
    sleep 0.1
  done
  die "process $root does not end"
}

remove_cgroups() {
  local controller
  for controller in /sys/fs/cgroup/*/; do
    if [[ -d $controller$cgroup ]]; then
      find "$controller$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
    fi
  done
}

need_root down
if [[ ! -e $state ]]; then
  "$here/leftovers.sh" || die "not all of it is gone"
  say "not up"
  exit
fi
began=$SECONDS
end_processes
for _ in {1..50}; do
  remove_cgroups
  if "$here/leftovers.sh" running >/dev/null; then break; fi
  sleep 0.1
done
# With nothing mounted below it (the check said so), this cannot reach a pod's host directories.
"$here/leftovers.sh" running || die "not all of it is gone"
rm -rf --one-file-system "$state"
for directory in /var/lib/kubelet /var/lib/cni; do
  if unused "$directory"; then rmdir "$directory"; fi
done
"$here/leftovers.sh" || die "not all of it is gone"
say "down in $((SECONDS - began)) s"
