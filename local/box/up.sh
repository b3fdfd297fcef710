#!/usr/bin/env bash
# Starts the box, or what has ended of it, and returns when pods can be scheduled.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=services.sh
. "$here/services.sh"

render() { # FILE: what follows the state's place
  sed "s|@STATE@|$state|g; s|@CGROUP@|$cgroup|g" "$1"
}

make_state() {
  local file
  mkdir -p "$state"/{config/cni,etcd,log,pid,volumes}
  chmod 711 "$state"
  chmod 700 "$state/etcd"
  for file in "$here"/config/*.* "$here"/config/cni/*; do
    render "$file" >"$state/config/${file#"$here"/config/}"
  done
  if [[ ${BOX_GVISOR:-yes} == no ]]; then
    sed -i '/Of a pod.s annotations gVisor/,$d' "$state/config/containerd.toml"
    rm "$state"/config/runsc*.toml
  fi
}

make_cgroups() { # the kubelet wants its root to exist
  local controller
  for controller in /sys/fs/cgroup/*/; do
    if [[ -e $controller/cgroup.procs && ! -L ${controller%/} ]]; then
      mkdir -p "$controller$cgroup"
    fi
  done
  # A new cpuset has no processors and no memory until it is told.
  local cpuset=/sys/fs/cgroup/cpuset
  for file in cpus mems; do
    if [[ -e $cpuset/$cgroup/cpuset.$file ]]; then
      cat "$cpuset/cpuset.$file" >"$cpuset/$cgroup/cpuset.$file"
    fi
  done
}

open_namespaces() {
  detached "$state/log/init.log" "$state/root.pid" unshare --fork --kill-child \
    --pid --mount-proc --propagation slave --net --ipc --uts "$bin/pause"
  until [[ $(readlink "/proc/$(init_pid)/exe") == */pause ]]; do
    root_pid >/dev/null || die "no namespaces: $(tail -n 3 "$state/log/init.log")"
    sleep 0.02
  done
  enter "$here/namespace.sh" "$state" "$node_ip"
}

load_images() {
  local image
  for image in "$cache"/current/image-*/image.tar; do
    ctr images import "$image" >>"$state/log/images.log" 2>&1 || {
      tail -n 5 "$state/log/images.log" >&2
      die "containerd did not take $image"
    }
  done
}

# The machine's way to the API: a port of its loopback, the same one as long as the box is up.
open_api() {
  local port=0 log=$state/log/api-port.log
  if [[ -f $state/admin.conf ]]; then port=$(grep -oP 'https://127.0.0.1:\K\d+' "$state/admin.conf"); fi
  : >"$log"
  detached "$log" "$state/pid/api-port" \
    python3 "$here/forward.py" "$(init_pid)" "$port" "$node_ip" 6443
  until read -r port <"$log"; do
    alive api-port || die "no port for the API: $(<"$log")"
    sleep 0.02
  done
  sed "s|https://$node_ip:6443|https://127.0.0.1:$port|" "$state/pki/admin.conf" >"$state/admin.conf"
}

# The machine's way to what listens on the node's port 32000, the jobs' service. A port that is taken
# keeps nobody from the rest.
open_jobs() {
  local port log=$state/log/jobs-port.log
  : >"$log"
  detached "$log" "$state/pid/jobs-port" \
    python3 "$here/forward.py" "$(init_pid)" "$jobs_port" "$node_ip" 32000
  until read -r port <"$log" && [[ $port =~ ^[0-9]+$ ]]; do
    alive jobs-port || { say "no forward to jobs: 127.0.0.1:$jobs_port cannot be had: $(tail -n 1 "$log")"; return; }
    sleep 0.02
  done
}

explain() { # what keeps pods from running
  kubectl get pods -A -o wide >&2 || true
  kubectl get events -A --field-selector type=Warning --sort-by .lastTimestamp 2>/dev/null |
    tail -n 10 >&2
}

await_workloads() {
  await 90 kubelet "ready node" kubectl wait --for=condition=Ready node/box --timeout=10s
  kubectl wait --for=condition=Available deployments --all -A --timeout=120s >/dev/null || {
    explain
    die "not all deployments became available"
  }
  kubectl rollout status -n kube-system daemonset/kube-network-policies --timeout=60s >/dev/null || {
    explain
    die "nothing enforces network policies"
  }
}

# Each step waits for what it needs, so this also brings back whatever of it has ended.
started=()
ensure() { # SERVICE
  if ! alive "$1"; then
    case $1 in
    api-port) open_api ;;
    jobs-port) open_jobs ;;
    *) start "$1" ;;
    esac
    if alive "$1"; then started+=("$1"); fi
  fi
}

start_services() {
  ensure etcd
  ensure containerd
  ensure apiserver
  ensure api-port
  await 30 containerd "containerd's socket" ctr version
  await 60 apiserver "ready API server" kubectl get --raw /readyz
  for service in "${services[@]}" jobs-port; do ensure "$service"; done
  await 60 kubelet "answer from the kubelet" kubectl get --raw /api/v1/nodes/box/proxy/healthz
}

start_workloads() {
  render "$cache/current/manifests/box.yaml" >"$state/config/box.yaml"
  # An API that has only just become ready may still refuse kinds it is learning.
  await 30 apiserver "room for the manifests" kubectl apply --server-side --force-conflicts \
    -f "$state/config/box.yaml"
}

start_afresh() {
  make_state
  "$here/pki.sh" "$state/pki" "$node_ip"
  make_cgroups
  open_namespaces
  ensure containerd
  {
    await 30 containerd "containerd's socket" ctr version
    load_images
  } &
  local images=$!
  start_services
  start_workloads
  wait "$images" || die "not all images were loaded"
  await_workloads
  touch "$state/ready"
}

on_exit() {
  local status=$?
  trap '' INT TERM
  if ((status)); then
    jobs -p | xargs -r kill 2>/dev/null || true
    say "not up; logs are in $state/log; '$self down' removes what was started"
  fi
  exit "$status"
}

need_root up
"$here/packages.sh" run
"$here/build.sh"
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ -e $state/ready ]] && init_pid >/dev/null; then
  start_services
  await_workloads
  if ((${#started[@]})); then
    say "started again: ${started[*]}"
  else
    say "already up"
  fi
  exit
fi
if [[ -e $state ]]; then
  say "removing what an earlier start left"
  "$here/down.sh"
fi
began=$SECONDS
start_afresh
say "up in $((SECONDS - began)) s; for kubectl and argo: eval \"\$($self env)\""
