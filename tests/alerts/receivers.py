#!/usr/bin/env python3
"""The Slack and PagerDuty texts as a real Alertmanager sends them, with alerts/alertmanager-receivers-example.yaml.

Only the two services' addresses are replaced, by a local web server. Usage: receivers.py ALERTMANAGER
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from inhibition import ROOT

RECEIVER, PORT = 21640, 21641


class Recorder(BaseHTTPRequestHandler):
    received = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, json.loads(body)))
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"status": "success"}')

    def log_message(self, *_):
        pass


def alert(name, severity, node, base="", over=False):
    """`base`: where the runbooks are; without it an alert has no address of its runbook."""
    now = datetime.now(timezone.utc)
    return {"labels": {"alertname": name, "severity": severity, "node": node, "cluster": "prod"},
            "annotations": {"summary": f"BIRD does not answer on node {node}", "description": "It has not answered for three minutes (connect).",
                            "runbook": f"docs/runbooks/{name}.md", **({"runbook_url": f"{base}/{name}.md"} if base else {})},
            "startsAt": (now - timedelta(minutes=5)).isoformat(),
            **({"endsAt": (now - timedelta(seconds=1)).isoformat()} if over else {})}


def post(*alerts):
    for _ in range(60):
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{PORT}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"})
            return urllib.request.urlopen(request, timeout=10).read()
        except OSError:
            time.sleep(1)
    sys.exit("Alertmanager does not answer")


def wait(path, part):
    """The first notification to `path` that has `part` in it. Alertmanager may send a group before all its alerts are in."""
    for _ in range(120):
        for to, body in Recorder.received:
            if to.startswith(path) and part in json.dumps(body):
                return body
        time.sleep(0.5)
    sys.exit(f"nothing with {part!r} came to {path}: {Recorder.received}")


def check(text, *parts):
    missing = [part for part in parts if part not in text]
    if missing:
        sys.exit(f"{missing} not in {text!r}")


def main():
    server = ThreadingHTTPServer(("127.0.0.1", RECEIVER), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as work:
        config = open(f"{ROOT}/alerts/alertmanager-receivers-example.yaml").read()
        config = config.replace("https://hooks.slack.com/", f"http://127.0.0.1:{RECEIVER}/slack/")
        config = config.replace("pagerduty_configs:\n      - ", f"pagerduty_configs:\n      - url: http://127.0.0.1:{RECEIVER}/pagerduty\n        ")
        config = config.replace("[calico-bgp.tmpl]", f"[{ROOT}/alerts/calico-bgp.tmpl]")
        config = re.sub(r"(?m)^  receiver: calico-ticket", "  receiver: calico-ticket\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: 1s", config)
        open(f"{work}/alertmanager.yaml", "w").write(config)
        process = subprocess.Popen([sys.argv[1], f"--config.file={work}/alertmanager.yaml", f"--storage.path={work}/data",
                                    f"--web.listen-address=127.0.0.1:{PORT}", "--cluster.listen-address="], stdout=open(f"{work}/log", "w"), stderr=subprocess.STDOUT)
        try:
            nodes = [f"node-{n}" for n in range(7)]
            post(*(alert("CalicoBirdDown", "critical", node) for node in nodes), alert("CalicoRouteChurn", "warning", "node-a", "https://example.com"))
            page, ticket = wait("/pagerduty", "(7 firing, 0 resolved)"), wait("/slack", "WARNING prod: ")
            post(alert("CalicoRouteChurn", "warning", "node-a", over=True))
            over = wait("/slack", "RESOLVED prod: ")
        finally:
            process.terminate()
            process.wait(30)
    payload = page["payload"]
    check(payload["summary"], "CRITICAL prod: BIRD does not answer on node node-")
    check(payload["severity"], "critical")
    details = payload["custom_details"]
    check(json.dumps(details), "It has not answered for three minutes (connect). (since ", "and others", "docs/runbooks/CalicoBirdDown.md")
    text = json.dumps(details)
    if text.count("does not answer on node") != 5:
        sys.exit(f"not five alerts in {text}")
    attachment = ticket["attachments"][0]
    check(attachment["title"], "WARNING prod: BIRD does not answer on node node-a")
    check(attachment["title_link"], "https://example.com/CalicoRouteChurn.md")
    check(attachment["footer"], "https://example.com/CalicoRouteChurn.md")
    check(attachment["text"], "BIRD does not answer on node node-a\nIt has not answered for three minutes (connect). (since ")
    check(over["attachments"][0]["title"], "RESOLVED prod: ")
    check(over["attachments"][0]["text"], "over since ")
    print("PagerDuty and Slack receive who, since when, why and the runbook")


if __name__ == "__main__":
    main()
