#!/usr/bin/env bats
# What can go wrong on a node while the installer works: it says so, and the node is as before.

load helpers.bash

teardown() {
  if [[ ${server:-} ]]; then kill "$server" 2>/dev/null || true; fi
  if [[ ${immutable:-} ]]; then chattr -i "$immutable"; fi
  if [[ ${mounted:-} ]]; then umount "$mounted"; fi
}

as_before() { diff -r "$node/etc.before" "$etc" && [[ ! -e $node/opt/gvisor/state.json ]]; }

archive() { # [-C DIRECTORY NAME...]: a gvisor.tar.bz2 of the payload or of what is named
  archive=$BATS_TEST_TMPDIR/gvisor.tar.bz2
  if (($#)); then tar -cjf "$archive" "$@"; else tar -cjf "$archive" -C "$payload" runsc containerd-shim-runsc-v1 gvisor-bin; fi
  sum=$(sha512sum "$archive" | cut -d ' ' -f 1)
}
from_archive() { installer install --release "$release" --archive "$1" --archive-sha512 "$sum"; }

serve() { # FILE [STATUS]: over HTTP on the loopback, sets $url
  python3 - "$@" >"$BATS_TEST_TMPDIR/port" 3>&- <<'END' &
import http.server, sys
body, status = open(sys.argv[1], "rb").read(), int(sys.argv[2]) if len(sys.argv) > 2 else 200
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
for _ in range(3): server.handle_request()
END
  server=$!
  until [[ -s $BATS_TEST_TMPDIR/port ]]; do kill -0 "$server"; done
  url=http://127.0.0.1:$(<"$BATS_TEST_TMPDIR/port")/gvisor.tar.bz2
}

@test "a restart that fails: everything is put back, containerd restarted again" {
  need_node debian-1.6
  refused 4 "containerd was not restarted: /bin/sh failed (status 7): it said nothing" \
    installer install --restart-command "echo again >>$node/restarts; exit 7"
  [[ $output == *"could not be put back"* && $(restarts) == 2 ]]
  diff "$node/etc.before/config.toml" "$etc/config.toml"
}

@test "a restart that fails once: the node is as before" {
  need_node debian-1.6
  refused 4 "broken; the node is as it was before" \
    installer install --restart-command "echo x >>$node/restarts; [ \$(wc -l <$node/restarts) -gt 1 ] || { echo broken >&2; exit 7; }"
  as_before
}

@test "rolled back, new pods get the release that they got before, or none" {
  need_node default-2.1
  local once="[ -e $node/failed ] || { touch $node/failed; exit 7; }"
  refused 4 "the node is as it was before" installer install --restart-command "$once"
  [[ ! -L $node/opt/gvisor/current ]]
  installer install
  make_newer
  rm "$node/failed"
  refused 4 "the node is as it was before" \
    installer install --payload "$newer" --drop-in "$etc/conf.d/70-gv.toml" --restart-command "$once"
  [[ $(readlink "$node/opt/gvisor/current") == "releases/$release" ]]
  installer verify
}

@test "a copy that was damaged meanwhile is not put back" {
  need_node debian-1.6
  refused 4 "is missing or changed" installer install \
    --restart-command "for copy in $node/opt/gvisor/.config.toml.*.before; do echo damaged >\$copy; done; exit 7"
  [[ $output == *"could not be put back"* ]]
  run ! grep -q damaged "$etc/config.toml"
  grep -q 'BEGIN gvisor' "$etc/config.toml"
}

@test "a restart after which containerd sees more change than gVisor's: it goes back" {
  need_node default-2.2
  refused 5 "containerd would see more change than gVisor's runtimes" installer install \
    --restart-command "printf '[debug]\nlevel = \"debug\"\n' >$etc/conf.d/99-other.toml"
  [[ ! -e $etc/conf.d/60-gvisor.toml && ! -e $node/opt/gvisor/state.json ]]
}

@test "a containerd that does not come back: the node is as before" {
  need_node imports-of-others-2.1
  refused 5 "containerd does not answer on $node/sock" \
    installer install --socket "$node/sock" --timeout 1s
  diff "$node/etc.before/config.toml" "$etc/config.toml"
}

@test "a prefix on another mount than the configuration: the node is as before" {
  need_root
  for name in kubeadm-systemd-1.7 no-line-end-2.1; do
    need_node "$name"
    mounted=$node/opt
    mkdir "$node/opt"
    mount -t tmpfs tmpfs "$node/opt"
    refused 4 "broken; the node is as it was before" \
      installer install --restart-command "echo x >>$node/restarts; [ \$(wc -l <$node/restarts) -gt 1 ] || { echo broken >&2; exit 7; }"
    as_before
    umount "$node/opt"
    mounted=''
  done
}

@test "a restart that hangs is ended in time, with its children" {
  need_node debian-1.6
  refused 10 "/bin/sh: not done in time" installer install --restart-command "sleep 321; :" --timeout 1s
  run ! pgrep -f 'sleep 321'
}

@test "a configuration that containerd cannot read is not touched" {
  need_node debian-1.6
  echo 'required_plugins = "none"' | cat - "$etc/config.toml" >"$node/broken"
  cp "$node/broken" "$etc/config.toml"
  cp "$node/broken" "$node/etc.before/config.toml"
  refused 4 "containerd cannot read its configuration" installer install
  as_before
  [[ $(restarts) == 0 ]]
}

@test "a full disk under /etc: nothing changes there" {
  need_root
  need_node debian-1.6
  mounted=$etc
  mount -t tmpfs -o size=16k tmpfs "$etc"
  cp "$node/etc.before/config.toml" "$etc/"
  head -c 1M /dev/zero >"$etc/filler" 2>/dev/null || true
  rm -rf "$node/etc.before"
  cp -r "$etc" "$node/etc.before"
  refused 10 "No space left on device" installer install
  as_before
  [[ $(restarts) == 0 ]]
}

@test "a disk that fills up between two files: all is put back without new space" {
  need_root
  need_node imports-of-others-2.1
  mkdir "$node/small"
  mounted=$node/small
  mount -t tmpfs -o size=64k tmpfs "$node/small"
  # The copies fit, then the drop-in's directory is full.
  refused 10 "No space left on device" installer install \
    --drop-in "$(head -c 1M /dev/zero >"$node/small/filler" 2>/dev/null; echo "$node/small/60-gvisor.toml")"
  as_before
  [[ $(restarts) == 0 ]]
}

@test "a full disk under --prefix: nothing is left of the release" {
  need_root
  need_node debian-1.6
  mkdir -p "$node/opt/gvisor"
  mounted=$node/opt/gvisor
  mount -t tmpfs -o size=32k tmpfs "$node/opt/gvisor"
  refused 10 "No space left on device" installer install
  as_before
  [[ -z $(ls -A "$node/opt/gvisor/releases") ]]
}

@test "a read-only /etc is refused, and says so" {
  need_root
  need_node debian-1.6
  mounted=$etc
  mount --bind "$etc" "$etc"
  mount -o remount,bind,ro "$etc"
  refused 4 "Read-only file system" installer install
  as_before
}

@test "an immutable configuration is refused, and says so" {
  need_root
  need_node debian-1.6
  chattr +i "$etc/config.toml" || skip "no immutable files here"
  immutable=$etc/config.toml
  refused 4 "is it immutable (lsattr)?" installer install
  as_before
  [[ $(restarts) == 0 ]]
}

@test "an archive installs, by path and by URL" {
  archive
  need_node debian-1.6
  from_archive "$archive"
  [[ -x $node/opt/gvisor/releases/$release/gvisor-bin/gvisor_sentry ]]
  serve "$archive"
  need_node debian-1.6
  from_archive "$url"
  installer verify
}

@test "an archive with a member of a name beyond ASCII installs" {
  archive=$BATS_TEST_TMPDIR/gvisor.tar
  python3 - "$archive" "$payload" <<'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
    for name in "LIES-MICH-Stra\u00dfe", "gvisor-bin/\u8aad":
        about = tarfile.TarInfo(name)
        about.size = 2
        tar.addfile(about, io.BytesIO(b"x\n"))
    for name in "runsc", "containerd-shim-runsc-v1", "gvisor-bin":
        tar.add(f"{sys.argv[2]}/{name}", name)
END
  sum=$(sha512sum "$archive" | cut -d ' ' -f 1)
  need_node debian-1.6
  from_archive "$archive"
  [[ $(ls "$node/opt/gvisor/releases/$release/gvisor-bin") == gvisor_sentry ]]
  installer verify
}

@test "a page in the place of the archive: the digest tells" {
  need_node debian-1.6
  archive
  echo '<html>404 Not Found</html>' >"$BATS_TEST_TMPDIR/page"
  serve "$BATS_TEST_TMPDIR/page"
  refused 3 "is not the archive that was meant" from_archive "$url"
  as_before
}

@test "an HTTP error is told as such" {
  need_node debian-1.6
  archive
  serve "$archive" 404
  refused 4 "HTTP status 404" from_archive "$url"
  as_before
}

@test "a page whose digest was recorded: it is not a program" {
  need_node debian-1.6
  mkdir "$BATS_TEST_TMPDIR/pages"
  echo '<html>404</html>' | tee "$BATS_TEST_TMPDIR/pages/runsc" >"$BATS_TEST_TMPDIR/pages/containerd-shim-runsc-v1"
  archive -C "$BATS_TEST_TMPDIR/pages" runsc containerd-shim-runsc-v1
  refused 3 "runsc: no program for this machine" from_archive "$archive"
  as_before
}

@test "a truncated archive" {
  need_node debian-1.6
  archive
  truncate -s -100 "$archive"
  refused 3 "is not the archive that was meant" from_archive "$archive"
  sum=$(sha512sum "$archive" | cut -d ' ' -f 1)
  refused 3 "truncated bzip2 input" from_archive "$archive"
  as_before
}

@test "programs for another architecture" {
  need_node debian-1.6
  cp -r "$payload" "$BATS_TEST_TMPDIR/other"
  printf '\xb7\x00' | dd of="$BATS_TEST_TMPDIR/other/runsc" bs=1 seek=18 conv=notrunc status=none
  refused 3 "runsc: no program for this machine" installer install --payload "$BATS_TEST_TMPDIR/other"
  as_before
}

@test "a release that is not the one it is called" {
  need_node debian-1.6
  refused 3 "this runsc is not 20200101.0: it says 'runsc version release-$release'" \
    installer install --release 20200101.0
  as_before
}

@test "a payload without the shim" {
  need_node debian-1.6
  archive -C "$payload" runsc
  refused 3 "it lacks runsc or containerd-shim-runsc-v1" from_archive "$archive"
  as_before
}

@test "plain HTTP from elsewhere is not spoken" {
  need_node debian-1.6
  archive
  refused 10 "not supported" from_archive "http://192.0.2.1/gvisor.tar.bz2"
  as_before
}

@test "a program that changed on the node is replaced" {
  need_node default-2.1
  installer install
  echo changed >>"$node/opt/gvisor/releases/$release/runsc"
  refused 5 "has changed or is missing" installer verify
  installer install
  installer verify
  [[ $(restarts) == 1 ]]
}

@test "two installers at once: one works, the other waits" {
  need_node default-2.1
  flock "$BATS_TEST_TMPDIR" true
  mkdir -p "$node/opt/gvisor"
  exec 8>"$node/opt/gvisor/lock"
  flock 8
  refused 10 "another installer works on this node" installer install --lock-wait 0s
  as_before
  exec 8>&-
}

make_newer() { # sets newer, a payload of a later release
  newer=$BATS_TEST_TMPDIR/newer
  mkdir "$newer"
  sed "s/$release/20261001.0/" "$BATS_FILE_TMPDIR/says.c" >"$newer/says.c"
  gcc -Os -s -o "$newer/runsc" "$newer/says.c"
  cp "$newer/runsc" "$newer/containerd-shim-runsc-v1"
  echo 20261001.0 >"$newer/RELEASE"
}

@test "an upgrade swings new pods over and restarts nothing" {
  need_node default-2.1
  installer install
  make_newer
  installer install --payload "$newer"
  [[ $(restarts) == 1 && $(readlink "$node/opt/gvisor/current") == releases/20261001.0 ]]
  grep -q 'releases/20261001.0/runsc' "$node/opt/gvisor/runsc.toml"
  # Pods that run still need the old programs.
  [[ -x $node/opt/gvisor/releases/$release/runsc ]]
  installer uninstall
  diff -r "$node/etc.before" "$etc"
}

@test "an update of containerd from 1 to 2: the tables move to a drop-in" {
  need_node minikube-1.7
  installer install
  # shellcheck disable=SC2034  # installer's
  containerd=$("$here/containerd.sh" 2.1.9) || skip "no containerd 2.1.9"
  installer install
  run ! grep -q 'BEGIN gvisor' "$etc/config.toml"
  [[ -e $etc/conf.d/60-gvisor.toml ]]
  installer uninstall
  diff -r "$node/etc.before" "$etc"
}
