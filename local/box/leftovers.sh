#!/usr/bin/env bash
# Lists what of the box exists on the machine when it is down; exits 1 if there is anything.
#
#   leftovers.sh [running]    `running` leaves out the files
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

processes() { # in the box's control groups, one of its programs, or working on its state
  local directory pid
  for directory in /proc/[0-9]*; do
    pid=${directory#/proc/}
    if [[ $pid != "$$" ]] && {
      grep -qs ":/$cgroup/" "$directory/cgroup" ||
        # A process in a namespace of its own is another box's: this box's ended with it. Clients
        # are left out: nothing tells which box they use.
        [[ $(readlink "$directory/exe") =~ ^"$cache"/built/.*/bin/(.*) && ! ${BASH_REMATCH[1]} =~ ^(argo|kubectl|versitygw)$ &&
          $(readlink "$directory/ns/pid") == "$(readlink /proc/self/ns/pid)" ]] ||
        tr '\0' '\n' <"$directory/cmdline" | grep -qF "$state/"
    } 2>/dev/null; then
      echo "process $pid: $(tr '\0' ' ' <"$directory/cmdline" 2>/dev/null | cut -c 1-100)"
    fi
  done
}

mounts() {
  awk -v state="$state/" '
    index($5 "/", state) == 1 || $5 ~ "^/var/lib/(kubelet|cni)(/|$)" || $5 ~ "/netns/cni-" {
      print "mount " $5 }' /proc/self/mountinfo
}

networks() {
  local name
  for name in /run/netns/cni-*; do
    if [[ -e $name ]]; then echo "network namespace $name"; fi
  done
  ip -o link show 2>/dev/null | awk -F ': ' '$2 ~ /^node[01](@|$)/ { print "interface " $2 }'
}

groups() {
  local directory
  for directory in /sys/fs/cgroup/*/"$cgroup"; do
    if [[ -d $directory ]]; then echo "control group $directory"; fi
  done
}

files() {
  local directory
  if [[ -e $state ]]; then echo "directory $state"; fi
  for directory in /var/lib/kubelet /var/lib/cni; do
    if unused "$directory"; then echo "empty directory $directory"; fi
  done
}

found=$(
  processes
  mounts
  networks
  groups
  if [[ ${1:-} != running ]]; then files; fi
)
[[ -z $found ]] && exit
echo "$found"
exit 1
