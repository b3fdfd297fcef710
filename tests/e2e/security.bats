#!/usr/bin/env bats
# What pods may do: the namespace refuses those that are not restricted.

load helpers

@test "every pod is restricted: server, steps, Argo's own containers" {
  submit workflows/sharded_run.yaml -p shards=1 -p events=1000
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  (($(kubectl get pods -o name | wc -l) >= 3))
  # shellcheck disable=SC2154  # by setup
  run -0 kubectl label --dry-run=server --overwrite namespace "$namespace" \
    pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/enforce-version=latest
  [[ $output != *[Ww]arning* ]]
  run -1 kubectl run root --image=busybox --image-pull-policy=IfNotPresent --restart=Never -- true
  [[ $output == *'violates PodSecurity "restricted'* ]]
}

@test "the service account may report results of steps, and nothing else" {
  can() { kubectl auth can-i --as="system:serviceaccount:$namespace:argo-steps" "$@"; }
  run -0 can create workflowtaskresults.argoproj.io
  run -0 can patch workflowtaskresults.argoproj.io
  for right in "get workflowtaskresults.argoproj.io" "get workflows.argoproj.io" "get pods" "create pods" \
    "get secrets" "create pods --subresource=exec" "get configmaps"; do
    # shellcheck disable=SC2086  # the words of a right
    run -1 can $right
  done
}

@test "the small server asks for a password on every connection" {
  for where in 127.0.0.1 /var/run/postgresql; do
    for user in postgres events aggregator_owner; do
      run ! kubectl exec postgres-0 -- env -u PGPASSWORD psql -w -h "$where" -U "$user" -c 'SELECT 1'
    done
  done
  [ -z "$(sql "SELECT DISTINCT auth_method FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'")" ]
}

@test "the loader may read, add and change the two tables; their owner owns its schema; nobody more" {
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  [ "$(sql "SELECT DISTINCT applied_by FROM aggregator_runs")" = events ]
  [ "$(sql "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND (rolsuper OR rolcreaterole OR rolcreatedb
    OR rolreplication OR rolbypassrls)")" = postgres ]
  [ "$(sql "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace")" \
    = aggregator_owner ]
  [ "$(sql "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'")" = aggregator_owner ]
  for table in session_duration aggregator_runs; do
    rights="SELECT string_agg(r, ',' ORDER BY r) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
      'REFERENCES', 'TRIGGER']) r WHERE has_table_privilege('events', '$table', r)"
    [ "$(sql "$rights")" = INSERT,SELECT,UPDATE ]
  done
  [ "$(sql "SELECT has_schema_privilege('events', 'public', 'CREATE')")" = f ]
}

@test "applying the manifests again leaves the passwords alone" {
  secret() { kubectl get secret postgres -o 'jsonpath={.data}{.metadata.resourceVersion}'; }
  before=$(secret)
  kubectl apply -k workflows
  [ "$(secret)" = "$before" ]
  run kubectl kustomize workflows
  [[ $output != *"kind: Secret"* ]]
}

@test "an older ledger is brought up when the server starts, so that the loader is not refused" {
  sql 'ALTER TABLE aggregator_runs DROP COLUMN applied_by' 'COMMENT ON TABLE aggregator_runs IS NULL'
  kubectl delete pod postgres-0
  kubectl rollout status statefulset/postgres --timeout=180s
  name=$(submit workflows/single_run.yaml)
  ended "$name" Succeeded
  [ "$(ledger_rows)" = 1 ]
}
