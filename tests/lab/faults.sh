# shellcheck shell=bash
# What can break. `fault_NAME` and `heal_NAME` are called with the node's name in $n and number in $i, the peer's in $p and $j.
# Both may be called twice. A fault that goes on runs as `lab loop NAME …` in the background, its process id in $run/faults.

# NAME  WHO  what happens. WHO: node, or pair (a default peer is chosen where none is given).
fault_list() {
  cat <<'TEXT'
peer-blocked        pair  TCP 179 between the two is dropped on the node; the sessions end with the hold time
node-isolated       node  TCP 179 is dropped for all of the node's peers
peer-refused        node  the node's BIRD is stopped: its peers are refused
bird-absent         node  the node has no BIRD, no socket and no route of BIRD
bird-dead           node  the node's BIRD is killed; socket file and routes stay
bird-hung           node  the node's BIRD is stopped with SIGSTOP: it accepts and does not answer
recovery-stuck      pair  the peer's BIRD is dead while the node's BIRD restarts with -R: nothing moves until the restart wait is over
no-peers            node  the node's configuration has no session (its peers keep theirs)
node-lost           node  the node is cut off and its BIRD dies
rr-lost             node  the same, for the route reflector
mesh-incomplete     pair  the node's configuration lacks the peer
wrong-source        node  address autodetection chose docker0: the cluster believes that the node is 172.17.0.1
wrong-as            pair  the node expects another AS of the peer (rt where the lab has --tor)
flapping            pair  the session drops and comes back, again and again
route-missing       pair  the route to the peer's block is deleted and BIRD does not look (its scan time is a day)
default-fallthrough pair  the same on the router (node rt), whose default route takes the packets
kernel-refuses      pair  a foreign static route stands in the place of the route to the peer's block
next-hop-lost       node  the default route is gone: blocks behind the router become unreachable
route-churn         node  another program deletes BIRD's routes every three seconds
via-gateway         pair  the peer's block is reached by the subnet's router although the pool is encapsulated
wrong-encapsulation pair  the peer's block is reached directly although the pool is encapsulated
ipip-blocked        node  the tunnel's packets are dropped before they reach the node, while its pod sends (VXLAN stands in for IPIP)
tunnel-down         node  vxlan.calico (or tunl0) is set down
tunnel-gone         node  vxlan.calico (or tunl0) is deleted
underlay-mtu        node  the tunnel's MTU is larger than the underlay carries
foreign-blackhole   node  a blackhole of Felix's for the service CIDR
duplicate-block     pair  the node announces the peer's block too
no-forwarding       node  ip_forward is 0
peer-empty          node  the node announces nothing
restarted-together  node  three nodes' BIRDs restart within a second (healed by time)
link-down           node  eth0 is set down
address-lost        node  eth0 loses its address
port-179-taken      node  another program holds TCP 179 before BIRD starts
same-router-id      pair  the peer has the node's BGP identifier
blocks-not-announced node the node's pool is not exported over BGP: its blocks are announced to nobody
import-filtered     node  a BGPFilter rejects every block that the peers announce
foreign-route       pair  a static route of metric 0 stands before BIRD's route (Calico v3.33: metric 1024)
nested-blackhole    pair  a stale blackhole inside the peer's block
rack-unreachable    node  AS per rack: the other rack's next hop is not known here, its blocks are unreachable
via-link-local-router node IPv6 /128 address: every block leads to the router's link-local address
interface-not-forwarding node ip_forward is 1, forwarding of eth0 is 0
tunnel-without-address node the tunnel device has no address
workload-without-route node a cali device is up and no route leads to it
flapping-down       node  BIRD is up for 100 s and away for 170 s, again and again (LAB_UP, LAB_DOWN)
TEXT
}

fault_or_heal() {
  local what=$1 fault=${2:?a fault has a name: see lab fault} who
  who=$(fault_list | awk -v f="$fault" '$1 == f { print $2 }')
  [ -n "$who" ] || die "no fault '$fault'; the names: $(fault_list | awk '{ printf "%s ", $1 }')"
  n=${3:-} p=''
  if [ "$fault" = default-fallthrough ] && [ "${n:-rt}" = rt ]; then n=rt i=0; else node "$n"; fi
  if [ "$who" = pair ]; then
    p=${4:-}
    if [ "$fault" = wrong-as ] && { [ "$p" = rt ] || [ -z "$p$TOR" ] || [ "$p$TOR" = 1 ]; }; then
      p=rt j=0
    else
      [ -n "$p" ] || p=n$((i % NODES + 1))
      j=$i
      local me=$i
      node "$p"
      j=$i i=$me
    fi
    [ "$n" != "$p" ] || die "$fault wants two different nodes"
  fi
  ns=$(netns "$n")
  "${what}_${fault//-/_}"
  echo "lab $name: $what $fault $n${p:+ $p}"
}

set_knob() { printf '%s\n' "$3" >"$run/$1/knob.$2"; }
clear_knob() { rm -f "$run/$1/knob.$2"; }
wants() { [[ " $1 " == *" $ENCAP "* ]] || die "this wants --encap ${1// / or } (this lab: $ENCAP)"; }

# drop TABLE RULE...: a table of nftables per fault.
drop() {
  local table=$1 rule
  shift
  {
    echo "table inet $table"
    echo "delete table inet $table"
    echo "table inet $table {"
    for rule in "$@"; do echo "  $rule"; done
    echo "}"
  } | ip netns exec "$ns" nft -f -
}
undrop() { ip netns exec "$ns" nft delete table inet "$1" 2>/dev/null || true; }

bgp_drop() {
  drop "$1" "chain in { type filter hook input priority 0; $2 tcp dport 179 drop; $2 tcp sport 179 drop; }" \
    "chain out { type filter hook output priority 0; $3 tcp dport 179 drop; $3 tcp sport 179 drop; }"
}
fault_peer_blocked() {
  if [ "$V6" = 0 ]; then
    bgp_drop "blocked_$p" "ip saddr $(eth4 "$j")" "ip daddr $(eth4 "$j")"
  else
    bgp_drop "blocked_$p" "ip saddr $(eth4 "$j")" "ip daddr $(eth4 "$j")"
    bgp_drop "blocked6_$p" "ip6 saddr $(eth6 "$j")" "ip6 daddr $(eth6 "$j")"
  fi
}
heal_peer_blocked() { undrop "blocked_$p"; undrop "blocked6_$p"; }
fault_node_isolated() { bgp_drop isolated "" ""; }
heal_node_isolated() { undrop isolated; }

fault_peer_refused() { bird_stop "$n"; }
heal_peer_refused() { bird_start "$n"; }
fault_bird_absent() {
  bird_stop "$n"
  rm -f "$run/$n"/bird*.ctl "$run/$n"/bird*.pid
  ip -n "$ns" route flush proto bird
  ip -n "$ns" -6 route flush proto bird 2>/dev/null || true
}
heal_bird_absent() { bird_start "$n"; }
fault_bird_dead() { bird_stop "$n" KILL; }
heal_bird_dead() { bird_start "$n"; }
signal_bird() {
  local f pid
  for f in $(families "$n"); do
    if pid=$(bird_pid "$n" "$f"); then kill "-$1" "$pid"; fi
  done
}
fault_bird_hung() { signal_bird STOP; }
heal_bird_hung() { signal_bird CONT; }
fault_recovery_stuck() {
  bird_stop "$p" KILL
  bird_stop "$n"
  bird_start "$n"
}
heal_recovery_stuck() { bird_start "$p"; }

fault_no_peers() { set_knob "$n" no-peers 1; reload "$n"; }
heal_no_peers() { clear_knob "$n" no-peers; reload "$n"; }
port() { ip -n "$(netns sw)" link set "$n" "$1"; }
fault_node_lost() { port down; bird_stop "$n" KILL; }
heal_node_lost() { port up; bird_start "$n"; }
fault_rr_lost() { [[ $TOPOLOGY == rr* ]] || die "this wants --topology rr or rr2"; fault_node_lost; }
heal_rr_lost() { heal_node_lost; }
fault_mesh_incomplete() {
  grep -qx "$p" "$run/$n/knob.skip" 2>/dev/null || echo "$p" >>"$run/$n/knob.skip"
  reload "$n"
}
heal_mesh_incomplete() {
  [ ! -f "$run/$n/knob.skip" ] || sed -i "/^$p\$/d" "$run/$n/knob.skip"
  reload "$n"
}
fault_wrong_source() {
  ip -n "$ns" link add docker0 type bridge 2>/dev/null || true
  ip -n "$ns" address replace 172.17.0.1/16 dev docker0
  ip -n "$ns" link set docker0 up
  set_knob "$n" address 172.17.0.1
  reload_all
}
heal_wrong_source() {
  clear_knob "$n" address
  reload_all
  ip -n "$ns" link delete docker0 2>/dev/null || true
}
fault_port_179_taken() {
  bird_stop "$n"
  start_loop
  local t
  for ((t = 0; t < 50; t++)); do
    ! ip netns exec "$ns" ss -Hltn 'sport = :179' | grep -q . || break
    sleep 0.1
  done
  bird_start "$n"
}
heal_port_179_taken() { stop_loop; restart_node "$n" 0; }
loop_port_179_taken() {
  ip netns exec "$ns" python3 -c '
import socket
server = socket.create_server(("0.0.0.0", 179))
while True:
    server.accept()[0].close()
'
}
# BIRD takes another identifier only when it starts.
fault_same_router_id() { set_knob "$p" router-id "$(addr4 "$i")"; reload "$p"; restart_node "$p" 0; }
heal_same_router_id() { clear_knob "$p" router-id; reload "$p"; restart_node "$p" 0; }
fault_blocks_not_announced() { set_knob "$n" pool-off 1; reload "$n"; }
heal_blocks_not_announced() { clear_knob "$n" pool-off; reload "$n"; }
fault_import_filtered() { set_knob "$n" import-filter 1; reload "$n"; }
heal_import_filtered() { clear_knob "$n" import-filter; reload "$n"; }
fault_wrong_as() { set_knob "$n" as "$p 64999"; reload "$n"; }
heal_wrong_as() { clear_knob "$n" as; reload "$n"; }

# Faults that go on.
fault_flapping() { start_loop; }
heal_flapping() { stop_loop; }
loop_flapping() {
  # The peer ends the session: the node has done nothing.
  birdc "$p" 4 restart "$(peers "$j" 4 | awk -v a="$(addr4 "$i")" '$2 == a { print $1 }')" >/dev/null || true
  sleep "${LAB_PERIOD:-8}"
}
fault_flapping_down() { start_loop; }
heal_flapping_down() { stop_loop; bird_start "$n"; }
loop_flapping_down() {
  bird_stop "$n"
  sleep "${LAB_DOWN:-170}"
  bird_start "$n"
  sleep "${LAB_UP:-100}"
}
fault_route_churn() { start_loop; }
heal_route_churn() { stop_loop; if [ "$ENCAP" != none ]; then felix_again; fi; }
loop_route_churn() {
  ip -n "$ns" route flush proto bird
  if [ "$ENCAP" != none ]; then ip -n "$ns" route flush proto 80 && sleep 1 && felix_again; fi
  sleep "${LAB_PERIOD:-3}"
}

loop_file() { echo "$run/faults/$fault.$n${p:+.$p}.pid"; }
start_loop() {
  stop_loop
  setsid "$here/lab" --name "$name" loop "$fault" "$n" "$p" </dev/null >/dev/null 2>&1 &
  echo $! >"$(loop_file)"
}
stop_loop() { end_loop "$(loop_file)"; }
end_loop() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  rm -f "$1"
  ! grep -qa "lab.--name.$name.loop" "/proc/$pid/cmdline" 2>/dev/null || kill -- "-$pid" 2>/dev/null || true
}
stop_loops() {
  local file
  for file in "$run"/faults/*.pid; do end_loop "$file"; done
}
# The background half: ends by itself where the lab has gone without taking it along.
fault_loop() {
  local fault=$1 loop=${1//-/_}
  n=$2 p=${3:-} ns=$(netns "$2") i=${2#n}
  j=${p#n}
  sleep 0.2
  while [ "$(cat "$(loop_file)" 2>/dev/null)" = $$ ]; do "loop_$loop"; done
}
