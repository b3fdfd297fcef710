#!/usr/bin/env bats
# The API server that the dispatcher's tests run against (fake_kube.py): that it is one, and lies as told.

load helpers.bash

setup_file() {
  export account=$BATS_FILE_TMPDIR/account
  "$here/fake_kube.py" "$account" 3>&- 2>"$account.errors" &
  export fake=$!
  wait_for test -s "$account/control"
  url=https://127.0.0.1:$(<"$account/port")
  control=http://127.0.0.1:$(<"$account/control")
  export url control
  export flows=/apis/argoproj.io/v1alpha1/namespaces/jobs/workflows pods=/api/v1/namespaces/jobs/pods
}

teardown_file() { kill "$fake"; }

setup() { told -X POST "$control/reset"; }

teardown() { cat "$account.errors"; }

api() { ask --cacert "$account/ca.crt" -H "Authorization: Bearer $(<"$account/token")" "$@"; }
stream() { # CURL-ARGUMENT... PATH: what came of it, whatever the end
  curl -sS -N -m 5 --cacert "$account/ca.crt" -H "Authorization: Bearer $(<"$account/token")" "${@:1:$#-1}" "$url${*: -1}"
}
told() { curl -sS -f -o "$BATS_TEST_TMPDIR/told" "$@"; }
rule() { told -d "$1" "$control/rules"; }
state() { told "$control/state" && jq -r "$1" "$BATS_TEST_TMPDIR/told"; }
state_is() { [[ $(state "$1") == "$2" ]]; }

flow() { # NAME [SCRIPT]
  printf '{"metadata": {"name": "%s", "labels": {"argo-steps/job": "j", "argo-steps/attempt": "1"}},
    "spec": {"suspend": true, "workflowTemplateRef": {"name": "pipeline"},
      "arguments": {"parameters": [{"name": "script", "value": "%s"}]}}}' "$1" "${2:-number}"
}
create() { api -d "$(flow "$@")" "$flows"; uid=$(field .metadata.uid); }
patch() { # NAME PATCH
  api -X PATCH -H 'Content-Type: application/merge-patch+json' -d "$2" "$flows/$1"
}
resume() { patch "$1" "{\"metadata\": {\"uid\": \"$uid\"}, \"spec\": {\"suspend\": false}}"; }
phase() { api "$flows/$1"; [[ $(field .status.phase) == "$2" ]]; }

@test "fake: a Workflow runs once it is resumed, to its outputs, and its pods go with it" {
  create one
  same 201 "$code"
  wait_for phase one Running
  api "$pods"
  same '[]' "$(field .items)"
  resume one
  wait_for phase one Succeeded
  same 1.5 "$(field '.status.outputs.parameters[0].value')"
  api "$pods"
  same one-main-0 "$(field '.items[0].metadata.name')"
  api "$pods/one-main-0/log?container=main"
  same 'one-main-0: line 3 of 3' "$(tail -n 1 <<<"$body")"
  api -X DELETE -d "{\"preconditions\": {\"uid\": \"$uid\"}}" "$flows/one"
  same 200 "$code"
  wait_for state_is '.objects | add' 0
  same '[]' "$(state '.wrong + .adopted + .failed' | jq -c .)"
}

@test "fake: uids are preconditions of patches and deletions, names are taken once" {
  create one
  create one
  same '409 AlreadyExists' "$code $(field .reason)"
  uid=other
  resume one
  same '409 Conflict' "$code $(field .reason)"
  api -X DELETE -d '{"preconditions": {"uid": "other"}}' "$flows/one"
  same 409 "$code"
  phase one Running || phase one null
}

@test "fake: what RBAC and admission refuse is refused, and remembered" {
  api -d '{"metadata": {"name": "x", "labels": {"argo-steps/job": "j", "argo-steps/attempt": "1"}},
    "spec": {"suspend": true, "workflowTemplateRef": {"name": "p"}, "podSpecPatch": "{}"}}' "$flows"
  same 403 "$code"
  create one
  patch one '{"metadata": {"uid": "'"$uid"'"}, "spec": {"entrypoint": "x"}}'
  same 403 "$code"
  api /apis/argoproj.io/v1alpha1/workflows
  same 403 "$code"
  api -d '{}' "$pods"
  same 403 "$code"
  ask --cacert "$account/ca.crt" -H 'Authorization: Bearer wrong' "$flows"
  same 401 "$code"
  same 4 "$(state '.wrong | length')"
}

@test "fake: a list in pages is of one moment; a page asked for too late is 410" {
  for name in a b c; do create "$name"; done
  api "$flows?limit=2"
  same 'a b' "$(field '[.items[].metadata.name] | join(" ")')"
  more=$(field .metadata.continue)
  create d
  api "$flows?limit=2&continue=$more"
  same c "$(field '[.items[].metadata.name] | join(" ")')"
  api "$flows?limit=2"
  more=$(field .metadata.continue)
  told -X POST "$control/compact"
  api "$flows?limit=2&continue=$more"
  same 410 "$code"
}

@test "fake: a watch tells what changed since, by labels, and bookmarks" {
  api "$flows"
  version=$(field .metadata.resourceVersion)
  create one
  resume one
  wait_for phase one Succeeded
  stream "$flows?watch=1&resourceVersion=$version&timeoutSeconds=1&allowWatchBookmarks=true&labelSelector=argo-steps/job%3Dj" >"$BATS_TEST_TMPDIR/seen"
  same ADDED "$(jq -r .type "$BATS_TEST_TMPDIR/seen" | head -n 1)"
  same BOOKMARK "$(jq -r .type "$BATS_TEST_TMPDIR/seen" | tail -n 1)"
  same Succeeded "$(jq -r 'select(.type == "MODIFIED") | .object.status.phase' "$BATS_TEST_TMPDIR/seen" | tail -n 1)"
  stream "$flows?watch=1&resourceVersion=$version&timeoutSeconds=1&labelSelector=argo-steps/job%3Dk" >"$BATS_TEST_TMPDIR/seen"
  same '' "$(<"$BATS_TEST_TMPDIR/seen")"
}

@test "fake: an old version is answered by 410 within the stream" {
  api "$flows"
  version=$(field .metadata.resourceVersion)
  told -X POST "$control/compact"
  same 'ERROR 410' "$(stream "$flows?watch=1&resourceVersion=$version" | jq -r '"\(.type) \(.object.code)"')"
}

@test "fake: the Nth request is answered as told, by status, message and Retry-After" {
  rule '{"match": "POST .*/workflows", "nth": 2, "status": 429, "reason": "TooManyRequests", "message": "later", "retry_after": 3}'
  create one
  same 201 "$code"
  create two
  same '429 later 3' "$code $(field .message) $(header retry-after)"
  create two
  same 201 "$code"
}

@test "fake: work that is done is not answered; work that is not answered is done or not" {
  rule '{"match": "POST", "cut": "after"}'
  run -52 stream -d "$(flow one)" "$flows"
  create one
  same 409 "$code"
  rule '{"match": "POST", "cut": "before"}'
  run ! stream -d "$(flow two)" "$flows"
  create two
  same 201 "$code"
  rule '{"match": "GET", "cut": "middle"}'
  run -18 stream "$flows"
  rule '{"match": "POST", "status": 500, "done": true}'
  create three
  same 500 "$code"
  api "$flows/three"
  same 200 "$code"
}

@test "fake: a request is held until it is released, or dropped" {
  rule '{"match": "POST", "hold": "before"}'
  stream -d "$(flow one)" "$flows" >"$BATS_TEST_TMPDIR/one" &
  asking=$!
  wait_for state_is '.held | length' 1
  api "$flows/one"
  same 404 "$code"
  told -d '{}' "$control/release"
  wait "$asking"
  same one "$(jq -r .metadata.name "$BATS_TEST_TMPDIR/one")"
  rule '{"match": "POST", "hold": "before"}'
  run ! stream -d "$(flow two)" "$flows" &
  wait_for state_is '.held | length' 1
  told -d '{"drop": true}' "$control/release"
  api "$flows/two"
  same 404 "$code"
}

watched() { # FAULT: of a stream, from its second event; what came
  rule "{\"match\": \"watch=1\", \"stream\": \"$1\", \"after\": 1}"
  stream "$flows?watch=1&resourceVersion=$version&timeoutSeconds=1" || true
}

@test "fake: a stream ends, is cut in a line, doubles, skips, goes back, is gone, is garbage" {
  api "$flows"
  version=$(field .metadata.resourceVersion)
  told -X POST "$control/pause"
  for name in a b c; do create "$name"; done
  names() { jq -r '.object.metadata.name // .object.code' | paste -sd ' '; }
  same 'a' "$(watched close | names)"
  same 'a' "$(watched cut 2>/dev/null | head -n 1 | names)"
  same 2 "$(watched cut 2>/dev/null | grep -c ADDED)"
  same 'a b b c c' "$(watched double | names)"
  same 'a c' "$(watched skip | names)"
  same 'a b a c a' "$(watched stale | names)"
  same 'a 410' "$(watched gone | names)"
  same '{"type":"MODIFIED","object":{"metadata":' "$(watched garbage | sed -n 2p)"
  rule '{"match": "watch=1", "stream": "silent", "after": 1}'
  run -28 stream -m 1 "$flows?watch=1&resourceVersion=$version&timeoutSeconds=10"
}

@test "fake: an object is forgotten without an event" {
  create one
  wait_for phase one Running
  version=$(field .metadata.resourceVersion)
  told -d '{"resource": "workflows", "namespace": "jobs", "name": "one"}' "$control/forget"
  api "$flows/one"
  same 404 "$code"
  same '' "$(stream "$flows?watch=1&resourceVersion=$version&timeoutSeconds=1")"
}

@test "fake: engines that fail: no phase, Error without nodes, Running after an OOM until it is nudged" {
  create silent silent
  create secure secure
  create oom oom
  resume oom
  wait_for phase secure Error
  same null "$(field .status.nodes)"
  oomed() { api "$pods/oom-main-0"; [[ $(field '.status.containerStatuses[0].state.terminated.reason') == OOMKilled ]]; }
  wait_for oomed
  phase oom Running
  patch oom "{\"metadata\": {\"uid\": \"$uid\", \"annotations\": {\"argo-steps/nudge\": \"1\"}}}"
  wait_for phase oom Failed
  phase silent null
}

@test "fake: a name that is made again adopts the pods that are left, and that is remembered" {
  told -d '{"gc_ms": 60000}' "$control/times"
  create one for-ever
  resume one
  running() { api "$pods/one-main-0"; [[ $(field .status.phase) == Running ]]; }
  wait_for running
  told -d '{"resource": "workflows", "namespace": "jobs", "name": "one"}' "$control/forget"
  create one for-ever
  resume one
  wait_for state_is '.adopted | length' 1
  same 'one was made again and run again' "$(state '.wrong[]')"
}

@test "fake: Terminate ends the pods, not before a suspended Workflow is resumed or deleted" {
  create one for-ever
  resume one
  running() { api "$pods/one-main-0"; [[ $(field .status.phase) == Running ]]; }
  wait_for running
  patch one "{\"metadata\": {\"uid\": \"$uid\"}, \"spec\": {\"shutdown\": \"Terminate\"}}"
  wait_for phase one Failed
  api "$pods/one-main-0"
  same 143 "$(field '.status.containerStatuses[0].state.terminated.exitCode')"
}

@test "fake: a followed log comes as it is written, and stops where it is told to" {
  create one for-ever
  resume one
  logged() { api "$pods/one-main-0/log"; [[ $body == *'line 3'* ]]; }
  wait_for logged
  same 2 "$(stream -m 1 "$pods/one-main-0/log?follow=true&timestamps=true" 2>/dev/null | grep -cE '^20[0-9TZ:.-]+ one-main-0: line [23]')"
  rule '{"match": "/log", "stream": "cut", "after": 1}'
  same 'one-main-0: line 1 of 3|one-main' "$(stream "$pods/one-main-0/log?follow=true" 2>/dev/null | paste -sd '|' | cut -c 1-32)"
}

@test "fake: what a rule does not know is refused" {
  run -22 rule '{"math": "x"}'
}
