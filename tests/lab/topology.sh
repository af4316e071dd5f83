# shellcheck shell=bash
# Namespaces, links, addresses. Sourced by lab; speaks of nodes by number (1 to NODES) or name (n1).
#
#   n1 n2 …        nodes: eth0 on bridge br3 (10.0.3.0/24, fd00:3::/64) or, behind the router, br4 (10.0.4.0/24, fd00:4::/64)
#   p1 p2 …        one pod of each node, at the other end of a cali… veth
#   sw             the switch: both bridges, without addresses
#   rt             the router: 10.0.3.1 and 10.0.4.1; its own default route leads to "wan" in sw, where packets end
#   mon            a host on br3 (10.0.3.10), for a scraper

# The settings of a lab; `up` writes them to $run/settings.
NODES=3 BEHIND=0 BIRD=1 CALICO=v3.31 ENCAP=none TOPOLOGY=mesh V6=0 IDLE6=0 TOR=0 ROUTED=0 SERVICES=0 SERVICES_EXCLUDED=0
HOLD=240 RETRY='' RESTART_WAIT=240
pool4=192.168.0.0/16 pool6=fd00:10::/32

die() { echo "lab: $*" >&2; exit 1; }

# netns NODE|rt|sw|mon|pN: the namespace's full name.
netns() { echo "$name-$1"; }

# node NAME: its number in $i, or the end with the reason.
node() {
  i=${1#n}
  [[ ${1:-} =~ ^n[0-9]+$ ]] && [ "$i" -ge 1 ] && [ "$i" -le "$NODES" ] || die "no node '${1:-}': there are n1 to n$NODES"
}

is_behind() { [ "$1" -gt $((NODES - BEHIND)) ]; }
subnet() { if is_behind "$1"; then echo 4; else echo 3; fi; }
eth4() { echo "10.0.$(subnet "$1").$((140 + $1))"; }
eth6() { echo "fd00:$(subnet "$1")::$((140 + $1))"; }
# The address that the cluster believes the node has: a fault can make it a wrong one.
addr4() { if [ -f "$run/n$1/knob.address" ]; then cat "$run/n$1/knob.address"; else eth4 "$1"; fi; }
addr6() { eth6 "$1"; }
block4() { echo "192.168.$1.0/26"; }
block6() { echo "fd00:10:0:$1::/122"; }

lab_up() {
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes) NODES=$2 ;;
      --behind-router) BEHIND=$2 ;;
      --bird) BIRD=$2 ;;
      --encap) ENCAP=$2 ;;
      --topology) TOPOLOGY=$2 ;;
      --calico) CALICO=$2 ;;
      --services-excluded) SERVICES=1 SERVICES_EXCLUDED=$2 ;;
      --services) SERVICES=1; shift; continue ;;
      --hold) HOLD=$2 ;;
      --retry) RETRY=$2 ;;
      --restart-wait) RESTART_WAIT=$2 ;;
      --wait) wait_for=$2 ;;
      --v6) V6=1; shift; continue ;;
      --idle-v6) IDLE6=1; shift; continue ;;
      --tor) TOR=1; shift; continue ;;
      --routed) ROUTED=1; shift; continue ;;
      *) die "up has no option '$1'; see: tests/lab/lab help" ;;
    esac
    [ -n "$2" ] || die "$1 wants a value"
    shift 2
  done
  [[ $NODES =~ ^[0-9]+$ ]] && [ "$NODES" -ge 1 ] && [ "$NODES" -le 100 ] || die "--nodes is a number from 1 to 100"
  [[ $BEHIND =~ ^[0-9]+$ ]] && [ "$BEHIND" -lt "$NODES" ] || die "--behind-router is less than the number of nodes"
  [[ $BIRD =~ ^(1|2|3|mixed)$ ]] || die "--bird is 1, 2, 3 or mixed"
  [[ $ENCAP =~ ^(none|vxlan|cross-subnet|ipip-standin)$ ]] || die "--encap is none, vxlan, cross-subnet or ipip-standin"
  [[ $TOPOLOGY =~ ^(mesh|ebgp-mesh|rr|rr2|as-per-rack|as-per-server)$ ]] \
    || die "--topology is mesh, ebgp-mesh, rr, rr2, as-per-rack or as-per-server"
  [[ $CALICO =~ ^v3\.(31|33)$ ]] || die "--calico is v3.31 or v3.33"
  [[ $SERVICES_EXCLUDED =~ ^[0-9]+$ ]] && [ "$SERVICES_EXCLUDED" -le "$NODES" ] || die "--services-excluded is at most the number of nodes"
  case $TOPOLOGY in
    as-per-*) [ "$V6$TOR" = 00 ] && [ "$BIRD" = 1 ] || die "--topology $TOPOLOGY is IPv4 with BIRD 1, and has its own switches: no --v6, --tor" ;;
    rr2) [ "$NODES" -ge 3 ] || die "--topology rr2 wants 3 nodes or more" ;;
  esac
  local number
  for number in "$HOLD" "${RETRY:-1}" "$RESTART_WAIT" "${wait_for:-1}"; do
    [[ $number =~ ^[0-9]+$ ]] || die "seconds are whole numbers, not '$number'"
  done
  [ "$HOLD" -ge 3 ] || die "--hold is 3 or more: BGP allows no less"
  "$here/../tools/need" iproute2 nftables iputils-ping
  local versions=$BIRD v
  [ "$BIRD" != mixed ] || versions="1 2"
  for v in $versions; do "$here/../tools/bird" "$v" >/dev/null; done

  lock
  lab_down quiet
  trap 'echo "lab: the start failed; what was made is removed" >&2; lab_down quiet' EXIT
  mkdir -p "$run/faults"
  declare -p NODES BEHIND BIRD CALICO ENCAP TOPOLOGY V6 IDLE6 TOR ROUTED SERVICES SERVICES_EXCLUDED HOLD RETRY RESTART_WAIT | sed 's/^declare -[-x]* //' >"$run/settings"
  raise_neighbor_limits
  make_network
  local k
  # Two processors: the nodes' own halves side by side, and BIRD at once where its node is ready.
  for ((k = 1; k <= NODES; k++)); do
    mkdir -p "$run/n$k"
    { make_node "$k" && render "n$k" && bird_start "n$k"; } &
  done
  case $TOR$TOPOLOGY in 1* | *as-per-*) start_tor & ;; esac
  local failed=0
  while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
  [ "$failed" = 0 ] || die "a node did not start; see the lines above"
  trap - EXIT
  echo "lab $name: $NODES nodes, BIRD $BIRD, $TOPOLOGY, encapsulation $ENCAP$([ "$V6" = 0 ] || echo ', IPv4 and IPv6')"
  if [ -n "${wait_for:-}" ]; then lab_wait "$wait_for" && routes_wait; fi
}

# All namespaces of a machine share one neighbor table of 1,024 entries each for IPv4 and IPv6: a few labs fill it, and then
# nobody reaches anybody (`neighbor table overflow` in the kernel's log). Raised where it is smaller, until the next boot.
raise_neighbor_limits() {
  local f of=/proc/sys/net n
  for f in ipv4 ipv6; do
    n=$(cat "$of/$f/neigh/default/gc_thresh3" 2>/dev/null) || continue
    [ "$n" -lt 16384 ] || continue
    echo 16384 >"$of/$f/neigh/default/gc_thresh3"
    echo 8192 >"$of/$f/neigh/default/gc_thresh2"
    echo 4096 >"$of/$f/neigh/default/gc_thresh1"
  done 2>/dev/null || true
}

make_network() {
  local k ns
  {
    for ns in sw rt mon; do echo "netns add $(netns $ns)"; done
    for ((k = 1; k <= NODES; k++)); do echo "netns add $(netns "n$k")"; echo "netns add $(netns "p$k")"; done
  } | ip -batch -
  # A node that forwards takes no router advertisements and needs no duplicate address detection: addresses are usable at once.
  quiet_v6='net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0'
  # shellcheck disable=SC2086
  ip netns exec "$(netns rt)" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 $quiet_v6
  # shellcheck disable=SC2086
  ip netns exec "$(netns mon)" sysctl -qw $quiet_v6
  {
    echo "link add br3 type bridge"
    echo "link add br4 type bridge"
    for ((k = 1; k <= NODES; k++)); do
      echo "link add n$k type veth peer name eth0 netns $(netns "n$k")"
      echo "link set n$k master br$(subnet "$k") up"
    done
    echo "link add rt3 type veth peer name eth0 netns $(netns rt)"
    echo "link add rt4 type veth peer name eth1 netns $(netns rt)"
    echo "link add wan type veth peer name wan netns $(netns rt)"
    echo "link add mon type veth peer name eth0 netns $(netns mon)"
    echo "link set rt3 master br3 up"
    echo "link set rt4 master br4 up"
    echo "link set mon master br3 up"
    for ns in br3 br4 wan lo; do echo "link set $ns up"; done
    echo "address add 203.0.113.1/30 dev wan"
  } | ip -n "$(netns sw)" -batch -
  {
    for ns in lo eth0 eth1 wan; do echo "link set $ns up"; done
    echo "address add 10.0.3.1/24 dev eth0"
    echo "address add 10.0.4.1/24 dev eth1"
    echo "address add fd00:3::1/64 dev eth0"
    echo "address add fd00:4::1/64 dev eth1"
    echo "address add 203.0.113.2/30 dev wan"
    echo "route add default via 203.0.113.1"
    [ "$ROUTED" = 0 ] || for ((k = 1; k <= NODES; k++)); do echo "route add $(block4 "$k") via $(eth4 "$k") proto static"; done
  } | ip -n "$(netns rt)" -batch -
  {
    echo "link set lo up"
    echo "link set eth0 up"
    echo "address add 10.0.3.10/24 dev eth0"
    echo "address add fd00:3::10/64 dev eth0"
    echo "route add default via 10.0.3.1"
    echo "route add default via fd00:3::1"
  } | ip -n "$(netns mon)" -batch -
}

# One node: its uplink, a workload with its /32, and, where Felix programs the routes, what Felix would do.
make_node() {
  local k=$1 ns pod s cali
  ns=$(netns "n$k") pod=$(netns "p$k") s=$(subnet "$k")
  cali=$(printf 'cali%011x' "$k")
  # shellcheck disable=SC2086
  ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 $quiet_v6
  # shellcheck disable=SC2086
  ip netns exec "$pod" sysctl -qw $quiet_v6
  {
    echo "link set lo up"
    echo "link set eth0 up"
    echo "address add $(eth4 "$k")/24 dev eth0"
    echo "route add default via 10.0.$s.1 dev eth0 proto dhcp metric 100"
    # The address of a cali interface is the same on every node: a pod's gateway is 169.254.1.1, answered by proxy ARP.
    echo "link add $cali address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns $pod"
    echo "link set $cali up"
    if [ "$V6" = 1 ]; then
      echo "address add $(eth6 "$k")/64 dev eth0"
      echo "route add default via fd00:$s::1 dev eth0 metric 1024"
    fi
    workload_routes "$k"
  } | ip -n "$ns" -batch -
  ip netns exec "$ns" sysctl -qw "net.ipv4.conf.$cali.proxy_arp=1" "net.ipv4.neigh.$cali.proxy_delay=0"
  {
    echo "link set lo up"
    echo "link set eth0 up"
    echo "address add 192.168.$k.2/32 dev eth0"
    echo "route add 169.254.1.1 dev eth0 scope link"
    echo "route add default via 169.254.1.1 dev eth0"
    if [ "$V6" = 1 ]; then
      echo "address add fd00:10:0:$k::2/128 dev eth0"
      echo "route add fe80::ecee:eeff:feee:eeee dev eth0"
      echo "route add default via fe80::ecee:eeff:feee:eeee dev eth0"
    fi
  } | ip -n "$pod" -batch -
  [ "$ENCAP" = none ] || felix "$k"
}

# The route that Felix gives to a workload; from v3.32 on with a metric.
workload_metric() { if [ "$CALICO" = v3.33 ]; then echo " metric 1024"; fi; }
workload_routes() {
  local cali
  cali=$(printf 'cali%011x' "$1")
  echo "route replace 192.168.$1.2/32 dev $cali scope link proto boot$(workload_metric)"
  [ "$V6" = 0 ] || echo "route replace fd00:10:0:$1::2/128 dev $cali proto boot"
}

# What Felix programs on node $1: tunnel, own block, the others' blocks (protocol 80; VXLAN's routes have none, as `ip` says: boot).
felix() {
  local k=$1 ns o device=vxlan.calico
  ns=$(netns "n$k")
  [ "$ENCAP" != ipip-standin ] || device=tunl0
  {
    if [ "$device" = tunl0 ]; then
      # This is no tunnel: a kernel without the ipip module has only the name to offer.
      echo "link add tunl0 mtu 1480 type veth peer name tunl0-peer"
      echo "link set tunl0-peer up"
      echo "address add 192.168.$k.1/32 dev tunl0"
      echo "link set tunl0 arp off up"
    else
      echo "link add vxlan.calico address 66:00:00:00:00:$(printf %02x "$k") mtu 1450 type vxlan id 4096 local $(eth4 "$k") dev eth0 dstport 4789 nolearning"
      echo "address add 192.168.$k.1/32 dev vxlan.calico"
      echo "link set vxlan.calico up"
    fi
    [ ! -f "$run/n$k/knob.no-block" ] && echo "route replace blackhole $(block4 "$k") proto 80"
    for ((o = 1; o <= NODES; o++)); do
      [ "$o" != "$k" ] && felix_route "$k" "$o" "$device"
    done
  } | ip -n "$ns" -batch -
  if [ "$device" = vxlan.calico ]; then
    for ((o = 1; o <= NODES; o++)); do
      [ "$o" = "$k" ] || echo "fdb append 66:00:00:00:00:$(printf %02x "$o") dev vxlan.calico dst $(eth4 "$o") self permanent"
    done | bridge -n "$ns" -batch -
  fi
}

# The commands of ip for node $1's way to node $2's block.
felix_route() {
  local k=$1 o=$2 device=${3:-vxlan.calico}
  if [ -f "$run/n$o/knob.no-block" ]; then
    return 0
  elif [ "$ENCAP" = cross-subnet ] && [ "$(subnet "$k")" = "$(subnet "$o")" ]; then
    echo "route replace $(block4 "$o") via $(eth4 "$o") dev eth0 proto 80 onlink"
  elif [ "$device" = tunl0 ]; then
    echo "route replace $(block4 "$o") via $(eth4 "$o") dev tunl0 proto 80 onlink"
  else
    echo "neighbor replace 192.168.$o.1 lladdr 66:00:00:00:00:$(printf %02x "$o") dev vxlan.calico nud permanent"
    echo "route replace $(block4 "$o") via 192.168.$o.1 dev vxlan.calico onlink"
  fi
}

# One start or end at a time. A start that was killed leaves children at work, and each holds the lock until it is done.
lock() {
  exec 8>"/run/lock/$name-lab"
  flock -w 60 8 || die "another start of lab '$name' is still at work"
}

# Also after a crash: what belongs to a lab is known by its namespaces' prefix and by its directory on the command line.
lab_down() {
  local ns pid pids link
  stop_loops
  for ns in $(ip netns list | awk -v p="^$name-(sw|rt|mon|[np][0-9]+)$" '$1 ~ p { print $1 }'); do
    pids=$(ip netns pids "$ns" 2>/dev/null | tr '\n' ' ') || true
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "${pids// /}" ] || kill -KILL $pids 2>/dev/null || true
    echo "netns delete $ns"
  done | { grep . || true; } | ip -force -batch - || true
  # A daemon whose start was cut off may be in a namespace that has lost its name.
  for pid in $(grep -laP -- "-c\x00$run/" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do kill -KILL "$pid" 2>/dev/null || true; done
  # The demo's cables to this machine: the kernel takes its time to end a namespace.
  for link in up mon n1 n2 n3; do ip link delete "$name-$link" 2>/dev/null || true; done
  rm -rf "$run"
  [ "${1:-}" = quiet ] || rm -f "/run/lock/$name-lab"
  [ "${1:-}" = quiet ] || echo "lab $name: removed"
}
