#!/usr/bin/env bash
# shellcheck disable=SC2031,SC2034
# Makes the images of jobs that build and run Dockerfiles, once, in the box's cache, and names their
# archives: the builder, and the two registries. Out of Debian's packages; nothing is pulled.
#
#   jobs_images.sh [load]    load: give them to the node, and tell it where the registry `jobs` is
#
# What FROM may name is in the image of the registry `base`, whose files are the registry's own: it
# takes nothing in. An image's name is honest: debian:12 is made of Debian 12 by mmdebstrap.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=images.sh
. "$here/images.sh"
# shellcheck source-path=SCRIPTDIR source=../go_modules.sh
. "$here/../go_modules.sh"

builder=$here/../../images/builder
# The date of every file that is newer, so that the same packages are the same bytes.
export SOURCE_DATE_EPOCH=1764000000

debian() { # OPTION... TARGET: a small Debian 12, without manuals and translations
  mmdebstrap --quiet --variant=minbase \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    bookworm "${@: -1}" "${@:1:$#-1}"
}

build_docker-registry() { # without what the package depends on
  cd "$out"
  apt-get -qq -o APT::Sandbox::User=root download docker-registry
  dpkg -x docker-registry_*.deb package
  mv package/usr/bin/docker-registry bin/
  rm -r package docker-registry_*.deb
}

# --- what the registry `base` has: as docker-registry keeps it on disk ---------------------------

# base_image NAME TAG TAR CONFIG: an image of one layer in $root/data
base_image() {
  local store=$root/data/docker/registry/v2 repository digest manifest layer image
  repository=$store/repositories/$1
  link() { # PATH DIGEST
    mkdir -p "$1"
    printf %s "$2" >"$1/link"
  }
  blob() { # TYPE [OF-REPOSITORY]: stores stdin, prints its descriptor
    local new=$store/new sum
    mkdir -p "$store"
    cat >"$new"
    sum=$(sha256sum "$new" | cut -d ' ' -f 1)
    mkdir -p "$store/blobs/sha256/${sum:0:2}/$sum"
    jq -n --arg type "application/vnd.oci.image.$1" --arg digest "sha256:$sum" \
      --argjson size "$(stat -c %s "$new")" '{mediaType: $type, digest: $digest, size: $size}'
    mv "$new" "$store/blobs/sha256/${sum:0:2}/$sum/data"
    link "$repository/_layers/sha256/$sum" "sha256:$sum"
  }
  layer=$(blob layer.v1.tar <"$3")
  image=$(jq -n --argjson layer "$layer" --argjson config "$4" '
    {architecture: "amd64", os: "linux", created: "1970-01-01T00:00:00Z", config: $config,
     rootfs: {type: "layers", diff_ids: [$layer.digest]}}' | blob config.v1+json)
  manifest=$(jq -n --argjson layer "$layer" --argjson image "$image" '
    {schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
     config: $image, layers: [$layer]}' | blob manifest.v1+json)
  digest=$(jq -r .digest <<<"$manifest")
  link "$repository/_manifests/revisions/sha256/${digest#*:}" "$digest"
  link "$repository/_manifests/tags/$2/current" "$digest"
  link "$repository/_manifests/tags/$2/index/sha256/${digest#*:}" "$digest"
}

build_debian() { debian "$out/debian.tar"; }

# --- the images --------------------------------------------------------------------------------

put_registry() { # FILE: docker-registry with this configuration
  put "$root" "$cache/current/docker-registry/bin/docker-registry" /usr/bin
  put_libraries "$root" "$root/usr/bin/docker-registry"
  mkdir -p "$root/config" "$root/data"
  cp "$1" "$root/config/config.yml"
  put_tmp "$root"
  config='{"Entrypoint": ["docker-registry"], "Cmd": ["serve", "/config/config.yml"],
    "Env": ["PATH=/usr/bin"], "User": "65532:65532"}'
}

image_registry-base() {
  put_registry "$here/config/registry-base.yml"
  base_image library/debian 12 "$cache/current/debian/debian.tar" \
    '{"Cmd": ["bash"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}'
}

image_registry-jobs() { put_registry "$here/config/registry-jobs.yml"; }

# Debian's buildah and skopeo, and what they need.
build_debian-builder() {
  local root=$out/root
  debian --include=buildah,ca-certificates,jq,skopeo,uidmap "$root"
  rm -r "$root"/var/{cache,lib/apt,log}
  # The user namespace of a build has all ids of an image.
  echo root:0:65536 | tee "$root/etc/subuid" >"$root/etc/subgid"
}

image_job-builder() {
  cp -r --preserve=mode,links "$cache/current/debian-builder/root/." "$root/"
  put "$root" "$builder"/{build,push} /usr/local/bin
  put "$root" "$builder"/{policy.json,registries.conf} /etc/containers
  mkdir -p "$root"/{context,layout}
  config='{"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp"]}'
}

jobs_image() { # NAME INPUT...: kept apart from the images that every box has
  keep "jobs-$1" "$(printf '%s\n' "${@:2}"; cat "$here"/{oci,images,jobs_images}.sh)" \
    make_image "$1" "localhost/$1:1"
}

"$here/packages.sh" jobs
keep debian "$(declare -f debian)" build_debian
keep docker-registry "$(declare -f build_docker-registry)" build_docker-registry
jobs_image registry-base "$(current debian)" "$(current docker-registry)" "$(cat "$here/config/registry-base.yml")"
jobs_image registry-jobs "$(current docker-registry)" "$(cat "$here/config/registry-jobs.yml")"
keep debian-builder "$(declare -f debian build_debian-builder)" build_debian-builder
jobs_image job-builder "$(current debian-builder)" "$(cat "$builder"/*)"
archives=("$cache"/current/jobs-{registry-base,registry-jobs,job-builder}/image.tar)
if [[ ${1:-} == load ]]; then
  for archive in "${archives[@]}"; do "$here/load_image.sh" "$archive" >/dev/null; done
  # By the address of its Service: the node has no cluster DNS.
  hosts="$state/certs.d/registry-jobs.jobs-registry:5000"
  mkdir -p "$hosts"
  printf '%s\n' 'server = "http://10.96.50.51:5000"' '[host."http://10.96.50.51:5000"]' \
    '  capabilities = ["pull", "resolve"]' >"$hosts/hosts.toml"
else
  printf '%s\n' "${archives[@]}"
fi
