#!/usr/bin/env bash
# Builds what the box runs, out of pinned Go modules, into the cache; silent when it is all there.
#
#   build.sh                 build what is missing (25 minutes on 2 cores with empty caches)
#   build.sh NAME...         only these components
#   build.sh resolve NAME    after a new version in `versions`: enter its checksum, renew sums/NAME
#
# A component is built in a directory of its own and moved into place when it is whole, so an
# interrupted build goes on with the next component. Its name carries a digest of what went in.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=images.sh
. "$here/images.sh"

# shellcheck source-path=SCRIPTDIR source=../go_modules.sh
. "$here/../go_modules.sh"

pins=$here
strip='-s -w'

# --- the components: build_NAME fills $out ----------------------------------------------------

# Kubernetes and etcd take their own libraries from directories beside them, which their modules do
# not have; those are published under the same version.
build_kubernetes() {
  local version field=k8s.io/component-base/version
  version=$(version_of kubernetes)
  sed -i -E "\#=> \./staging/#d; s#^(\s*k8s\.io/[a-z-]+) v0\.0\.0( |$)#\1 v0.${version#v1.}\2#" go.mod
  go build -o "$out/bin/" -ldflags "$strip -X $field.gitVersion=$version -X $field.gitMajor=1 \
    -X $field.gitMinor=$(cut -d . -f 2 <<<"$version") -X $field.gitTreeState=clean" \
    ./cmd/kube-{apiserver,controller-manager,scheduler,proxy} ./cmd/kubelet ./cmd/kubectl
  mkdir -p "$out/share"
  cp -r api/openapi-spec "$out/share/"
}

build_etcd() {
  sed -i '\#=> \.\./#d' go.mod
  go build -o "$out/bin/etcd" -ldflags "$strip" .
}

build_containerd() {
  local field=github.com/containerd/containerd/v2/version
  go build -o "$out/bin/" -tags 'no_btrfs no_devmapper no_zfs' \
    -ldflags "$strip -X $field.Version=$(version_of containerd)" \
    ./cmd/containerd ./cmd/containerd-shim-runc-v2 ./cmd/ctr
}

build_gvisor() {
  # The shim wants to shield itself from the OOM killer; without CAP_SYS_RESOURCE that is refused.
  sed -i 's/\boomScoreMax = -999\b/oomScoreMax = 0/' pkg/shim/v1/manager.go
  grep -q 'oomScoreMax = 0' pkg/shim/v1/manager.go || die "gvisor's shim has changed, see build.sh"
  local flags
  flags="$strip -X gvisor.dev/gvisor/runsc/version.version=$(version_of gvisor)"
  go build -o "$out/bin/runsc" -ldflags "$flags" ./runsc
  go build -o "$out/bin/containerd-shim-runsc-v1" -ldflags "$flags" ./shim
}

build_coredns() {
  # Of its many plugins, these are what a cluster's names need.
  local plugin
  {
    printf 'package plugin\n\nimport (\n'
    for plugin in cache errors health kubernetes loop ready; do
      printf '\t_ "github.com/coredns/coredns/plugin/%s"\n' "$plugin"
    done
    echo ')'
  } >core/plugin/zplugin.go
  go build -o "$out/bin/coredns" -ldflags "$strip" .
}

build_local-path() {
  go build -o "$out/bin/local-path-provisioner" \
    -ldflags "$strip -X main.VERSION=$(version_of local-path)" .
  mkdir "$out/manifests"
  cp deploy/local-path-storage.yaml "$out/manifests/"
  echo 'resources: [local-path-storage.yaml]' >"$out/manifests/kustomization.yaml"
}

build_argo() {
  local version field=github.com/argoproj/argo-workflows/v3
  version=$(version_of argo)
  # Go modules hold no symbolic links, and this was one; nor do they hold the user interface.
  cp -n workflow/executor/osspecific/signal_{darwin,linux}.go
  mkdir -p ui/dist/app
  echo '<html>Built without its user interface.</html>' >ui/dist/app/index.html
  go build -o "$out/bin/" -ldflags "$strip -X $field.version=$version -X $field.gitTag=$version \
    -X $field.gitTreeState=clean" ./cmd/workflow-controller ./cmd/argoexec ./cmd/argo
  cp -r manifests "$out/"
  mkdir -p "$out/share"
  cp api/jsonschema/schema.json "$out/share/argo-workflows.schema.json"
}

# Hands packets over by xtables' target, for kernels built without nftables' own (CONFIG_NFT_QUEUE).
build_network-policies() {
  cat >pkg/networkpolicy/xtables.go <<'GO'
package networkpolicy

import (
	"encoding/binary"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
)

// struct xt_NFQ_info_v3: first queue, number of queues, flags; the flag to bypass is nftables' too
func xtables(queue *expr.Queue) expr.Any {
	info := make(xt.Unknown, 8)
	binary.NativeEndian.PutUint16(info, queue.Num)
	binary.NativeEndian.PutUint16(info[2:], 1)
	binary.NativeEndian.PutUint16(info[4:], uint16(queue.Flag&expr.QueueFlagBypass))
	return &expr.Target{Name: "NFQUEUE", Rev: 3, Info: &info}
}
GO
  sed -i -E 's/^(\t+)queue,$/\1xtables(queue),/' pkg/networkpolicy/controller.go
  grep -q 'xtables(queue)' pkg/networkpolicy/controller.go ||
    die "kube-network-policies' rules have changed, see build.sh"
  go build -o "$out/bin/netpol" -ldflags "$strip" ./cmd
  mkdir "$out/manifests"
  cp install.yaml "$out/manifests/"
  echo 'resources: [install.yaml]' >"$out/manifests/kustomization.yaml"
}

# An S3 server whose buckets are directories.
build_versitygw() {
  go build -o "$out/bin/versitygw" -ldflags "$strip -X main.Version=$(version_of versitygw)" \
    ./cmd/versitygw
}

# --- all of it --------------------------------------------------------------------------------

link_programs() {
  mkdir -p "$bin" "$cache/cli"
  ln -sf "$cache"/current/*/bin/* "$bin/"
  ln -sf "$cache"/current/{kubernetes/bin/kubectl,argo/bin/argo} "$cache/cli/"
}

# Everything that `up` applies, in one file.
build_manifests() {
  local name work=$out/work
  mkdir -p "$work"
  cp -r "$here/manifests/." "$work/"
  mkdir "$work/upstream"
  for name in argo local-path network-policies; do
    ln -s "$(readlink -f "$cache/current/$name")/manifests" "$work/upstream/$name"
    sed -i "s/@$name@/$(version_of "$name")/" "$work/kustomization.yaml"
  done
  for name in coredns versitygw; do
    sed -i "s/@$name@/$(version_of "$name")/" "$work/kustomization.yaml"
  done
  "$cache/current/kubernetes/bin/kubectl" kustomize "$work" >"$out/box.yaml"
  rm -r "$work"
}

main() {
  local name
  check_go "Kubernetes and the rest"
  "$here/packages.sh" build
  # What other components do not wait for comes last; the longest one first.
  for name in kubernetes argo containerd gvisor etcd coredns local-path network-policies versitygw; do
    build_component "$name"
  done
  keep manifests "$(find "$here/manifests" -type f | sort | xargs cat; cat "$here/versions")" \
    build_manifests
  build_images
  # Last: every program that is linked has been built by now.
  link_programs
}

case ${1:-} in
'') main ;;
resolve) resolve "${2:?usage: build.sh resolve NAME}" ;;
*)
  check_go "$*"
  for name in "$@"; do
    pin "$name" >/dev/null || die "there is no '$name' in $pins/versions"
    build_component "$name"
  done
  ;;
esac
