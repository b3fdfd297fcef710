#!/usr/bin/env bats
# The table of docs/own-events.md: each row's command, as it stands there, on a file of its kind, against
# the sums that jq finds in the same file.

bats_require_minimum_version 1.5.0

setup_file() {
  export top=$BATS_TEST_DIRNAME/../..
  cd "$BATS_FILE_TMPDIR" || return
  python3 <<'PYTHON'
import gzip, json, random

chance = random.Random(16)
compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
users = [f"user{n:03}" for n in range(20)] + ["ann,b", "zoë"]

def events(count=400):
    return [(chance.choice(users), chance.randrange(10 ** chance.randrange(1, 10))) for _ in range(count)]

def write(name, text):
    with (gzip.open if name.endswith(".gz") else open)(name, "wt", encoding="utf-8", newline="") as file:
        file.write(text)

def lines(values):
    return "".join(compact(value) + "\n" for value in values)

def plain(user, value):
    return {"eventType": chance.choice(["click", "search"]), "userId": user, "sessionDuration": value}

write("nested.jsonl", lines({"id": n, "user": {"name": "x", "id": user}, "session": {"duration": value, "id": n}}
                            for n, (user, value) in enumerate(events())))
write("numbers.jsonl", lines(plain(chance.randrange(-2, 50), value) for _, value in events()))
write("anonymous.jsonl", lines(
    chance.choice([plain(user, value), plain(None, value), {"userId": user}, plain(user, None), {"sessionDuration": value}])
    for user, value in events()))
write("pretty.json", "".join(json.dumps(plain(user, value), indent=2) + "\n" for user, value in events()))
write("firehose.gz", "".join(compact(plain(user, value)) for user, value in events()))
# What to_json(orient="records", lines=True) makes of a column of numbers with a gap.
write("pandas.jsonl", lines(plain(user, chance.choice([float(value), float(value), None])) for user, value in events()))
write("bigquery.jsonl.gz", lines(plain(user, str(value)) for user, value in events()))
write("mongo.json", lines(
    {"_id": {"$oid": f"{n:024x}"}, "userId": chance.choice([{"$numberInt": str(value % 30)}, {"$numberLong": str(10**10 + value % 3)}]),
     "sessionDuration": {chance.choice(["$numberLong", "$numberInt"]): str(value)}}
    for n, (_, value) in enumerate(events())))
write("gharchive.json.gz", lines(
    {"id": str(2489651045 + n), "type": kind, "actor": {"id": n, "login": user, "avatar_url": "https://example.com/u"},
     "repo": {"id": n, "name": "a/b"},
     "payload": {"push_id": n, "size": value % 20, "commits": [{"sha": "0", "author": {"name": "x"}}]} if kind == "PushEvent" else {"action": "started"},
     "public": True, "created_at": "2015-01-01T15:00:00Z"}
    for n, (user, value) in enumerate(events()) for kind in [chance.choice(["PushEvent", "WatchEvent"])]))
write("cloudtrail.json.gz", compact({"Records": [
    {"eventVersion": "1.08", "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::111122223333:user/{user}"},
     "eventName": "GetObject", "requestParameters": {"bucketName": "b"},
     "additionalEventData": chance.choice([None, {"SignatureVersion": "SigV4"}, {"bytesTransferredIn": 0.0, "bytesTransferredOut": float(value)}])}
    for user, value in events()]}))
write("array.json", compact([plain(user, value) for user, value in events()]))
write("fluentd.log", "".join(f"2026-11-27T02:13:{n % 60:02}+00:00\tapp.events\t{compact(plain(user, value))}\n"
                             for n, (user, value) in enumerate(events())))
PYTHON
}

setup() {
  cd "$BATS_FILE_TMPDIR"
  export AGGREGATOR_LOG_FORMAT=text PATH="$BUILD:$PATH"
}

rows() { # the table's, as they stand there
  sed -n '/^| it looks like/,/^$/p' "$top/docs/own-events.md" | grep '^|' | tail -n +3
}

# ROW HEADER FILE PROGRAM: the row's command prints what PROGRAM, whose output are [key, value] of the
# events in FILE, adds up to.
documented() {
  local row=$1 header=$2 file=$3 program=$4 command
  command=$(rows | grep -F "| $row" | sed -E 's/^.*\| `(.*)` \|$/\1/; s/\\\|/|/g')
  [[ $command == *"$file"* && $command == *"aggregator --print csv"* ]] || { echo "no command for $row"; return 1; }
  bash -o pipefail -ec "$command" >got 2>log || { cat log; return 1; }
  { echo "$header"
    if [[ $file == *.gz ]]; then gzip -dc "$file"; else cat "$file"; fi |
      jq -s "[.[] | $program] | group_by(.[0])[] | [.[0][0], (map(.[1]) | add)]" |
      jq -r '"\(if .[0] | contains(",") then "\"\(.[0])\"" else .[0] end),\(.[1])"' | LC_ALL=C sort
  } >expected
  diff <(head -n 1 got; tail -n +2 got | LC_ALL=C sort) expected
  [ "$(wc -l <got)" -gt 5 ]
}
plain=userId,sessionDuration
present='select(.userId != null and .sessionDuration != null) | [.userId, .sessionDuration]'

@test "fields within objects" {
  documented 'fields within objects' id,duration nested.jsonl '[.user.id, .session.duration]'
}

@test "keys that are numbers" {
  documented 'keys are numbers' $plain numbers.jsonl '[(.userId | tostring), .sessionDuration]'
}

@test "events without a user or a value" {
  documented 'some events have no user' $plain anonymous.jsonl "$present"
  [[ $(<log) == *', skipped '* ]]
}

@test "pretty-printed objects" {
  documented 'pretty-printed' $plain pretty.json "$present"
}

@test "objects without line ends, as Firehose writes them" {
  documented 'Firehose to S3' $plain firehose.gz "$present"
}

@test "whole numbers as floats, as pandas writes a column with gaps" {
  documented 'pandas' $plain pandas.jsonl "$present"
}

@test "numbers as text, as BigQuery and protobuf write 64 bits" {
  documented 'BigQuery export' $plain bigquery.jsonl.gz '[.userId, (.sessionDuration | tonumber)]'
}

@test "MongoDB's extended JSON" {
  documented 'mongoexport' $plain mongo.json \
    '[.userId[], (.sessionDuration[] | tonumber)]'
}

@test "events of GitHub, as GH Archive has them" {
  documented 'GH Archive' login,size gharchive.json.gz 'select(.payload.size) | [.actor.login, .payload.size]'
}

@test "CloudTrail's records, after jq" {
  documented 'CloudTrail' arn,bytesTransferredOut cloudtrail.json.gz \
    '.Records[] | select(.additionalEventData.bytesTransferredOut) | [.userIdentity.arn, .additionalEventData.bytesTransferredOut]'
}

@test "a JSON array, after jq" {
  documented 'a JSON array' $plain array.json '.[] | [.userId, .sessionDuration]'
}

@test "fluentd's output is refused with the jq line that mends it" {
  run --separate-stderr aggregator --print csv --max-bad 100% fluentd.log
  [ "$status" -eq 3 ]
  [[ $stderr == *"fluentd.log:1:1: this is fluentd's output"*"nothing was loaded" ]]
  mend=$(sed -nE "s/.*(jq -cR '.*') FILE \| aggregator -;.*/\1/p" <<<"$stderr")
  eval "$mend fluentd.log" | cmp - <(cut -f 3- fluentd.log)
  cut -f 3- fluentd.log >fluentd.events
  command=$(rows | grep -F "| fluentd" | sed -E 's/^.*\| `(.*)` \|$/\1/; s/\\\|/|/g')
  [[ $command == "$mend fluentd.log | aggregator"* ]]
  bash -o pipefail -ec "$command" 2>/dev/null | cmp - <(aggregator --print csv fluentd.events 2>/dev/null)
}

@test "every row of the table is tried here" {
  while IFS='|' read -r _ row _; do
    row=$(sed 's/^ //; s/ $//' <<<"$row")
    grep -qF "documented '${row%%[,:]*}" "$BATS_TEST_FILENAME" || [[ $row == fluentd* ]] || { echo "not tried: $row"; return 1; }
  done < <(rows)
  [ "$(rows | wc -l)" -eq 12 ]
}
