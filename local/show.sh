# shellcheck shell=bash
# How run.sh and workflows/try.sh show a run to people. Sourced.

show() { printf '%-10s %s\n' "$1" "$2"; }

thousands() { # prints 1234567 as 1,234,567
  local digits=$1 out=''
  while ((${#digits} > 3)); do out=,${digits: -3}$out digits=${digits:0:-3}; done
  printf '%s%s' "$digits" "$out"
}

show_top() { # KEY-TITLE VALUE-TITLE ROWS: stdin has the first of so many rows, tab separated
  local keys=() values=() key value k_width=${#1} v_width=${#2}
  while IFS=$'\t' read -r key value; do
    value=$(thousands "$value")
    keys+=("$key") values+=("$value")
    if ((${#key} > k_width)); then k_width=${#key}; fi
    if ((${#value} > v_width)); then v_width=${#value}; fi
  done
  printf '\n  %-*s  %*s\n' "$k_width" "$1" "$v_width" "$2"
  for i in "${!keys[@]}"; do
    printf '  %-*s  %*s\n' "$k_width" "${keys[i]}" "$v_width" "${values[i]}"
  done
  if (($3 > ${#keys[@]})); then printf '  … and %s more\n' "$(thousands $(($3 - ${#keys[@]})))"; fi
  echo
}
