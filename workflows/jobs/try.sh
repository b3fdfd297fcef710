#!/usr/bin/env bash
# Sets the jobs' service up in a running cluster, makes a token, submits a job by curl, waits, and
# shows its answer and its log.
#
#   workflows/jobs/try.sh [URL]      where the service is reached: http://127.0.0.1:32000, or a node's
#                                    port 32000, or your ingress
#
# With DOCKERFILES=yes a Dockerfile, too, is built and run (docs/jobs-builds.md says what that needs).
# KUBECTL is the command to use, JOB_SERVICE the program that makes owners and tokens. Argo's controller
# must watch the namespace `jobs`, and the nodes must have the images job_service, fake_gen and
# aggregator (README.md). All of it stays when it ends: kubectl delete -k workflows/jobs removes it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../local/show.sh
. "$here/../../local/show.sh"
url=${1:-http://127.0.0.1:32000}
job_service=${JOB_SERVICE:-$here/../../build/job_service}
read -ra kubectl <<<"${KUBECTL:-kubectl}"
jobs=("${kubectl[@]}" --namespace jobs)
work=$(mktemp -d "${TMPDIR:-/tmp}/argo-steps.XXXXXX")
forward=''

die() { echo "try.sh: $*" >&2; exit 1; }

clean_up() {
  local status=$?
  if [[ -n $forward ]]; then kill "$forward" 2>/dev/null || true; wait "$forward" || true; fi
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

check() {
  command -v "${kubectl[0]}" >/dev/null || die "there is no ${kubectl[0]}; see kubernetes.io/docs/tasks/tools"
  command -v jq >/dev/null || die "there is no jq; install it with your package manager"
  [[ -x $job_service ]] || die "there is no $job_service: make build/job_service"
  "${kubectl[@]}" get crd workflows.argoproj.io >/dev/null ||
    die "Argo Workflows is not installed in this cluster (no CRD workflows.argoproj.io)"
}

draw() { openssl rand -hex 16; }

# Made where there is none, and never changed: the servers' volumes have their passwords.
make_secret() { # NAME LINE...
  "${jobs[@]}" get secret "$1" >/dev/null 2>&1 && return
  echo "== kubectl create secret generic $1: passwords, drawn at random"
  "${jobs[@]}" create secret generic "$1" --from-env-file=<(printf '%s\n' "${@:2}")
}

set_up() {
  local what
  "${kubectl[@]}" apply -f "$here/namespaces.yaml" >/dev/null
  make_secret job-database "admin-password=$(draw)" "api-password=$(draw)" "dispatch-password=$(draw)"
  make_secret postgres username=events "admin-password=$(draw)" "password=$(draw)"
  echo "== kubectl apply -k workflows/jobs"
  "${kubectl[@]}" apply -k "$here" >/dev/null
  for what in statefulset/job-database statefulset/postgres deployment/job-api deployment/job-dispatch; do
    "${jobs[@]}" rollout status "$what" --timeout=300s >/dev/null || {
      "${jobs[@]}" get pods >&2
      die "$what does not start: kubectl -n jobs describe $what"
    }
  done
}

# The administrator's way to the database: through the API server, as it has no port outside.
open_database() {
  "${jobs[@]}" port-forward service/job-database :5432 >"$work/forward" 2>&1 &
  forward=$!
  until PGPORT=$(grep -oP '^Forwarding from 127\.0\.0\.1:\K[0-9]+' "$work/forward"); do
    kill -0 "$forward" 2>/dev/null || die "no way to the database: $(<"$work/forward")"
    sleep 0.1
  done
  PGPASSWORD=$("${jobs[@]}" get secret job-database -o 'jsonpath={.data.admin-password}' | base64 -d)
  export PGHOST=127.0.0.1 PGPORT PGUSER=postgres PGDATABASE=jobs PGPASSWORD PGSSLMODE=disable
}

# An owner for trying, whose jobs are those without a token, too, and who has the token `mytoken`.
make_owner() {
  if ! "$job_service" owner list --log-format text 2>/dev/null | grep -qw demo; then
    "$job_service" owner create demo --anonymous yes --per-minute 100000 --active 100000 --per-day 1000000
    "$job_service" token import demo --note 'for trying' <<<mytoken 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
  fi
}

asked() { curl -sS --fail-with-body -H "Authorization: $token" "$@"; }

run() { # CURL'S ARGUMENT... PATH
  local answer number place job
  echo "== curl ${*:1:$#-1} -H 'Authorization: TOKEN' $url${*: -1}"
  answer=$(asked -D "$work/headers" "${@:1:$#-1}" "$url${*: -1}")
  echo "  $answer"
  number=$(jq .id <<<"$answer")
  place=$(sed -n 's/^location: \(.*\)\r$/\1/Ip' "$work/headers")
  echo "== curl -H 'Authorization: TOKEN' -H 'Prefer: wait=60' $url$place"
  for _ in {1..10}; do
    job=$(asked -H 'Prefer: wait=60' "$url$place")
    [[ $(jq -r .state <<<"$job") != @(finished|failed|cancelled) ]] || break
  done
  jq . <<<"$job" | sed 's/^/  /'
  echo "== curl -H 'Authorization: TOKEN' $url/job/performance/$number"
  echo "  $(asked "$url/job/performance/$number")"
  echo "== curl -H 'Authorization: TOKEN' $url$place/logs"
  for _ in {1..60}; do # it is whole a moment after the answer
    asked -D "$work/headers" "$url$place/logs" >"$work/log"
    ! grep -qi '^job-log-complete: not yet' "$work/headers" || { sleep 1; continue; }
    break
  done
  sed 's/^/  /' "$work/log"
  [[ $(jq -r .state <<<"$job") == finished ]] ||
    die "the job did not finish: kubectl -n jobs get workflows,pods; kubectl -n jobs logs deployment/job-dispatch"
}

# The password is the registry's, the push container's, and the nodes'.
set_up_dockerfiles() {
  local registry=registry-jobs.jobs-registry:5000 password
  password=$(draw)
  "${kubectl[@]}" apply -k "$here/dockerfiles" >/dev/null
  if ! "${kubectl[@]}" -n jobs-registry get secret registry-htpasswd >/dev/null 2>&1; then
    echo "== kubectl create secret generic registry-htpasswd, registry-push, registry-pull"
    "${kubectl[@]}" -n jobs-build create secret generic registry-push \
      --from-env-file=<(printf '%s\n' username=jobs "password=$password") >/dev/null
    "${kubectl[@]}" -n jobs-run create secret generic registry-pull --type kubernetes.io/dockerconfigjson \
      --from-file=.dockerconfigjson=<(jq -n --arg registry "$registry" --arg password "$password" \
        '{auths: {($registry): {username: "jobs", password: $password}}}') >/dev/null
    "${kubectl[@]}" -n jobs-registry create secret generic registry-htpasswd \
      --from-file=htpasswd=<(htpasswd -niB -C 5 jobs <<<"$password") >/dev/null
  fi
  for what in registry-base registry-jobs; do
    "${kubectl[@]}" -n jobs-registry rollout status "deployment/$what" --timeout=120s >/dev/null ||
      die "$what does not start: kubectl -n jobs-registry describe deployment/$what"
  done
}

check
set_up
if [[ ${DOCKERFILES:-} ]]; then set_up_dockerfiles; fi
open_database
make_owner
echo "== job_service token create demo --expires 24h"
token=$("$job_service" token create demo --expires 24h --note 'of try.sh' 2>"$work/log") || {
  cat "$work/log" >&2
  exit 1
}
show token "${token:0:10}… for a day, and mytoken"
run -X POST /jobs
if [[ ${DOCKERFILES:-} ]]; then
  cd "$here/dockerfiles"
  sed 's/^/  /' test_endpoint.Dockerfile
  run -F file=@test_endpoint.Dockerfile /job/build
fi

cat <<HELP

go on with it (docs/jobs.md):
  curl -X POST -H 'Authorization: mytoken' $url/jobs
  ab -m POST -H 'Authorization: mytoken' -n 500 -c 4 $url/jobs
  curl -H 'Authorization: mytoken' $url/v1/jobs
  curl -X DELETE -H 'Authorization: mytoken' '$url/v1/jobs?state=queued'
  ${jobs[*]} get workflows,pods
HELP
