#!/usr/bin/env bats
# workflows/overlays, copied and changed as their comments say.

load helpers

copy() { # OVERLAY: with what it lies on, so that its paths are right
  mkdir "$BATS_TEST_TMPDIR/overlays"
  cp -r workflows/base "$BATS_TEST_TMPDIR/"
  overlay=$BATS_TEST_TMPDIR/overlays/$1
  cp -r "workflows/overlays/$1" "$overlay"
}

# The small server, with a certificate for the Service db and no way in without TLS.
start_server_with_tls() {
  local tls=$BATS_TEST_TMPDIR/tls name=db.$namespace.svc.cluster.local
  mkdir "$tls"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority \
    -keyout "$tls/ca.key" -out "$tls/ca.crt" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout "$tls/tls.key" 2>/dev/null |
    openssl x509 -req -days 2 -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial -out "$tls/tls.crt" \
      -extfile <(echo "subjectAltName=DNS:$name") 2>/dev/null
  kubectl create secret tls db-tls --cert "$tls/tls.crt" --key "$tls/tls.key"
  kubectl expose service postgres --name db
  kubectl exec postgres-0 -- sh -c "sed -i 's/^host /hostssl /' \$PGDATA/pg_hba.conf"
  kubectl patch statefulset postgres --patch '{"spec": {"template": {"spec": {
    "volumes": [{"name": "tls", "secret": {"secretName": "db-tls", "defaultMode": 416}}],
    "containers": [{"name": "postgres", "volumeMounts": [{"name": "tls", "mountPath": "/tls"}],
      "args": ["-cssl=on", "-cssl_cert_file=/tls/tls.crt", "-cssl_key_file=/tls/tls.key"]}]}}}}'
  kubectl rollout status statefulset/postgres --timeout=180s
}

fails_at_once() { # MESSAGE OPTION...: a run with these options
  local message=$1
  shift
  change_pipeline '[{"op": "add", "path": "/spec/templates/aggregate-claim/container/args/-", "value": "--wait-db=1s"},
    {"op": "replace", "path": "/spec/templates/aggregate-claim/retryStrategy/limit", "value": "0"}]'
  name=$(submit workflows/single_run.yaml "$@")
  ended "$name" Failed
  run -0 shown "$name"
  [[ $output == *"$message"* ]]
}

@test "external-database: loads over TLS with the certificate verified, or not at all" {
  start_server_with_tls
  copy external-database
  sed -i "s/db\.example\.org/db.$namespace.svc.cluster.local/; s/PGDATABASE: stats/PGDATABASE: events/
    s|192\.0\.2\.7/32|$(kubectl get pod postgres-0 -o 'jsonpath={.status.podIP}')/32|" "$overlay/kustomization.yaml"
  kubectl apply -k "$overlay"
  fails_at_once "root certificate"
  cp "$BATS_TEST_TMPDIR/tls/ca.crt" "$overlay/"
  kubectl apply -k "$overlay"
  name=$(submit workflows/single_run.yaml -p seed=x)
  ended "$name" Succeeded
  name=$(submit workflows/sharded_run.yaml -p shards=2 -p seed=y -p events=1500 -p users=10)
  ended "$name" Succeeded
  [ "$(totals)" = "$(sums_of 1500 10 x y)" ]
  fails_at_once "does not match host name" -p db-host=db
}

@test "storage: a run's volume is of the class and size asked for" {
  kubectl delete statefulset postgres
  kubectl delete pvc --all
  copy storage
  sed -i 's/10Gi/77Mi/' "$overlay/kustomization.yaml"
  kubectl apply -k "$overlay"
  kubectl rollout status statefulset/postgres --timeout=180s
  hold_table
  name=$(submit workflows/single_run.yaml)
  load_waits
  [ "$(kubectl get pvc "$name-data" -o 'jsonpath={.spec.storageClassName} {.status.phase} {.spec.resources.requests.storage}')" \
    = "standard Bound 77Mi" ]
  release_table
  ended "$name" Succeeded
}

@test "restricted: Argo's own containers of a step get a security context" {
  kubectl apply -k workflows/overlays/restricted
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
}
