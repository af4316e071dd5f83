# shellcheck shell=bash
# BIRD 1.6 as Calico's confd configures it, statement by statement (confd/etc/calico/confd/templates/bird.cfg.template,
# bird_aggr.cfg.template and bird_ipam.cfg.template of the release that --calico names). Debian's BIRD has no krt_tunnel: where
# a pool is encapsulated the kernel filter rejects it and Felix's routes stand in, as in Calico from v3.33 on (VXLAN: ever).

is_v333() { [ "$CALICO" = v3.33 ]; }

config1() {
  local k=$1 f=$2 pool name address as internal options
  if [ "$f" = 4 ]; then pool=$pool4; else pool=$pool6; fi
  echo "log \"$run/n$k/bird$(suffix "$f").log\" all;"
  functions1 "$k" "$f" "$pool"
  kernel_filter1 "$f" "$pool"
  cat <<EOC
router id $(router_id "$k");
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
template bgp bgp_template {
  debug { states };
  description "Connection to BGP peer";
  local as $(node_as "$k");
  gateway recursive;
  add paths on;
  graceful restart;
$(timers)
}
EOC
  while read -r name address as internal options; do
    peer1 "$k" "$f" "$name" "$address" "$as" "$internal" "$options"
  done < <(peers "$k" "$f")
}

# What confd writes for BGP export: own blocks, pools, tunnel devices, service CIDRs.
functions1() {
  local k=$1 f=$2 pool=$3 b statics tunnels='(ifname ~ "*.cali") || (ifname ~ "*.calico")'
  ! is_v333 || tunnels+=' || (ifname ~ "tunl0")'
  echo "function apply_communities () { }"
  statics=$(blocks "$k" "$f")
  [ "$f" != 4 ] || ! announces_services "$k" || statics+=" $services4"
  if [ -n "${statics// /}" ]; then
    echo "protocol static {"
    for b in $statics; do echo "  route $b blackhole;"; done
    echo "}"
  fi
  echo "function calico_aggr () {"
  for b in $(blocks "$k" "$f"); do
    echo "  if ( net = $b ) then { accept; }"
    ! is_v333 || echo "  if ( net ~ $b && krt_metric < 1024 ) then { accept; }"
    echo "  if ( net ~ $b ) then { reject; }"
  done
  cat <<EOC
}
function reject_disabled_pools () {
$(! knob "$k" pool-off || echo "  if ( net ~ $pool ) then { reject; }")
}
function reject_tunnel_routes () {
  if (defined(ifname)) then {
    if ($tunnels) then { reject; }
  }
}
function reject_local_routes () {
  if (defined(ifname)) then {
    if (ifname ~ "bpf*.cali") then { reject; }
  }
}
function calico_export_to_bgp_peers(bool internal_peer) {
  reject_disabled_pools();
  if (internal_peer) then { reject_tunnel_routes(); }
  reject_local_routes();
  apply_communities();
  calico_aggr();
$([ "$f" != 4 ] || ! announces_services "$k" || echo "  if ( net ~ $services4 ) then { accept; }")
  if ( net ~ $pool ) then { accept; }
}
EOC
}

kernel_filter1() {
  local f=$1 pool=$2
  echo "filter calico_kernel_programming {"
  if is_v333; then
    cat <<'EOC'
  if (defined(source) && (source = RTS_BGP) && !defined(krt_metric)) then {
    krt_metric = 1024;
    if (defined(bgp_local_pref)) then { krt_metric = 2147483647 - bgp_local_pref; }
    if (krt_metric < 1024) then { preference = 200; }
  }
EOC
  fi
  [ "$f$SERVICES" != 41 ] || echo "  if ( net ~ $services4 ) then { reject; }"
  [ "$ENCAP" = none ] || echo "  if ( net ~ $pool ) then { reject; }"
  echo "  accept;"
  echo "}"
}

# One session. v3.33 makes every session multihop; v3.31 those of BGPPeer resources alone.
peer1() {
  local k=$1 f=$2 name=$3 address=$4 as=$5 internal=$6 options=$7
  echo "protocol bgp $name from bgp_template {"
  if is_v333 || [[ $name != Mesh_* ]]; then
    echo "  ttl security off;"
    echo "  multihop;"
  fi
  echo "  neighbor $address as $as;"
  echo "  source address $("addr$f" "$k");"
  echo "  import filter {"
  ! is_v333 || echo "    if (defined(bgp_local_pref) && (bgp_local_pref > 2147482623)) then preference = 200;"
  ! knob "$k" import-filter || echo "    if ( net ~ $(if [ "$f" = 4 ]; then echo "$pool4"; else echo "$pool6"; fi) ) then { reject; }"
  echo "    accept;"
  echo "  };"
  echo "  export filter {"
  if is_v333; then
    cat <<'EOC'
    if (defined(source) && source = RTS_BGP && defined(bgp_local_pref)) then {
      krt_metric = 2147483647 - bgp_local_pref;
    } else {
      if (!defined(krt_metric)) then { krt_metric = 1024; }
      bgp_local_pref = 2147483647 - krt_metric;
    }
EOC
  fi
  echo "    calico_export_to_bgp_peers($internal);"
  echo "    reject;"
  echo "  };"
  [ -z "$options" ] || echo "  $options"
  echo "}"
}
