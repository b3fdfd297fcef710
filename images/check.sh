#!/usr/bin/env bash
# Proves what the images in build/images hold and that they run: images/check.sh [RESULTS]
# Each program runs under runc as a pod would run it: the image's user, a read-only root, no
# capability, no new privileges, no network, a list of refused system calls. Needs root.
# shellcheck disable=SC2317 # most functions are called through check
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
if [[ ${1:-} ]]; then
  mkdir -p "$1"
  exec > >(tee "$1/images.tap") 2>&1
fi
if ((EUID != 0)); then
  echo "ok - images # skip needs root for runc"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

check() { # NAME COMMAND...: ok when the command succeeds; what it printed explains a failure
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "ok - $name"
  else
    echo "not ok - $name"
    [[ -z $said ]] || echo "# ${said//$'\n'/$'\n'# }"
    failed=1
  fi
}

unpack() { # the archive to layout/, its layers to rootfs/, its configuration to image.json
  local layer
  mkdir -p "$dir/layout" "$dir/rootfs" && tar -xf "$archive" -C "$dir/layout" &&
    manifest=$(jq -er '.manifests[0].digest' "$dir/layout/index.json") &&
    cp "$blobs/${manifest#*:}" "$dir/manifest.json" &&
    cp "$blobs/$(jq -er '.config.digest[7:]' "$dir/manifest.json")" "$dir/image.json" || return 1
  for layer in $(jq -er '.layers[].digest[7:]' "$dir/manifest.json"); do
    tar -xpf "$blobs/$layer" --same-owner --numeric-owner -C "$dir/rootfs" || return 1
  done
}

digests_match() {
  local sums diff_ids
  sums=$(cd "$blobs" && sha256sum -- *) && ! grep -vE '^([0-9a-f]{64})  \1$' <<<"$sums" || return 1
  diff_ids=$(for layer in $(jq -r '.layers[].digest[7:]' "$dir/manifest.json"); do
    gzip -dc "$blobs/$layer" | sha256sum | cut -c 1-64
  done)
  diff <(jq -r '.rootfs.diff_ids[][7:]' "$dir/image.json") - <<<"$diff_ids"
}

names_match() { # what containerd and Docker will call it
  jq -e --arg program "$program" --arg version "$version" \
    --slurpfile docker "$dir/layout/manifest.json" --slurpfile manifest "$dir/manifest.json" '
    [$program + ":" + ("latest", $version)] as $names
    | [.manifests[].annotations["io.containerd.image.name"]] ==
      [$names[] | "docker.io/library/" + .]
    and $docker[0][0].RepoTags == $names
    and $docker[0][0].Layers == [$manifest[0].layers[] | "blobs/sha256/" + .digest[7:]]
    and $docker[0][0].Config == "blobs/sha256/" + $manifest[0].config.digest[7:]
    ' "$dir/layout/index.json"
}

config_matches() {
  jq -e --arg program "$program" --arg arch "$(dpkg --print-architecture)" '
    .os == "linux" and .architecture == $arch
    and (.config | .User == "65532:65532" and .Entrypoint == ["/" + $program]
      and .WorkingDir == "/data" and .Labels["org.opencontainers.image.title"] == $program
      and .Labels["org.opencontainers.image.created"] != null)' "$dir/image.json"
}

holds_no_more() {
  diff - <(find "$dir/rootfs" -mindepth 1 -printf '%P %y %m %U:%G\n' | LC_ALL=C sort) <<END
$(LC_ALL=C sort <<<"$program f 755 0:0
data d 755 65532:65532
etc d 755 0:0
etc/group f 644 0:0
etc/nsswitch.conf f 644 0:0
etc/passwd f 644 0:0
etc/ssl d 755 0:0
etc/ssl/certs d 755 0:0
etc/ssl/certs/ca-certificates.crt f 644 0:0
tmp d 1777 0:0
usr d 755 0:0
usr/share d 755 0:0
usr/share/licenses d 755 0:0
usr/share/licenses/NOTICES f 644 0:0
usr/share/zoneinfo d 755 0:0
usr/share/zoneinfo/UTC f 644 0:0")
END
}

certificates_parse() {
  local bundle=$dir/rootfs/etc/ssl/certs/ca-certificates.crt count
  count=$(grep -c 'BEGIN CERTIFICATE' "$bundle")
  echo "$count certificates"
  ((count > 100)) && openssl storeutl -noout -certs "$bundle" | grep -qx "Total found: $count"
}

bill_matches() {
  local bill=build/images/$program.spdx.json
  jq -e --arg bill "sha256:$(sha256sum "$bill" | cut -c 1-64)" \
    '[.manifests[].annotations["argo-steps.sbom.spdx"]] | unique == [$bill]' \
    "$dir/layout/index.json" &&
    jq -e --arg image "${manifest#*:}" \
      --arg binary "$(sha256sum "$dir/rootfs/$program" | cut -c 1-64)" '
      ([$image, $binary] - [.packages[].checksums[0].checksumValue?] == [])
      and (["libc6-dev", "libgcc-12-dev", "ca-certificates"] - [.packages[].name] == [])
      and ([.packages[] | select(.comment)] | all(.versionInfo != ""
        and .licenseDeclared != "NOASSERTION" and (.comment | test("sha256:[0-9a-f]{64}"))))
      ' "$bill"
}

notices_are_whole() { # of every package that the bill names, and no license is only referred to
  local notices=$dir/rootfs/usr/share/licenses/NOTICES package license
  jq -r '.packages[] | select(.comment) | .name' "build/images/$program.spdx.json" |
    while read -r package; do
      grep -qxF "$package" <(sed 's/, /\n/g' "$notices") || { echo "nothing of $package"; return 1; }
    done || return 1
  grep -ohE '/usr/share/common-licenses/[A-Za-z0-9.-]*[A-Za-z0-9]' "$notices" | sort -u |
    while read -r license; do
      grep -qx "${license##*/}" "$notices" || { echo "no text of $license"; return 1; }
    done
}

# What container runtimes refuse by default and a process without capabilities could still try.
refused='["add_key","bpf","clone3","fanotify_init","io_uring_enter","io_uring_register",
  "io_uring_setup","keyctl","mount","move_mount","name_to_handle_at","open_by_handle_at",
  "open_tree","perf_event_open","pivot_root","process_vm_readv","process_vm_writev","ptrace",
  "request_key","setns","umount2","unshare","userfaultfd"]'

container() { # PROGRAM ARGUMENT...: runs it on the data that all containers share
  local bundle=$work/$1
  rm -f "$bundle/config.json"
  runc spec --bundle "$bundle" &&
    jq --slurpfile images "$bundle/image.json" --arg data "$work/data" \
      --argjson refused "$refused" '
      $images[0].config as $image | ($image.User | split(":") | map(tonumber)) as $user
      | .process += {terminal: false, args: ($image.Entrypoint + $ARGS.positional),
          cwd: $image.WorkingDir, user: {uid: $user[0], gid: $user[1]}, noNewPrivileges: true,
          capabilities: {bounding: [], effective: [], permitted: [], ambient: []}}
      | .root = {path: "rootfs", readonly: true}
      | .mounts += [{destination: "/data", type: "bind", source: $data,
          options: ["bind", "rw", "nosuid", "nodev", "noexec"]}]
      | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{names: $refused, action: "SCMP_ACT_ERRNO", errnoRet: 38}]}
      ' --args -- "${@:2}" <"$bundle/config.json" >"$bundle/config.new" &&
    mv "$bundle/config.new" "$bundle/config.json" &&
    timeout --kill-after=5 60 runc run --bundle "$bundle" "images-check-$$-$1" </dev/null
}

says_its_version() { [[ $(container "$program" --version) == "$program $version" ]]; }

runs_fake_gen() { # into its working directory, as the image's user
  container fake_gen --events 1000 --seed 1 &&
    [[ $(stat -c '%u %a' "$work/data/events.jsonl") == '65532 640' ]] &&
    [[ $(wc -l <"$work/data/events.jsonl") == 1000 ]]
}
refuses_fake_gen() { # status 4: not even /tmp of the root can be written
  container fake_gen --output /tmp/events.jsonl
  [[ $? == 4 ]]
}
runs_aggregator() { # and adds up what jq adds up
  diff <(container aggregator --print csv) <(echo userId,sessionDuration
    jq -rs 'group_by(.userId)[] | "\(.[0].userId),\(map(.sessionDuration) | add)"' \
      "$work/data/events.jsonl")
}
refuses_aggregator() { # certificates are not events, but its user can read them
  local bundle=/etc/ssl/certs/ca-certificates.crt
  container aggregator --print csv "$bundle" 2>"$work/said"
  [[ $? == 3 ]] && grep "$bundle:1:1:" "$work/said"
}
runs_gvisor_probe() { # and finds that runc leaves the kernel as it is, and every call survived
  container gvisor_probe run --report /data/probe.json &&
    jq -e '.detection.conclusion == "not-gvisor" and .observed.uid == 65532
      and ([.probes[] | select(.result == "killed" or .result == "timeout")] == [])' \
      "$work/data/probe.json"
}
refuses_gvisor_probe() { # status 4: there is no such path to look at
  container gvisor_probe run --path /nowhere 2>"$work/said"
  [[ $? == 4 ]] && grep /nowhere "$work/said"
}
runs_gvisor_installer() { # nothing was ever installed here
  [[ $(container gvisor_installer status --format json | jq -r .phase) == none ]]
}
refuses_gvisor_installer() { # status 4: there is no containerd in it to be asked
  container gvisor_installer check --release 1.0 2>"$work/said"
  [[ $? == 4 ]] && grep 'cannot run containerd' "$work/said"
}
runs_job_service() { # and brings the schema that it needs
  [[ $(container job_service --init-sql | sha256sum) == "$(sha256sum <job_service/db/schema.sql)" ]]
}
refuses_job_service() { # status 2: tokens would travel unencrypted
  container job_service api --listen 0.0.0.0:8080 2>"$work/said"
  [[ $? == 2 ]] && grep -e --plain-text "$work/said"
}
runs_job_runner() { # into a directory of its user; what lies there does not run
  container job_runner --install /data && cmp "$work/data/job_runner" "$work/job_runner/rootfs/job_runner" &&
    [[ $(container job_runner --result /data/events.jsonl -- /job_runner --version | head -n 1) == "job_runner $version" ]]
}
refuses_job_runner() { # status 26: there is no such program in it
  container job_runner -- /nowhere >"$work/said"
  [[ $? == 26 ]] && grep -a '"cause":"image"' "$work/said"
}

install -d -o 65532 -g 65532 "$work/data"
while read -r program limit _; do
  archive=build/images/$program.tar
  dir=$work/$program blobs=$work/$program/layout/blobs/sha256
  if ! unpack; then
    echo "not ok - $program: $archive unpacks"
    failed=1
    continue
  fi
  version=$(jq -r '.config.Labels["org.opencontainers.image.version"]' "$dir/image.json")
  bytes=$(find "$dir/rootfs" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
  echo "# $program:$version $manifest $(stat -c %s "$archive") bytes, unpacked $bytes"
  check "$program: blobs and layers are what their digests say" digests_match
  check "$program: containerd and Docker find its names" names_match
  check "$program: user, entrypoint and platform are right" config_matches
  check "$program: it holds the expected files and no more" holds_no_more
  check "$program: it takes less than $limit bytes" test "$bytes" -lt "$limit"
  check "$program: its certificates parse" certificates_parse
  check "$program: its bill names this image and what is in it" bill_matches
  check "$program: it holds the notices of all that its bill names" notices_are_whole
  check "$program: it says its version" says_its_version
  check "$program: it does its work" "runs_$program"
  check "$program: it fails as it should" "refuses_$program"
done < <(sed '/^#/d' images/programs)
exit "$failed"
