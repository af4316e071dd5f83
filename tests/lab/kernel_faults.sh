# shellcheck shell=bash
# Faults of the kernel's side: routes, tunnels, forwarding, links, addresses. Called as those of faults.sh are.

scan() {
  if [ "$1" = 2 ]; then clear_knob "$n" scan; else set_knob "$n" scan "$1"; fi
  reload "$n"
}
fault_route_missing() {
  local t
  scan 86400
  # The kernel protocol restarts with a new scan time and puts its routes back once more.
  for ((t = 0; t < 20; t++)); do
    ip -n "$ns" route delete "$(block4 "$j")" 2>/dev/null || true
    [ "$V6" = 0 ] || ip -n "$ns" -6 route delete "$(block6 "$j")" 2>/dev/null || true
    sleep 0.15
  done
}
restore_felix() { [ "$ENCAP" = none ] || felix_route "$i" "$j" "$(tunnel)" | ip -n "$ns" -batch -; }
heal_route_missing() { scan 2; restore_felix; }
fault_default_fallthrough() {
  if [ "$n" != rt ]; then
    fault_route_missing
  else
    [ "$ROUTED" = 1 ] || die "the router has no pod routes to lose: start the lab with --routed"
    ip -n "$ns" route delete "$(block4 "$j")" 2>/dev/null || true
  fi
}
heal_default_fallthrough() {
  if [ "$n" != rt ]; then heal_route_missing; else ip -n "$ns" route replace "$(block4 "$j")" via "$(eth4 "$j")" proto static; fi
}
fault_kernel_refuses() {
  # In one step: between a deletion and an addition BIRD would be quicker one time in a hundred.
  ip -n "$ns" route replace "$(block4 "$j")" via "10.0.$(subnet "$i").1" proto static
}
heal_kernel_refuses() {
  ip -n "$ns" route delete "$(block4 "$j")" proto static 2>/dev/null || true
  restore_felix
}
fault_next_hop_lost() {
  [ "$BEHIND" -gt 0 ] || die "this wants nodes behind the router: --behind-router 1"
  ip -n "$ns" route delete default 2>/dev/null || true
}
heal_next_hop_lost() { ip -n "$ns" route replace default via "10.0.$(subnet "$i").1" dev eth0 proto dhcp metric 100; }
fault_via_gateway() {
  wants "vxlan cross-subnet ipip-standin"
  [ "$(subnet "$i")" != "$(subnet "$j")" ] || die "$n and $p are on one subnet: --behind-router 1, and a peer behind it"
  ip -n "$ns" route replace "$(block4 "$j")" via "10.0.$(subnet "$i").1" dev eth0 proto 80
}
heal_via_gateway() { restore_felix; }
fault_wrong_encapsulation() {
  wants "vxlan cross-subnet ipip-standin"
  [ "$(subnet "$i")" = "$(subnet "$j")" ] || die "$n and $p are not on one subnet"
  if [ "$ENCAP" = cross-subnet ]; then
    ip -n "$ns" route replace "$(block4 "$j")" via "192.168.$j.1" dev vxlan.calico onlink
  else
    ip -n "$ns" route replace "$(block4 "$j")" via "$(eth4 "$j")" dev eth0 proto 80
  fi
}
heal_wrong_encapsulation() { restore_felix; }
tunnel() { if [ "$ENCAP" = ipip-standin ]; then echo tunl0; else echo vxlan.calico; fi; }
fault_ipip_blocked() {
  wants "vxlan cross-subnet"
  drop tunnel "chain in { type filter hook input priority -300; udp dport 4789 drop; }"
  start_loop
}
heal_ipip_blocked() { stop_loop; undrop tunnel; }
loop_ipip_blocked() {
  local o
  for ((o = 1; o <= NODES; o++)); do
    [ "$o" = "$i" ] || ip netns exec "$(netns "p$i")" ping -q -c 5 -i 0.2 -W 1 "192.168.$o.2" >/dev/null 2>&1 || true
  done
}
fault_tunnel_down() { wants "vxlan cross-subnet ipip-standin"; ip -n "$ns" link set "$(tunnel)" down; }
fault_tunnel_gone() { wants "vxlan cross-subnet ipip-standin"; ip -n "$ns" link delete "$(tunnel)" 2>/dev/null || true; }
# Felix makes its device and its routes anew.
heal_tunnel_down() { ip -n "$ns" link delete "$(tunnel)" 2>/dev/null || true; felix "$i"; }
heal_tunnel_gone() { heal_tunnel_down; }
# The kernel lets no VXLAN device start too large; the underlay shrinks afterwards, as with a cloud's jumbo frames turned off.
fault_underlay_mtu() { wants "vxlan cross-subnet ipip-standin"; ip -n "$ns" link set eth0 mtu 1400; }
heal_underlay_mtu() { ip -n "$ns" link set eth0 mtu 1500; }
fault_foreign_blackhole() { ip -n "$ns" route replace blackhole 10.96.0.0/12 proto 80; }
heal_foreign_blackhole() { ip -n "$ns" route delete blackhole 10.96.0.0/12 proto 80 2>/dev/null || true; }
fault_duplicate_block() { set_knob "$n" blocks "$(block4 "$j")"; reload "$n"; }
heal_duplicate_block() { clear_knob "$n" blocks; reload "$n"; }
fault_no_forwarding() { ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=0; }
heal_no_forwarding() { ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1; }
fault_peer_empty() { release_block "$n"; }
heal_peer_empty() { assign_block "$n"; }
fault_restarted_together() {
  local k
  for ((k = 0; k < 3 && k < NODES; k++)); do restart_node "n$(((i - 1 + k) % NODES + 1))" 0; done
}
heal_restarted_together() { :; }
fault_link_down() { ip -n "$ns" link set eth0 down; }
heal_link_down() { ip -n "$ns" link set eth0 up; uplink_routes; }
fault_address_lost() { ip -n "$ns" address delete "$(eth4 "$i")/24" dev eth0 2>/dev/null || true; }
heal_address_lost() { ip -n "$ns" address replace "$(eth4 "$i")/24" dev eth0; uplink_routes; }
# What a DHCP client puts back when the link returns: the kernel has dropped it.
uplink_routes() {
  heal_next_hop_lost
  if [ "$V6" = 1 ]; then
    ip -n "$ns" address replace "$(eth6 "$i")/64" dev eth0
    ip -n "$ns" -6 route replace default via "fd00:$(subnet "$i")::1" dev eth0 metric 1024
  fi
  [ "$ENCAP" = none ] || felix_again
}
felix_again() { ip -n "$ns" link delete "$(tunnel)" 2>/dev/null || true; felix "$i"; }


# What a program beside Calico does.
fault_foreign_route() {
  [ "$CALICO" = v3.33 ] || die "up to Calico v3.31 the kernel refuses BIRD's route instead (kernel-refuses): this wants --calico v3.33"
  ip -n "$ns" route replace "$(block4 "$j")" via "10.0.$(subnet "$i").1" proto static
}
heal_foreign_route() { ip -n "$ns" route delete "$(block4 "$j")" proto static metric 0 2>/dev/null || true; }
nested4() { echo "192.168.$j.16/28"; }
fault_nested_blackhole() { ip -n "$ns" route replace blackhole "$(nested4)" proto 80; }
heal_nested_blackhole() { ip -n "$ns" route delete blackhole "$(nested4)" proto 80 2>/dev/null || true; }
forward() { ip netns exec "$ns" sysctl -qw "net.ipv4.conf.eth0.forwarding=$1"; }
fault_interface_not_forwarding() { forward 0; }
heal_interface_not_forwarding() { forward 1; }
# The kernel drops the device's routes with its last address; Felix puts them back.
fault_tunnel_without_address() {
  wants "vxlan cross-subnet ipip-standin"
  ip -n "$ns" -4 address flush dev "$(tunnel)"
  felix_everywhere
}
heal_tunnel_without_address() { ip -n "$ns" address replace "192.168.$i.1/32" dev "$(tunnel)"; felix_everywhere; }
fault_workload_without_route() {
  ip -n "$ns" link add cali0000000ffff type veth peer name lost0 2>/dev/null || true
  ip -n "$ns" link set lost0 up
  ip -n "$ns" link set cali0000000ffff up
}
heal_workload_without_route() { ip -n "$ns" link delete cali0000000ffff 2>/dev/null || true; }

# AS per rack, and the rack's switch hands on the other rack's next hop, to which no node of the rack has a route.
fault_rack_unreachable() {
  [ "$TOPOLOGY" = as-per-rack ] && [ "$BEHIND" -gt 0 ] || die "this wants --topology as-per-rack and --behind-router"
  subnet "$i" >"$run/rt/knob.keep-next-hop"
  tor_reload
  ip -n "$ns" route delete default 2>/dev/null || true
}
heal_rack_unreachable() { rm -f "$run/rt/knob.keep-next-hop"; tor_reload; heal_next_hop_lost; }

# IPv6 addresses with /128: the only way to the other nodes is the router's link-local address.
router_fe80() { ip -n "$(netns rt)" -6 -o address show dev "$(if [ "$(subnet "$i")" = 3 ]; then echo eth0; else echo eth1; fi)" scope link | awk '{ sub("/.*", "", $4); print $4 }'; }
fault_via_link_local_router() {
  [ "$V6" = 1 ] || die "this wants --v6"
  ip -n "$ns" -6 address delete "$(eth6 "$i")/64" dev eth0 2>/dev/null || true
  ip -n "$ns" -6 address replace "$(eth6 "$i")/128" dev eth0
  ip -n "$ns" -6 route delete default 2>/dev/null || true
  ip -n "$ns" -6 route replace default via "$(router_fe80)" dev eth0 metric 1024
}
heal_via_link_local_router() {
  ip -n "$ns" -6 address delete "$(eth6 "$i")/128" dev eth0 2>/dev/null || true
  ip -n "$ns" -6 address replace "$(eth6 "$i")/64" dev eth0
  ip -n "$ns" -6 route flush default
  ip -n "$ns" -6 route replace default via "fd00:$(subnet "$i")::1" dev eth0 metric 1024
}
