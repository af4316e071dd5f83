# shellcheck shell=bash
# Starting, stopping and asking BIRD, which runs with Calico's switches: -R (every start is a graceful-restart recovery) and -s.

socket() { echo "$run/$1/bird$(suffix "$(daemon "$1" "${2:-4}")").ctl"; }
# daemon NODE FAMILY: the family whose files the daemon has that speaks this family.
daemon() { if [ "$2" = 6 ] && [ "$1" != rt ] && [ "$(version "${1#n}")" != 1 ]; then echo 4; else echo "$2"; fi; }

# bird_pid NODE [FAMILY]: its process, or nothing and 1 when it does not run.
bird_pid() {
  local pid
  pid=$(cat "$run/$1/bird$(suffix "$(daemon "$1" "${2:-4}")").pid" 2>/dev/null) || return 1
  # A number out of a file may belong to somebody else by now.
  grep -qa bird "/proc/$pid/cmdline" 2>/dev/null || return 1
  echo "$pid"
}

bird_start() {
  local f program v
  for f in $(families "$1"); do
    ! bird_pid "$1" "$f" >/dev/null || continue
    v=$(version "${1#n}")
    program=$("$here/../tools/bird" "$v" "bird$(suffix "$f")")
    rm -f "$run/$1/bird$(suffix "$f").ctl"
    ip netns exec "$(netns "$1")" "$program" -R -c "$run/$1/bird$(suffix "$f").cfg" -s "$run/$1/bird$(suffix "$f").ctl" \
      -P "$run/$1/bird$(suffix "$f").pid" 8>&- || die "$1: BIRD did not start with $run/$1/bird$(suffix "$f").cfg"
  done
}

# bird_stop NODE [SIGNAL]: TERM is what calico-node's stop sends. Routes stay in the kernel (persist) in either case.
bird_stop() {
  local f pid n
  for f in $(families "$1"); do
    pid=$(bird_pid "$1" "$f") || continue
    kill "-${2:-TERM}" "$pid" 2>/dev/null || true
    for ((n = 0; n < 100; n++)); do
      [ -d "/proc/$pid" ] || continue 2
      sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}

# birdc NODE FAMILY COMMAND...: version 2's small client speaks with every version. A daemon that hangs costs 3 s.
birdc() {
  local node=$1 f=$2
  shift 2
  timeout 3 "$("$here/../tools/bird" 2 birdcl)" -s "$(socket "$node" "$f")" "$*" 2>&1 | grep -v '^BIRD .* ready'
}

# confd writes the files anew and sends SIGHUP.
reload() {
  local f pid
  render "$1"
  for f in $(families "$1"); do
    if pid=$(bird_pid "$1" "$f"); then kill -HUP "$pid"; fi
  done
}
reload_all() {
  local k
  for ((k = 1; k <= NODES; k++)); do reload "n$k"; done
}

# sessions NODE: lines "PROTOCOL STATE SINCE INFO" of its BGP sessions.
sessions() {
  local f
  for f in $(families "$1"); do
    birdc "$1" "$f" show protocols 2>/dev/null | awk '$2 == "BGP" { info = ""; for (k = 6; k <= NF; k++) info = info " " $k; print $1, $4, $5 info }' || true
  done
}

lab_status() {
  local k block
  for ((k = 1; k <= NODES; k++)); do
    block=$(block4 "$k")
    echo "n$k  $(addr4 "$k")  $block  BIRD $(version "$k")$(bird_pid "n$k" >/dev/null || echo '  (not running)')"
    sessions "n$k" | sed 's/^/    /'
  done
  if ls "$run/faults/"* >/dev/null 2>&1; then
    echo "faults that go on in the background:"
    (cd "$run/faults" && printf '    %s\n' -- *.pid | grep -v -- -- | sed 's/\.pid$//')
  fi
}

recovering() {
  local f
  for f in $(families "$1"); do
    if birdc "$1" "$f" show status | grep -q 'recovery in progress'; then echo "$1: graceful restart recovery"; fi
  done
}

# lab_wait SECONDS: until every configured session of every running BIRD is up and no BIRD recovers (then routes may move).
lab_wait() {
  local k end=$((SECONDS + $1)) waiting
  while :; do
    waiting=''
    for ((k = 1; k <= NODES; k++)); do
      bird_pid "n$k" >/dev/null || continue
      waiting+=$(sessions "n$k" | awk -v n="n$k" '!($2 == "up" && $4 == "Established") { print n ": " $0 }')
    done
    if [ -z "$waiting" ]; then
      for ((k = 1; k <= NODES; k++)); do
        if bird_pid "n$k" >/dev/null; then waiting+=$(recovering "n$k"); fi
      done
    fi
    [ -n "$waiting" ] || { echo "lab $name: every session is Established"; return 0; }
    [ "$SECONDS" -lt "$end" ] || { echo "$waiting" >&2; die "these sessions were not Established within $1 s"; }
    sleep 0.2
  done
}

# A new lab is complete when every node has a route to every block.
routes_wait() {
  local k n end=$((SECONDS + 10))
  for ((k = 1; k <= NODES; k++)); do
    while :; do
      n=$(ip -n "$(netns "n$k")" route show root "$pool4" | grep -c /26) || true
      [ "$n" -lt "$NODES" ] || break
      [ "$SECONDS" -lt "$end" ] || die "n$k has routes to $n of $NODES blocks"
      sleep 0.1
    done
  done
}
