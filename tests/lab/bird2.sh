# shellcheck shell=bash
# BIRD 2 and 3, which Calico does not ship: one daemon with a channel for each family, and what Calico's configuration of
# BIRD 1.6 says in their words.

# A route below an own block stays here; the block itself goes out.
aggregate2() {
  local b f
  echo "function calico_aggr ()"
  echo "{"
  for f in 4 6; do
    for b in $(blocks "$1" "$f"); do
      echo "  if (net = $b) then accept;"
      echo "  if (net ~ $b) then reject;"
    done
  done
  echo "}"
}

kernel_filter2() {
  [ "$ENCAP" = none ] || echo "  if (net ~ $pool4) then reject;"
  echo "  accept;"
}

config2() {
  local k=$1 f name address as internal options line b
  local all=4
  [ "$V6" = 0 ] || all="4 6"
  cat <<EOC
log "$run/n$k/bird.log" all;
function apply_communities ()
{
}
$(aggregate2 "$k")
function calico_export_to_bgp_peers (bool internal_peer)
{
  if (internal_peer) then {
    if ((ifname ~ "*.cali") || (ifname ~ "*.calico") || (ifname ~ "tunl0")) then reject;
  }
  apply_communities();
  calico_aggr();
  if (net ~ $pool4) then accept;
  if (net ~ $pool6) then accept;
}
filter calico_kernel_programming {
  # Version 1 leaves the subnets of interfaces to the kernel by itself.
  if (source = RTS_DEVICE) then reject;
$(kernel_filter2)
}
router id $(router_id "$k");
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
  local as $(node_as "$k");
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
    while read -r name address as internal options; do
      cat <<EOC
protocol bgp $name from bgp_template$f {
  neighbor $address as $as;
  source address $("addr$f" "$k");
$([ "$internal" = true ] || echo "  ipv$f { export filter { calico_export_to_bgp_peers(false); reject; }; };")
$([ -z "$options" ] || echo "  ${options/next hop self;/ipv$f { next hop self; \};}")
}
EOC
    done < <(peers "$k" "$f")
  done
}
