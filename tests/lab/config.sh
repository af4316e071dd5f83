# shellcheck shell=bash
# BIRD's configuration of a node, with the statements, names and timers that Calico's confd renders (v3.31: names of protocols and
# filters, mesh rule for passive, add-path, graceful restart, timers). Debian's BIRD has no krt_tunnel: where a pool is encapsulated
# the kernel filter rejects it and Felix's routes stand in, as Calico does from v3.33.
#
# A fault changes a configuration by files in the node's directory, which `render` heeds:
#   knob.address        BGP address in place of eth0's (for every node's configuration)
#   knob.no-peers       no session at all
#   knob.skip           names of peers that are left out, one a line
#   knob.as             "PEER AS": another number for one peer
#   knob.blocks         further blocks that the node announces
#   knob.pods           the block that holds the routes of `lab pods`
#   knob.no-block       its own block is not announced
#   knob.scan           seconds between scans of the kernel's table
#   knob.gone           the node has left the cluster (for every node's configuration)

# version NODE-NUMBER: of its BIRD.
version() { if [ "$BIRD" = mixed ]; then echo $((2 - $1 % 2)); else echo "$BIRD"; fi; }
# files NAME: the daemons of a node, as the family that their files are named for (version 2 and later: one for both).
families() { if [ "$V6$IDLE6" != 00 ] && [ "$(version "${1#n}")" = 1 ]; then echo "4 6"; else echo 4; fi; }
suffix() { if [ "$1" = 6 ]; then echo 6; fi; }

# write NODE: both daemons' files, replaced as a whole.
render() {
  local k=${1#n} f file
  for f in $(families "$1"); do
    file=$run/$1/bird$(suffix "$f").cfg
    if [ "$(version "$k")" = 1 ]; then config1 "$k" "$f"; else config2 "$k"; fi >"$file.new"
    mv "$file.new" "$file"
  done
}

knob() { [ -f "$run/n$1/knob.$2" ]; }
knob_value() { cat "$run/n$1/knob.$2" 2>/dev/null || echo "$3"; }

# blocks NODE-NUMBER FAMILY: what it announces.
blocks() {
  [ "$2 $V6" != "6 0" ] || return 0
  knob "$1" no-block || "block$2" "$1"
  [ "$2" = 6 ] || cat "$run/n$1/knob.blocks" "$run/n$1/knob.pods" 2>/dev/null || true
}

timers() {
  if [ -n "$RETRY" ]; then
    echo "  connect delay time $RETRY;"
    echo "  connect retry time $RETRY;"
    echo "  error wait time $RETRY,$RETRY;"
  else
    echo "  connect delay time 2;"
    echo "  connect retry time 5;"
    echo "  error wait time 5,30;"
  fi
  [ "$HOLD" = 240 ] || echo "  hold time $HOLD;"
  # How long the neighbours wait for a restarted BIRD: 120 s by default, as Calico leaves it; shortened with the rest.
  [ "$RESTART_WAIT" = 240 ] || echo "  graceful restart time $(((RESTART_WAIT + 1) / 2));"
}

# peers NODE-NUMBER FAMILY: lines "NAME ADDRESS AS OPTIONS" of its sessions.
peers() {
  local k=$1 f=$2 o me other as kind options
  if [ "$f $V6" = "6 0" ] || knob "$k" no-peers || knob "$k" gone; then return 0; fi
  me=$("addr$f" "$k")
  for ((o = 1; o <= NODES; o++)); do
    [ "$o" != "$k" ] && ! knob "$o" gone || continue
    ! grep -qx "n$o" "$run/n$k/knob.skip" 2>/dev/null || continue
    other=$("addr$f" "$o") as=64512 options=''
    if [ "$TOPOLOGY" = rr ]; then
      kind=Node
      if [ "$k" = 1 ]; then
        options="rr client; rr cluster id 244.0.0.1;"
      elif [ "$o" != 1 ]; then
        continue
      fi
    else
      kind=Mesh
      # One side of each pair connects: the one with the lower address waits.
      [[ $other < $me ]] || options="passive on;"
    fi
    as=$(other_as "$k" "n$o" "$as")
    echo "${kind}_${other//[.:]/_} $other $as $options"
  done
  if [ "$TOR" = 1 ]; then
    if [ "$f" = 4 ]; then other=10.0.$(subnet "$k").1; else other=fd00:$(subnet "$k")::1; fi
    echo "Global_${other//[.:]/_} $other $(other_as "$k" rt 65001)"
  fi
}
other_as() { awk -v p="$2" -v as="$3" '$1 == p { as = $2 } END { print as }' "$run/n$1/knob.as" 2>/dev/null || echo "$3"; }

# What the filters of both versions share: which prefixes are this node's, and the pool.
# A route below an own block stays here; the block itself goes out.
aggregate() {
  local b
  echo "function calico_aggr ()"
  echo "{"
  for b in $(blocks "$1" "$2"); do
    echo "  if (net = $b) then accept;"
    echo "  if (net ~ $b) then reject;"
  done
  [ "$2 $V6 $(version "$1")" != "4 1 2" ] && [ "$2 $V6 $(version "$1")" != "4 1 3" ] || for b in $(blocks "$1" 6); do
    echo "  if (net = $b) then accept;"
    echo "  if (net ~ $b) then reject;"
  done
  echo "}"
}

# config1 NODE-NUMBER FAMILY: for BIRD 1.6, which Calico's own BIRD is a branch of.
config1() {
  local k=$1 f=$2 pool line b name address as options
  if [ "$f" = 4 ]; then pool=$pool4; else pool=$pool6; fi
  cat <<EOC
log "$run/n$k/bird$(suffix "$f").log" all;
function apply_communities ()
{
}
$(aggregate "$k" "$f")
function calico_export_to_bgp_peers (bool internal_peer)
{
  if (internal_peer) then {
    # Tunnels, and cluster routes that Felix programs: their owner announces them.
    if (defined(ifname)) then {
      if ((ifname ~ "*.cali") || (ifname ~ "*.calico") || (ifname ~ "tunl0")) then reject;
    }
    if (defined(source) && (source = RTS_INHERIT) && ((dest = RTD_ROUTER) || (dest = RTD_MULTIPATH))) then {
      if (net ~ $pool) then reject;
    }
  }
  apply_communities();
  calico_aggr();
  if (net ~ $pool) then accept;
}
filter calico_kernel_programming {
$(kernel_filter "$pool")
}
router id $(addr4 "$k");
$([ "$RESTART_WAIT" = 240 ] || echo "graceful restart wait $RESTART_WAIT;")
protocol kernel {
  learn;
  persist;
  scan time $(knob_value "$k" scan 2);
  import all;
  export filter calico_kernel_programming;
  graceful restart;
  merge paths on;
}
protocol device {
  debug { states };
  scan time 2;
}
protocol direct {
  debug { states };
  interface -"cali*", -"kube-ipvs*", "*";
}
$(b=$(blocks "$k" "$f")
  [ -z "$b" ] || { echo "protocol static {"; for line in $b; do echo "  route $line blackhole;"; done; echo "}"; })
template bgp bgp_template {
  debug { states };
  description "Connection to BGP peer";
  local as 64512;
  multihop;
  gateway recursive;
  import all;
  export filter {
    calico_export_to_bgp_peers(true);
    reject;
  };
  add paths on;
  graceful restart;
$(timers)
}
EOC
  while read -r name address as options; do
    cat <<EOC
protocol bgp $name from bgp_template {
  neighbor $address as $as;
  source address $("addr$f" "$k");
$([ "$as" = 64512 ] || echo "  export filter { calico_export_to_bgp_peers(false); reject; };")
$([ -z "$options" ] || echo "  $options")
}
EOC
  done < <(peers "$k" "$f")
}

kernel_filter() {
  [ "$ENCAP" = none ] || echo "  if (net ~ $1) then reject;"
  echo "  accept;"
}

# config2 NODE-NUMBER: for BIRD 2 and 3: one daemon, a channel for each family.
config2() {
  local k=$1 f name address as options line b
  local all=4
  [ "$V6" = 0 ] || all="4 6"
  cat <<EOC
log "$run/n$k/bird.log" all;
function apply_communities ()
{
}
$(aggregate "$k" 4)
function calico_export_to_bgp_peers (bool internal_peer)
{
  if (internal_peer) then {
    if ((ifname ~ "*.cali") || (ifname ~ "*.calico") || (ifname ~ "tunl0")) then reject;
    if ((source = RTS_INHERIT) && (dest = RTD_UNICAST) && !(ifname ~ "cali*")) then {
      if (net ~ $pool4) then reject;
      if (net ~ $pool6) then reject;
    }
  }
  apply_communities();
  calico_aggr();
  if (net ~ $pool4) then accept;
  if (net ~ $pool6) then accept;
}
filter calico_kernel_programming {
  # Version 1 leaves the subnets of interfaces to the kernel by itself.
  if (source = RTS_DEVICE) then reject;
$(kernel_filter "$pool4")
}
router id $(addr4 "$k");
$([ "$RESTART_WAIT" = 240 ] || echo "graceful restart wait $RESTART_WAIT;")
protocol device {
  debug { states };
  scan time 2;
}
protocol direct {
  debug { states };
  ipv4;
$([ "$V6" = 0 ] || echo "  ipv6;")
  interface -"cali*", -"kube-ipvs*", "*";
}
EOC
  for f in $all; do
    cat <<EOC
protocol kernel {
  learn;
  persist;
  scan time $(knob_value "$k" scan 2);
  graceful restart;
  merge paths on;
  ipv$f { import all; export filter calico_kernel_programming; };
}
$(b=$(blocks "$k" "$f")
  [ -z "$b" ] || { echo "protocol static { ipv$f;"; for line in $b; do echo "  route $line blackhole;"; done; echo "}"; })
template bgp bgp_template$f {
  debug { states };
  description "Connection to BGP peer";
  local as 64512;
  multihop;
  ipv$f {
    import all;
    export filter { calico_export_to_bgp_peers(true); reject; };
    gateway recursive;
    add paths on;
  };
  graceful restart;
$(timers)
}
EOC
    while read -r name address as options; do
      cat <<EOC
protocol bgp $name from bgp_template$f {
  neighbor $address as $as;
  source address $("addr$f" "$k");
$([ "$as" = 64512 ] || echo "  ipv$f { export filter { calico_export_to_bgp_peers(false); reject; }; };")
$([ -z "$options" ] || echo "  $options")
}
EOC
    done < <(peers "$k" "$f")
  done
}

# The router as a top-of-rack switch: takes the nodes' blocks and announces nothing.
config_tor() {
  local k address f=$1
  echo "log \"$run/rt/bird$(suffix "$f").log\" all;"
  echo "router id 10.0.3.1;"
  echo "protocol device { scan time 2; }"
  for ((k = 1; k <= NODES; k++)); do
    address=$("eth$f" "$k")
    echo "protocol bgp n$k {"
    echo "  local $(if [ "$f" = 4 ]; then echo "10.0.$(subnet "$k").1"; else echo "fd00:$(subnet "$k")::1"; fi) as 65001;"
    echo "  neighbor $address as 64512;"
    echo "  multihop; passive; import all; export none;"
    timers
    echo "}"
  done
}
