#!/usr/bin/env bats
# What the installer does to real configurations, under the containerd each was written for.
# configurations/NAME: `containerd` its version, etc/ what is in /etc/containerd, and either
# `expected.diff`, what installing changes there, or `refused`, status and message. Where it matters
# `control_groups` says who manages them: systemd, runsc, or host: systemd if it runs here.

load helpers.bash

each() { # FILE FUNCTION: for every configuration that has FILE; all failures are named
  local folder failed=0 tried=0
  for folder in "$here/configurations"/*/; do
    folder=$(basename "$folder")
    if [[ ! -e $here/configurations/$folder/$1 ]]; then continue; fi
    if ! make_node "$folder"; then
      echo "# $folder: no containerd $(<"$here/configurations/$folder/containerd")" >&3
      continue
    fi
    tried=$((tried + 1))
    # Not `|| ...`: that would switch off errexit inside.
    if ! (set -e; "$2" "$folder") >"$BATS_TEST_TMPDIR/log" 2>&1; then
      echo "$folder:"
      sed 's/^/  /' "$BATS_TEST_TMPDIR/log"
      failed=1
    fi
    rm -rf "$node"
  done
  if ((!tried)); then skip "no containerd is to be had"; fi
  return "$failed"
}
changes() { jq -r '.changes[] | select(.kind == "write") | "\(.sha256)  \(.path)"'; }

installs_as_expected() {
  installer install
  rm -f "$etc"/*.gvisor_installer.orig*
  etc_differences | diff "$here/configurations/$1/expected.diff" -
  [[ $(restarts) == 1 ]]
}
@test "installing changes what it should, to the byte, and restarts once" { each expected.diff installs_as_expected; }

refuses_and_leaves_all() {
  local status=0
  installer install 2>"$node/log" || status=$?
  sed -n "s#$node/etc/containerd#/etc/containerd#g; \$s#^#$status #p" "$node/log" |
    diff "$here/configurations/$1/refused" -
  nothing_changed
}
@test "what it must not touch is left as it is, with the reason" { each refused refuses_and_leaves_all; }

check_says_the_same() {
  local status=0
  installer check >/dev/null 2>"$node/log" || status=$?
  sed "s#$node/etc/containerd#/etc/containerd#g; s#^#$status #" "$node/log" |
    diff "$here/configurations/$1/refused" -
}
@test "check refuses what install refuses, in the same words" { each refused check_says_the_same; }

check_is_the_plan() {
  installer check --format json >"$node/check.json"
  diff -r "$node/etc.before" "$etc"
  [[ ! -e $node/opt && $(restarts) == 0 ]]
  installer install --report "$node/report.json"
  diff <(jq -S . "$node/check.json") <(jq -S .plan "$node/report.json")
  changes <"$node/check.json" | sha256sum --check --strict --quiet
  # Nothing but what it named: files that are new or changed below etc/ are all in the plan.
  diff <(diff -rqN --no-dereference "$node/etc.before" "$etc" | sed -E 's/^Files .* and (.*) differ$/\1/' |
    grep -v '\.gvisor_installer\.orig' | sort) \
    <(jq -r --arg etc "$etc/" '.changes[].path | select(startswith($etc))' "$node/check.json" | sort)
}
@test "check names exactly what install then does" { each expected.diff check_is_the_plan; }

second_run_changes_nothing() {
  installer install
  find "$node/etc" "$node/opt" -not -name lock -printf '%p %T@ %i %m\n' | sort >"$node/once"
  installer install --report "$node/report.json"
  find "$node/etc" "$node/opt" -not -name lock -printf '%p %T@ %i %m\n' | sort | diff "$node/once" -
  jq -e '.changed == false and .plan.changes == [] and .plan.restart == false' "$node/report.json"
  [[ $(restarts) == 1 && $(installer check | tail -n 1) == "nothing to change" ]]
}
@test "a second run changes nothing and restarts nothing" { each expected.diff second_run_changes_nothing; }

uninstall_restores_every_byte() {
  installer install
  installer uninstall
  diff -r "$node/etc.before" "$etc"
  [[ ! -e $node/opt/gvisor && $(restarts) == 2 ]]
}
@test "uninstalling brings every byte back" { each expected.diff uninstall_restores_every_byte; }

later_edits_stay() {
  if [[ ! -e $etc/config.toml ]]; then return; fi
  installer install
  printf '\n# edited later\n[debug.later]\n  kept = true\n' >>"$etc/config.toml"
  { cat "$node/etc.before/config.toml"; printf '\n# edited later\n[debug.later]\n  kept = true\n'; } \
    >"$node/expected"
  installer uninstall
  # A line end that the file lacked, and `version` of one that said nothing, remain.
  diff <(grep -v '^$' "$node/expected") <(grep -v '^$' "$etc/config.toml" | comments_only "$1")
}
comments_only() { if [[ $1 == comments-only-2.2 ]]; then grep -v '^version = 3$'; else cat; fi; }
@test "uninstalling leaves what the user has changed since" { each expected.diff later_edits_stay; }

verifies() {
  installer install
  installer verify
  [[ $(installer status --format json | jq -r .phase) == settled ]]
}
@test "verify and status agree after an installation" { each expected.diff verifies; }

control_groups_by() {
  local by
  by=$(<"$here/configurations/$1/control_groups")
  if [[ $by == host ]]; then
    if [[ -d /run/systemd/system ]]; then by=systemd; else by=runsc; fi
  fi
  installer check | grep -F "control groups by $by"
  installer install
  # Asked again with our own runtimes in place: they do not count.
  installer check | grep -F "control groups by $by"
  [[ $(grep -c 'systemd-cgroup = "true"' "$node/opt/gvisor/runsc.toml") == $([[ $by == systemd ]] && echo 1 || echo 0) ]]
}
@test "control groups are managed by whom containerd would name to the kubelet" { each control_groups control_groups_by; }
