#!/usr/bin/env bats
# README's commands work as typed: ./run.sh here, `make test` is what runs this.

bats_require_minimum_version 1.5.0

setup() {
  top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
}

@test "./run.sh generates, loads, shows the totals, and counts nothing twice" {
  unset DB_URL PGHOST PGSERVICE AGGREGATOR_DSN
  run "$top/run.sh" --seed 7
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"generated  1,500 events of 10 users, seed 7"* ]]
  [[ $output == *"read       1,500 lines, 0 rejected, 10 users"* ]]
  [[ $output == *"loaded     10 rows"* ]]
  [[ $output == *"once more  already applied: still 10 rows"* ]]
}

@test "./run.sh hands DB_PASSWORD to no program as an argument" {
  local name server=$BATS_TEST_TMPDIR/pg
  # As the programs themselves, but for the note of their arguments.
  mkdir "$BATS_TEST_TMPDIR/bin"
  for name in env psql; do
    printf '#!/bin/bash\necho "%s $*" >>%q/arguments\nexec %q "$@"\n' "$name" "$BATS_TEST_TMPDIR" \
      "$(command -v "$name")" >"$BATS_TEST_TMPDIR/bin/$name"
    chmod +x "$BATS_TEST_TMPDIR/bin/$name"
  done
  "$top/local/postgres.sh" start "$server"
  . "$server/env"
  DB_URL=$PGHOST DB_PORT=$PGPORT DB_USER=$PGUSER DB_PASSWORD=$PGPASSWORD DB_NAME=$PGDATABASE \
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run env -u PGHOST -u PGPASSWORD "$top/run.sh" --seed 7
  "$top/local/postgres.sh" stop "$server" immediate
  [ "$status" -eq 0 ]
  [[ $output == *"once more  already applied: still 10 rows"* ]]
  grep -q '^psql' "$BATS_TEST_TMPDIR/arguments"
  run ! grep -F "$PGPASSWORD" "$BATS_TEST_TMPDIR/arguments"
}

@test "./run.sh leaves neither files nor processes, also when it is interrupted" {
  export TMPDIR=$BATS_TEST_TMPDIR/tmp
  mkdir "$TMPDIR"
  chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR/.." "$TMPDIR"
  "$top/run.sh" --events 100 >/dev/null
  [ -z "$(ls -A "$TMPDIR")" ]
  # Interrupted while the generator works on more than it can finish.
  setsid "$top/run.sh" --events 1000000000 >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  pid=$!
  until compgen -G "$TMPDIR/argo-steps.*/db/postmaster.pid" >/dev/null || compgen -G "$TMPDIR/argo-steps.*/db/data/postmaster.pid" >/dev/null; do kill -0 $pid; done
  kill -INT $pid 2>/dev/null || true
  kill -TERM $pid
  wait $pid || true
  [ -z "$(ls -A "$TMPDIR")" ]
  run pgrep -f "$TMPDIR"
  [ -z "$output" ]
}

@test "the commands under 'By hand' run as they stand" {
  mkdir "$BATS_TEST_TMPDIR/try"
  cd "$BATS_TEST_TMPDIR/try"
  ln -s "$BUILD" build
  sed -n '/^```sh$/,/^```$/p' "$top/README.md" | sed '/^```/d' >commands
  [ -s commands ]
  bash -eu commands >out 2>err
  grep -q '^user001' table.txt
  [ "$(wc -l <totals.csv)" -eq 11 ]
  grep -q 'CREATE TABLE' setup.sql
}

@test "every option that README names exists, and none is forgotten" {
  for program in fake_gen aggregator; do
    "$BUILD/$program" --help | grep -oE -- '--[a-z-]+' | sort -u >"$BATS_TEST_TMPDIR/$program"
  done
  cat "$BATS_TEST_TMPDIR"/{fake_gen,aggregator} | sort -u >"$BATS_TEST_TMPDIR/real"
  grep '^|' "$top/README.md" | grep -oE -- '--[a-z-]+' | sort -u >"$BATS_TEST_TMPDIR/named"
  run comm -13 "$BATS_TEST_TMPDIR/real" <(grep -vx -- '---*' "$BATS_TEST_TMPDIR/named")
  [ -z "$output" ]
  run comm -23 "$BATS_TEST_TMPDIR/real" "$BATS_TEST_TMPDIR/named"
  [ "$(tr '\n' ' ' <<<"$output")" = "--help --init-sql --input --log-format --version " ] || { echo "$output"; false; }
}

@test "the small server of workflows/ makes the tables that --init-sql prints" {
  # If not: build/aggregator --init-sql >workflows/base/postgres/tables.sql
  "$BUILD/aggregator" --init-sql | diff "$top/workflows/base/postgres/tables.sql" -
}
