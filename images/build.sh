#!/usr/bin/env bash
# Builds images without a daemon: images/build.sh [PROGRAM...]    (default: all of images/programs)
# Leaves build/images/PROGRAM.tar, an OCI archive that Docker, containerd and skopeo read, and
# build/images/PROGRAM.spdx.json, the bill of what is in it.
#
# IMAGES             another directory to leave them in
# GVISOR_PAYLOAD     a directory that gvisor_installer's image holds as /gvisor: runsc,
#                    containerd-shim-runsc-v1, gvisor-bin/ and RELEASE, the release's name
# SOURCE_DATE_EPOCH  date of the images (default: that of the commit which is checked out)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 022
export LC_ALL=C
out=${IMAGES:-build/images}

die() { echo "images: $*" >&2; exit 1; }

for need in dpkg-query:dpkg objdump:binutils gzip:gzip jq:jq make:make; do
  command -v "${need%:*}" >/dev/null || die "no ${need%:*} here: install ${need#*:}"
done
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) die "no image architecture is known for $(uname -m)" ;;
esac

known=$(sed '/^#/d' images/programs)
if ((!$#)); then
  mapfile -t all < <(awk '{ print $1 }' <<<"$known")
  set -- "${all[@]}"
fi
for program in "$@"; do
  grep -q "^$program " <<<"$known" || die "no program '$program' in images/programs"
done

# All clones of a commit share its date and name, shallow ones too.
revision=
if git rev-parse HEAD >/dev/null 2>&1; then
  revision=$(git rev-parse HEAD)
  changed=$(git status --porcelain -- Makefile common images "$@" ':!*/tests/*' ':!*.md')
  [[ -z $changed ]] || revision+=-dirty
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
fi
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:?is needed where there is no git history}
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

mkdir -p build "$out"
work=$(mktemp -d build/.images.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

make() { # quietly and without what an outer make or the user's flags would change
  env -u MAKEFLAGS -u MAKELEVEL -u PROFILE -u CFLAGS -u LDFLAGS make -j"$(nproc)" "$@" \
    >"$work/log" || { cat "$work/log" >&2; die "failed: make ${*: -1}"; }
}

compile() { # PROGRAM: with objects of its own, so that no stale ones get in
  make B="$work/objects" LDFLAGS="-Wl,-Map=$work/$1.map" "$work/objects/bin/$1"
  mkdir -p "$work/$1/root"
  strip -o "$work/$1/root/$1" "$work/objects/bin/$1"
  if [[ $1 == gvisor_installer && ${GVISOR_PAYLOAD:-} ]]; then
    [[ -f $GVISOR_PAYLOAD/RELEASE ]] || die "$GVISOR_PAYLOAD has no file RELEASE"
    cp -rL "$GVISOR_PAYLOAD" "$work/$1/root/gvisor"
    chmod -R u=rwX,go=rX "$work/$1/root/gvisor"
  fi
}

# Files of a layer are dated 0: a layer changes only when what is in it does.
pack() { tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"; }
hash_of() { sha256sum "$1" | cut -c 1-64; }

blob() { # LAYOUT FILE: puts it among the blobs and prints its digest
  local sum
  sum=$(hash_of "$2")
  cp "$2" "$1/blobs/sha256/$sum"
  echo "sha256:$sum"
}
descriptor() { # LAYOUT DIGEST TYPE
  jq -n '$ARGS.named' --arg mediaType "application/vnd.oci.image.$3" --arg digest "$2" \
    --argjson size "$(stat -c %s "$1/blobs/sha256/${2#sha256:}")"
}

base_layer() { # the layer that all images share
  images/rootfs.sh "$work/base"
  pack -C "$work/base" -cf "$work/base.tar" etc tmp usr
  pack --owner=65532 --group=65532 -C "$work/base" -rf "$work/base.tar" data
  gzip -9nk "$work/base.tar"
}

notices() { # PROGRAM
  local to=$work/$1/root/usr/share/licenses
  install -d -m 755 "$work/$1/root/usr" "$work/$1/root/usr/share" "$to"
  images/notices.sh "$1" "$work/objects/bin/$1" "$work/$1.map" "$work/base" >"$to/NOTICES"
}

image() { # PROGRAM: from its root to the archive
  local program=$1 dir=$work/$1 layout=$work/$1/layout version about config manifest base own bill files
  version=$("$dir/root/$program" --version | awk '{ print $2 }')
  about=$(awk -v p="$program" '$1 == p { sub(/^[^ ]+ +[^ ]+ +/, ""); print }' <<<"$known")
  mkdir -p "$layout/blobs/sha256"
  mapfile -t files < <(ls "$dir/root")
  pack -C "$dir/root" -cf "$dir/own.tar" "${files[@]}"
  gzip -9nk "$dir/own.tar"
  base=$(blob "$layout" "$work/base.tar.gz")
  own=$(blob "$layout" "$dir/own.tar.gz")

  jq -n '{
    created: $created, architecture: $arch, os: "linux",
    config: {
      User: "65532:65532", Entrypoint: ["/" + $program], WorkingDir: "/data",
      Labels: ({title: $program, description: $about, version: $version, revision: $revision,
        created: $created} | with_entries(select(.value != "")
        | .key |= "org.opencontainers.image." + .))
    },
    rootfs: {type: "layers", diff_ids: $ARGS.positional},
    history: [{created: $created, created_by: "images/rootfs.sh"},
      {created: $created, created_by: "images/build.sh \($program)"}]
  }' --arg created "$created" --arg arch "$arch" --arg program "$program" --arg about "$about" \
    --arg version "$version" --arg revision "$revision" \
    --args "sha256:$(hash_of "$work/base.tar")" "sha256:$(hash_of "$dir/own.tar")" \
    >"$dir/config.json"
  config=$(blob "$layout" "$dir/config.json")

  jq -n '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: $config, layers: [$base, $own]}' \
    --argjson config "$(descriptor "$layout" "$config" config.v1+json)" \
    --argjson base "$(descriptor "$layout" "$base" layer.v1.tar+gzip)" \
    --argjson own "$(descriptor "$layout" "$own" layer.v1.tar+gzip)" >"$dir/manifest.json"
  manifest=$(blob "$layout" "$dir/manifest.json")

  bill=$out/$program.spdx.json
  images/sbom.sh "$program" "$version" "$work/objects/bin/$program" "$work/$program.map" \
    "$dir/root/$program" "$work/base" "$manifest" "$revision" >"$dir/spdx.json"

  # containerd takes its names from the index, Docker from manifest.json; the names without a
  # registry are those that `image: fake_gen:latest` means to both.
  echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  jq '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [("latest", $version) as $tag | . + {platform: {architecture: $arch, os: "linux"},
      annotations: {
        "io.containerd.image.name": "docker.io/library/\($program):\($tag)",
        "org.opencontainers.image.ref.name": $tag,
        "argo-steps.sbom.spdx": $bill}}]}' \
    --arg program "$program" --arg version "$version" --arg arch "$arch" \
    --arg bill "sha256:$(hash_of "$dir/spdx.json")" \
    <<<"$(descriptor "$layout" "$manifest" manifest.v1+json)" >"$layout/index.json"
  jq -n '[{Config: $config, RepoTags: [("latest", $version) | "\($program):\(.)"],
    Layers: $ARGS.positional}]' --arg program "$program" --arg version "$version" \
    --arg config "blobs/${config/://}" --args "blobs/${base/://}" "blobs/${own/://}" \
    >"$layout/manifest.json"

  pack --mtime="@$SOURCE_DATE_EPOCH" -C "$layout" -cf "$dir/archive.tar" \
    oci-layout index.json manifest.json blobs
  mv "$dir/spdx.json" "$bill"
  mv "$dir/archive.tar" "$out/$program.tar"
  echo "$program:$version $manifest $out/$program.tar"
}

# The third-party archives come first, in a make of their own: the variables that `compile` gives to
# make would reach their builds too.
make build/deps/.stamp
base_layer
for program in "$@"; do
  compile "$program"
  notices "$program"
  image "$program"
done
