#!/usr/bin/env bash
# The api under the thread sanitizer, with clients that wait, crowd and leave, and the logs of jobs:
# tsan.sh RESULTS DIR
# DIR holds job_service and follow_logs built with PROFILE=tsan.
set -uo pipefail

results=$1
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
mkdir -p "$results"
BUILD=$(cd "$2" && pwd) TSAN_OPTIONS=log_path=$reports/race
export BUILD TSAN_OPTIONS
status=0
tests/run_bats.sh "$reports" tests/jobs/api.bats tests/jobs/clients.bats || status=1
FILTER='at once|end early|come back' tests/run_bats.sh "$reports" tests/jobs/logs.bats || status=1
{
  if ((status)); then echo 'not ok - api and logs do their work under the thread sanitizer'; else echo 'ok - api and logs do their work under the thread sanitizer'; fi
  if compgen -G "$reports/race*" >/dev/null; then
    echo 'not ok - its threads do not race'
    sed 's/^/# /' "$reports"/race* | head -n 100
    status=1
  else
    echo 'ok - its threads do not race'
  fi
} >"$results/jobs-tsan.tap"
grep '^not ok' "$results/jobs-tsan.tap"
exit "$status"
