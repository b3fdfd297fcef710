#!/usr/bin/env bats
# Events of people's own: an artifact, a URL, a claim, and the templates called from other workflows.

load helpers

submit_template() { # ENTRYPOINT [OPTION...]: prints the workflow's name
  submit --from wftmpl/pipeline --entrypoint "$@"
}

restricted_pod() { # NAME LABELS SPEC: of busybox, the rest of its one container and of itself as JSON
  jq -n --arg name "$1" --argjson labels "$2" --argjson spec "$3" '{
    apiVersion: "v1", kind: "Pod", metadata: {$name, $labels}, spec: ({
      terminationGracePeriodSeconds: 0,
      securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: "RuntimeDefault"}}
    } + ($spec | del(.container)) + {containers: [$spec.container + {
      name: "main", image: "busybox", imagePullPolicy: "IfNotPresent",
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}}]})}' |
    kubectl create -f -
  kubectl wait --for=condition=Ready --timeout=180s "pod/$1"
}

make_claim() { # NAME: and the pod of that name, which has it at /data
  jq -n --arg name "$1" '{apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: {$name},
    spec: {accessModes: ["ReadWriteOnce"], resources: {requests: {storage: "16Mi"}}}}' | kubectl create -f -
  restricted_pod "$1" '{}' "$(jq -n --arg claim "$1" '{
    volumes: [{name: "data", persistentVolumeClaim: {claimName: $claim}}],
    container: {command: ["sleep", "3600"], volumeMounts: [{name: "data", mountPath: "/data"}]}}')"
}

put() { # POD FILE: stdin, into its /data, until all of it is there (see sql)
  cat >"$BATS_TEST_TMPDIR/put"
  until_true 60 "$2 in the claim" arrived "$1" "$2"
}

arrived() { # POD FILE
  [ "$(kubectl exec -i "$1" -- sh -c "mkdir -p \"\$(dirname /data/$2)\" && cat >/data/$2 && wc -c </data/$2" \
    <"$BATS_TEST_TMPDIR/put")" = "$(wc -c <"$BATS_TEST_TMPDIR/put")" ]
}

make_table_of_the_docs() { # its own lines, but for where the events are
  eval "$(sed -n '/^fields=(--key/,/^```$/{/^```$/d;p}' docs/on-a-cluster.md | sed 's/^argo /: argo /')"
  [ "$(sql "SELECT count(*) FROM pg_class WHERE relname = 'seconds_per_user'")" = 1 ]
}

events_of() { # SEED [OPTION...]
  "$BUILD/fake_gen" --seed "$1" "${@:2}" --output - 2>/dev/null
}

serve_events() { # FILE: over HTTP, as the Service minio, port 9000
  kubectl create configmap served --from-file="$1"
  restricted_pod minio '{"app": "minio"}' '{
    "volumes": [{"name": "served", "configMap": {"name": "served"}}],
    "container": {"command": ["httpd", "-f", "-p", "9000", "-h", "/served"],
      "readinessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1},
      "volumeMounts": [{"name": "served", "mountPath": "/served"}]}}'
  kubectl expose pod minio --port 9000
}

example_of_the_docs() {
  sed -n '/^```yaml$/,/^```$/p' docs/on-a-cluster.md | grep -v '^```'
}

@test "files_run.yaml loads the artifact in it, and a second time counts nothing" {
  name=$(submit workflows/files_run.yaml)
  ended "$name" Succeeded
  again=$(submit workflows/files_run.yaml)
  ended "$again" Succeeded
  [ "$(totals)" = $'ada|55\nbob|12' ]
  run -0 shown "$again"
  [[ $output =~ total:[[:space:]]+67 ]]
  [[ $output =~ already-applied:[[:space:]]+true ]]
}

@test "what a URL leads to is loaded, packed too, once a policy lets the step and no other out to it" {
  events_of x --gzip >"$BATS_TEST_TMPDIR/events.jsonl.gz"
  serve_events "$BATS_TEST_TMPDIR/events.jsonl.gz"
  labels='{"app.kubernetes.io/part-of": "argo-steps", "app.kubernetes.io/name": "aggregator"}'
  restricted_pod plain "$labels" '{"container": {"command": ["sleep", "3600"]}}'
  restricted_pod artifact "$(jq '. + {"app.kubernetes.io/component": "artifact"}' <<<"$labels")" \
    '{"container": {"command": ["sleep", "3600"]}}'
  at=$(kubectl get pod minio -o 'jsonpath={.status.podIP}')
  run -1 kubectl exec artifact -- nc -w 3 "$at" 9000 </dev/null
  sed "s|name: minio|name: $namespace|" workflows/overlays/artifacts/network_policy.yaml |
    kubectl apply -f -
  reaches() { kubectl exec artifact -- nc -w 3 "$at" 9000 </dev/null; }
  until_true 60 "way out to the server" reaches
  run -1 kubectl exec plain -- nc -w 3 "$at" 9000 </dev/null
  name=$(submit_template aggregate -p "url=http://$at:9000/events.jsonl.gz")
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 x)" ]
}

@test "neither artifact nor URL is named as what is missing" {
  change_pipeline '[{"op": "replace", "path": "/spec/templates/aggregate/retryStrategy/limit", "value": "0"}]'
  name=$(submit_template aggregate)
  ended "$name" Error
  run -0 shown "$name"
  [[ $output == *"missing:give -p url=https://... or the artifact events"* ]]
  nothing_loaded
}

@test "a claim's directory is loaded, or the one in it that is named, or all that is in it" {
  make_claim mine
  events_of a | put mine one.jsonl
  events_of b --gzip | put mine 2025/two.jsonl.gz
  name=$(submit_template aggregate-claim -p claim=mine)
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 a)" ]
  name=$(submit_template aggregate-claim -p claim=mine -p path=2025)
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 a b)" ]
  name=$(submit_template aggregate-claim -p claim=mine -p recursive=true)
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 a b a b)" ]
  run -0 shown "$name"
  [[ $output =~ lines:[[:space:]]+3000 ]]
}

@test "the example of the docs calls the template from a workflow that has nothing but steps" {
  name=$(example_of_the_docs | submit -)
  ended "$name" Succeeded
  [ "$(totals)" = $'ada|30\nbob|12' ]
  [ "$(kubectl get workflow "$name" -o json | jq -r '.status.nodes[] | select(.templateName == "main" and
    .type == "Steps").outputs.parameters[] | select(.name == "total").value')" = 42 ]
}

@test "a called step has its user, its policies and no variables of Services, whatever the caller has" {
  name=$(example_of_the_docs | submit -)
  ended "$name" Succeeded
  pod=$(kubectl get pods -l "workflows.argoproj.io/workflow=$name" -o json | jq '.items[0]')
  [ "$(jq '.spec.securityContext.runAsUser' <<<"$pod")" = 65532 ]
  [ "$(jq '.spec.enableServiceLinks' <<<"$pod")" = false ]
  [ "$(jq -r '.metadata.labels["app.kubernetes.io/part-of"]' <<<"$pod")" = argo-steps ]
}

@test "a caller generates and loads on its own claim, twice in one workflow, and counts both" {
  name=$(jq -n 'def step($name; $template; $given): {$name, templateRef: {name: "pipeline", $template},
      arguments: {parameters: [$given | to_entries[] | {name: .key, value}]}};
    {apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: {generateName: "mine-"}, spec: {
      entrypoint: "main", serviceAccountName: "argo-steps",
      volumeClaimTemplates: [{metadata: {name: "data"}, spec: {accessModes: ["ReadWriteOnce"],
        resources: {requests: {storage: "16Mi"}}}}],
      templates: [{name: "main", steps: [[step("a"; "fake-gen"; {seed: "a"})], [step("b"; "aggregate-claim"; {})],
        [step("c"; "fake-gen"; {seed: "c", users: "20"})], [step("d"; "aggregate-claim"; {path: "events.jsonl"})],
        [step("e"; "single-run"; {seed: "e"})]]}]}}' | submit -)
  ended "$name" Succeeded
  [ "$(totals)" = "$({ events_of a; events_of c --users 20; events_of e; } | tests/e2e/sums.py)" ]
  [ "$(ledger_rows)" = 3 ]
}

@test "fields and a table of other names are made, loaded and shown as the docs say" {
  lines() { printf '{"user": "u%d", "seconds": %d}\n' 1 10 2 20 1 5; }
  make_claim mine
  lines | put mine events.jsonl
  until_true 60 "table of the docs" make_table_of_the_docs
  # shellcheck disable=SC2154  # by the docs
  name=$(submit_template aggregate-claim -p claim=mine "${fields[@]}")
  ended "$name" Succeeded
  [ "$(sql 'SELECT "user", seconds FROM seconds_per_user ORDER BY 1')" = $'u1|15\nu2|20' ]
  run -0 argo submit --from wftmpl/pipeline --entrypoint show --log "${fields[@]}"
  [[ $output == *"the table holds 2 keys, a total of 35"* ]]
}

@test "nested fields, other shapes of numbers and gaps are taken where the parameters say so" {
  make_claim mine
  printf '%s\n' '{"u": {"userId": 7}, "sessionDuration": "100"}' '{"u": {"userId": null}, "sessionDuration": 1}' \
    '{"u": {"userId": "7"}, "sessionDuration": 5.0}' | put mine events.jsonl
  name=$(submit_template aggregate-claim -p claim=mine -p key=/u/userId \
    -p accept=number-keys,text-numbers,whole-floats -p skip-missing=true)
  ended "$name" Succeeded
  [ "$(totals)" = '7|105' ]
}
