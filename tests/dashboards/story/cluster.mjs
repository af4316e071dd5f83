// The stage: nodes of a full mesh in two subnets, each with an address and pod CIDRs, and one external router.

/** `count` nodes; every second one in the second subnet. Node i announces one block, every third node two. */
export function makeNodes(count) {
  return Array.from({ length: count }, (_, i) => {
    const subnet = 1 + (i % 2);
    const blocks = [`10.244.${i}.0/26`];
    if (i % 3 === 0) blocks.push(`10.244.${i}.64/26`);
    return {
      name: i === 0 ? "control-1" : `worker-${i}`,
      address: `10.0.${subnet + 2 * Math.floor(i / 400)}.${10 + Math.floor((i % 400) / 2)}`,
      subnet,
      blocks,
      pods: 12 + ((i * 7) % 17),
    };
  });
}

export const router = { name: undefined, address: "10.0.1.1", subnet: 1, blocks: [], pods: 0 };

const protocolName = (type, address) => `${type === "global" ? "Global" : "Mesh"}_${address.replaceAll(".", "_")}`;

/** The sessions that `node` has configured. */
export function sessionsOf(node, story) {
  const mesh = story.nodes.filter((n) => n !== node).map((peer) => ({ peer, type: "mesh", as: 64512 }));
  const global = story.router ? [{ peer: router, type: "global", as: 64500 }] : [];
  return [...mesh, ...global].map((s) => ({ ...s, protocol: protocolName(s.type, s.peer.address) }));
}

/** Repeatable noise: the same story draws the same picture. */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
