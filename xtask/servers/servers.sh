#!/usr/bin/env bash
# Real servers for tests, on free ports of this machine, with their data in a temporary folder. Called by `cargo xtask servers`.
#
#   servers.sh up     [SERVER…] [OPTIONS]          starts them, prints how to reach them, and goes
#   servers.sh run    [SERVER…] [OPTIONS] -- CMD…  starts them, runs CMD with the variables set, stops and removes all
#   servers.sh down | status | env | logs [PROCESS]
#   servers.sh kill PROCESS | restart PROCESS      ends one by force; starts it again over the same data, on the same port
#   servers.sh pause PROCESS | resume PROCESS      stops one where it is; lets it go on
#   servers.sh install [SERVER…] [OPTIONS]         only installs and fetches what is missing
#
# SERVER: db redis etcd kafka; all without one.  --db mariadb|mysql8   --kafka-nodes 1|3
# PROCESS: primary replica redis etcd kafka1…
# What is missing is installed in CI (CI=true), and asked about elsewhere. Fetched files are kept in $GOCHAT_SERVERS_CACHE.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=${GOCHAT_SERVERS_STATE:-$here/../../target/servers.folder}      # names the folder of those that `up` started
cache=${GOCHAT_SERVERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gochat-servers}

say() { printf 'servers: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# ---- what is asked for -------------------------------------------------------------------------------------------------
command=${1:-help}; shift || true
servers=() args=() cmd=() db=mariadb nodes=1
while [ $# -gt 0 ]; do
  case $1 in
    db | redis | etcd | kafka) servers+=("$1") ;;
    --db) db=${2:?mariadb or mysql8}; shift ;;
    --kafka-nodes) nodes=${2:?1 or 3}; shift ;;
    --) shift; cmd=("$@"); break ;;
    -*) die "there is no option $1" ;;
    *) args+=("$1") ;;
  esac
  shift
done
[[ $command =~ ^(logs|kill|restart|pause|resume)$ ]] && args=("${servers[@]}" "${args[@]}") && servers=()
[ ${#servers[@]} -gt 0 ] || servers=(db redis etcd kafka)
case $db in mariadb | mysql8) ;; *) die "--db takes mariadb or mysql8" ;; esac
want() { [[ " ${servers[*]} " == *" $1 "* ]]; }

# ---- processes: each has NAME.pid and NAME.log in the folder ---------------------------------------------------------------
# One that has ended, and that nobody has taken note of (Z), is not alive.
alive() { [ -e "$1" ] && [[ $(ps -o stat= -p "$(cat "$1")" 2>/dev/null) == [!Z]* ]]; }
# launch NAME CMD…: in a session of its own, so that Ctrl-C in the terminal is ours to handle; under `run` it ends with us.
launch() {
  local name=$1; shift
  local with=(setsid)
  [ "$command" = run ] && with=(setsid setpriv --pdeathsig KILL --)
  printf '%q ' "$@" >"$folder/$name.command"
  "${with[@]}" "$@" >>"$folder/$name.log" 2>&1 </dev/null &
  echo $! >"$folder/$name.pid"
}
# await NAME SECONDS CMD…: until CMD succeeds.
await() {
  local name=$1 end=$((SECONDS + $2)); shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$folder/$name.pid" || { tail -20 "$folder/$name.log" >&2; die "$name ended"; }
    [ $SECONDS -lt $end ] || { tail -20 "$folder/$name.log" >&2; die "$name is not ready"; }
    sleep 0.02
  done
}
# Ends every process of the folder, the slow ones by force (their data goes anyway), and removes it.
stop_all() {
  local folder=$1 pid i
  for pid in "$folder"/*.pid; do alive "$pid" && kill -TERM "$(cat "$pid")" 2>/dev/null || true; done
  for i in $(seq 40); do
    local left=0
    for pid in "$folder"/*.pid; do alive "$pid" && left=1; done
    [ $left = 0 ] && break
    sleep 0.05
  done
  for pid in "$folder"/*.pid; do alive "$pid" && kill -KILL "$(cat "$pid")" 2>/dev/null || true; done
  rm -rf "$folder"
}
# Below the range that outgoing connections take their ports from.
ports=" "
free_port() {
  local p
  while :; do
    p=$((RANDOM % 12000 + 20000))
    [[ $ports == *" $p "* ]] && continue
    (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null && continue
    ports+="$p "; printf -v "$1" %s "$p"; return
  done
}

source "$here/install.sh"
source "$here/start.sh"

# A short path: sockets take 107 characters at most.
make_folder() {
  local tmp=${TMPDIR:-/tmp} old
  # What a `run` that was killed by force has left: its processes went with it.
  for old in "$tmp"/gochat-servers.*/owner; do [ ! -e "$old" ] || kill -0 "$(cat "$old")" 2>/dev/null || rm -rf "${old%/owner}"; done
  folder=$(mktemp -d "$tmp/gochat-servers.XXXXXX"); : >"$folder/env"
}
started() {
  [ -e "$state" ] || die "none are up"
  folder=$(cat "$state")
  [ -d "$folder" ] || die "none are up"
}

case $command in
  install) install ;;
  up)
    [ ! -e "$state" ] || [ ! -d "$(cat "$state")" ] || die "they are up already; \`down\` ends them"
    install; make_folder
    trap 'stop_all "$folder"' EXIT
    start_all
    mkdir -p "$(dirname "$state")"; echo "$folder" >"$state"
    trap - EXIT
    sed 's/^/export /' "$folder/env" ;;
  run)
    [ ${#cmd[@]} -gt 0 ] || die "run what? servers run … -- CMD"
    install; make_folder; echo $$ >"$folder/owner"
    trap 'stop_all "$folder"' EXIT
    trap 'exit 130' INT; trap 'exit 143' TERM
    start_all
    mapfile -t vars <"$folder/env"
    # CMD may kill and restart them by this script.
    echo "$folder" >"$folder/state"; vars+=("GOCHAT_SERVERS_STATE=$folder/state")
    # In the background and waited for: a signal is served at once then.
    rc=0; setpriv --pdeathsig TERM -- env "${vars[@]}" "${cmd[@]}" <&0 & child=$!
    # It may have to end things of its own over servers that are still there.
    trap 'kill -TERM $child 2>/dev/null; wait $child; exit 143' INT TERM
    wait "$child" || rc=$?
    exit "$rc" ;;
  down) started; stop_all "$folder"; rm -f "$state"; say "all ended" ;;
  env) started; sed 's/^/export /' "$folder/env" ;;
  status)
    started
    for pid in "$folder"/*.pid; do
      name=$(basename "$pid" .pid)
      if alive "$pid"; then echo "$name: up, process $(cat "$pid")"; else echo "$name: ended"; fi
    done
    sed 's/^/export /' "$folder/env" ;;
  logs) started; tail -n 50 -v "$folder"/${args[0]:-*}.log ;;
  kill)
    started
    pid=$folder/${args[0]:?which process? see status}.pid
    alive "$pid" || die "${args[0]} is not up"
    kill -KILL "$(cat "$pid")"; say "${args[0]} killed" ;;
  pause | resume)
    started
    pid=$folder/${args[0]:?which process? see status}.pid
    alive "$pid" || die "${args[0]} is not up"
    if [ "$command" = pause ]; then kill -STOP "$(cat "$pid")"; else kill -CONT "$(cat "$pid")"; fi
    say "${args[0]}: $command" ;;
  restart)
    started
    name=${args[0]:?which process? see status}
    [ -e "$folder/$name.command" ] || die "there is no $name"
    ! alive "$folder/$name.pid" || die "$name is up"
    eval "launch $name $(cat "$folder/$name.command")"; say "$name started again" ;;
  *) sed -n '2,15s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
