#!/usr/bin/env bash
# Layout, sizes, banned calls, shell, YAML, manifests, images, CI: lint.sh RESULTS
set -uo pipefail

results=$1
mkdir -p "$results"
exec > >(tee "$results/lint.tap") 2>&1
failed=0
file_lines=500 line_bytes=100 function_lines=80

verdict() { # NAME FINDINGS
  if [[ -n $2 ]]; then
    echo "not ok - $1"
    echo "# ${2//$'\n'/$'\n'# }"
    failed=1
  else
    echo "ok - $1"
  fi
}

mapfile -t sources < <(git ls-files '*.c' '*.h')
mapfile -t programs < <(git ls-files '*.c' | grep -v /tests/)
mapfile -t scripts < <(git ls-files '*.sh' '.ci/*' '*.bash')
mapfile -t bats < <(git ls-files '*.bats')
mapfile -t yaml < <(git ls-files '*.yaml' '*.yml')
mapfile -t manifests < <(git ls-files '*.yaml' ':!.github' ':!tests/lint')
mapfile -t dockerfiles < <(git ls-files '*Dockerfile*')
mapfile -t actions < <(git ls-files '.github/workflows/*')
mapfile -t applied < <(git ls-files 'workflows/*kustomization.yaml' | xargs -n 1 dirname)
mapfile -t workflows < <(git ls-files 'workflows/*.yaml')

verdict 'shellcheck' "$(shellcheck "${scripts[@]}" 2>&1)"
if ((${#bats[@]})); then verdict 'shellcheck of bats' "$(shellcheck --severity=warning --shell=bats --exclude=SC2154,SC2164,SC2030,SC2031 "${bats[@]}" 2>&1)"; fi
verdict 'tests check one thing a line, for bats does not see that the first of two failed' \
  "$(grep -nE '^ +\[.*\] && (\[|grep|cmp|run|! )' "${bats[@]}" | grep -v ' || ')"
if ((${#yaml[@]})); then verdict 'yamllint' "$(yamllint -s "${yaml[@]}" 2>&1)"; fi
verdict 'clang-format (make fmt mends it)' "$(clang-format --dry-run -Werror "${sources[@]}" 2>&1 | grep -E 'error:' | head -20)"
verdict "sources have at most $file_lines lines" \
  "$(wc -l "${sources[@]}" | awk -v max="$file_lines" '$2 != "total" && $2 !~ /\/tests\// && $1 > max')"
verdict "manifests have at most $file_lines lines" \
  "$(wc -l "${yaml[@]}" | awk -v max="$file_lines" '$2 != "total" && $1 > max')"
verdict "lines have at most $line_bytes characters" "$(LC_ALL=C.UTF-8 grep -nE "^.{$((line_bytes + 1)),}" "${sources[@]}")"
verdict "functions have at most $function_lines lines" "$(awk -v max="$function_lines" '
  FNR == 1 { start = 0 }
  /^\{$/ { start = FNR }
  /^\}/ && start { if (FNR - start > max) print FILENAME ":" start ": " FNR - start " lines"; start = 0 }' "${sources[@]}")"
verdict 'no tabs, no blanks at line ends' "$(grep -nP '\t|[ \t]+$' "${sources[@]}")"
verdict 'no banned calls' "$(grep -nE '\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atoll|gets|localtime|gmtime|rand|srand|system|popen|alloca)\(' \
  "${sources[@]}" | grep -v /tests/)"
verdict 'headers compile alone' "$(for header in $(git ls-files '*.h' | grep -v /tests/); do
  gcc -std=gnu17 -fsyntax-only -D_GNU_SOURCE -I. -isystem build/deps/include -x c "$header" 2>&1 | grep error
done)"
verdict 'the picture of the folders is what the sources say' "$(docs/architecture.py --check 2>&1)"
verdict 'mutants fit the code and its tests' "$(tests/mutation/run.py --check 2>&1)"
verdict 'cppcheck' "$(cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
  --suppress=missingIncludeSystem -D_GNU_SOURCE -I. "${programs[@]}" 2>&1)"

# shellcheck source-path=SCRIPTDIR source=lint/manifests.sh
. tests/lint/manifests.sh
if tests/lint/tools.sh; then echo 'ok - checkers'; else verdict 'checkers' 'not all can be had'; fi
verdict 'manifests fit the schemas of Kubernetes and Argo' "$(valid_for argo "${manifests[@]}")"
verdict 'manifests fit the schemas of the oldest Argo' "$(valid_for argo-oldest "${manifests[@]}")"
verdict 'argo lint' "$(argo_accepts workflows tests/e2e/box/fixtures)"
verdict 'kustomize builds what is applied' "$(for directory in "${applied[@]}"; do kustomize_builds "$directory"; done)"
verdict 'an overlay patches one place of what templates share' "$(patch_changes_one_place)"
verdict 'overlays fit schemas and rules' "$(for directory in workflows workflows/overlays/*; do rendered_is_fine "$directory"; done)"
verdict 'manifests keep the rules of the house' "$(rules_are_kept "${workflows[@]}")"
verdict 'alerts and dashboard are what they promise' "$(monitoring_holds build/lint/monitoring)"
verdict 'hadolint' "$(dockerfile_is_fine "${dockerfiles[@]}")"
if ((${#actions[@]})); then verdict 'actionlint' "$(actions_are_fine "${actions[@]}")"; fi
verdict 'the checkers find planted mistakes' "$(tests/lint/planted.sh 2>&1)"
verdict 'each rule of the house finds its mistakes' "$(tests/lint/policy_test.py "${workflows[@]}" 2>&1)"
exit "$failed"
