#!/usr/bin/env bash
# Proves that pure objects reach no edge: layers.sh RESULTS OBJECT...
# Files, clock, environment, randomness, processes, threads, network and libpq are the edges.
set -uo pipefail

results=$1
shift
mkdir -p "$results"
exec > >(tee "$results/layers.tap") 2>&1
failed=0

edges='open(at)?(64)?|creat(64)?|p?(read|write)v?(64)?|close|lseek(64)?|l?stat(x|64)?|fstat(64)?|unlink'
edges+='|rename|fopen(64)?|fclose|fread|fwrite|fgets|fputs|puts|putchar|fputc|v?f?printf|v?dprintf|fflush'
edges+='|perror|(secure_)?getenv|setenv|putenv|time|clock(_gettime)?|gettimeofday|localtime(_r)?|gmtime(_r)?'
edges+='|s?rand(om)?(_r)?|[delmnj]rand48|getrandom|getentropy|_?exit|abort|system|popen|fork|v?fork|exec[vle]+p?e?'
edges+='|kill|raise|signal|sigaction|socket|connect|send(to|msg)?|recv(from|msg)?|poll|select|mmap(64)?|ioctl'
edges+='|sleep|usleep|nanosleep|pthread_[a-z_]+|PQ[A-Za-z]+|log_[a-z]+|failure_[a-z]+|stop_[a-z]+|progress_[a-z]+|outfile_[a-z]+'

for object in "$@"; do
  name=${object#build/*/}
  reached=$(nm -u "$object" | awk '{print $2}' | sed -E 's/^__(.*)_chk$/\1/; s/@.*//' |
    grep -xE "$edges" | paste -sd' ')
  if [[ -n $reached ]]; then
    echo "not ok - $name is pure: it reaches $reached"
    failed=1
  else
    echo "ok - $name is pure"
  fi
done

include() { # NAME PATTERN FILES-ALLOWED: includes of a header stay where they belong
  local found
  found=$(git grep -lE "$2" -- '*.c' '*.h' '*.cpp' ':!tests' | grep -vxE "$3" | paste -sd' ')
  if [[ -n $found ]]; then
    echo "not ok - $1: $found"
    failed=1
  else
    echo "ok - $1"
  fi
}
include 'libpq is known to one file' '#include <libpq-fe.h>' 'aggregator/load_pg\.c'
include 'raw system calls are for probes' '\bsyscall\(' 'gvisor_probe/probe_.*\.c'
include 'libcurl is known to two files' '#include <curl/curl.h>' 'gvisor_installer/(fetch|kube)\.c'
include 'common includes no program' '#include "(fake_gen|aggregator|gvisor_probe|gvisor_installer)/' \
  '(fake_gen|aggregator|gvisor_probe|gvisor_installer)/.*'
for program in fake_gen aggregator gvisor_probe gvisor_installer; do
  include "$program is included by itself only" "#include \"$program/" "$program/.*"
done
exit "$failed"
