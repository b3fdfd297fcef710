#!/usr/bin/env bash
# Lays out what every image holds beside its program: images/rootfs.sh DIR
# Modes are set here; owners, which only root could set, where the files are packed.
set -euo pipefail

root=${1:?usage: images/rootfs.sh DIR}
# The programs know no time but UTC (the linter bans localtime), so no other zone could be seen.
zones=(UTC)

die() { echo "rootfs: $*" >&2; exit 1; }

for package in ca-certificates tzdata; do
  changed=$(dpkg --verify "$package" 2>&1) || die "$package: ${changed:-not installed}"
  [[ -z $changed ]] || die "$package was changed after it was installed: $changed"
done

put() { install -D -m 644 /dev/stdin "$root/$1"; }

mkdir -p "$root"
install -d -m 755 "$root/data" "$root/etc" "$root/etc/ssl" "$root/etc/ssl/certs" \
  "$root/usr" "$root/usr/share" "$root/usr/share/zoneinfo"
install -d -m 1777 "$root/tmp"

put etc/passwd <<'END'
root:x:0:0:root:/:/sbin/nologin
nonroot:x:65532:65532:nonroot:/:/sbin/nologin
END
put etc/group <<'END'
root:x:0:
nonroot:x:65532:
END
put etc/nsswitch.conf <<'END'
passwd: files
group: files
hosts: files dns
END

# Not this machine's own bundle: that one may hold certificates of whoever runs the build.
dpkg -L ca-certificates | grep '^/usr/share/ca-certificates/.*\.crt$' | LC_ALL=C sort |
  xargs awk 1 | put etc/ssl/certs/ca-certificates.crt
for zone in "${zones[@]}"; do
  put "usr/share/zoneinfo/$zone" <"/usr/share/zoneinfo/$zone"
done
