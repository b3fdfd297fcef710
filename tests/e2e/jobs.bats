#!/usr/bin/env bats
# Jobs over HTTP on the box: from curl to the answer, and what those may do who take part in it.

load helpers

setup_file() {
  eval "$("$box" env)"
  export url
  url=http://$("$box" status | grep -oP '^jobs +\K[0-9.:]+')
  kubectl delete -k "$root/workflows/jobs" --ignore-not-found >/dev/null
  JOB_SERVICE=$BUILD/job_service "$root/workflows/jobs/try.sh" "$url" >"$BATS_FILE_TMPDIR/shown" 2>&1 || {
    cat "$BATS_FILE_TMPDIR/shown"
    kubectl -n jobs get pods,workflows
    return 1
  }
}

teardown_file() {
  eval "$("$box" env)"
  kubectl delete -k "$root/workflows/jobs" --wait=false >/dev/null
}

setup() { be_in jobs; }

teardown() {
  [[ ! ${BATS_TEST_COMPLETED:-} ]] || return 0
  kubectl get workflows,pods
  kubectl logs deployment/job-dispatch --tail 20
  kubectl get events --sort-by .lastTimestamp | tail -n 20
}

asked() { curl -sS -m 90 -H 'Authorization: mytoken' "$@"; }

all_jobs() { # one a line, oldest last
  local page next=''
  while page=$(asked "$url/v1/jobs?limit=100${next:+&cursor=$next}"); do
    jq -c '.jobs[]' <<<"$page"
    next=$(jq -r '.next // empty' <<<"$page")
    [[ $next ]] || return 0
  done
}

at_least() { (($(asked "$url/v1/jobs?limit=100&state=$2" | jq '.jobs | length') >= $1)); }
none() { # STATE...
  local state
  for state; do [[ $(asked "$url/v1/jobs?limit=1&state=$state" | jq -c .jobs) == '[]' ]] || return; done
}
no_workflows() { [[ ! $(kubectl get workflows -o name) ]]; }
own_pods() { [[ $(kubectl get pods -l app.kubernetes.io/name=job-api -o name | wc -l) == 2 ]]; }

total_of() { sums_of 1500 10 "$1" | awk -F '|' '{ total += $2 } END { print total }'; } # ID

fits_schema() { # FILE: jobs, one a line, as openapi.json describes them
  python3 - "$root/job_service/api/openapi.json" "$1" <<'PY'
import json, sys, jsonschema
api = json.load(open(sys.argv[1]))
schema = {"$ref": "#/components/schemas/Job", "components": api["components"]}
jobs = [json.loads(line) for line in open(sys.argv[2])]
assert jobs
for job in jobs:
    jsonschema.Draft202012Validator(schema).validate(job)
    assert not set(job) - set(api["components"]["schemas"]["Job"]["properties"]), job
PY
}

@test "one command sets it up, hands a job in by curl, and shows its answer" {
  shown=$(<"$BATS_FILE_TMPDIR/shown")
  job=$(sed -n '/^  {$/,/^  }$/p' <<<"$shown")
  [ "$(jq -r .state <<<"$job")" = finished ]
  total=$(total_of "$(jq -r .id <<<"$job")")
  [ "$(jq -r .perf <<<"$job")" = "$total" ]
  [[ $shown == *"{\"id\": 1, \"status\": \"finished\", \"perf\": $total}"* ]]
  [[ ! $shown =~ ajt_[A-Za-z0-9]{20} ]] # a token is not shown whole
}

@test "of 500 jobs by ab, through a rolling update that sheds nothing, 20 have exact totals, the rest end by one call" {
  before=$(all_jobs | wc -l)
  [ "$(curl -sS "$url/hello")" = '{"message": "hello"}' ]
  run -0 ab -q -m POST -H "Authorization: mytoken" -n 500 -c 4 "$url/jobs"
  [[ $output == *'Complete requests:      500'* ]]
  [[ $output == *'Failed requests:        0'* ]]
  [[ $output != *Non-2xx* ]]

  ab -q -t 120 -n 1000000 -c 2 -H "Authorization: mytoken" "$url/v1/whoami" >"$BATS_TEST_TMPDIR/ab" 2>&1 3>&- &
  client=$!
  kubectl rollout restart deployment/job-api
  kubectl rollout status deployment/job-api --timeout=120s
  until_true 60 "end of the pods of before" own_pods
  kill -INT "$client"
  wait "$client" || true
  cat "$BATS_TEST_TMPDIR/ab"
  grep -E '^Failed requests: +0$' "$BATS_TEST_TMPDIR/ab"
  run ! grep Non-2xx "$BATS_TEST_TMPDIR/ab"
  (($(sed -n 's/^Complete requests: *//p' "$BATS_TEST_TMPDIR/ab") > 100))

  until_true 600 "20 jobs that have finished" at_least 20 finished
  ended=$(asked -X DELETE "$url/v1/jobs?state=queued")
  [ "$(jq .left <<<"$ended")" = 0 ]
  until_true 300 "end of those that were under way" none queued submitting pending running

  all_jobs >"$BATS_TEST_TMPDIR/jobs"
  fits_schema "$BATS_TEST_TMPDIR/jobs"
  [ "$(jq .number "$BATS_TEST_TMPDIR/jobs" | sort -n)" = "$(seq $((before + 500)))" ]
  jq -r 'select(.state == "finished") | "\(.id) \(.perf)"' "$BATS_TEST_TMPDIR/jobs" >"$BATS_TEST_TMPDIR/finished"
  cancelled=$(jq -r 'select(.state == "cancelled") | .id' "$BATS_TEST_TMPDIR/jobs" | wc -l)
  [ "$cancelled" = "$(jq .cancelled <<<"$ended")" ]
  [ $((cancelled + $(wc -l <"$BATS_TEST_TMPDIR/finished"))) = $((before + 500)) ]
  while read -r id perf; do
    [ "$perf" = "$(total_of "$id")" ]
  done <"$BATS_TEST_TMPDIR/finished"
  mapfile -t ids < <(cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/finished")
  [ "$(totals)" = "$(sums_of 1500 10 "${ids[@]}")" ]
  [ "$(sql "SELECT count(*) FROM aggregator_runs")" = "${#ids[@]}" ]
  until_true 120 "cluster without a trace of them" no_workflows
}

as_account() { # NAME: kubectl speaks as it from here on, by a token of its own
  local token
  token=$(kubectl create token "$1")
  kubectl config set-credentials "$1" --token "$token" >/dev/null
  kubectl config set-context --current --user "$1" >/dev/null
}

refused() { # WORDS COMMAND...
  run "${@:2}"
  [ "$status" -ne 0 ] || { echo "not refused: ${*:2}: $output"; return 1; }
  [[ $output == *"$1"* ]] || { echo "refused otherwise: $output"; return 1; }
}

may_not() { # RIGHT...
  local right
  for right; do
    # shellcheck disable=SC2086  # the words of a right
    run kubectl auth can-i $right
    [ "${lines[-1]}" = no ] || { echo "may: $right"; return 1; }
  done
}

id=0123abcd-0000-4000-8000-00000000abcd

@test "a leaked dispatcher token makes Workflows of our templates, suspended, resumes them, and no more" {
  workflow() { # JQ: as the dispatcher makes one, but for that change
    jq -n --arg id "$id" '{apiVersion: "argoproj.io/v1alpha1", kind: "Workflow",
      metadata: {name: "job-\($id)-1", labels: {"argo-steps/job": $id, "argo-steps/attempt": "1"}},
      spec: {suspend: true, workflowTemplateRef: {name: "job-pipeline"},
        arguments: {parameters: [{name: "job", value: $id}]}}} | '"$1" >"$BATS_TEST_TMPDIR/workflow"
    kubectl create -f "$BATS_TEST_TMPDIR/workflow" "${@:2}"
  }
  patch() { kubectl patch workflow "job-$id-1" --type merge --patch "$1" "${@:2}"; }
  as_account job-dispatch
  spec='has workflowTemplateRef, arguments and suspend'
  refused "$spec" workflow '.spec.entrypoint = "main"'
  refused "$spec" workflow '.spec.serviceAccountName = "starter"'
  refused "$spec" workflow '.spec.podSpecPatch = "{}"'
  refused "$spec" workflow '.spec.templates = [{name: "main", container: {image: "busybox"}}]'
  refused "$spec" workflow '.spec.suspend = false'
  refused "$spec" workflow 'del(.spec.suspend)'
  refused "without a status" workflow '.status.storedWorkflowTemplateSpec = {entrypoint: "main"}'
  refused "job-workflows lists" workflow '.spec.workflowTemplateRef.name = "pipeline"'
  refused "job-workflows lists" workflow '.spec.workflowTemplateRef.name = ""'
  refused "job-workflows lists" workflow '.spec.workflowTemplateRef.clusterScope = true'
  refused "parameters of name and value" workflow '.spec.arguments.artifacts = []'
  refused "parameters of name and value" workflow \
    '.spec.arguments.parameters = [{name: "job", valueFrom: {configMapKeyRef: {name: "postgres", key: "PGHOST"}}}]'
  refused "job-UUID-ATTEMPT" workflow '.metadata.name = "mine"'
  refused "words of argo-steps/ only" workflow '.metadata.labels["workflows.argoproj.io/workflow-template"] = "x"'
  refused "words of argo-steps/ only" workflow '.metadata.annotations = {"workflows.argoproj.io/x": "y"}'
  refused "words of argo-steps/ only" workflow '.metadata.finalizers = ["example.org/kept"]'

  workflow .
  changes='spec.suspend and spec.shutdown only'
  refused "$changes" patch '{"spec": {"entrypoint": "main"}}'
  refused "$changes" patch '{"spec": {"workflowTemplateRef": {"name": "pipeline"}}}'
  refused "$changes" patch '{"spec": {"arguments": null}}'
  refused "$changes" patch '{"status": {"phase": "Succeeded"}}'
  refused "argo-steps/nudged only" patch '{"metadata": {"annotations": {"argo-steps/digest": "x"}}}'
  refused "argo-steps/nudged only" patch '{"metadata": {"labels": {"argo-steps/job": "x"}}}'
  refused "argo-steps/nudged only" patch '{"metadata": {"finalizers": ["example.org/kept"]}}'
  patch '{"metadata": {"annotations": {"argo-steps/nudged": "1"}}}'
  patch '{"spec": {"suspend": false}}' --dry-run=server
  patch '{"spec": {"shutdown": "Terminate"}}' --dry-run=server
  kubectl delete workflow "job-$id-1"

  refused "job-UUID in jobs-build" kubectl -n jobs-build create configmap mine --from-literal=a=b
  may_not "create pods" "create pods -n jobs-run" "create pods --subresource=exec -n jobs-run" "delete pods" \
    "get secrets" "get secrets -n jobs-build" "create configmaps" "update configmaps -n jobs-build" \
    "create workflowtemplates.argoproj.io" "patch workflowtemplates.argoproj.io" "create cronworkflows.argoproj.io" \
    "create serviceaccounts --subresource=token" "create workflows.argoproj.io -n default" "list pods -A" \
    "patch deployments.apps" "impersonate serviceaccounts" "get nodes"
}

@test "what runs people's code is a bare pod in gVisor, without a token, whoever makes it" {
  pod() { # NAMESPACE JQ
    jq -n --arg id "$id" '{apiVersion: "v1", kind: "Pod",
      metadata: {name: "job-\($id)-1-run", labels: {"argo-steps/job": $id, "argo-steps/step": "run"}},
      spec: {runtimeClassName: "gvisor-offline", restartPolicy: "Never", automountServiceAccountToken: false,
        securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: "RuntimeDefault"}},
        volumes: [{name: "data", emptyDir: {sizeLimit: "64Mi"}}, {name: "in", configMap: {name: "job-\($id)"}}],
        containers: [{name: "main", image: "busybox", volumeMounts: [{name: "data", mountPath: "/data"}],
          resources: {limits: {cpu: "1", memory: "64Mi"}},
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}}]}} | '"$2" |
      kubectl -n "$1" create --dry-run=server -f /dev/stdin
  }
  as_account starter
  pod jobs-run .
  pod jobs-build '.spec.runtimeClassName = "gvisor"'
  for class in gvisor gvisor-sealed gvisor-permissive; do
    refused "runs in gVisor" pod jobs-run ".spec.runtimeClassName = \"$class\""
  done
  for namespace in jobs-run jobs-build; do
    refused "runs in gVisor" pod "$namespace" 'del(.spec.runtimeClassName)'
    refused "no word for gVisor" pod "$namespace" '.metadata.annotations["dev.gvisor.flag.network"] = "host"'
    refused "service account's token" pod "$namespace" '.spec.automountServiceAccountToken = true'
    refused "service account" pod "$namespace" '.spec.serviceAccountName = "other"'
    refused "emptyDirs with a sizeLimit" pod "$namespace" '.spec.volumes[1].configMap.name = "kube-root-ca.crt"'
    refused "emptyDirs with a sizeLimit" pod "$namespace" '.spec.volumes[0] = {name: "data", secret: {secretName: "x"}}'
    refused "emptyDirs with a sizeLimit" pod "$namespace" '.spec.volumes[0].emptyDir = {}'
    refused "emptyDirs with a sizeLimit" pod "$namespace" '.spec.volumes[0] = {name: "data", projected:
      {sources: [{serviceAccountToken: {path: "token"}}]}}'
    refused "no Secret and no ConfigMap" pod "$namespace" '.spec.containers[0].env = [{name: "A", valueFrom:
      {secretKeyRef: {name: "registry-push", key: "password"}}}]'
    refused "the labels argo-steps/job" pod "$namespace" 'del(.metadata.labels["argo-steps/job"])'
    refused "the labels argo-steps/job" pod "$namespace" '.metadata.labels["app.kubernetes.io/name"] = "job-api"'
  done
  refused "maximum cpu usage" pod jobs-run '.spec.containers[0].resources.limits.cpu = "64"'
  refused "only a builder" pod jobs-build '.spec.containers[0].securityContext.capabilities.add = ["CHOWN"]'
  refused "push alone sees" pod jobs-build '.spec.volumes[0] = {name: "data", secret: {secretName: "registry-push"}}'
  pod jobs-build '.spec.volumes[0] = {name: "data", secret: {secretName: "registry-push"}} |
    .spec.containers[0].name = "push"'
  may_not "create pods" "delete pods -n jobs-run" "create pods --subresource=exec -n jobs-run" \
    "get pods --subresource=log -n jobs-run" "update pods -n jobs-run" "get secrets -n jobs-build" \
    "get configmaps -n jobs-build" "create workflows.argoproj.io"
}

@test "api, dispatcher, loads and builds reach what they need, and nothing of each other's" {
  jq -n --arg id "$id" '
    def pod($space; $name; $labels): {apiVersion: "v1", kind: "Pod", metadata: {namespace: $space, $name, $labels}, spec: {
      terminationGracePeriodSeconds: 0, automountServiceAccountToken: false,
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: "RuntimeDefault"}},
      containers: [{name: "main", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sleep", "600"],
        # Never ready, or a Service would send clients there.
        readinessProbe: {exec: {command: ["false"]}}, resources: {requests: {cpu: "10m"}, limits: {cpu: "1", memory: "64Mi"}},
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}}]}};
    pod("jobs"; "as-api"; {"app.kubernetes.io/name": "job-api"}),
    pod("jobs"; "as-dispatch"; {"app.kubernetes.io/name": "job-dispatch"}),
    pod("jobs"; "as-load"; {"app.kubernetes.io/name": "aggregator", "app.kubernetes.io/part-of": "argo-steps",
      "workflows.argoproj.io/workflow": "none"}),
    (pod("jobs-build"; "as-build"; {"argo-steps/job": $id, "argo-steps/step": "build"}) |
      .spec.runtimeClassName = "gvisor")' | kubectl create -f /dev/stdin
  kubectl wait --for='jsonpath={.status.phase}=Running' --timeout=120s pod/as-{api,dispatch,load}
  kubectl -n jobs-build wait --for='jsonpath={.status.phase}=Running' --timeout=120s pod/as-build
  api=$(kubectl get pods -l app.kubernetes.io/component=job-service,app.kubernetes.io/name=job-api \
    -o 'jsonpath={.items[0].status.podIP}')
  reach() { # POD EXPECTED HOST PORT
    run kubectl exec "$1" -- nc -w "$(($2 ? 3 : 30))" "$3" "$4" </dev/null
    [ "$status" = "$2" ] || { echo "$*: $output"; return 1; }
  }
  reach as-api 0 job-database 5432
  reach as-dispatch 0 job-database 5432
  reach as-dispatch 0 10.96.0.1 443
  reach as-load 0 postgres 5432
  reach as-api 1 10.96.0.1 443 &
  reach as-api 1 postgres 5432 &
  reach as-dispatch 1 postgres 5432 &
  reach as-load 1 job-database 5432 &
  reach as-load 1 "$api" 9090 &
  checks=$(jobs -p)
  for target in "10.96.0.1 443" "192.168.77.1 6443" "192.168.77.1 10250" "192.168.77.1 32000" "$api 8080" "10.96.0.10 53"; do
    # shellcheck disable=SC2086  # host and port
    run kubectl -n jobs-build exec as-build -- nc -w 2 $target </dev/null
    [ "$status" = 1 ]
  done
  for check in $checks; do wait "$check"; done
  kubectl delete pod as-{api,dispatch,load} --now
  kubectl -n jobs-build delete pod as-build --now
}

@test "the api has no token of the cluster, and the service tells every metric that its alerts ask for" {
  [ "$(kubectl get pods -l app.kubernetes.io/name=job-api -o json |
    jq -c '[.items[].spec.volumes[] | select(has("projected"))]')" = '[]' ]
  for address in $(kubectl get endpoints job-metrics -o 'jsonpath={.subsets[*].addresses[*].ip}'); do
    "$box" inside busybox wget -q -O - "http://$address:9090/metrics"
  done >"$BATS_TEST_TMPDIR/metrics"
  mapfile -t names < <(sed -n '/name: jobs$/,$p' workflows/monitoring/alerts.yaml |
    grep -oE '\b(jobs|http|kubernetes|database)_[a-z_]+|\bjobs\{' | tr -d '{' | grep -v '^jobs_log_' | sort -u)
  ((${#names[@]} >= 5))
  for name in "${names[@]}"; do grep -qE "^$name(\{| )" "$BATS_TEST_TMPDIR/metrics" || { echo "no $name"; false; }; done
}
