# shellcheck shell=bash disable=SC2034
# Sourced by the box's scripts: where things are, how they speak and wait, how to get inside.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${BOX_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/argo-steps/box}
state=${BOX_STATE:-/var/lib/argo-steps-box}
bin=$cache/bin
node_ip=192.168.77.1
# On the machine; a box with a state of its own does not take it from the first one.
jobs_port=${BOX_JOBS_PORT:-$([[ ${BOX_STATE:-} ]] && echo 0 || echo 32000)}
cgroup=$(basename "$state")

# How to call this box again, for hints: of several, it is the one with this state.
self=${BOX_STATE:+BOX_STATE=$BOX_STATE }${BOX_CACHE:+BOX_CACHE=$BOX_CACHE }$here/box

say() { echo "box: $*" >&2; }
die() { say "$*"; exit 1; }

need_root() { ((EUID == 0)) || die "needs root (namespaces, mounts, cgroups): sudo $self $*"; }

started_at() { # PID [PROC]: when, in the kernel's ticks; tells a reused number from its first owner
  sed 's/.*) //' "${2:-/proc}/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# The box is one tree of processes in namespaces of its own. Its root is an `unshare` on the
# machine's side, whose only child is the box's process 1: without that the kernel ends the rest.
root_pid() {
  local pid at
  read -r pid at 2>/dev/null <"$state/root.pid" && [[ $(started_at "$pid") == "$at" ]] && echo "$pid"
}

init_pid() {
  local pid child=''
  pid=$(root_pid) || return 1
  read -r child 2>/dev/null <"/proc/$pid/task/$pid/children" || [[ -n $child ]] || return 1
  echo "${child%% *}"
}

enter() { # COMMAND...: runs it inside, in the same directory
  local pid
  pid=$(init_pid) || die "the box is not up: $self up"
  # shellcheck disable=SC2016  # expanded inside
  nsenter --target "$pid" --mount --pid --net --ipc --uts -- \
    /bin/sh -c 'cd "$1" 2>/dev/null; shift; exec "$@"' sh "$PWD" env PATH="$bin:$PATH" "$@"
}

# Directories of the machine over which a box mounts its own. To remove one would take away the mount
# of another box that is up.
unused() { # DIRECTORY: exists, is empty, and nobody has mounted anything there
  [[ -d $1 && -z $(ls -A "$1") ]] && ! grep -qF " $1 " /proc/[0-9]*/mountinfo 2>/dev/null
}

# Not in the user's home, where it would outlive the box.
export KUBECACHEDIR=$state/kube-cache
kubectl() { "$bin/kubectl" --kubeconfig "$state/admin.conf" "$@"; }
ctr() { enter "$bin/ctr" --address /run/containerd/containerd.sock --namespace k8s.io "$@"; }

one_at_a_time() { # commands that change things wait for each other
  mkdir -p "$cache"
  exec {lock}<"$cache"
  flock --timeout 3600 "$lock" || die "another 'box' command has been busy for an hour"
}
