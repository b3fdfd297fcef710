# shellcheck shell=bash disable=SC2034,SC2054,SC2154
# Sourced: the programs that make up the node and the control plane, one log and one pid file each
# in the box's state; the pids are those of inside.

services=(etcd containerd apiserver controllers scheduler kubelet proxy)

command_of() { # SERVICE: sets $command
  local pki=$state/pki
  case $1 in
  etcd)
    # A crash of the machine ends the whole box: nothing needs to survive it.
    command=(etcd --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn
      --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
      --listen-peer-urls http://127.0.0.1:2380) ;;
  containerd)
    command=(containerd --config "$state/config/containerd.toml")
    if [[ ${BOX_GVISOR:-yes} == no ]]; then command=("$here/supervise.sh" "$state" "${command[@]}"); fi
    ;;
  apiserver)
    command=(kube-apiserver --etcd-servers http://127.0.0.1:2379 --advertise-address "$node_ip"
      --service-cluster-ip-range 10.96.0.0/16 --allow-privileged
      --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction
      --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key"
      --client-ca-file "$pki/ca.crt"
      --service-account-issuer https://kubernetes.default.svc
      --service-account-key-file "$pki/service-accounts.key"
      --service-account-signing-key-file "$pki/service-accounts.key"
      # The node's name is in no DNS.
      --kubelet-preferred-address-types InternalIP --kubelet-certificate-authority "$pki/ca.crt"
      --kubelet-client-certificate "$pki/to-kubelet.crt"
      --kubelet-client-key "$pki/to-kubelet.key") ;;
  controllers)
    command=(kube-controller-manager --kubeconfig "$pki/controllers.conf" --leader-elect=false
      --controllers '*,-node-ipam-controller' --use-service-account-credentials
      --service-account-private-key-file "$pki/service-accounts.key"
      --root-ca-file "$pki/ca.crt" --flex-volume-plugin-dir /var/lib/kubelet/volume-plugins) ;;
  scheduler)
    command=(kube-scheduler --kubeconfig "$pki/scheduler.conf" --leader-elect=false
      --authentication-kubeconfig "$pki/scheduler.conf") ;;
  kubelet)
    command=(kubelet --config "$state/config/kubelet.yaml" --kubeconfig "$pki/node.conf"
      --hostname-override box --node-ip "$node_ip")
    # What the installer says of a node that it has tried.
    if [[ ${BOX_GVISOR:-yes} != no ]]; then command+=(--node-labels gvisor.argo-steps/ready=true); fi
    ;;
  proxy) command=(kube-proxy --config "$state/config/proxy.yaml") ;;
  esac
}

# detached LOG PID-FILE COMMAND...: in a session of its own, with none of the caller's files open.
# The file gets pid and start time before the command can do anything.
detached() {
  rm -f "$2"
  # shellcheck disable=SC2016  # expanded by the new shell
  setsid bash -c '
    log=$1 pid_file=$2
    shift 2
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      if ((fd > 2)); then eval "exec $fd>&-"; fi
    done
    exec >>"$log" 2>&1 </dev/null
    echo "$$ $(sed "s/.*) //" /proc/$$/stat | cut -d " " -f 20)" >"$pid_file.new"
    mv "$pid_file.new" "$pid_file"
    exec "$@"' bash "$@" &
  until [[ -s $2 ]]; do sleep 0.01; done
}

start() { # SERVICE
  local command
  command_of "$1"
  # Inside, a shell that ends leaves its child to process 1.
  enter bash -c "$(declare -f detached); detached \"\$@\"" bash \
    "$state/log/$1.log" "$state/pid/$1" "${command[@]}"
}

alive() { # SERVICE
  local init pid at proc=/proc
  if [[ $1 != *-port ]]; then
    init=$(init_pid) || return 1
    proc=/proc/$init/root/proc
  fi
  read -r pid at 2>/dev/null <"$state/pid/$1" && [[ $(started_at "$pid" "$proc") == "$at" ]]
}

tail_of() { # SERVICE: what explains its failure
  say "the last lines of $1 ($self logs $1):"
  tail -n 15 "$state/log/$1.log" | cut -c 1-400 >&2
}

await() { # SECONDS SERVICE WHAT COMMAND...
  local end=$((SECONDS + $1)) service=$2 what=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ! alive "$service"; then
      tail_of "$service"
      die "$service has ended; waited for $what"
    fi
    if ((SECONDS >= end)); then
      tail_of "$service"
      die "no $what in time"
    fi
    sleep 0.1
  done
}
