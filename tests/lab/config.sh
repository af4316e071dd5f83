# shellcheck shell=bash
# What a node's BIRD configuration is made of: its blocks, sessions and timers. bird1.sh and bird2.sh render it.
#
# A fault changes a configuration by files in the node's directory, which `render` reads:
#   knob.address        BGP address in place of eth0's (for every node's configuration)
#   knob.no-peers       no session at all
#   knob.skip           names of peers that are left out, one a line
#   knob.as             "PEER AS": another number for one peer
#   knob.blocks         further blocks that the node announces
#   knob.pods           the block that holds the routes of `lab pods`
#   knob.no-block       its own block is not announced
#   knob.scan           seconds between scans of the kernel's table
#   knob.gone           the node has left the cluster (for every node's configuration)
#   knob.router-id      another BGP identifier than its address
#   knob.import-filter  a BGPFilter rejects every block that a peer announces (BGPFilter importV4, action Reject)
#   knob.pool-off       the pool is not exported over BGP (IPPool disableBGPExport, or the pool is disabled)

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

# Blocks of a node, as confd takes them from its block affinities.
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


# The service CIDR, on nodes that are not excluded from load balancers
# (label node.kubernetes.io/exclude-from-external-load-balancers; the last --services-excluded nodes have it).
announces_services() { [ "$SERVICES" = 1 ] && [ "$1" -le $((NODES - SERVICES_EXCLUDED)) ]; }
services4=10.96.0.0/12

# AS number of a node.
node_as() {
  case $TOPOLOGY in
    as-per-rack) if [ "$(subnet "$1")" = 3 ]; then echo 65001; else echo 65002; fi ;;
    as-per-server) echo $((65100 + $1)) ;;
    ebgp-mesh) echo $((65000 + $1)) ;;
    *) echo 64512 ;;
  esac
}

# peers NODE-NUMBER FAMILY: lines "NAME ADDRESS AS INTERNAL OPTIONS" of its sessions. INTERNAL is the argument of
# calico_export_to_bgp_peers: whether the template's node and the peer have one AS; the mesh always passes true.
peers() {
  local k=$1 f=$2 o me other as kind options internal
  if [ "$f $V6" = "6 0" ] || knob "$k" no-peers || knob "$k" gone; then return 0; fi
  me=$("addr$f" "$k")
  case $TOPOLOGY in
    as-per-rack | as-per-server)
      other=10.0.$(subnet "$k").1
      as=$(other_as "$k" rt "$(tor_as "$(subnet "$k")")")
      if [ "$TOPOLOGY" = as-per-rack ]; then internal=true; else internal=false; fi
      echo "Node_${other//./_} $other $as $internal"
      return 0
      ;;
  esac
  for ((o = 1; o <= NODES; o++)); do
    [ "$o" != "$k" ] && ! knob "$o" gone || continue
    ! grep -qx "n$o" "$run/n$k/knob.skip" 2>/dev/null || continue
    other=$("addr$f" "$o") options='' kind=Node
    case $TOPOLOGY in
      rr)
        if [ "$k" = 1 ]; then options="rr client; rr cluster id 244.0.0.1;"; elif [ "$o" != 1 ]; then continue; fi
        ;;
      rr2)
        if [ "$k" -gt 2 ]; then
          [ "$o" -le 2 ] || continue
        elif [ "$o" -le 2 ]; then
          kind=Global options="next hop self;"
        else
          options="rr client; rr cluster id 244.0.0.1; next hop self;"
        fi
        ;;
      *) kind=Mesh ;;
    esac
    # One side of each pair of nodes connects: the one with the lower address waits.
    [ "$kind" = Global ] || [[ $other < $me ]] || options+=" passive on;"
    as=$(other_as "$k" "n$o" "$(node_as "$o")")
    echo "${kind}_${other//[.:]/_} $other $as true $options"
  done
  if [ "$TOR" = 1 ]; then
    if [ "$f" = 4 ]; then other=10.0.$(subnet "$k").1; else other=fd00:$(subnet "$k")::1; fi
    echo "Global_${other//[.:]/_} $other $(other_as "$k" rt 65001) false"
  fi
}
other_as() { awk -v p="$2" -v as="$3" '$1 == p { as = $2 } END { print as }' "$run/n$1/knob.as" 2>/dev/null || echo "$3"; }
router_id() { knob_value "$1" router-id "$(addr4 "$1")"; }
