# The dispatcher, against an API server that plays Argo (fake_kube.py): jobs go in, answers come out.

load helpers

setup_file() {
  start_server
  export account=$BATS_FILE_TMPDIR/account
  "$here/fake_kube.py" "$account" 3>&- 2>"$account.errors" &
  export fake=$!
  wait_for test -s "$account/control"
  control=http://127.0.0.1:$(<"$account/control")
  export control
  jq -n '[("number", "exit", "oom", "evicted", "bad-number", "no-pods", "for-ever", "secure", "silent")
    | {(.): {result: "perf"}}] | add + {"file": {file: true, bases: ["debian:12"], result: "perf", template: "number"}}' \
    >"$BATS_FILE_TMPDIR/kinds.json"
  start_api --kinds "$BATS_FILE_TMPDIR/kinds.json"
}

teardown_file() {
  stop_api
  kill "$fake"
  stop_server
}

setup() {
  told -X POST "$control/reset"
  new_owner
}

teardown() {
  if [[ -n ${dispatch_pid:-} ]]; then stop_dispatch; fi
  if [[ -e $BATS_TEST_TMPDIR/dispatch.log ]]; then cat "$BATS_TEST_TMPDIR/dispatch.log"; fi
}

told() { curl -sS -f -o "$BATS_TEST_TMPDIR/told" "$@"; }
cluster() { told "$control/state" && jq -r "$1" "$BATS_TEST_TMPDIR/told"; }
cluster_is() { [[ $(cluster "$1") == "$2" ]]; }

start_dispatch() { # OPTION...: with short times
  KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$(<"$account/port") PGUSER=jobs_dispatch PGPASSWORD=dispatch \
    "$job_service" dispatch --account "$account" --kinds "$BATS_FILE_TMPDIR/kinds.json" --log-format text \
    --metrics 127.0.0.1:0 --port-file "$BATS_TEST_TMPDIR/port" --poll 50ms --reconcile-every 200ms \
    --watch-for 5s --upkeep-every 50ms --stray-after 0 --nudge-after 0 --settle-for 2s --requeue-for 0 "$@" \
    3>&- 2>>"$BATS_TEST_TMPDIR/dispatch.log" &
  dispatch_pid=$!
  wait_for test -s "$BATS_TEST_TMPDIR/port"
  metrics=http://127.0.0.1:$(<"$BATS_TEST_TMPDIR/port")
}

stop_dispatch() {
  kill "$dispatch_pid"
  wait "$dispatch_pid"
  unset dispatch_pid
}

submit() { # KIND: sets job
  mine -H 'Content-Type: application/json' -d "{\"kind\": \"$1\"}" /v1/jobs
  same 202 "$code"
  job=$(field .id)
}
look() { mine "/v1/jobs/$job"; }
job_is() { # STATE
  look
  [[ $(field .state) == "$1" ]]
}
nothing_left() { wait_for cluster_is '.objects | add' 0; }

@test "a job is handed over, followed, and its number kept; nothing stays in the cluster" {
  start_dispatch
  submit number
  wait_for job_is finished
  same 1.5 "$(field .perf)"
  nothing_left
  same '[]' "$(cluster '.wrong | tojson')"
}

ends_as() { # KIND CAUSE [REASON]
  submit "$1"
  wait_for job_is failed
  same "$2" "$(field .cause)"
  [[ $(field .reason) == *"${3:-}"* ]] || { field .reason; return 1; }
}

@test "a job that fails says why" {
  start_dispatch
  ends_as exit exit 'ended with status 3'
  ends_as oom oom 'more memory'
  ends_as evicted evicted 'evicted'
  ends_as bad-number bad-result 'not a number'
  ends_as no-pods no-result 'without the number'
  ends_as secure engine 'refused the workflow'
  nothing_left
}

@test "Argo that does not begin is a fault of the engine" {
  start_dispatch --engine-after 1s
  ends_as silent engine 'does not begin'
  nothing_left
}

@test "a job that is cancelled ends when its pods have" {
  start_dispatch
  submit for-ever
  wait_for job_is running
  mine -X DELETE "/v1/jobs/$job"
  same 202 "$code"
  wait_for job_is cancelled
  same 0 "$(cluster '[.pods // {} | .[]] | length')"
  nothing_left
}

@test "a job's file is there before it runs, and goes after it" {
  start_dispatch --log-after 0
  dockerfile 'FROM debian:12' 'CMD ["true"]'
  mine -F "file=@$BATS_TEST_TMPDIR/Dockerfile" "/v1/jobs?kind=file"
  same 202 "$code"
  job=$(field .id)
  wait_for job_is finished
  nothing_left
  same 1 "$(cluster '.requests["create configmaps"]')"
}

@test "a Workflow that vanishes is made again under another name, three times at most" {
  start_dispatch
  submit for-ever
  for attempt in 1 2 3; do
    wait_for job_is running
    wait_for cluster_is '.created | length' "$attempt"
    told -d "{\"resource\": \"workflows\", \"namespace\": \"jobs\", \"name\": \"job-$job-$attempt\"}" "$control/forget"
    wait_for gone "$attempt"
  done
  wait_for job_is failed
  same lost "$(field .cause)"
}
gone() { look; [[ $(field .state) == failed || $(cluster '.created | length') -gt $1 ]]; }

@test "a job that no client could have asked for holds up no other" {
  # As an api that somebody took over may write them: straight into the database.
  local digest='\x0000000000000000000000000000000000000000000000000000000000000000' big
  big=$(as_owner -c "INSERT INTO job (id, owner, number, kind, parameters, file, digest)
    SELECT ids.id, o.id, -ids.n, ids.kind, ids.parameters, ids.file, '$digest' FROM owner o, (VALUES
      (gen_random_uuid(), 1, 'file', '{}'::jsonb, convert_to(repeat('x', 3000000), 'UTF8')),
      (gen_random_uuid(), 2, 'number', jsonb_build_object('a', repeat('x', 3000000)), NULL)
    ) ids (id, n, kind, parameters, file) WHERE o.name = '$owner' RETURNING id")
  as_owner -c "UPDATE owner_count c SET active = 2 FROM owner o WHERE o.id = c.owner AND o.name = '$owner'"
  start_dispatch
  submit number
  wait_for job_is finished
  for job in $big; do
    wait_for job_is failed
    same refused "$(field .cause)"
  done
  wait_for curl -sf -o "$BATS_TEST_TMPDIR/ready" "$metrics/readyz"
}

stray='{"resource": "workflows", "namespace": "jobs", "object": {"metadata": {"name": "job-00000000-0000-0000-0000-000000000000-1", "labels": {"argo-steps/job": "00000000-0000-0000-0000-000000000000"}}, "spec": {"suspend": true}}}'

@test "what no job wants is deleted" {
  told -d "$stray" "$control/objects"
  start_dispatch
  nothing_left
}

@test "a job of which the database takes no answer holds up nothing else" {
  psql -XAtq -v ON_ERROR_STOP=1 -c "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'"
  submit number
  psql -XAtq -v ON_ERROR_STOP=1 -c "CREATE TRIGGER refuse BEFORE UPDATE ON jobs.job FOR EACH ROW
    WHEN (OLD.id = '$job' AND NEW.state = 'finished') EXECUTE FUNCTION refuse()"
  start_dispatch
  wait_for grep -q "job $job: finish: " "$BATS_TEST_TMPDIR/dispatch.log"
  told -d "$stray" "$control/objects"
  wait_for cluster_is '.objects.workflows' 1
  psql -XAtqc 'DROP FUNCTION refuse CASCADE' 2>/dev/null
  wait_for job_is finished
}

@test "it tells its counts and that it is ready, and ends at SIGTERM with status 0" {
  start_dispatch
  submit number
  wait_for job_is finished
  curl -sS "$metrics/metrics" >"$BATS_TEST_TMPDIR/metrics"
  grep -x 'jobs_taken_total 1' "$BATS_TEST_TMPDIR/metrics"
  grep -x 'jobs_actions_total{action="finish"} 1' "$BATS_TEST_TMPDIR/metrics"
  same 200 "$(curl -sS -o /dev/null -w '%{http_code}' "$metrics/readyz")"
  same 200 "$(curl -sS -o /dev/null -w '%{http_code}' "$metrics/healthz")"
  look
  same null "$(field .note)"
  stop_dispatch
}

@test "what a job printed is kept, and complete" {
  start_dispatch
  submit number
  wait_for job_is finished
  nothing_left
  mine "/v1/jobs/$job/logs"
  same true "$(header job-log-complete)"
  same 1 "$(grep -c 'line 3 of 3' <<<"$body")"
}

@test "a job that never began has a log that is empty and complete" {
  submit number
  mine -X DELETE "/v1/jobs/$job"
  start_dispatch
  wait_for log_is_complete
}
log_is_complete() {
  mine "/v1/jobs/$job/logs"
  [[ $(header job-log-complete) == true ]]
}

@test "two dispatchers at once do each job once" {
  start_dispatch --name one
  first=$dispatch_pid
  rm "$BATS_TEST_TMPDIR/port"
  start_dispatch --name two
  for _ in {1..8}; do submit number; done
  wait_for all_done 8
  nothing_left
  same 8 "$(cluster '.created | length')"
  same '[]' "$(cluster '.wrong | tojson')"
  same 2 "$(as_owner -c "SELECT count(*) FROM dispatcher WHERE name IN ('one', 'two')")"
  kill "$first"
  wait "$first"
}
all_done() { [[ $(as_owner -c "SELECT count(*) FROM job j JOIN owner o ON o.id = j.owner WHERE o.name = '$owner' AND state = 'finished'") == "$1" ]]; }

@test "jobs, keys and dispatchers are removed when their time is over, others stay" {
  mine -X POST -H 'Idempotency-Key: old' -H 'Content-Type: application/json' -d '{"kind": "number"}' /v1/jobs
  old=$(field .id)
  mine -X POST -H 'Idempotency-Key: key' -H 'Content-Type: application/json' -d '{"kind": "number"}' /v1/jobs
  mine -X DELETE "/v1/jobs/$old"
  mine -X DELETE "/v1/jobs/$(field .id)"
  as_owner -c "UPDATE job SET changed_at = now() - interval '8 days' WHERE id = '$old'" \
    -c "UPDATE idempotency SET at = now() - interval '25 hours' WHERE key = 'key'" \
    -c "INSERT INTO dispatcher VALUES ('dead', now() - interval '25 hours')"
  start_dispatch
  wait_for left_is 1 0
  same 0 "$(as_owner -c "SELECT count(*) FROM dispatcher WHERE name = 'dead'")"
}
left_is() { # JOBS KEYS
  [[ $(as_owner -c "SELECT count(*) || ' ' || (SELECT count(*) FROM idempotency k WHERE k.owner = o.id) FROM job j
    JOIN owner o ON o.id = j.owner WHERE o.name = '$owner' GROUP BY o.id") == "$1 $2" ]]
}

@test "a transaction that the api holds too long is ended, one that is short is not" {
  start_dispatch --api-transaction 300ms
  run ! env PGUSER=jobs_api PGPASSWORD=api psql -XAtqc 'SELECT pg_sleep(9)'
  [[ $output == *'terminating connection'* ]]
  mine /v1/whoami
  same 200 "$code"
}

# A pod that finds no room there is not asked for again: its job fails.
@test "the cluster has room for the pods of as many jobs as are handed over at once" {
  local file jobs pods
  jobs=$(sed -n 's/.*--at-once=\([0-9]*\).*/\1/p' "$here/../../workflows/jobs/dispatch.yaml")
  for file in builds runs; do
    pods=$(sed -n 's/^    pods: "\([0-9]*\)".*/\1/p' "$here/../../workflows/jobs/$file.yaml")
    ((pods > jobs)) || { echo "$file.yaml: $pods pods, $jobs jobs at once"; return 1; }
  done
}

@test "three namespaces are three, and names of namespaces" {
  run -2 "$job_service" dispatch --namespace a --build-namespace a --run-namespace b --dsn postgresql://h/d
  [[ $output == *'must be three'* ]]
  run -2 "$job_service" dispatch --namespace a/../b --dsn postgresql://h/d
  [[ $output == *'not the name of a namespace'* ]]
}
