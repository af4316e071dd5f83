// Pod paths, as `calico-bgp-exporter probe` sees them. Probes are another scrape job than the exporters: no query asks for a job.
import * as l from "./lib.mjs";
import { at } from "./queries.mjs";

const p = (name, ...matchers) => `${name}{${['cluster=~"$cluster"', 'node=~"$node"', ...matchers].join(", ")}}`;

const down = `max by (cluster, node, peer, peer_node) (${p("calico_pod_path_up")} == 0)`;
// Nodes with most broken paths, as sender or as receiver: of 500 nodes the matrix shows those that matter.
const worst = `topk(15, count by (cluster, node) (${down}) or sum by (cluster, node) (label_replace(count by (cluster, peer_node) (${down}), "node", "$1", "peer_node", "(.+)")))`;

/** Panels for the dashboard Fleet. `toNode`: the link of a column "Node". */
export function pathPanels(toNode) {
  const totals = l.graph({
    id: 30,
    title: "Pod paths down",
    description: "Paths between pods of two nodes that are not answered, counted at each end; with or without series of their own.",
    targets: [l.over(`sum by (ip_version) (${p("calico_pod_paths", 'state="down"')})`, "IPv{{ip_version}}")],
    unit: "none",
    style: "steps",
    overrides: [l.fixed("IPv4", "red"), l.fixed("IPv6", "orange")],
    empty: "No probe runs",
    w: 5,
    h: 10,
  });
  const broken = l.table({
    id: 31,
    title: "Broken pod paths",
    description: `Paths on which a pod of one node gets no answer from a pod of the other (at most 200). Sent: what this node sends arrives there. Received: what that node
      sends arrives here; only what arrives can tell of the other direction.`,
    targets: [
      l.rows(at(`topk(200, max by (cluster, node, peer, peer_node) (${down}))`)),
      l.rows(`max by (cluster, node, peer, peer_node) (${p("calico_pod_path_direction_up", 'direction="send"')} and ignoring (direction) ${p("calico_pod_path_up")} == 0)`),
      l.rows(`max by (cluster, node, peer, peer_node) (${p("calico_pod_path_direction_up", 'direction="receive"')} and ignoring (direction) ${p("calico_pod_path_up")} == 0)`),
    ],
    columns: {
      node: ["Node", { links: toNode }],
      peer_node: ["To pods of", {}],
      peer: ["Address", { width: 120 }],
      "Value #B": ["Sent", { width: 75, align: "left", mappings: arrives, color: "text" }],
      "Value #C": ["Received", { width: 90, align: "left", mappings: arrives, color: "text" }],
    },
    hidden: ["at"],
    empty: "No pod path is broken",
    w: 9,
    h: 10,
  });
  const pairs = l.matrix({
    id: 32,
    title: "Pod paths between the nodes in trouble",
    description: "Rows send, columns answer: the 15 nodes with most broken paths. A whole row and column: that node. One field: that pair. Empty: not tried, or answered in rotation.",
    targets: [
      l.rows(`min by (node, peer_node) (${p("calico_pod_path_up", 'peer_node!=""')} and on (cluster, node) ${worst}
        and on (cluster, peer_node) label_replace(${worst}, "peer_node", "$1", "node", "(.+)"))`),
    ],
    row: "node",
    column: "peer_node",
    values: l.map({ 0: ["down", "red"], 1: ["up", "dark-green"] }),
    empty: "No pod path is broken",
    w: 10,
    h: 10,
  });
  return [[totals, broken, pairs]];
}

const arrives = l.map({ 0: ["lost", "red"], 1: ["arrives", "green"] });
