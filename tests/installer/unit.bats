#!/usr/bin/env bats
# The systemd unit for node images.

@test "systemd finds nothing wrong with the unit" {
  command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
  cd "$BATS_TEST_TMPDIR"
  sed "s#/usr/local/bin/gvisor_installer#$BUILD/gvisor_installer#" \
    "$BATS_TEST_DIRNAME/../../workflows/gvisor-installer/gvisor-installer.service" >gvisor-installer.service
  for unit in containerd kubelet; do printf '[Service]\nExecStart=/bin/true\n' >"$unit.service"; done
  SYSTEMD_UNIT_PATH=$PWD: systemd-analyze verify ./gvisor-installer.service
  [[ -z $(SYSTEMD_UNIT_PATH=$PWD: systemd-analyze verify ./gvisor-installer.service 2>&1) ]]
}
