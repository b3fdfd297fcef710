#!/usr/bin/env bash
# Installs with apt what the box lacks; silent when nothing is missing.
#
#   packages.sh build|run|jobs
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${1:-} in
build)
  want=(busybox-static ca-certificates gcc jq libc-bin libc6-dev openssl)
  compgen -G '/usr/lib/postgresql/*/bin/psql' >/dev/null || want+=(postgresql-client)
  command -v npm >/dev/null || want+=(npm)
  ;;
run) want=(containernetworking-plugins iproute2 iptables jq nftables openssl python3-minimal runc util-linux) ;;
jobs) want=(apache2-utils apt dpkg jq libc-bin mmdebstrap) ;;
*) die "usage: packages.sh build|run|jobs" ;;
esac

if ! command -v dpkg-query >/dev/null; then
  say "this is not Debian: make sure yourself that you have ${want[*]}"
  exit 0
fi

mapfile -t missing < <(
  comm -23 <(printf '%s\n' "${want[@]}" | sort) <(
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${want[@]}" 2>/dev/null |
      sed -n 's/^installed //p' | sort
  )
)
((${#missing[@]})) || exit 0
((EUID == 0)) || die "missing; as root: apt-get install -y --no-install-recommends ${missing[*]}"

say "installing ${missing[*]}"
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
"${apt[@]}" update || die "apt-get update failed; is there a network?"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  die "failed: apt-get install -y --no-install-recommends ${missing[*]}"
fi
