# shellcheck shell=bash disable=SC2154
# Sourced by images.sh: OCI archives from a directory, without a builder or a daemon.

# oci_archive NAME ROOT CONFIG FILE: an image of one layer, all files root's, the same bytes each
# time. CONFIG is the JSON object of the image's `config`: Entrypoint, User, Env...
oci_archive() (
  name=$1 root=$2 config=$3 file=$4
  layout=$(mktemp -d)
  trap 'rm -rf "$layout"' EXIT
  blobs=$layout/blobs/sha256
  mkdir -p "$blobs"

  blob() { # TYPE: stores stdin, prints its descriptor
    cat >"$blobs/new"
    local digest size
    digest=$(sha256sum "$blobs/new" | cut -d ' ' -f 1)
    size=$(stat -c %s "$blobs/new")
    mv "$blobs/new" "$blobs/$digest"
    jq -n --arg type "application/vnd.oci.image.$1" --arg digest "sha256:$digest" \
      --argjson size "$size" '{mediaType: $type, digest: $digest, size: $size}'
  }
  pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - -C "$@"; }

  layer=$(pack "$root" . | blob layer.v1.tar)
  image=$(jq -n --argjson layer "$layer" --argjson config "$config" '
    {architecture: "amd64", os: "linux", config: $config,
     rootfs: {type: "layers", diff_ids: [$layer.digest]}}' | blob config.v1+json)
  manifest=$(jq -n --argjson layer "$layer" --argjson image "$image" '
    {schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
     config: $image, layers: [$layer]}' | blob manifest.v1+json)
  jq -n --argjson manifest "$manifest" --arg name "$name" '
    {schemaVersion: 2, manifests: [$manifest + {annotations:
      {"io.containerd.image.name": $name, "org.opencontainers.image.ref.name": $name}}]}' \
    >"$layout/index.json"
  echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"
  pack "$layout" blobs index.json oci-layout >"$file"
)
