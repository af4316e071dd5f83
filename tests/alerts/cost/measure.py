#!/usr/bin/env python3
"""What the rules and the dashboard's culprit query cost in a large cluster: a real Prometheus scrapes synthetic exporters, one page of all nodes.

Prints the seconds that all rule groups together take of each 15 s. Usage: measure.py [SECONDS]
The limit is 1.5 s; it is a failure to be above it. Of the query it prints the times.
"""
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LIMIT, PORT = 1.5, 21590


def address(n):
    return f"10.{n // 250}.3.{n % 250 + 1}"


def page(node, nodes, down):
    """The page of one node; `down` says of which peers the session is down."""
    own = f'node="node-{node:03}"'
    family = own + ',ip_version="4"'
    lost = [p for p in range(nodes) if p != node and down(node, p)]
    lines = [f'calico_bgp_exporter_build_info{{{own},version="0"}} 1', f'calico_bird_up{{{family},socket="s"}} 1',
             f'calico_bgp_node_info{{{family},address="{address(node)}"}} 1', f'calico_bird_graceful_restart_recovery{{{family}}} 0',
             f'calico_bird_start_timestamp_seconds{{{family}}} 1', f'calico_ip_forwarding_enabled{{{family}}} 1',
             f'calico_kernel_up{{{own},source="routes"}} 1']
    for kind in ("mesh", "node", "global"):
        for state, count in (("up", nodes - 1 - len(lost)), ("down", len(lost))):
            lines.append(f'calico_bgp_peers{{{family},peer_type="{kind}",state="{state}"}} {count if kind == "mesh" else 0}')
    for present, count in (("true", nodes - 1 - len(lost)), ("false", len(lost))):
        lines.append(f'calico_pod_cidrs{{{family},present="{present}"}} {count}')
    for p in range(nodes):
        if p == node:
            continue
        is_down = int(down(node, p))
        session = f'{family},peer="{address(p)}",peer_type="mesh",protocol="Mesh_{p}"'
        cidr = f'{family},cidr="192.168.{p // 4}.{p % 4 * 64}/26",owner="{address(p)}"'
        lines += [f'calico_bgp_peers_state{{{session},state="up"}} {1 - is_down}', f'calico_bgp_peers_state{{{session},state="down"}} {is_down}',
                  f'calico_bgp_peer_session_losses_total{{{session}}} {is_down}', f'calico_pod_cidr_route_present{{{cidr}}} {1 - is_down}']
        if is_down:
            lines += [f'calico_bgp_peer_down_reason{{{session},reason="connect_timeout"}} 1', f'calico_pod_cidr_route_fallthrough{{{cidr},via="default"}} 1']
        else:
            lines += [f'calico_bgp_peer_routes{{{session},kind="imported"}} 1',
                      f'calico_pod_cidr_route_info{{{cidr},encapsulation="direct",device="eth0"}} 1']
    return "\n".join(lines) + "\n"


def watch(seconds):
    """The rule groups as Prometheus lists them, with the median of the times that their evaluations took in the last half."""
    seen, until, begin = {}, time.time() + seconds, time.time() + seconds / 2
    while time.time() < until:
        time.sleep(5)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 1}/api/v1/rules", timeout=60) as reply:
                groups = json.load(reply)["data"]["groups"]
        except OSError:
            continue  # it starts
        for group in groups:
            for i, rule in enumerate([group, *group["rules"]]):
                if time.time() > begin:
                    seen.setdefault((group["name"], i), {})[rule["lastEvaluation"]] = rule["evaluationTime"]
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 1}/api/v1/query?query=count(up==1)", timeout=60) as reply:
        print(f"  {json.load(reply)['data']['result'][0]['value'][1]} exporters answer")
    for group in groups:
        for i, rule in enumerate([group, *group["rules"]]):
            rule["evaluationTime"] = statistics.median(seen[group["name"], i].values())
    return groups


def culprits():
    """Times of Fleet's query of culprits, over an hour as far as there are samples, and the rows of its answer."""
    with open(f"{ROOT}/dashboards/calico-bgp-fleet.json") as file:
        panels = {panel["title"]: panel for panel in json.load(file)["panels"]}
    query = panels["Culprits"]["targets"][0]["expr"].replace("$__range", "1h").replace("$__interval", "36s")
    for variable in ("cluster", "job", "node"):
        query = query.replace(f"${variable}", ".*")
    for _ in range(5):
        begin = time.time()
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 1}/api/v1/query", urllib.parse.urlencode({"query": query}).encode(), timeout=300) as reply:
            rows = json.load(reply)["data"]["result"]
        yield time.time() - begin, [f"{r['metric'].get('node', '')} {r['metric'].get('peer', '')} = {r['value'][1]}" for r in rows]


def cost(timed):
    """Seconds of each 15."""
    return timed["evaluationTime"] * 15 / timed["interval"]


def measure(title, nodes, down, silent, seconds):
    pages = {n: page(n, nodes, down).encode() for n in range(nodes) if n not in silent}

    class Exporter(BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(int(self.path.split("/")[1]))
            self.send_response(200 if body else 503)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):
                self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", PORT), Exporter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as work:
        targets = [{"targets": [f"127.0.0.1:{PORT}"], "labels": {"__metrics_path__": f"/{n}", "instance": f"{address(n)}:19324"}} for n in range(nodes)]
        with open(f"{work}/targets.json", "w") as out:
            json.dump(targets, out)
        with open(f"{work}/prometheus.yaml", "w") as out:
            out.write(f"global: {{scrape_interval: 15s, scrape_timeout: 14s}}\nrule_files: [{ROOT}/alerts/calico-bgp.rules.yaml]\nscrape_configs:\n"
                      "  - {job_name: calico-bgp-exporter, file_sd_configs: [{files: [targets.json]}]}\n")
        prometheus = subprocess.Popen([*os.environ.get("PROMETHEUS", "prometheus").split(), f"--config.file={work}/prometheus.yaml", f"--storage.tsdb.path={work}/data",
                                       f"--web.listen-address=127.0.0.1:{PORT + 1}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            groups = watch(seconds)
            times, rows = zip(*culprits())
        finally:
            prometheus.kill()  # its data is thrown away
            prometheus.wait(60)
            server.shutdown()
            server.server_close()
    total = sum(cost(g) for g in groups)
    print(f"{title}: {total:.2f} s of each 15 s: " + ", ".join(f"{g['name'].removeprefix('calico-bgp.')} {cost(g):.2f}" for g in groups))
    costs = sorted(((cost(r | {"interval": g["interval"]}), r["name"]) for g in groups for r in g["rules"]), reverse=True)
    print("  " + ", ".join(f"{name} {seconds:.2f}" for seconds, name in costs[:8]), flush=True)
    print(f"  culprit query: {', '.join(f'{t:.2f}' for t in times)} s, {len(rows[-1])} rows, the first: {rows[-1][:2]}", flush=True)
    failed = [r["name"] for g in groups for r in g["rules"] if r["health"] == "err"]
    for name in failed:
        print(f"  {name} fails")
    return total > LIMIT or failed


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    bad = [measure("300 nodes, every session down", 300, lambda n, p: True, (), seconds),
           measure("500 nodes, one of them lost", 500, lambda n, p: p == 0, (0,), seconds)]
    sys.exit(any(bad))


if __name__ == "__main__":
    main()
