# shellcheck shell=bash
# A node in a directory: its configuration, a real containerd of the version it was written for,
# and gVisor's programs as far as installing looks at them.

bats_require_minimum_version 1.5.0

here=$BATS_TEST_DIRNAME
release=20260914.0

setup_file() {
  setup_programs
  listen
}

setup_programs() { # a payload whose programs are programs and know their release
  # In memory where that is possible: every write is made durable.
  nodes=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "$BATS_FILE_TMPDIR")")
  export nodes
  payload=$BATS_FILE_TMPDIR/payload
  mkdir -p "$payload/gvisor-bin"
  cat >"$BATS_FILE_TMPDIR/says.c" <<END
#include <stdio.h>
int main(void) { puts("runsc version release-$release"); return 0; }
END
  gcc -Os -s -o "$payload/runsc" "$BATS_FILE_TMPDIR/says.c"
  cp "$payload/runsc" "$payload/containerd-shim-runsc-v1"
  cp "$payload/runsc" "$payload/gvisor-bin/gvisor_sentry"
  echo "$release" >"$payload/RELEASE"
  export payload
}

# The node of a folder in configurations/, fresh: sets $node, $etc and $containerd. Fails where that
# containerd is not to be had.
make_node() { # NAME
  local version file
  node=$nodes/$1
  etc=$node/etc/containerd
  chattr -fR -i "$node" 2>/dev/null || true
  rm -rf "$node"
  mkdir -p "$node/etc" "$node/run"
  cp -r "$here/configurations/$1/etc" "$etc"
  rm -f "$etc/.gitkeep"
  for file in "$etc"/*.toml "$etc"/*/*.toml; do
    if [[ -f $file && ! -L $file ]]; then
      sed -i "s#/etc/containerd#$etc#g; s#/run/\(k3s/\)*containerd/containerd.sock#$BATS_FILE_TMPDIR/sock#" "$file"
    fi
  done
  cp -r "$etc" "$node/etc.before"
  version=$(<"$here/configurations/$1/containerd")
  containerd=$("$here/containerd.sh" "$version") || return
  : >"$node/restarts"
}
need_node() { make_node "$1" || skip "no containerd $(<"$here/configurations/$1/containerd")"; }

# What containerd's socket is to the installer: something that accepts.
listen() {
  python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + ".new"); s.listen(64)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True: s.accept()[0].close()' "$BATS_FILE_TMPDIR/sock" 3>&- 4>&- &
  echo $! >"$BATS_FILE_TMPDIR/listener"
  until [[ -S $BATS_FILE_TMPDIR/sock ]]; do kill -0 $!; done
}
teardown_file() {
  kill "$(<"$BATS_FILE_TMPDIR/listener")"
  rm -rf "$nodes"
}

# shellcheck disable=SC2120  # as_process=exec: takes the place of the shell, so that $! is its own
installer() { # COMMAND [OPTION...]
  ${as_process:-} env -u NODE_NAME "${installer:-$BUILD/gvisor_installer}" "$1" --config "$etc/config.toml" \
    --containerd "$containerd" --prefix "$node/opt/gvisor" --payload "$payload" \
    --socket "$BATS_FILE_TMPDIR/sock" --restart-command "echo restarted >>$node/restarts" \
    --log-format text "${@:2}"
}

# shellcheck disable=SC2154  # `run` sets them
refused() { # STATUS TEXT COMMAND...: it fails with that status, and says that
  local expected=$1 text=$2
  shift 2
  run "$@"
  echo "status $status"
  echo "$output"
  [[ $status == "$expected" && $output == *"$text"* ]]
}

need_root() { ((EUID == 0)) || skip "needs root"; }

nothing_changed() { diff -r "$node/etc.before" "$etc" && [[ $(restarts) == 0 && ! -e $node/opt/gvisor/state.json ]]; }

restarts() { wc -l <"$node/restarts"; }

etc_differences() { # from the fixture to the node, with the paths of a real node
  (cd "$node" && diff -rNu --label before --label after etc.before etc/containerd) |
    sed -E "s#$node/etc/containerd#/etc/containerd#g; s#$node/opt/gvisor#/opt/gvisor#g; s#$BATS_FILE_TMPDIR/sock#/run/containerd/containerd.sock#" |
    grep -v '^diff '
}
