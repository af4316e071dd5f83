# shellcheck shell=bash
# The story that demo tells: TCP 179 between n1 and n3 is dropped, and passes again. A step that is not seen ends it with exit 1.
# It is told from n3: of two Calico nodes the one with the higher address connects, and so it is the one that gets no answer.
# shellcheck disable=SC2154 # lab, binary and prometheus are demo's.
patience=90
peer=$($lab address n1)
fault_at=''

# tell TEXT: with the seconds since the fault.
tell() {
  local since='   '
  [ -z "$fault_at" ] || since=$(printf '%3d' "$((SECONDS - fault_at))")
  printf '\n[%s s] %s\n' "$since" "$*"
}
# until_seen WHAT COMMAND...: until the command succeeds.
until_seen() {
  local what=$1 end=$((SECONDS + patience))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { echo "demo: not seen within $patience s: $what" >&2; query ALERTS >&2; exit 1; }
    sleep 0.5
  done
}
n3_doctor() { $lab exec n3 "$binary" doctor --node-name n3 --interval 0 --bird.socket "$($lab socket n3)" --bird.socket "$($lab socket n3 6)"; }
doctor_says_blocked() { said=$(n3_doctor) || [[ $said == *'[peer-blocked]'* ]]; }
is_healthy() { n3_doctor >/dev/null; }
# The names of the alerts that fire, one a line.
firing() { query 'group by (alertname) (ALERTS{alertstate="firing"})' | sed -nE 's/.*alertname="([^"]+)".*/\1/p'; }
nothing_fires() { [ -z "$(firing)" ]; }
lost() { query "calico_bgp_peers_state{node=\"n3\", peer=\"$peer\", state=\"down\"} == 1" | grep .; }
reason() { query "calico_bgp_peer_down_reason{node=\"n3\", peer=\"$peer\"}" | sed -nE 's/.*reason="([^"]+)".*/\1/p'; }
# Tells of alerts as they fire; succeeds with that of the session.
told=''
session_alert() {
  local name
  for name in $(firing); do
    [[ " $told " != *" $name "* ]] || continue
    told+=" $name"
    tell "Alert: $name fires."
  done
  [[ $told == *CalicoBGPPeeringDown* ]]
}

until_seen "doctor finds nothing" is_healthy
until_seen "no alert fires" nothing_fires
tell "Healthy. Prometheus has 12 sessions Established and no alert; doctor on n3 finds nothing."

$lab fault peer-blocked n1 n3 >/dev/null
fault_at=$SECONDS
tell "Broken. TCP 179 between n1 and n3 is dropped, as by a firewall or security group. BIRD notices when the hold time is over."

until_seen "the metric says down" lost >/dev/null
tell "Metric: calico_bgp_peers_state of n3 says that the session with n1 ($peer) is down. Reason: $(reason)."

# A session that was just lost is told by BIRD's last error; then BIRD's attempts tell that nobody answers.
until_seen "doctor says peer-blocked" doctor_says_blocked
tell "Doctor on n3 says first:"
sed -n '/^  1\. /,/^       docs/p' <<<"$said"

tell "The rules wait before they say so: 5 minutes for a session, here 30 s."
until_seen "CalicoBGPPeeringDown fires" session_alert
echo "        http://$prometheus:9090/alerts shows them."

$lab heal peer-blocked n1 n3 >/dev/null
tell "Mended. TCP 179 passes again, and BIRD tries to connect every 2 s."

until_seen "every session Established" all_established
tell "Metric: 12 sessions are Established."

until_seen "doctor finds nothing" is_healthy
until_seen "no alert fires" nothing_fires
tell "All clear. No alert fires, and doctor on n3 finds nothing."
