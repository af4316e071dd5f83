"""One lab with an exporter on every node, a Prometheus with the shipped rules and an Alertmanager with
the shipped example. Runs inside the lab's monitoring namespace, from which every node can be scraped.
"""
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from scale import scale

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("BIN", f"{ROOT}/target/release/calico-bgp-exporter")
PROMETHEUS, ALERTMANAGER, RECORDER = 21490, 21493, 21495
SCRAPE = 2  # seconds; 20 at the factor of 10
# Alertmanager's configuration: the shipped example, or a name of GROUPINGS.
GROUPING = os.environ.get("INCIDENTS_GROUPING", "")
GROUPINGS = {"": f"{ROOT}/alerts/alertmanager-example.yaml", "kube-prometheus-stack": f"{ROOT}/tests/incidents/kube-prometheus-stack.yaml"}


class Cluster:
    def __init__(self, lab, work, factor, switched_off=(), scraped_at=None):
        self.lab, self.work, self.factor = lab, work, factor
        self.switched_off = switched_off
        self.scraped_at = scraped_at or {}
        self.processes = {}
        self.flags = {}
        self.targets = {}
        self.probes = {}
        self.seen = 0

    # The lab

    def run(self, *command):
        """A command of tests/lab/lab; its output in case of failure."""
        done = subprocess.run([f"{ROOT}/tests/lab/lab", "--name", self.lab, *command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"lab {self.lab}: {' '.join(command)}: {done.stdout.strip()}")
        return done.stdout.strip()

    def address(self, node, family="4"):
        return "10.0.3.1" if node == "rt" else self.run("address", node, family)

    # Processes

    def start(self, name, *command):
        log = open(f"{self.work}/{name}.log", "a")
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self, name):
        process = self.processes.pop(name, None)
        if process:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop_all(self):
        for name in list(self.processes):
            self.stop(name)

    def exporter(self, node, *flags):
        """Start (or restart) the exporter of a node as its DaemonSet would."""
        if flags:
            self.flags[node] = flags
        self.start(f"exporter-{node}", "ip", "netns", "exec", f"{self.lab}-{node}",
                   BINARY, "--node-name", node, *self.flags[node])
        self.targets[node] = f"{self.scraped_at.get(node) or self.address(node)}:19324"
        self.write_targets()

    def probe(self, n, nodes, address):
        """Start the probe in the pod of node n; it asks those of the other nodes."""
        peers = [part for other in range(1, nodes + 1) if other != n for part in ("--probe.peer", f"192.168.{other}.2")]
        self.start(f"probe-{n}", "ip", "netns", "exec", f"{self.lab}-p{n}", BINARY, "probe",
                   "--node-name", f"n{n}", "--probe.node-address", address, "--probe.interval", "1s", *peers)
        self.probes[n] = f"192.168.{n}.2:19326"

    def write_targets(self):
        path = f"{self.work}/targets.json"
        with open(path + ".new", "w") as out:
            json.dump([{"targets": list(self.targets.values()), "labels": {"namespace": "calico-system"} if GROUPING else {}}], out)
        os.replace(path + ".new", path)

    def monitoring(self):
        rules = scale(open(f"{ROOT}/alerts/calico-bgp.rules.yaml").read(), self.factor)
        for alert in self.switched_off:
            rules, n = re.subn(rf"(?ms)^      - alert: {alert}\n.*?(?=^      #|^      - |^  - )", "", rules)
            assert n == 1, alert
        open(f"{self.work}/rules.yaml", "w").write(rules)
        paths = scale(open(f"{ROOT}/alerts/calico-pod-paths.rules.yaml").read(), self.factor)
        open(f"{self.work}/pod-paths.yaml", "w").write(paths)
        config = scale(open(GROUPINGS[GROUPING]).read(), self.factor)
        config = config.replace("http://localhost:9095/", f"http://127.0.0.1:{RECORDER}/")
        open(f"{self.work}/alertmanager.yaml", "w").write(config)
        open(f"{self.work}/prometheus.yaml", "w").write(f"""
global: {{scrape_interval: {SCRAPE}s, evaluation_interval: {SCRAPE}s, scrape_timeout: {SCRAPE}s}}
rule_files: [rules.yaml, pod-paths.yaml]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{ALERTMANAGER}"]}}]}}]
scrape_configs:
  - job_name: calico-bgp-exporter
    file_sd_configs: [{{files: [targets.json], refresh_interval: 1s}}]
  - job_name: calico-bgp-probe
    static_configs: [{{targets: {json.dumps(list(self.probes.values()))}}}]
""")
        self.write_targets()
        self.start("recorder", sys.executable, f"{ROOT}/tests/incidents/recorder.py", str(RECORDER), f"{self.work}/notifications")
        self.start("alertmanager", "prometheus-alertmanager", f"--config.file={self.work}/alertmanager.yaml",
                   f"--storage.path={self.work}/alertmanager", f"--web.listen-address=127.0.0.1:{ALERTMANAGER}",
                   "--cluster.listen-address=")
        self.start("prometheus", os.environ.get("PROMETHEUS", "prometheus"), f"--config.file={self.work}/prometheus.yaml",
                   f"--storage.tsdb.path={self.work}/prometheus", f"--web.listen-address=127.0.0.1:{PROMETHEUS}",
                   "--query.lookback-delta=30s", "--rules.alert.resend-delay=3s")
        self.wait_for(lambda: self.query("count(calico_bgp_exporter_build_info)"), 40, "Prometheus scraped nobody")

    def wait_for(self, condition, limit, complaint):
        end = time.time() + limit
        while True:
            try:
                if condition():
                    return
            except OSError:
                pass
            if time.time() > end:
                raise RuntimeError(f"lab {self.lab}: {complaint}")
            time.sleep(0.5)

    # What is seen

    def get(self, path, **arguments):
        url = f"http://127.0.0.1:{PROMETHEUS}/api/v1/{path}?" + urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(url, timeout=10) as reply:
            return json.load(reply)["data"]

    def query(self, expr):
        return self.get("query", query=expr)["result"]

    def alerts(self):
        return self.get("alerts")["alerts"]

    def notifications(self):
        """New lines of the recorder: (time, receiver, alert name, newly firing alerts)."""
        try:
            lines = open(f"{self.work}/notifications").read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        new, self.seen = lines[self.seen:], len(lines)
        return [json.loads(line) for line in new]

    def findings(self, node):
        """Ids of what the exporter of a node finds, as doctor says it."""
        with urllib.request.urlopen(f"http://{self.targets[node]}/api/v1/node", timeout=10) as reply:
            return [finding["id"] for finding in json.load(reply)["findings"]]

    def missing(self, expected):
        """Which of the expected findings ("n1 foreign-route") there are not, with those that there are."""
        found = {node: self.findings(node) for node in {words.split()[0] for words in expected}}
        return [f"no finding {words}, but {', '.join(found[words.split()[0]])}" for words in expected if words.split()[1] not in found[words.split()[0]]]

    def names(self):
        """Every metric and the label names of its series."""
        found = {}
        for series in self.get("series", **{"match[]": '{__name__=~"calico_.+|process_.+"}'}):
            found.setdefault(series.pop("__name__"), set()).update(set(series) - {"job", "instance"})
        return {metric: sorted(labels) for metric, labels in found.items()}
