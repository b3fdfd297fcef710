#!/usr/bin/env bash
# Makes the cluster's certificates and kubeconfigs: pki.sh DIRECTORY NODE_IP
set -euo pipefail

node_ip=$2
mkdir -p "$1"
cd "$1"
umask 077
log=$PWD/openssl.log

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>>"$log"; }

authority() {
  new_key ca
  openssl req -x509 -new -key ca.key -subj /CN=box -days 30 -out ca.crt 2>>"$log"
}

certificate() { # NAME SUBJECT USE [ALTERNATIVE-NAMES]
  new_key "$1"
  openssl req -new -key "$1.key" -subj "$2" 2>>"$log" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 30 \
      -extfile <(printf 'extendedKeyUsage=%s\n%s\n' "$3" "${4:+subjectAltName=$4}") \
      -out "$1.crt" 2>>"$log"
}

kubeconfig() { # NAME SUBJECT
  certificate "$1" "$2" clientAuth
  cat >"$1.conf" <<END
apiVersion: v1
kind: Config
current-context: box
clusters:
  - name: box
    cluster:
      server: https://$node_ip:6443
      certificate-authority-data: $(base64 -w 0 ca.crt)
users:
  - name: $1
    user:
      client-certificate-data: $(base64 -w 0 "$1.crt")
      client-key-data: $(base64 -w 0 "$1.key")
contexts:
  - name: box
    context: {cluster: box, user: $1}
END
}

authority
new_key service-accounts
names=kubernetes,kubernetes.default,kubernetes.default.svc,kubernetes.default.svc.cluster.local
certificate apiserver /CN=kube-apiserver serverAuth \
  "DNS:${names//,/,DNS:},DNS:localhost,IP:127.0.0.1,IP:$node_ip,IP:10.96.0.1"
certificate kubelet /CN=system:node:box serverAuth "DNS:box,IP:$node_ip"
certificate to-kubelet /O=system:masters/CN=apiserver clientAuth

kubeconfig admin /O=system:masters/CN=admin
kubeconfig controllers /CN=system:kube-controller-manager
kubeconfig scheduler /CN=system:kube-scheduler
kubeconfig proxy /CN=system:kube-proxy
kubeconfig node /O=system:nodes/CN=system:node:box
