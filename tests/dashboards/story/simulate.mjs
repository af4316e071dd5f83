// Plays a story and records what the exporters on its nodes would have shown at every scrape.
import * as k from "./contract.mjs";
import { random, sessionsOf } from "./cluster.mjs";
import { birdStart, encapsulation, has, sessionFault } from "./faults.mjs";
import { probe } from "./paths.mjs";
import { Recorder } from "./recorder.mjs";
import { clock } from "./stories.mjs";

const socket = (v) => `/var/run/calico/${v === "6" ? "bird6" : "bird"}.ctl`;
const families = ["4", "6"];

/** @returns the recorder, filled. */
export function simulate(story) {
  const recorder = new Recorder();
  const state = new Map(story.nodes.map((node, i) => [node, newState(node, story, random(i + 1))]));
  const step = story.step ?? clock.step;
  for (let time = clock.start; time <= clock.end; time += step) {
    const minute = (time - clock.start) / 60;
    for (const node of story.nodes) {
      scrape(recorder, story, node, state.get(node), time, minute);
      probe(recorder, story, node, time, minute);
    }
    for (const { from, until = Infinity, ...labels } of story.alerts) {
      if (minute < from || minute >= until) continue;
      const severity = k.severities.get(labels.alertname);
      if (!severity) throw new Error(`${labels.alertname} is no alert of the shipped rules`);
      const alert = { ...cluster(story), job: story.job, severity, ...labels };
      recorder.put(time, "ALERTS", { ...alert, alertstate: "firing" }, 1);
      recorder.put(time, "ALERTS_FOR_STATE", alert, clock.start + (from - 3) * 60);
    }
    others(recorder, story, time);
  }
  return recorder;
}

const cluster = (story) => (story.cluster ? { cluster: story.cluster } : {});

/** Targets that have nothing to do with us, in the job that we share with them and in one of their own. */
function others(recorder, story, time) {
  const targets = [["pods", "10.0.9.1:9100", 1], [story.job, "10.0.9.1:8080", 1], [story.job, "10.0.9.2:8080", 0]];
  for (const [job, instance, value] of targets) recorder.put(time, "up", { ...cluster(story), job, instance }, value);
}

function newState(node, story, rand) {
  return {
    rand,
    sessions: sessionsOf(node, story).map((s) => ({ ...s, up: true, since: s.type === "mesh" ? -60 * 24 * 3 : undefined, losses: 0 })),
    changes: new Map(),
    counters: new Map(),
    present: new Map(),
    cpu: 40 + rand() * 10,
  };
}

function scrape(recorder, story, node, state, time, minute) {
  const target = { ...cluster(story), job: story.job, instance: `${node.address}:19324` };
  let samples = 0;
  const own = (name, value, labels = {}) => (samples++, recorder.put(time, name, { ...target, ...labels }, value));
  const gone = has(story, "lost", node, minute);
  own("up", gone ? 0 : 1);
  if (gone) return;
  const put = (name, value, labels = {}) => own(name, value, { node: node.name, ...labels });
  const birdAnswers = !has(story, "hung", node, minute);
  const moment = { story, node, state, minute, put, birdAnswers };

  bird(moment);
  if (birdAnswers) sessions(moment);
  sessionTotals(moment);
  const cidrs = podCidrs(moment);
  kernel(moment, cidrs);
  tunnels(moment, cidrs);
  exporter(moment, own);
  own("scrape_duration_seconds", 0.004 + 0.002 * state.rand());
  own("scrape_samples_scraped", samples);
}

function bird({ story, node, state, minute, put, birdAnswers }) {
  for (const v of families) {
    const answers = v === "6" || birdAnswers;
    const where = { ip_version: v, socket: socket(v) };
    put("calico_bird_up", answers ? 1 : 0, where);
    put("calico_bird_query_duration_seconds", answers ? 0.0016 + 0.0012 * state.rand() : 2, where);
    for (const error of k.queryErrors) {
      const n = count(state, `error ${v} ${error}`, !answers && error === "timeout" ? 6 : 0);
      put("calico_bird_query_errors_total", n, { ...where, error });
    }
    put("calico_bird_unknown_lines_total", 0, { ip_version: v });
    if (!answers) continue;
    const start = clock.start + birdStart(story, node, minute) * 60;
    put("calico_bird_info", 1, { ip_version: v, version: "v0.3.3+birdv1.6.8", router_id: node.address });
    put("calico_bird_start_timestamp_seconds", start, { ip_version: v });
    put("calico_bird_last_reconfiguration_timestamp_seconds", start + 3, { ip_version: v });
    put("calico_bird_graceful_restart_recovery", v === "4" && has(story, "recovery", node, minute) ? 1 : 0, { ip_version: v });
    for (const type of ["kernel", "device", "direct"]) put("calico_bird_protocol_up", 1, { ip_version: v, protocol: `${type}1`, type });
  }
}

function sessions({ story, node, state, minute, put }) {
  if (state.sessions.length) {
    put("calico_bgp_node_info", 1, { address: node.address, ip_version: "4", local_as: "64512", router_id: node.address });
  }
  for (const s of state.sessions) {
    const fault = sessionFault(story, node, s.peer, minute);
    const up = !fault;
    if (up !== s.up) {
      s.since = minute - 0.2;
      if (!up) s.losses += 1;
      s.up = up;
    }
    if (story.detail === "unhealthy" && up) continue;
    const labels = { peer: s.peer.address, peer_type: s.type, ip_version: "4", protocol: s.protocol };
    put("calico_bgp_peers_state", up ? 1 : 0, { ...labels, state: "up" });
    put("calico_bgp_peers_state", up ? 0 : 1, { ...labels, state: "down" });
    put("calico_bgp_peer_fsm_state", up ? 6 : fault.fsm, labels);
    put("calico_bgp_peer_info", 1, { ...labels, remote_as: s.as, local_as: "64512", source_address: node.address });
    if (s.since !== undefined) put("calico_bgp_peer_state_change_timestamp_seconds", Math.round(clock.start + s.since * 60), labels);
    put("calico_bgp_peer_session_losses_total", s.losses, labels);
    if (!up) {
      put("calico_bgp_peer_down_reason", 1, { ...labels, reason: fault.reason });
      continue;
    }
    const imported = s.type === "global" ? 1 : s.peer.blocks.length;
    put("calico_bgp_peer_routes", imported, { ...labels, kind: "imported" });
    put("calico_bgp_peer_routes", imported, { ...labels, kind: "preferred" });
    put("calico_bgp_peer_routes", node.blocks.length, { ...labels, kind: "exported" });
  }
}

function sessionTotals({ state, put, birdAnswers }) {
  for (const v of families) {
    for (const type of k.peerTypes) {
      const mine = v === "4" ? state.sessions.filter((s) => s.type === type) : [];
      put("calico_bgp_session_losses_total", mine.reduce((sum, s) => sum + s.losses, 0), { ip_version: v, peer_type: type });
      if (v === "4" && !birdAnswers) continue;
      const up = mine.filter((s) => s.up).length;
      put("calico_bgp_peers", up, { ip_version: v, peer_type: type, state: "up" });
      put("calico_bgp_peers", mine.length - up, { ip_version: v, peer_type: type, state: "down" });
    }
  }
}

/** Every block of every other node, with how it is reached. */
function podCidrs({ story, node, state, minute, put }) {
  const cidrs = [];
  for (const { peer } of state.sessions) {
    const fault = sessionFault(story, node, peer, minute);
    const refused = story.faults.some((f) => f.kind === "refused" && f.node === node.name && f.owner === peer.name && minute >= f.from);
    peer.blocks.forEach((cidr, i) => {
      const takenOver = refused && i === 0;
      cidrs.push({ cidr, peer, refused: takenOver, present: !fault?.withdrawn && !takenOver, how: encapsulation(story, node, peer, minute) });
    });
  }
  for (const c of cidrs) {
    if (story.detail === "unhealthy" && c.present) continue;
    const labels = { cidr: c.cidr, ip_version: "4", owner: c.peer.address };
    const [how, device, gateway, origin] = c.present
      ? [c.how, c.how === "ipip" ? "tunl0" : "eth0", c.peer.address, "bird"]
      : ["gateway", "eth0", "10.0.1.1", c.refused ? "static" : "kernel"];
    put("calico_pod_cidr_route_present", c.present ? 1 : 0, labels);
    put("calico_pod_cidr_route_info", 1, { ...labels, encapsulation: how, device, gateway, origin });
    if (!c.present) put("calico_pod_cidr_route_fallthrough", 1, { ...labels, via: c.refused ? "shorter" : "default" });
    else put("calico_pod_cidr_encapsulation_mismatch", 0, labels);
    if (state.present.get(c.cidr) !== c.present) {
      const change = c.present ? "added" : "removed";
      if (state.present.has(c.cidr)) state.changes.set(change, (state.changes.get(change) ?? 0) + 1);
      state.present.set(c.cidr, c.present);
    }
  }
  for (const v of families) {
    const mine = v === "4" ? cidrs : [];
    const there = mine.filter((c) => c.present).length;
    put("calico_pod_cidrs", there, { ip_version: v, present: "true" });
    put("calico_pod_cidrs", mine.length - there, { ip_version: v, present: "false" });
    put("calico_pod_cidr_duplicate_owners", 0, { ip_version: v });
    put("calico_own_pod_cidrs_unannounced", 0, { ip_version: v });
    put("calico_pod_cidrs_left_out", 0, { ip_version: v });
  }
  return cidrs;
}

function kernel({ node, state, put, birdAnswers }, cidrs) {
  for (const source of k.kernelSources) put("calico_kernel_up", 1, { source });
  put("calico_ip_forwarding_enabled", 1, { ip_version: "4" });
  const routes = new Map([["local felix", node.pods], ["blackhole bird", node.blocks.length]]);
  for (const c of cidrs.filter((c) => c.present)) routes.set(`${c.how} bird`, (routes.get(`${c.how} bird`) ?? 0) + 1);
  for (const v of families) {
    for (const encapsulation of k.encapsulations) {
      for (const origin of k.origins) {
        const n = v === "4" ? (routes.get(`${encapsulation} ${origin}`) ?? 0) : 0;
        put("calico_routes", n, { ip_version: v, encapsulation, origin });
      }
    }
    for (const origin of k.origins) {
      for (const change of k.routeChanges) {
        if (v === "4" && origin === "felix" && state.rand() < 0.02) count(state, `change ${change}`, change === "replaced" ? 0 : 1);
        const felix = v === "4" && origin === "felix" ? count(state, `change ${change}`, 0) : 0;
        const birds = v === "4" && origin === "bird" ? (state.changes.get(change) ?? 0) : 0;
        put("calico_route_changes_total", felix + birds, { ip_version: v, origin, change });
      }
    }
    const present = v === "4" ? cidrs.filter((c) => c.present).length + node.blocks.length : 0;
    const refused = v === "4" ? cidrs.filter((c) => c.refused).length : 0;
    put("calico_kernel_bird_routes", present, { ip_version: v });
    put("calico_foreign_blackholes", 0, { ip_version: v });
    if (v === "4" && !birdAnswers) continue;
    put("calico_bird_kernel_exported_routes", present + refused, { ip_version: v, protocol: "kernel1" });
    put("calico_bird_kernel_rejected_routes", refused, { ip_version: v });
  }
}

function tunnels({ story, node, state, minute, put }, cidrs) {
  const tunl0 = { device: "tunl0", kind: "ipip" };
  const routes = cidrs.filter((c) => c.present && c.how === "ipip").length;
  put("calico_tunnel_up", 1, tunl0);
  for (const v of families) put("calico_tunnel_routes", v === "4" ? routes : 0, { ...tunl0, ip_version: v });
  put("calico_tunnel_mtu_bytes", 1480, tunl0);
  put("calico_tunnel_largest_fitting_mtu_bytes", 1480, tunl0);
  const load = routes === 0 ? 0 : (1 + 0.35 * Math.sin(minute / 11 + node.pods) + 0.15 * state.rand()) * clock.step * (0.4 + routes / 10);
  const blind = has(story, "oneWay", node, minute);
  const packets = { transmit: Math.round(load * 420 * (blind ? 0.35 : 1)), receive: blind ? 0 : Math.round(load * 390) };
  for (const [way, n] of Object.entries(packets)) {
    put(`calico_tunnel_${way}_packets_total`, count(state, `${way} packets`, n), tunl0);
    put(`calico_tunnel_${way}_bytes_total`, count(state, `${way} bytes`, n * (blind ? 74 : 640)), tunl0);
    put(`calico_tunnel_${way}_errors_total`, 0, tunl0);
    put(`calico_tunnel_${way}_dropped_total`, count(state, `${way} dropped`, state.rand() < 0.03 ? 1 : 0), tunl0);
  }
}

function exporter({ story, node, state, put, birdAnswers }, own) {
  put("calico_bgp_exporter_build_info", 1, { version: "0.1.0", revision: "3f2a91c" });
  put("calico_bgp_exporter_netlink_overruns_total", 0);
  put("calico_bgp_exporter_netlink_resyncs_total", count(state, "resyncs", state.rand() < 0.01 ? 1 : 0));
  put("calico_bgp_exporter_collection_duration_seconds", (birdAnswers ? 0.004 : 2) + 0.003 * state.rand());
  put("calico_bgp_exporter_snapshot_age_seconds", 5 * state.rand());
  own("process_cpu_seconds_total", (state.cpu += clock.step * (0.002 + 0.0008 * state.rand())));
  own("process_resident_memory_bytes", 5.2e6 + 4096 * Math.floor(40 * state.rand() + story.nodes.length * 3));
  own("process_open_fds", 14 + Math.floor(3 * state.rand()));
  own("process_max_fds", 1024);
  own("process_start_time_seconds", clock.start - 86400 * 3 - story.nodes.indexOf(node) * 61);
}

function count(state, key, add) {
  const value = (state.counters.get(key) ?? 0) + add;
  state.counters.set(key, value);
  return value;
}
