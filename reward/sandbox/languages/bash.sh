# Loads solution.sh, calls its entry point as calls.sh says, writes what it prints to descriptor 3.
# Arguments: the entry point, and the most bytes that one call may print.

entry_point=$1 most=$2 number=0

failed() {
  local why=${1//[^[:print:]]/ }
  why=${why//\\/}
  builtin printf '["failed","%s"]\n' "${why//\"/\'}" >&3
  builtin exit 0
}

call() {
  local printed status=0
  printed=$("$entry_point" "$@" 3>&- | /usr/bin/head -c "$((most + 1))"; builtin exit "${PIPESTATUS[0]}") || status=$?
  if ((${#printed} > most)); then
    builtin printf '[%d,"output_limit","the call prints more than %d bytes"]\n' "$number" "$most" >&3
  elif ((status >= 126)); then
    builtin printf '[%d,"raised","exit status %d"]\n' "$number" "$status" >&3
  else
    builtin printf '[%d,"printed","%s"]\n' "$number" "$(builtin printf '%s' "$printed" | /usr/bin/base64 -w0)" >&3
  fi
  number=$((number + 1))
}

why=$(/bin/bash -n ./solution.sh 2>&1) || failed "$why"
source ./solution.sh
declare -F "$entry_point" >/dev/null || failed "$entry_point is not a function of the source"
source ./calls.sh
builtin exit 0
