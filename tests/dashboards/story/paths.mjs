// What the probes in the pod network would have shown: `calico-bgp-exporter probe`, one on each node.
import { has } from "./faults.mjs";

/** Do packets from a pod on `from` arrive at a pod on `to`? A tunnel that receives nothing is blocked on the way in. */
const arrives = (story, from, to, minute) => !has(story, "lost", to, minute) && !has(story, "lost", from, minute) && !has(story, "oneWay", to, minute);

/** Records one scrape of the probe on `node`. */
export function probe(recorder, story, node, time, minute) {
  if (!story.probes || has(story, "lost", node, minute)) return;
  const target = { ...(story.cluster ? { cluster: story.cluster } : {}), job: "calico-bgp-probe", instance: `${node.address}:9325`, node: node.name };
  const put = (name, value, labels = {}) => recorder.put(time, name, { ...target, ...labels }, value);
  const counts = { up: 0, down: 0 };
  for (const peer of story.nodes.filter((n) => n !== node)) {
    const labels = { peer: peer.address, peer_node: peer.name, ip_version: "4" };
    const received = arrives(story, peer, node, minute);
    const sent = arrives(story, node, peer, minute);
    const up = sent && received;
    counts[up ? "up" : "down"] += 1;
    put("calico_pod_path_up", up ? 1 : 0, labels);
    put("calico_pod_path_direction_up", received ? 1 : 0, { ...labels, direction: "receive" });
    if (received) put("calico_pod_path_direction_up", sent ? 1 : 0, { ...labels, direction: "send" });
    if (up) put("calico_pod_path_round_trip_seconds", 0.0004, labels);
  }
  for (const [state, n] of Object.entries(counts)) put("calico_pod_paths", n, { ip_version: "4", state });
}
