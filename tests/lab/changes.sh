# shellcheck shell=bash
# What happens in a healthy cluster: nobody is to be woken by it.

# restart_node NODE SECONDS: what a restart of calico-node does to BIRD.
restart_node() {
  bird_stop "$1"
  [ "$2" = 0 ] || sleep "$2"
  bird_start "$1"
}

remove_node() {
  set_knob "$1" gone 1
  local k
  for ((k = 1; k <= NODES; k++)); do
    [ "n$k" != "$1" ] || continue
    reload "n$k"
    [ "$ENCAP" = none ] || ip -n "$(netns "n$k")" route delete "$(block4 "${1#n}")" 2>/dev/null || true
  done
  bird_stop "$1"
}
add_node() {
  clear_knob "$1" gone
  render "$1"
  bird_start "$1"
  reload_all
  felix_everywhere
}

# Calico releases a block when its last pod (and its route) has gone; the node stays.
release_block() {
  local k
  set_knob "$1" no-block 1
  reload "$1"
  ip -n "$(netns "$1")" route delete "192.168.${1#n}.2/32" 2>/dev/null || true
  [ "$V6" = 0 ] || ip -n "$(netns "$1")" -6 route delete "fd00:10:0:${1#n}::2/128" 2>/dev/null || true
  [ "$ENCAP" != none ] || return 0
  for ((k = 1; k <= NODES; k++)); do ip -n "$(netns "n$k")" route delete "$(block4 "${1#n}")" 2>/dev/null || true; done
}
assign_block() {
  clear_knob "$1" no-block
  reload "$1"
  workload_routes "${1#n}" | ip -n "$(netns "$1")" -batch -
  felix_everywhere
}

felix_everywhere() {
  local k o own=$i
  [ "$ENCAP" != none ] || return 0
  for ((k = 1; k <= NODES; k++)); do
    {
      knob "$k" no-block || echo "route replace blackhole $(block4 "$k") proto 80"
      for ((o = 1; o <= NODES; o++)); do
        [ "$o" = "$k" ] || knob "$o" gone || felix_route "$k" "$o" "$(tunnel)"
      done
    } | ip -n "$(netns "n$k")" -batch -
  done
  i=$own
}

# pods NODE COUNT: so many workload routes more, in a block of their own (192.168.(100+2N).0/23), at most 500.
pods() {
  local k=${1#n} m third cali
  [[ $2 =~ ^[0-9]+$ ]] && [ "$2" -le 500 ] && [ "$k" -le 70 ] || die "pods NODE COUNT: at most 500, on n1 to n70"
  third=$((100 + 2 * k)) cali=$(printf 'cali%011x' "$k")
  if [ "$2" -gt 0 ]; then
    set_knob "$1" pods "192.168.$third.0/23"
    reload "$1"
    for ((m = 2; m < $2 + 2; m++)); do
      echo "route replace 192.168.$((third + m / 256)).$((m % 256))/32 dev $cali scope link proto boot$(workload_metric)"
    done | ip -n "$(netns "$1")" -batch -
  else
    clear_knob "$1" pods
    ip -n "$(netns "$1")" route flush root "192.168.$third.0/23" scope link
    reload "$1"
  fi
}
