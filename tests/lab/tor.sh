# shellcheck shell=bash
# The router's BIRDs: a receive-only external peer (--tor), or the top-of-rack switches of --topology as-per-rack and
# as-per-server: one for each subnet, which exchange routes over eBGP and program the router's kernel.

tor_as() { if [ "$1" = 3 ]; then echo 65001; else echo 65002; fi; }

# Takes the nodes' blocks and announces nothing.
config_tor() {
  local k f=$1
  echo "log \"$run/rt/bird$(suffix "$f").log\" all;"
  echo "router id 10.0.3.1;"
  echo "protocol device { scan time 2; }"
  for ((k = 1; k <= NODES; k++)); do
    echo "protocol bgp n$k {"
    echo "  local $(if [ "$f" = 4 ]; then echo "10.0.$(subnet "$k").1"; else echo "fd00:$(subnet "$k")::1"; fi) as 65001;"
    echo "  neighbor $("eth$f" "$k") as $(node_as "$k");"
    echo "  multihop; passive; import all; export none;"
    timers
    echo "}"
  done
}

# The top-of-rack switch of subnet $1. In as-per-rack it reflects the rack's blocks with itself as next hop.
config_rack() {
  local s=$1 other k peer
  other=$((7 - s))
  cat <<EOC
log "$run/rt/rack$s.log" all;
router id 10.0.$s.1;
listen bgp address 10.0.$s.1;
protocol device { scan time 2; }
protocol direct { interface "eth*"; }
# Each BIRD removes the routes of protocol bird that it does not know: a table for each.
protocol kernel {
  kernel table 10$s;
  scan time 2;
  import none;
  export where proto ~ "n*";
}
protocol bgp rack$other {
  local 10.0.$s.1 as $(tor_as "$s");
  neighbor 10.0.$other.1 as $(tor_as "$other");
  multihop; import all; export all;
$(timers)
}
EOC
  for ((k = 1; k <= NODES; k++)); do
    [ "$(subnet "$k")" = "$s" ] || continue
    peer=''
    [ "$TOPOLOGY" != as-per-rack ] || peer="rr client; add paths on;$(grep -qx "$s" "$run/rt/knob.keep-next-hop" 2>/dev/null || echo " next hop self;")"
    cat <<EOC
protocol bgp n$k {
  local 10.0.$s.1 as $(tor_as "$s");
  neighbor $(eth4 "$k") as $(node_as "$k");
  passive; import all; export all; $peer
$(timers)
}
EOC
  done
}

start_tor() {
  local f families=4
  mkdir -p "$run/rt"
  case $TOPOLOGY in
    as-per-rack | as-per-server)
      for f in 3 4; do
        config_rack "$f" >"$run/rt/rack$f.cfg"
        tor_bird bird "rack$f"
        ip -n "$(netns rt)" rule add table "10$f" priority "10$f"
      done
      return 0
      ;;
  esac
  [ "$V6" = 0 ] || families="4 6"
  for f in $families; do
    config_tor "$f" >"$run/rt/bird$(suffix "$f").cfg"
    tor_bird "bird$(suffix "$f")" "bird$(suffix "$f")"
  done
}

tor_reload() {
  local s
  for s in 3 4; do
    config_rack "$s" >"$run/rt/rack$s.cfg"
    kill -HUP "$(cat "$run/rt/rack$s.pid")"
  done
}

# tor_bird PROGRAM FILES
tor_bird() {
  ip netns exec "$(netns rt)" "$("$here/../tools/bird" 1 "$1")" -c "$run/rt/$2.cfg" -s "$run/rt/$2.ctl" -P "$run/rt/$2.pid" 8>&- \
    || die "the router's BIRD did not start with $run/rt/$2.cfg"
}
