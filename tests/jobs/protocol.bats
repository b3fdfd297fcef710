#!/usr/bin/env bats
# The protocol of dispatch, branch by branch, against an API server that lies (protocol.py).

load helpers.bash

setup_file() { start_server; }
teardown_file() { stop_server; }

drive() { "$here/protocol.py" "$BATS_TEST_TMPDIR" "$@"; }

@test "the number of people's code is what the record that ends its run says" {
  drive recorded
  drive outcomes recorded 'record-exit=failed exit' 'record-cut=failed no-result'
}

@test "a Workflow that is seen as suspended after it was resumed keeps the file that it has" {
  drive seen_late
}

@test "what its pods and its Workflow say decides the end of a job; an OOM that Argo overlooks is nudged" {
  drive outcomes scripted number='finished 1.5' two-pods='finished 2.5' exit='failed exit' oom='failed oom' \
    evicted='failed evicted' overfull='failed evicted' deadline='failed deadline' image='failed image' \
    ok='failed no-result' bad-number='failed bad-result' no-number='failed bad-result' vanish='failed lost'
}

@test "an engine that never begins, or refuses a Workflow, is failed(engine), tried once" {
  drive outcomes scripted silent='failed engine' secure='failed engine'
}

@test "a log is stored whole, a container after the other" {
  drive whole_log
}

@test "a log that was left half stored, long ago, ends as not complete" {
  drive half_a_log
}

@test "no more jobs at once than asked for" {
  drive waits_its_turn
}

@test "creating a Workflow, whatever is answered, makes one that runs" {
  drive answered create 'finished 1.5' 409 429 500 503 done-500 lost done-lost half garbage nothing other slow
}

@test "a quota that is used up makes a job wait, not fail" {
  drive answered create 'finished 1.5' quota
}

@test "what is refused for good fails" {
  drive answered create 'failed refused' 422 400 policy
}

@test "resuming a Workflow, whatever is answered, runs it once" {
  drive answered resume 'finished 1.5' 404 429 500 done-500 lost done-lost half garbage
}

@test "deleting a Workflow, whatever is answered, leaves none" {
  drive answered delete 'finished 1.5' 404 429 500 done-500 lost done-lost half
}

@test "lists and watches that fail are asked for again" {
  drive asked_again list 410 429 500 lost half garbage nothing other
  drive asked_again watch 400 410 429 500 lost garbage nothing
}

@test "a Workflow that is there already is taken over when it is the job's, left alone when not" {
  drive ours_is_there
  drive foreign_is_there
}

@test "a job that the API always fails for holds up no other" {
  drive one_that_fails
}

@test "an API and a database that are away for a while lose nothing" {
  drive away
}

@test "a token that is renewed is read again" {
  drive token_renewed
}

@test "watches end, are cut in a line, fall silent, double, skip, go back, hold garbage" {
  drive streams workflows close cut silent gone double skip stale garbage
  drive streams pods cut skip
}

@test "versions that are too old begin with a list again, by status and within the stream" {
  drive compacted status
  drive compacted event
}

@test "a Workflow that vanishes is tried again, three times at most" {
  drive forgotten 1 'finished 1.5'
  drive forgotten 3 'failed lost'
}

@test "killed before each change it makes, it does the job once" {
  drive crashes before
}

@test "killed after each change it makes, unanswered, it does the job once" {
  drive crashes after
}

@test "a change that comes late, after another dispatcher went on, does no harm" {
  drive crashes late
  drive crashes twos
}

@test "cancelled at each moment a job ends once, with or without its number" {
  drive crashes cancel
}
