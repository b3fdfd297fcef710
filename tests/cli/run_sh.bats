#!/usr/bin/env bats
# run.sh's own options, as far as they need no cluster.

bats_require_minimum_version 1.5.0

setup() {
  run_sh=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/run.sh
  cd "$BATS_TEST_TMPDIR"
}

refused() { # TEXT ARGUMENT...: with status 2 and one line that has the text
  local text=$1
  shift
  run -2 --separate-stderr "$run_sh" "$@"
  [[ -z $output && ${#stderr_lines[@]} == 1 && $stderr == *"$text"* ]]
}

# What run.sh would submit, from a kubectl and an argo that only say what they are asked.
submitted() { # ARGUMENT...
  mkdir -p bin
  cat >bin/kubectl <<'END'
#!/bin/sh
case "$*" in
"config current-context") echo kind-x ;;
*"get secret"*) exit 1 ;;
esac
END
  printf '#!/bin/sh\ntouch "$PWD/loaded"\n' >bin/kind
  printf '#!/bin/sh\necho "$@" >>"%s/submitted"\nexit 1\n' "$PWD" >bin/argo
  cp bin/kind bin/make
  chmod +x bin/*
  rm -f submitted
  PATH=$PWD/bin:$PATH run ! "$run_sh" "$@"
  grep -oE -- '(-p [^ ]+ ?)*$' submitted | head -n 1
}

@test "a usage error ends with 2 on every ground, before anything is asked of it" {
  for ground in box minikube cluster; do
    refused "has no parameter 'nonsense'" "$ground" --nonsense 1
    refused "has no parameter 'nonsense'" "$ground" -p nonsense=1
    refused '-p needs NAME=VALUE' "$ground" -p
    refused '--events needs a value' "$ground" --events
    refused "'nonsense' is not an option" "$ground" nonsense
  done
  refused '--namespace needs a name' cluster --namespace
  refused "has no parameter 'events'" box gvisor --events 1
  refused "unknown command 'nonsense'" nonsense
  refused 'build/fake_gen itself' --output x
}

@test "options are spelled on a cluster as they are locally" {
  [ "$(submitted cluster --events 5 --users=6 -p seed=a=b --image-prefix r.example.org/)" = \
    "-p events=5 -p users=6 -p seed=a=b -p image-prefix=r.example.org/" ]
}

@test "on a terminal a long run shows how far it is" {
  command -v script >/dev/null || skip "needs script"
  unset DB_URL PGHOST PGSERVICE AGGREGATOR_DSN
  # One thread that compresses well takes longer than the second before anything is shown.
  FAKE_GEN_THREADS=1 FAKE_GEN_LEVEL=9 script -qec "$run_sh --events 400000 --gzip" /dev/null \
    </dev/null >typescript
  grep -qE $'\rfake_gen +[0-9]+ %' typescript
  FAKE_GEN_THREADS=1 "$run_sh" --events 1000 >out 2>err
  run ! grep -q '%' out err
}
