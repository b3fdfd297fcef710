#!/usr/bin/env bats
# Objects in the box's S3 server, by objects_run.yaml and its cron twin: each counts once.

load helpers

setup_file() {
  "$box" forward s3.s3:7070 >"$BATS_FILE_TMPDIR/port" 2>"$BATS_FILE_TMPDIR/forward.log" 3>&- 4>&- &
  echo $! >"$BATS_FILE_TMPDIR/forward"
  until_true 30 "way to the box's S3 server" test -s "$BATS_FILE_TMPDIR/port"
}
teardown_file() { kill "$(<"$BATS_FILE_TMPDIR/forward")"; }

# The bucket is named as the namespace; the network lets steps out to the server, as the overlay says.
prepare() {
  kubectl apply -f workflows/overlays/objects/network_policy.yaml
  kubectl create secret generic s3 --from-literal=access-key=box --from-literal=secret-key=box-secret
  here=(-p "bucket=$namespace" -p endpoint=http://s3.s3:7070 -p plain-http=true)
  cd "$BATS_TEST_TMPDIR" || return
}

put_objects() { # PREFIX FIRST LAST: numbered, of four formats in turn; their text is kept in text/
  local n
  mkdir -p text objects
  for n in $(seq "$2" "$3"); do
    "$BUILD/fake_gen" --events 200 --users 20 --seed "$n" --output "text/$n" 2>/dev/null
    case $((n % 4)) in
    0) cp "text/$n" "objects/$n" ;;
    1) gzip -c "text/$n" >"objects/$n" ;;
    2) "$BUILD/fake_gen" --events 200 --users 20 --seed "$n" --gzip --output "objects/$n" 2>/dev/null ;;
    3) zstd -q "text/$n" -o "objects/$n" ;;
    esac
    printf '%s\t%s\n' "objects/$n" "$namespace/$1$n"
  done | put --lines
}

put() { # ARGUMENT...: of s3_put.py
  AWS_ENDPOINT_URL=http://127.0.0.1:$(<"$BATS_FILE_TMPDIR/port") AWS_REGION=us-east-1 \
    AWS_ACCESS_KEY_ID=box AWS_SECRET_ACCESS_KEY=box-secret python3 "$root/tests/db/s3_put.py" "$@"
}

run_objects() { # [OPTION...]: prints the workflow's name
  submit "$root/workflows/objects_run.yaml" "${here[@]}" "$@"
}

total_of() { cat "$@" | "$root/tests/e2e/sums.py" | awk -F '|' '{ sum += $2 } END { print sum }'; }

loaded_once() { # every text, and a row of the ledger for each
  diff <(totals) <(cat text/* | "$root/tests/e2e/sums.py")
  [ "$(ledger_rows)" = "$(find text -type f | wc -l)" ]
}

shows() { # NAME FOUND NEW APPLIED REFUSED
  run -0 shown "$1"
  [[ $output =~ objects-found:[[:space:]]+$2$'\n' ]]
  [[ $output =~ objects-new:[[:space:]]+$3$'\n' ]]
  [[ $output =~ objects-applied:[[:space:]]+$4$'\n' ]]
  [[ $output =~ objects-refused:[[:space:]]+$5$'\n' ]]
}

@test "objects of every format in two prefixes are loaded by several pods, and the cron loads what is new" {
  prepare
  put_objects a/ 1 30
  put_objects b/deep/ 31 60
  first=$(run_objects -p prefix=a/ -p parts=3 -p batch-objects=4)
  second=$(run_objects -p prefix=b/ -p parts=2)
  ended "$first" Succeeded
  ended "$second" Succeeded
  [ "$(pods_of "$first" load-objects)" = 3 ]
  loaded_once
  shows "$first" 30 30 0 0
  [[ $output =~ lines:[[:space:]]+6000$'\n' ]]
  [[ $output =~ total:[[:space:]]+$(total_of text/{1..30})$'\n' ]]
  [[ $output =~ users:[[:space:]]+20' to '60$'\n' ]]
  put_objects a/ 61 65
  put_objects b/ 66 70
  sed 's/^spec:/&\n  suspend: true/' "$root/workflows/objects_cron.yaml" | argo cron create -
  tick=$(submit --from cronwf/objects-cron "${here[@]}")
  ended "$tick" Succeeded
  shows "$tick" 70 10 60 0
  loaded_once
}

@test "a pod that is killed in mid-batch has loaded nothing, and its retry loads each object once" {
  prepare
  put_objects p/ 1 12
  hold_table
  name=$(run_objects -p prefix=p/ -p parts=2)
  load_waits
  kubectl delete pod --grace-period=0 --force "$(pod_of_step "$name" load-objects)"
  [ "$(ledger_rows)" = 0 ]
  release_table
  ended "$name" Succeeded
  loaded_once
}

@test "a broken object is named and left out, the others are loaded; an empty prefix is no failure" {
  prepare
  put_objects p/ 1 5
  printf 'broken\n' >bad
  put bad "$namespace/p/3bad"
  name=$(run_objects -p prefix=p/ -p parts=1)
  empty=$(run_objects -p prefix=none/)
  ended "$empty" Succeeded
  shows "$empty" 0 0 0 0
  [[ $output =~ users:[[:space:]]+0$'\n' ]]
  ended "$name" Failed
  [ "$(pods_of "$name" load-objects)" = 1 ]
  shows "$name" 6 5 0 1
  [[ $output =~ lines:[[:space:]]+1000$'\n' ]]
  [[ $output =~ total:[[:space:]]+$(total_of text/*)$'\n' ]]
  [[ $output == *"1 of 6 objects refused and left out: s3://$namespace/p/3bad:1:1:"* ]]
  [[ $output != *reflect* ]]
  [[ $output != *box-secret* ]]
  loaded_once
}
