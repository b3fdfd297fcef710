#!/usr/bin/env bash
# The scanner's vectors for arm64 under an emulator: arm64.sh RESULTS
# cmocka for arm64 comes from Debian, without making the machine a multiarch one.
set -euo pipefail

results=$1 work=build/arm64
mkdir -p "$results" "$work/lists/partial" "$work/cache/archives/partial"
root=$PWD/$work/root
libraries=$root/usr/lib/aarch64-linux-gnu

if [[ ! -e $libraries/libcmocka.so.0 ]]; then
  apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
    -o "Dir::State::lists=$PWD/$work/lists" -o "Dir::Cache=$PWD/$work/cache"
    -o Dir::State::status=/dev/null)
  "${apt[@]}" update
  (cd "$work" && "${apt[@]}" download libcmocka0 libcmocka-dev)
  for package in "$work"/*.deb; do dpkg -x "$package" "$root"; done
fi

aarch64-linux-gnu-gcc -std=gnu17 -O2 -Wall -Wextra -Wconversion -Werror -D_GNU_SOURCE -I. \
  -isystem "$root/usr/include" -o "$work/test_layout" aggregator/tests/test_layout.c \
  aggregator/scan/*.c common/err.c common/json_scan.c "$libraries/libcmocka.so.0"
CMOCKA_MESSAGE_OUTPUT=tap qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$libraries" \
  "$work/test_layout" | tee "$results/arm64.tap"
