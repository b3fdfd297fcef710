#!/usr/bin/env bash
# Run inside the new namespaces: what of the machine is hidden, and a network without a way out.
#
#   namespace.sh STATE NODE_IP
#
# Whatever the box mounts or configures here is gone with its process 1.
set -euo pipefail

state=$1 node_ip=$2

hostname box

# Mounts of the machine still appear here, those of the box never there.
mount --make-rshared /
# Sockets, locks and pod namespaces of containerd, kubelet and CNI would land on the machine's.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock /run/netns
# gVisor's shim finds a pod's volumes under /var/lib/kubelet only.
for directory in lib/kubelet lib/cni log; do
  mkdir -p "$state/$directory" "/var/$directory"
  mount --bind "$state/$directory" "/var/$directory"
  # On its own, or what is mounted in one of the two places would appear in both.
  mount --make-private "/var/$directory"
  mount --make-shared "/var/$directory"
done

ip link set lo up
# The node's address sits on one end of a pair whose other end is here too: this kernel may have no
# dummy device. The API server wants a default route to find its own address by.
ip link add node0 type veth peer name node1
ip address add "$node_ip/24" dev node0
ip link set node0 up
ip link set node1 up
ip route add default dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward

# What pods send to the node's own addresses. To the API server, where network policies let them:
# kube-network-policies looks at what is forwarded, so its queue is handed this too. Nothing else,
# and nothing by IPv6, for the node's programs listen at each pod's link-local address as well.
iptables-nft -A INPUT -i veth+ -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables-nft -A INPUT -i veth+ -p tcp --dport 6443 -j NFQUEUE --queue-num 100
iptables-nft -A INPUT -i veth+ -j DROP
ip6tables-nft -A INPUT -i veth+ -j DROP
