#!/usr/bin/env bash
# Proves that the sources which say `Pure.` are pure, and that no other is: layers.sh RESULTS BUILD
# Files, clock, environment, randomness, processes, threads, network and libpq are the edges. An
# object is pure when neither it nor any object of ours that it calls reaches one.
set -uo pipefail

results=$1 build=$2
mkdir -p "$results"
exec > >(tee "$results/layers.tap") 2>&1
failed=0

edges='open(at)?(64)?|creat(64)?|p?(read|write)v?(64)?|close|lseek(64)?|l?stat(x|64)?|fstat(64)?|unlink'
edges+='|rename|fopen(64)?|fclose|fread|fwrite|fgets|fputs|puts|putchar|fputc|v?f?printf|v?dprintf|fflush'
edges+='|perror|(secure_)?getenv|setenv|putenv|time|clock(_gettime)?|gettimeofday|localtime(_r)?|gmtime(_r)?'
edges+='|s?rand(om)?(_r)?|[delmnj]rand48|getrandom|getentropy|_?exit|abort|system|popen|fork|v?fork|exec[vle]+p?e?'
edges+='|f?(get|set|list)xattr|kill|raise|signal|sigaction|socket|connect|send(to|msg)?|recv(from|msg)?|poll|select|mmap(64)?|ioctl'
edges+='|syscall|stdin|stdout|stderr|environ|sleep|usleep|nanosleep|pthread_[a-z_]+|PQ[A-Za-z]+'

reached() { # prints every object that reaches an edge, with the name by which it does
  git ls-files '*.c' '*.cpp' ':!tests' ':!*/tests/*' | sed "s#^#$build/#; s#\.[a-z]*\$#.o#" |
    xargs nm -A 2>/dev/null | sed -E "s#^$build/##; s/@.*//" | awk -v edges="^(__)?($edges)(_chk)?\$" '
    { sub(/\.o:/, " ") }
    $(NF - 1) == "U" { calls[$1] = calls[$1] " " $NF; next }
    $(NF - 1) ~ /^[A-Z]$/ { object_of[$NF] = $1 }
    { calls[$1] = calls[$1] }
    END {
      do {
        more = 0
        for (object in calls) {
          if (object in by) continue
          count = split(calls[object], names, " ")
          for (i = 1; i <= count; i++) {
            name = names[i]
            if (name ~ edges || object_of[name] in by) { by[object] = name; more = 1; break }
          }
        }
      } while (more)
      for (object in calls) print object, by[object]
    }' | sort
}

declare -A edge_of=()
while read -r name edge; do edge_of[$name]=$edge; done < <(reached)
declare -A says=()
while read -r source; do says[${source%.*}]=yes; done < <(tests/pure.sh)
((${#edge_of[@]} > 100 && ${#says[@]} > 40)) || { echo "not ok - objects and pure sources are found"; failed=1; }
for name in $(printf '%s\n' "${!edge_of[@]}" | sort); do
  case ${says[$name]:-no}-${edge_of[$name]:-pure} in
  yes-pure) echo "ok - $name is pure" ;;
  yes-*)
    echo "not ok - $name says that it is pure, and reaches ${edge_of[$name]}"
    failed=1
    ;;
  no-pure)
    echo "not ok - $name is pure: let its header say so"
    failed=1
    ;;
  esac
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
# One makes connections, the other uses them.
include 'libpq is known to two files' '#include <libpq-fe.h>' 'common/postgres/(pg_connection|pg)\.c'
include 'raw system calls are for probes' '\bsyscall\(' 'gvisor_probe/probes/.*\.c'
include 'libcurl is known to three files' '#include <curl/curl.h>' '(gvisor_installer/release/fetch|common/kube|aggregator/s3/transfer)\.c'
include 'libmicrohttpd is known to one file' '#include <microhttpd.h>' 'job_service/api/server\.c'
programs='fake_gen aggregator gvisor_probe gvisor_installer job_service job_runner'
include 'common includes no program' "#include \"(${programs// /|})/" "(${programs// /|})/.*"
for program in $programs; do
  include "$program is included by itself only" "#include \"$program/" "$program/.*"
done

# Each folder is a room: what one includes never includes it back, by whatever way.
if loop=$(git grep -oE '^#include "[^"]+/' -- '*.c' '*.h' '*.cpp' ':!tests' ':!*/tests/*' |
  sed -E 's|/[^/]*:#include "(.*)/$| \1|' | awk '$1 != $2' | tsort 2>&1 >/dev/null); then
  echo "ok - folders include one way"
else
  echo "not ok - folders include one way:${loop//$'\ntsort:'/}"
  failed=1
fi
exit "$failed"
