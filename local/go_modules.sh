# shellcheck shell=bash disable=SC2154
# Sourced: programs out of pinned Go modules, kept in a cache. Before use the sourcing script sets
#
#   pins     directory of `versions` (lines of name, module, version, checksum) and of `sums/NAME.sum`
#            (what a module's own go.sum lacks)
#   cache    directory of what is kept
#   say, die functions
#
# and defines for each name a function build_NAME that fills $out from the source that it is in.

export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local GOFLAGS='-trimpath -buildvcs=false'

pin() { # NAME: module, version, checksum
  awk -v name="$1" '$1 == name { print $2, $3, $4; found = 1 } END { exit !found }' "$pins/versions"
}

version_of() { pin "$1" | cut -d ' ' -f 2; }

check_go() { # [WHAT]: that is built
  local has
  command -v go >/dev/null || die "needs Go 1.26 or newer to build ${1:-programs}: go.dev/dl"
  has=$(go env GOVERSION)
  [[ $(printf '%s\n' go1.26 "$has" | sort -V | head -n 1) == go1.26 ]] ||
    die "needs Go 1.26 or newer to build ${1:-programs}, this is $has"
}

fetch_module() { # MODULE VERSION: prints a JSON object with Sum and Dir
  local answer
  answer=$(cd / && GOFLAGS=-mod=mod go mod download -json "$1@$2" 2>&1) ||
    die "go could not bring $1@$2: $(jq -r .Error <<<"$answer" 2>/dev/null || echo "$answer")"
  echo "$answer"
}

module_files() { # NAME: prints the directory of its module's files, which are what is pinned
  local module version sum answer
  read -r module version sum < <(pin "$1")
  # The pin takes the place of the public checksum database, which not every proxy passes on.
  answer=$(GONOSUMDB=$module fetch_module "$module" "$version") || return
  [[ $(jq -r .Sum <<<"$answer") == "$sum" ]] || die "$module@$version is not what 'versions' pins"
  jq -r .Dir <<<"$answer"
}

# A copy, because some modules need a file or a line changed, and Go keeps its own read-only.
copy_source() { # NAME: the component's module in $src, which becomes the current directory
  local from
  from=$(module_files "$1")
  src=$cache/src/$1
  rm -rf "$src"
  mkdir -p "$src"
  cp -r "$from/." "$src"
  chmod -R u+w "$src"
  cd "$src"
  rm -rf vendor
  if [[ -f $pins/sums/$1.sum ]]; then cat "$pins/sums/$1.sum" >>go.sum; fi
}

keep() { # NAME INPUT FUNCTION...: runs FUNCTION... in a subshell, keeps the $out it fills
  local name=$1 key to out lock
  key=$(printf '%s\n' "$2" | sha256sum | cut -c 1-16)
  shift 2
  to=$cache/built/$name-$key
  mkdir -p "$cache/built" "$cache/current"
  if [[ ! -d $to ]]; then
    exec {lock}>"$cache/built/$name.lock"
    flock "$lock"
  fi
  if [[ ! -d $to ]]; then
    local began=$SECONDS
    say "building $name"
    rm -rf "$cache/built/.$name".* # of a build that was interrupted
    out=$(mktemp -d "$cache/built/.$name.XXXXXX")
    mkdir "$out/bin"
    # Not `|| die`: that would switch off errexit inside.
    (set -e; "$@")
    chmod 755 "$out"
    mv -T "$out" "$to"
    say "built $name in $((SECONDS - began)) s"
  fi
  if [[ ${lock:-} ]]; then exec {lock}>&-; fi
  ln -sfn "../built/$name-$key" "$cache/current/$name"
}

build_one() { copy_source "$1"; "build_$1"; cd /; rm -rf "$src"; }

build_component() { # NAME
  keep "$1" "$(pin "$1"; declare -f "build_$1"; cat "$pins/sums/$1.sum" 2>/dev/null)" build_one "$1"
}

resolve() { # NAME: what go.sum lacks is looked up in the public checksum database
  local module version out lacks
  check_go "$1"
  read -r module version _ < <(pin "$1") || die "unknown component '$1'"
  fetch_module "$module" "$version" | jq -r '"\(.Path) \(.Version) \(.Sum)"'
  sed -i "s#^\($1 .*\) h1:.*#\1 $(fetch_module "$module" "$version" | jq -r .Sum)#" "$pins/versions"
  rm -f "$pins/sums/$1.sum"
  copy_source "$1"
  cp go.sum go.sum.before
  export GOFLAGS="$GOFLAGS -mod=mod"
  out=$(mktemp -d)
  "build_$1"
  lacks=$(comm -13 <(sort go.sum.before) <(sort go.sum))
  if [[ $lacks ]]; then
    mkdir -p "$pins/sums"
    echo "$lacks" >"$pins/sums/$1.sum"
  fi
}
