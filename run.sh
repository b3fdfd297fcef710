#!/usr/bin/env bash
# Runs the pipeline: fake_gen writes events, aggregator folds them and loads the totals into
# PostgreSQL, once and only once.
#
#   ./run.sh [local] [OPTION...]     on this machine, without a cluster
#   ./run.sh files FILE|DIR...       your own events, in place of generated ones (docs/own-events.md)
#   ./run.sh gvisor [OPTION...]      what gVisor isolates: local/experiment.sh (as root)
#   ./run.sh box [OPTION...]         on a real Kubernetes with Argo, made for it on this machine
#   ./run.sh box gvisor [OPTION...]  what gVisor isolates, as a workflow there
#   ./run.sh box jobs                jobs over HTTP: the service there, and a job from curl to its answer
#   ./run.sh box down                ends that and removes all of it but its cache
#   ./run.sh minikube [OPTION...]    on minikube, started if it is not
#   ./run.sh cluster [OPTION...]     in the current context of kubectl and its namespace
#   ./run.sh api [--port N]          the service that takes jobs over HTTP: local/api.sh
#   ./run.sh --help
#
# Options of local, box, minikube and cluster: --events N, --users N, --products N, --seed S. On
# clusters every parameter of the workflow is an option (--image-prefix REGISTRY/, --max-bad N; workflows/base/pipeline.yaml and
# workflows/gvisor_run.yaml list them), and -p NAME=VALUE says the same. `cluster` installs nothing
# cluster-wide unless told: --install-argo installs Argo Workflows in the namespace argo,
# --namespace NAME uses and if need be creates that namespace.
#
# A local run passes its options on to fake_gen: --skew S, --gzip ... too (build/fake_gen --help);
# the aggregator takes its own from the environment: AGGREGATOR_THREADS, AGGREGATOR_MAX_MEMORY,
# AGGREGATOR_MAX_BAD ... `files` passes its options on to the aggregator: --key FIELD, --value FIELD,
# --max-bad N, --recursive ... (build/aggregator --help).
#
# What is missing is installed with apt. The totals go to a private PostgreSQL that is gone
# afterwards, unless DB_URL, PGHOST, PGSERVICE or AGGREGATOR_DSN name another server.
#
#   ./run.sh
#   ./run.sh files exports/ --key account --value bytes
#   ./run.sh --events 10000000 --users 1000000
#   AGGREGATOR_MAX_MEMORY=64M ./run.sh local --events 1000000 --seed 7
#   DB_URL=db.example.org DB_USER=etl DB_PASSWORD=... DB_NAME=stats ./run.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=local/show.sh
. "$root/local/show.sh"
top_rows=10
temp='' child='' watcher='' input=/dev/null

die() { echo "run.sh: $*" >&2; exit 2; }
help() { sed -n '2,/^set/{/^set/!s/^# \?//p}' "$0"; }

clean_up() {
  local status=$?
  trap '' INT TERM HUP PIPE
  end_progress
  if [[ -n $child ]]; then kill "$child" 2>/dev/null || true; wait "$child" || true; fi
  if [[ -d $temp/db ]]; then "$root/local/postgres.sh" stop "$temp/db" immediate || true; fi
  if [[ -n $temp ]]; then rm -rf "$temp"; fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

attended() { # bash handles signals while it waits, but not while a program has the foreground
  local status=0
  "$@" <"$input" &
  child=$!
  wait "$child" || status=$?
  child=''
  return "$status"
}

# A program whose log is kept draws no bar: what it tells Argo is shown in place of it.
show_progress() { # PROGRAM: on a terminal, until end_progress
  local done_ total
  rm -f "$temp/progress"
  [[ -t 2 ]] || return 0
  while sleep 0.3; do
    if IFS=/ read -r done_ total 2>/dev/null <"$temp/progress"; then
      printf '\r%s %3d %%\e[K' "$1" $((100 * done_ / total)) >&2
    fi
  done &
  watcher=$!
}

end_progress() {
  [[ -n $watcher ]] || return 0
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  watcher=''
  printf '\r\e[K' >&2
}

step() { # PROGRAM [OPTION...]: its log is for when something is wrong, the reports say the rest
  local status=0
  show_progress "$1"
  ARGO_PROGRESS_FILE=$temp/progress attended "$root/build/$1" --log-format text "${@:2}" \
    2>"$temp/log" || status=$?
  end_progress
  if ((status != 0)); then
    cat "$temp/log" >&2
    exit "$status"
  fi
  grep 'warning: ' "$temp/log" >&2 || true
}

prepare() { # PURPOSE...
  "$root/.ci/setup" "$@"
  temp=$(mktemp -d "${TMPDIR:-/tmp}/argo-steps.XXXXXX")
  if [[ ! -x $root/build/aggregator ]]; then echo "building" >&2; fi
  attended make -s -j"$(nproc)" -C "$root" build/fake_gen build/aggregator
}

find_database() {
  dsn=${AGGREGATOR_DSN:-}
  where="the server that AGGREGATOR_DSN names"
  if [[ -n $dsn ]]; then return; fi
  if [[ -n ${DB_URL:-} ]]; then
    where=$DB_URL
    as_psql=("PGHOST=$DB_URL" ${DB_PORT:+"PGPORT=$DB_PORT"} ${DB_USER:+"PGUSER=$DB_USER"}
      ${DB_PASSWORD:+"PGPASSWORD=$DB_PASSWORD"}
      ${DB_PASSWORD_FILE:+"PGPASSWORD=$(<"$DB_PASSWORD_FILE")"} ${DB_NAME:+"PGDATABASE=$DB_NAME"})
  elif [[ -n ${PGHOST:-}${PGHOSTADDR:-}${PGSERVICE:-} ]]; then
    where=${PGSERVICE:-${PGHOST:-$PGHOSTADDR}}
  else
    unset DB_USER DB_PASSWORD DB_PASSWORD_FILE DB_NAME DB_PORT
    "$root/local/postgres.sh" start "$temp/db"
    # shellcheck source=/dev/null
    . "$temp/db/env"
    where="a private PostgreSQL on port $PGPORT"
  fi
}

sql() ( # reads the table under the names that the aggregator gives it
  if ((${#as_psql[@]})); then export "${as_psql[@]}"; fi # not by env, whose arguments all can see
  psql -XAtq -F $'\t' -v ON_ERROR_STOP=1 -v top="$top_rows" \
    -v table="${AGGREGATOR_TABLE:-session_duration}" \
    -v key="$key_title" -v value="$value_title" ${dsn:+"$dsn"}
)

columns="
SELECT quote_ident(attname) AS k FROM pg_attribute
 WHERE attrelid = to_regclass(:'table') AND attname IN (:'key', lower(:'key'))
 ORDER BY attname = :'key' DESC LIMIT 1 \\gset
SELECT quote_ident(attname) AS v FROM pg_attribute
 WHERE attrelid = to_regclass(:'table') AND attname IN (:'value', lower(:'value'))
 ORDER BY attname = :'value' DESC LIMIT 1 \\gset
"
sum_of_table() { sql <<<"$columns SELECT count(*), coalesce(sum(:v), 0) FROM :table;"; }
top_of_table() {
  sql <<<"$columns SELECT left(regexp_replace(:k, '[[:cntrl:]]', '?', 'g'), 40), :v
       FROM :table ORDER BY :v DESC NULLS LAST, :k LIMIT :top;"
}

field() { jq -r --arg name "$2" '.[$name] // 0' "$temp/$1.json"; }
number() { thousands "$(field "$@")"; }
cost() { # REPORT: in how long and with how much memory
  jq -r 'def round_to($n): . * $n | round / $n;
    "\(.seconds | round_to(1000)) s, \((.peak_rss_bytes // 0) / 1048576 | round_to(10)) MiB"' \
    "$temp/$1.json"
}

local_run() {
  local as_psql=() dsn where rows total rows_again total_again
  local key_title=${AGGREGATOR_KEY:-userId} value_title=${AGGREGATOR_VALUE:-sessionDuration}
  for option in "$@"; do
    case $option in
    --output* | -o* | --report*) die "$option: run.sh names the files; use build/fake_gen itself" ;;
    --help | --version) die "$option: see ./run.sh --help and build/fake_gen $option" ;;
    esac
  done
  prepare build run
  find_database

  step fake_gen --output "$temp/events.jsonl" --report "$temp/generated.json" "$@"
  show generated "$(number generated events) events of $(number generated users) users,\
 seed $(field generated seed) ($(cost generated))"
  step aggregator --report "$temp/loaded.json" "$temp/events.jsonl"
  show read "$(number loaded lines) lines, $(number loaded bad_lines) rejected,\
 $(number loaded users) users ($(cost loaded))"
  read -r rows total < <(sum_of_table)
  show loaded "$(thousands "$rows") rows, a total of $(thousands "$total"), in $where"
  top_of_table | show_top "$key_title" "$value_title" "$rows"

  step aggregator --report "$temp/again.json" "$temp/events.jsonl"
  read -r rows_again total_again < <(sum_of_table)
  if [[ $rows_again-$total_again-$(field again already_applied) != "$rows-$total-true" ]]; then
    echo "run.sh: loaded twice: $rows rows, $total; then $rows_again rows, $total_again" >&2
    exit 1
  fi
  show "once more" "already applied: still $(thousands "$rows") rows,\
 a total of $(thousands "$total")"
}

# --- events of one's own --------------------------------------------------------------------------

# The options that say what the table shows go to both programs that are run, by the environment.
take_options() { # ARGUMENT...: sets arguments to what is left
  arguments=()
  while (($#)); do
    case $1 in
    --) arguments+=("$@"); return ;;
    -[kvTd] | --key | --key-column | --value | --value-column | --table | --dsn)
      (($# > 1)) || die "$1 needs a value"
      take_option "$1" "$2"
      shift
      ;;
    --key=* | --key-column=* | --value=* | --value-column=* | --table=* | --dsn=*)
      take_option "${1%%=*}" "${1#*=}"
      ;;
    -[kvTd]?*) take_option "${1:0:2}" "${1:2}" ;;
    -p* | --print* | --report* | --init-sql | --forget* | runs | top)
      die "$1: use build/aggregator itself"
      ;;
    --help | --version) die "$1: see ./run.sh --help and build/aggregator $1" ;;
    *) arguments+=("$1") ;;
    esac
    shift
  done
}

take_option() { # OPTION VALUE
  case $1 in
  -k | --key) export AGGREGATOR_KEY=$2 ;;
  -v | --value) export AGGREGATOR_VALUE=$2 ;;
  --key-column) export AGGREGATOR_KEY_COLUMN=$2 ;;
  --value-column) export AGGREGATOR_VALUE_COLUMN=$2 ;;
  -T | --table) export AGGREGATOR_TABLE=$2 ;;
  -d | --dsn) export AGGREGATOR_DSN=$2 ;;
  esac
}

files_run() {
  local as_psql=() arguments dsn where rows total verb=loaded files names key_title value_title
  take_options "$@"
  ((${#arguments[@]})) || die "files needs a file or a directory, see ./run.sh --help"
  prepare build run
  find_database

  if [[ " ${arguments[*]} " == *' - '* ]]; then input=/dev/stdin; fi
  step aggregator --report "$temp/loaded.json" "${arguments[@]}"
  input=/dev/null
  files=$(field loaded files)
  if ((files > 1)); then files=" of $(thousands "$files") files"; else files=''; fi
  show read "$(number loaded lines) lines$files, $(number loaded bad_lines) rejected,\
 $(number loaded users) keys ($(cost loaded))"
  # The table's own names, which may be others than those of the fields; nothing, where it is empty.
  names=$("$root/build/aggregator" --print json top 2>"$temp/log" |
    jq -rn 'first(inputs) | keys_unsorted | @tsv') || { cat "$temp/log" >&2; exit 1; }
  if [[ -z $names ]]; then show loaded "no rows, in $where"; return; fi
  IFS=$'\t' read -r key_title value_title <<<"$names"
  read -r rows total < <(sum_of_table)
  if [[ $(field loaded already_applied) == true ]]; then verb='no change'; fi
  show "$verb" "$(thousands "$rows") rows, a total of $(thousands "$total"), in $where"
  top_of_table | show_top "$key_title" "$value_title" "$rows"
}

# --- on clusters ---------------------------------------------------------------------------------

argo_version=v3.7.18
argo_manifest=https://github.com/argoproj/argo-workflows/releases/download/$argo_version

programs=(fake_gen aggregator gvisor_probe)

# What a workflow's parameters are called: --NAME VALUE, --NAME=VALUE and -p NAME=VALUE set them.
read_parameters() { # WORKFLOW OPTION...: sets parameters to what argo submit takes
  local names name value
  names=$(sed -n '/^  arguments:/,/^  [a-z]/s/^      [- ] name: //p' "$root/workflows/$1")
  shift
  parameters=()
  while (($#)); do
    case $1 in
    -p | --parameter)
      [[ ${2:-} == ?*=* ]] || die "$1 needs NAME=VALUE"
      name=${2%%=*} value=${2#*=}
      shift
      ;;
    --?*=*) name=${1%%=*} name=${name#--} value=${1#*=} ;;
    --?*)
      (($# > 1)) || die "$1 needs a value"
      name=${1#--} value=$2
      shift
      ;;
    *) die "'$1' is not an option, see ./run.sh --help" ;;
    esac
    grep -qxF -- "$name" <<<"$names" ||
      die "the workflow has no parameter '$name', only ${names//$'\n'/, }"
    parameters+=(-p "$name=$value")
    shift
  done
}
pipeline=base/pipeline.yaml

need() { # COMMAND HOW-TO-GET-IT
  command -v "$1" >/dev/null || die "there is no $1; $2"
}

need_clients() {
  need kubectl "see https://kubernetes.io/docs/tasks/tools"
  need argo "see https://github.com/argoproj/argo-workflows/releases/tag/$argo_version"
  need jq "install it with your package manager"
}

make_images() { make -s -C "$root" images; }

install_argo() { # MANIFEST: server-side, because Argo's CRDs are too large to be annotated
  make_namespace argo
  kubectl apply --server-side --namespace argo --filename "$argo_manifest/$1"
  kubectl rollout status --namespace argo deployment/workflow-controller --timeout=300s
}

make_namespace() { # NAME [LABEL...]
  kubectl get namespace "$1" >/dev/null 2>&1 && return
  kubectl create namespace "$1"
  if (($# > 1)); then kubectl label namespace "$@"; fi
}

box_run() {
  local box=$root/local/box/box names='' what=pipeline name
  case ${1:-} in
  down)
    (($# == 1)) || die "box down takes nothing more"
    exec "$box" down
    ;;
  gvisor)
    what=gvisor
    read_parameters gvisor_run.yaml "${@:2}"
    ;;
  jobs)
    (($# == 1)) || die "box jobs takes nothing more"
    what='jobs'
    programs=(fake_gen aggregator job_service job_runner)
    ;;
  *) read_parameters "$pipeline" "$@" ;;
  esac
  ((EUID == 0)) || die "box needs root (namespaces, mounts, cgroups): sudo ./run.sh box"
  "$box" up
  make_images
  for program in "${programs[@]}"; do "$box" load-image "$root/build/images/$program.tar"; done
  eval "$("$box" env)"
  make_namespace argo-steps pod-security.kubernetes.io/enforce=restricted
  case $what in
  gvisor) "$root/workflows/gvisor/try.sh" "${parameters[@]}" ;;
  jobs)
    make -s -C "$root" build/job_service
    "$root/local/box/jobs_images.sh" load
    DOCKERFILES=yes "$root/workflows/jobs/try.sh" "http://$("$box" status | grep -oP '^jobs +\K[0-9.:]+')"
    ;;
  *) NAMESPACE=argo-steps "$root/workflows/try.sh" "${parameters[@]}" ;;
  esac
  # For whoever has boxes of several states.
  for name in BOX_STATE BOX_CACHE; do
    if [[ ${!name:-} ]]; then names+="$name=${!name} "; fi
  done
  echo "  with these commands after: eval \"\$(${names}local/box/box env)\""
  echo "  ${names}./run.sh box down"
}

minikube_run() {
  read_parameters "$pipeline" "$@"
  need docker "see https://docs.docker.com/engine/install"
  need minikube "see https://minikube.sigs.k8s.io/docs/start"
  need_clients
  minikube status >/dev/null 2>&1 || minikube start --container-runtime=containerd
  kubectl config use-context minikube
  kubectl get crd workflows.argoproj.io >/dev/null 2>&1 || install_argo quick-start-minimal.yaml
  make_images
  for program in "${programs[@]}"; do minikube image load "$root/build/images/$program.tar"; done
  # Argo's quick-start leaves the executor's containers without a security context, so the
  # namespace cannot enforce `restricted` as it does in the box.
  make_namespace argo-steps
  NAMESPACE=argo-steps "$root/workflows/try.sh" "${parameters[@]}"
}

cluster_run() {
  local namespace='' argo_too='' rest=()
  while (($#)); do
    case $1 in
    --install-argo) argo_too=yes ;;
    --namespace)
      [[ ${2:-} ]] || die "--namespace needs a name"
      namespace=$2
      shift
      ;;
    --namespace=*) namespace=${1#*=} ;;
    *) rest+=("$1") ;;
    esac
    shift
  done
  read_parameters "$pipeline" "${rest[@]}"
  need_clients
  if [[ $argo_too ]]; then install_argo install.yaml; fi
  if [[ $namespace ]]; then make_namespace "$namespace"; fi
  case $(kubectl config current-context) in
  kind-*)
    make_images
    for program in "${programs[@]}"; do
      kind load image-archive "$root/build/images/$program.tar" \
        --name "$(kubectl config current-context | sed 's/^kind-//')"
    done
    ;;
  *) echo "the nodes must have the images of build/images, or a registry: --image-prefix HOST/PATH/" ;;
  esac
  NAMESPACE=$namespace "$root/workflows/try.sh" "${parameters[@]}"
}

case " ${*:2} " in # gvisor, api and the programs have a help of their own
*' --help '*) case $1 in local | files | box | minikube | cluster) help; exit ;; esac ;;
esac
case ${1:-local} in
local) local_run "${@:2}" ;;
files) files_run "${@:2}" ;;
gvisor) exec "$root/local/experiment.sh" "${@:2}" ;;
api) exec "$root/local/api.sh" "${@:2}" ;;
box) box_run "${@:2}" ;;
minikube) minikube_run "${@:2}" ;;
cluster) cluster_run "${@:2}" ;;
-h | --help | help) help ;;
-*) local_run "$@" ;;
*) die "unknown command '$1', see ./run.sh --help" ;;
esac
