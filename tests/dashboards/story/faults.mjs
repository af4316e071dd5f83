// What goes wrong, and what one node sees of it at one moment. Times are minutes since the story began.

export const blocked = (a, b, from, until = Infinity) => ({ kind: "blocked", a, b, from, until });
export const flap = (a, b, from, until, every = 2.5, down = 0.7) => ({ kind: "flap", a, b, from, until, every, down });
export const lost = (node, from) => ({ kind: "lost", node, from, until: Infinity });
export const restart = (node, from) => ({ kind: "restart", node, from, until: from + 0.6 });
export const hung = (node, from, until) => ({ kind: "hung", node, from, until });
export const recovery = (node, from, until) => ({ kind: "recovery", node, from, until });
/** A firewall of the node's own: all its sessions are down, at both ends. */
export const isolated = (node, from) => ({ kind: "isolated", node, from, until: Infinity });
export const refused = (node, owner, from, until = Infinity) => ({ kind: "refused", node, owner, from, until });
export const oneWay = (node, from, until = Infinity) => ({ kind: "oneWay", node, from, until });
/** The pool changes from Always to CrossSubnet; the nodes follow one after the other. */
export const crossSubnet = (from) => ({ kind: "crossSubnet", from, until: Infinity });

const active = (fault, minute) => minute >= fault.from && minute < fault.until;

/** Is a fault of this kind on this node now? */
export const has = (story, kind, node, minute) =>
  story.faults.some((f) => f.kind === kind && f.node === node.name && active(f, minute));

/** Each neighbor notices a lost node within the hold time, not all at once. */
const noticed = (fault, node, story) => fault.from + (story.nodes.indexOf(node) % 5) * 0.3;

/** null while the session is up, else { fsm, reason, withdrawn }: `withdrawn` when the peer's routes are gone as well. */
export function sessionFault(story, node, peer, minute) {
  for (const f of story.faults) {
    const pair = (f.a === node.name && f.b === peer.name) || (f.b === node.name && f.a === peer.name);
    if (f.kind === "lost" && f.node === peer.name && minute >= noticed(f, node, story)) {
      return { fsm: 3, reason: node.subnet === peer.subnet ? "host_unreachable" : "connect_timeout", withdrawn: true };
    }
    // A BIRD that hangs sends no keepalive: its neighbors' hold timers expire after four minutes.
    if (f.kind === "hung" && f.node === peer.name && minute >= f.from + 4 && minute < f.until) {
      return { fsm: 3, reason: "hold_timer_expired", withdrawn: true };
    }
    if (!active(f, minute)) continue;
    if (f.kind === "isolated" && (f.node === node.name || f.node === peer.name)) return { fsm: 2, reason: "connect_timeout", withdrawn: true };
    if (f.kind === "blocked" && pair) return { fsm: 2, reason: "connect_timeout", withdrawn: true };
    if (f.kind === "flap" && pair && (minute - f.from) % f.every < f.down) {
      return { fsm: 3, reason: "hold_timer_expired", withdrawn: false };
    }
    // Graceful restart: the neighbors keep the routes of a daemon that is away for half a minute.
    if (f.kind === "restart" && f.node === peer.name) return { fsm: 3, reason: "connection_refused", withdrawn: false };
    if (f.kind === "restart" && f.node === node.name) return { fsm: 2, reason: "handshake", withdrawn: false };
    if (f.kind === "recovery" && f.node === node.name) return { fsm: 6, reason: "recovery", withdrawn: false };
  }
  return null;
}

/** When the node's BIRD started last: minutes since the story began, negative for before. */
export function birdStart(story, node, minute) {
  const starts = story.faults
    .filter((f) => f.node === node.name && f.from <= minute && (f.kind === "restart" || f.kind === "recovery"))
    .map((f) => f.from);
  return Math.max(-60 * 24 * 9 - story.nodes.indexOf(node) * 37, ...starts);
}

/** How packets reach `peer` from `node`. */
export function encapsulation(story, node, peer, minute) {
  const change = story.faults.find((f) => f.kind === "crossSubnet");
  const changed = change && minute >= change.from + story.nodes.indexOf(node) * 0.75;
  return changed && node.subnet === peer.subnet ? "direct" : "ipip";
}
