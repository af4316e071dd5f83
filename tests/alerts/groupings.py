#!/usr/bin/env python3
"""A node lost in a mesh of 50, told by a real Prometheus to real Alertmanagers that know nothing of our example: grouped by namespace
(kube-prometheus-stack's default), by alertname, and not at all (`...`). Each may notify twice at most, and must once.

The exporters are synthetic pages. All durations of the rules and of Alertmanager are shortened by one factor.
Usage: groupings.py PROMETHEUS ALERTMANAGER [FACTOR]
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from inhibition import ROOT, RULES

sys.path[:0] = [f"{ROOT}/tests/alerts/cost", f"{ROOT}/tests/incidents"]
from measure import address, page  # noqa: E402
from scale import scale  # noqa: E402

NODES, LOST, PORT = 50, 7, 21660
GROUPINGS = {"namespace": "[namespace]", "alertname": "[alertname]", "everything": "['...']"}
factor = float(sys.argv[3]) if len(sys.argv) > 3 else 8
fault = None  # when it began


def down(node, peer):
    """The others notice it 160 to 240 s later, as the last keepalive fell."""
    return peer == LOST and fault is not None and time.time() > fault + (160 + 80 * node / NODES) / factor


class Server(BaseHTTPRequestHandler):
    notifications = {name: [] for name in GROUPINGS}

    def do_GET(self):
        node = int(self.path.split("/")[1])
        alive = node != LOST or fault is None
        self.send_response(200 if alive else 503)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(page(node, NODES, down).encode() if alive else b"")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.notifications[self.path.strip("/")].append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def start(name, command, work):
    return subprocess.Popen([*command.split(), *name], stdout=open(f"{work}/log", "a"), stderr=subprocess.STDOUT)


def alertmanager(number, group_by, command, work):
    folder = f"{work}/{number}"
    os.makedirs(folder)
    config = scale("route: {receiver: all, group_by: GROUP, group_wait: 30s, group_interval: 5m, repeat_interval: 12h}\n", factor).replace("GROUP", group_by)
    with open(f"{folder}/config.yaml", "w") as out:
        out.write(config + f"receivers: [{{name: all, webhook_configs: [{{url: 'http://127.0.0.1:{PORT}/{list(GROUPINGS)[number]}'}}]}}]\n")
    return start([f"--config.file={folder}/config.yaml", f"--storage.path={folder}/data", f"--web.listen-address=127.0.0.1:{PORT + 2 + number}",
                  "--cluster.listen-address="], command, folder)


def main():
    global fault
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as work:
        open(f"{work}/rules.yaml", "w").write(scale(open(RULES).read(), factor))
        targets = [{"targets": [f"127.0.0.1:{PORT}"], "labels": {"__metrics_path__": f"/{n}", "instance": f"{address(n)}:19324", "namespace": "calico-system"}}
                   for n in range(NODES)]
        json.dump(targets, open(f"{work}/targets.json", "w"))
        managers = ", ".join(f"'127.0.0.1:{PORT + 2 + n}'" for n in range(len(GROUPINGS)))
        scrape = f"{round(30000 / factor)}ms"
        open(f"{work}/prometheus.yaml", "w").write(
            f"global: {{scrape_interval: {scrape}, scrape_timeout: {scrape}}}\nrule_files: [rules.yaml]\nalerting: {{alertmanagers: [{{static_configs: [{{targets: [{managers}]}}]}}]}}\n"
            "scrape_configs: [{job_name: calico-bgp-exporter, file_sd_configs: [{files: [targets.json]}]}]\n")
        processes = [alertmanager(n, by, sys.argv[2], work) for n, by in enumerate(GROUPINGS.values())]
        processes.append(start([f"--config.file={work}/prometheus.yaml", f"--storage.tsdb.path={work}/data", f"--web.listen-address=127.0.0.1:{PORT + 1}"], sys.argv[1], work))
        try:
            time.sleep(30 + 180 / factor)
            before = {name: len(told) for name, told in Server.notifications.items()}
            fault = time.time()
            # The last hold timer, five minutes, the group's wait, and two further intervals of the group.
            time.sleep((240 + 300 + 30 + 600) / factor)
        finally:
            for process in processes:
                process.terminate()
                process.wait(30)
    bad = [f"{name}: {count} before the fault" for name, count in before.items() if count]
    for name, told in Server.notifications.items():
        alerts = sorted({(alert["labels"]["alertname"], alert["labels"].get("node", "")) for body in told for alert in body["alerts"]})
        print(f"grouped by {name}: {len(told)} notification(s): {alerts}")
        if not 1 <= len(told) <= 2 or ("CalicoBGPNodeUnreachable", f"node-{LOST:03}") not in alerts:
            bad.append(f"{name}: {len(told)} notifications")
    sys.exit("\n".join(bad) or None)


if __name__ == "__main__":
    main()
