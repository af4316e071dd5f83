#!/usr/bin/env python3
"""Run the slots of one lab and write a verdict for each row. Runs in the lab's monitoring namespace.
Usage: lab_runner.py LAB WORK FACTOR [ROW...]
"""
import json
import signal
import sys
import time

import pod_paths
import scenarios
from cluster import GROUPING, Cluster
from scenarios import Incident

# Seconds, before scaling. Something else that the same fault causes may notify so much later (a group's wait and two minutes);
# the longest chain from a fault to its notification (an hour's quarter of a range, `for`, the group's wait); from its end to silence.
AFTERMATH, SLOT, QUIET = 240, 2000, 1500
# Of one row; where alerts of all names are one group, what joins it is told after the group's interval.
NOTIFICATIONS = 1
if GROUPING:
    AFTERMATH, NOTIFICATIONS = 660, 2
# Alertmanager keeps a group for its group_interval after the last alert, and would not wait for what comes next.
GROUP = 320
# A session that is younger is not yet held to its word by the exporter (src/assess/pods/expected.rs); this one is not shortened.
SETTLED = 62


def text(alert):
    return " ".join([*alert["labels"].values(), alert["annotations"].get("description", "")])


class Watch:
    """What was seen of one incident."""

    def __init__(self, incident):
        self.incident = incident
        self.began = self.metric = self.fired = self.notification = None
        self.notifications = []
        self.updates = 0
        self.missing = []         # findings
        self.silenced = set()
        self.during_done = incident.during is None

    def complete(self):
        return self.notification is not None and (GROUPING or self.silenced == set(self.incident.silenced)) and self.during_done


class Runner:
    def __init__(self, lab, work, factor):
        self.lab, self.factor = lab, factor
        self.cluster = Cluster(lab.name, work, factor, lab.switched_off, lab.scraped_at)
        self.rows, self.known, self.info, self.names = [], set(), set(), {}

    def log(self, message):
        print(f"{time.strftime('%H:%M:%S')} {self.lab.name}: {message}", file=sys.stderr, flush=True)

    def start(self):
        c, lab = self.cluster, self.lab
        dual = "--v6" in lab.up
        for n in range(1, lab.nodes + 1):
            node = f"n{n}"
            sockets = [c.run("socket", node)] + ([c.run("socket", node, "6")] if dual else [])
            flags = [part for socket in dict.fromkeys(sockets) for part in ("--bird.socket", socket)]
            if node not in lab.poolless:
                flags += ["--ip-pool", "192.168.0.0/16"] + (["--ip-pool", "fd00:10::/32"] if dual else [])
            c.flags[node] = (*flags, *lab.flags.get(node, ()))
        if lab.prepare:
            lab.prepare(c)
        for node in [f"n{n}" for n in range(1, lab.nodes + 1)] + [n for n in lab.flags if n not in c.flags]:
            if node not in lab.without:
                c.exporter(node, *([] if node in c.flags else lab.flags[node]))
        c.monitoring()
        if lab.show:
            return  # nobody's notifications are looked at
        time.sleep(SETTLED)
        early = [n for n in c.notifications() if n["body"]["status"] == "firing"]
        for notification in early:
            self.rows.append(dict(row="(before any fault)", alert=notification["body"]["alerts"][0]["labels"]["alertname"], bad="notified"))

    def act(self, scenario, ending=False):
        what = scenario.end if ending else scenario.begin
        if what:
            what(self.cluster)
        elif scenario.fault:
            self.cluster.run("heal" if ending else "fault", *scenario.fault)

    def new_notifications(self):
        """(time, receiver, name, firing alerts, is there one that no earlier notification had?)"""
        for n in self.cluster.notifications():
            firing = [x for x in n["body"]["alerts"] if x["status"] == "firing"]
            ids = {(x["fingerprint"], x["startsAt"]) for x in firing}
            fresh = not ids <= self.known
            self.known |= ids
            if firing:
                yield n["at"], n["to"], n["body"]["groupLabels"].get("alertname", ""), firing, fresh

    def slot(self, scenarios):
        incidents = [Watch(s) for s in scenarios if isinstance(s, Incident)]
        benign = [s for s in scenarios if not isinstance(s, Incident)]
        by_alert = {"" if GROUPING else w.incident.alert: w for w in incidents}
        stray, missing = [], {}
        for watch in incidents:
            watch.began = time.time()
            self.act(watch.incident)
        ends = []
        for scenario in benign:
            self.act(scenario)
            ends.append((time.time() + scenario.lasts, scenario))
        self.log("; ".join(s.row for s in scenarios))
        start = time.time()
        while True:
            now = time.time()
            for at, scenario in [e for e in ends if e[0] <= now]:
                missing[scenario.row] = "; ".join(self.cluster.missing(scenario.finding))
                self.act(scenario, ending=True)
                ends.remove((at, scenario))
            self.look(incidents, by_alert, stray)
            finished = all(w.complete() for w in incidents) and not ends
            # Not before something else could have notified as well.
            settled = now > max([w.notification or now for w in incidents], default=0) + AFTERMATH / self.factor
            if finished and settled or now > start + SLOT / self.factor + max([s.lasts for s in benign], default=0):
                break
            time.sleep(0.5)
        for watch in incidents:
            self.act(watch.incident, ending=True)
        self.quiet(by_alert, incidents, stray)
        for watch in incidents:
            self.rows.append(self.verdict(watch))
        for scenario in benign:
            self.rows.append(dict(row=scenario.row, benign=True, alert=scenario.info, n=0, bad=missing.get(scenario.row, "")))
        for name, message in stray:
            self.rows.append(dict(row="(not expected) during: " + "; ".join(s.row for s in scenarios), alert=name, bad=message))

    def look(self, incidents, by_alert, stray):
        now = time.time()
        alerts = [x for x in self.cluster.alerts() if x["state"] == "firing"]
        self.info |= {x["labels"]["alertname"] for x in alerts if x["labels"]["severity"] == "info"}
        for watch in incidents:
            incident = watch.incident
            if watch.metric is None and self.cluster.query(incident.metric):
                watch.metric = now
            for alert in alerts:
                if watch.fired is None and alert["labels"]["alertname"] == incident.alert:
                    watch.fired = now
                if alert["labels"]["alertname"] in incident.silenced:
                    watch.silenced.add(alert["labels"]["alertname"])
        for at, to, name, firing, fresh in self.new_notifications():
            watch = by_alert.get(name)
            if watch is None:
                stray.append((name, f"notified: {text(firing[0])}"))
            elif fresh:
                if watch.notification is None:
                    watch.missing = self.cluster.missing(watch.incident.finding)
                watch.notification = watch.notification or at
                watch.notifications.append((to, " | ".join(text(x) for x in firing)))
            else:
                watch.updates += 1
        for watch in incidents:
            if not watch.during_done and watch.notification and now > watch.notification + 3:
                watch.incident.during(self.cluster)
                watch.during_done = True

    def quiet(self, by_alert, incidents, stray):
        """Until nothing is pending or firing: the end of an incident must not notify anybody."""
        start, calm = time.time(), time.time()
        last = self.slots_left == 0 or not incidents
        while time.time() < (calm + (3 if last else GROUP / self.factor)) or (not last and time.time() < start + SETTLED):
            self.look([], by_alert, stray)
            busy = {x["labels"]["alertname"] for x in self.cluster.alerts() if x["labels"]["severity"] != "info"}
            if last:
                busy -= {w.incident.alert for w in incidents if w.incident.lingers}
            if busy:
                calm = time.time()
            if time.time() > start + QUIET / self.factor and busy:
                stray.append((", ".join(sorted(busy)), "did not resolve"))
                return
            time.sleep(0.5)

    def verdict(self, watch):
        incident, bad = watch.incident, []
        for name in ("metric", "fired", "notification"):
            if getattr(watch, name) is None:
                bad.append(f"no {name}")
        if len(watch.notifications) > NOTIFICATIONS:
            bad.append(f"more than {NOTIFICATIONS} notification{'s' if GROUPING else ''}: " + " || ".join(t for _, t in watch.notifications))
        # What the first one says; with another grouping the second end may be told in the second one.
        said = watch.notifications[:NOTIFICATIONS]
        for to, message in [(said[0][0], " || ".join(one for _, one in said))] if said else []:
            missing = [word for word in incident.culprit if word not in message]
            if missing:
                bad.append(f"not named: {', '.join(missing)}, in: {message}")
            if to != (incident.to if not GROUPING else "all"):
                bad.append(f"went to {to}")
        bad += watch.missing
        never = set(incident.silenced) - watch.silenced if not GROUPING else set()
        if never:
            bad.append(f"was to be silenced and never fired: {', '.join(sorted(never))}")
        since = {name: round(getattr(watch, name) - watch.began, 1) for name in ("metric", "fired", "notification")
                 if getattr(watch, name)}
        return dict(row=incident.row, alert=incident.alert, to=GROUPING and "all" or incident.to, n=len(watch.notifications), **since, bad="; ".join(bad))

    def run(self):
        try:
            self.start()
            if self.lab.show:
                self.lab.show(self.cluster)
                time.sleep(15)
            for number, slot in enumerate(self.lab.slots):
                self.slots_left = len(self.lab.slots) - number - 1
                self.slot(slot)
            self.names = self.cluster.names()
            # What a benign lab showed must not notify later either.
            if self.lab.slots and all(not isinstance(s, Incident) for slot in self.lab.slots for s in slot):
                time.sleep(300 / self.factor)
                stray = []
                self.look([], {}, stray)
                self.rows += [dict(row="(not expected) at the end", alert=name, bad=message) for name, message in stray]
            for row in self.rows:
                if row.get("benign") and row["alert"] and row["alert"] not in self.info:
                    row["bad"] = f"{row['alert']} did not fire"
        except Exception as error:  # the table must say what went wrong in this lab
            self.log(f"{type(error).__name__}: {error}")
            self.rows.append(dict(row="(the run itself)", alert="", bad=f"{type(error).__name__}: {error}"))
        finally:
            self.cluster.stop_all()
        return self.rows


def chosen(slots, rows):
    """Those slots that have one of the rows, and what they need; all where none is named. With another grouping each row is staged by
    itself: alerts of all names are one notification."""
    if GROUPING:
        slots = [[s] for slot in slots for s in slot if not isinstance(s, Incident) or s.begin or s.fault]
    named = [not rows or any(s.row in rows for s in slot) for slot in slots]
    return [slot for i, slot in enumerate(slots) if named[i] or any(named[i:]) and any(getattr(s, "needed", False) for s in slot)]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and end what was started
    name, work, factor = sys.argv[1], sys.argv[2], float(sys.argv[3])
    lab = next(x for x in [*scenarios.LABS, pod_paths.PATHS, scenarios.NAMES] if x.name == name)
    runner = Runner(lab, work, factor)
    lab.slots = chosen(lab.slots, sys.argv[4:])
    json.dump(dict(rows=runner.run(), names=runner.names), open(f"{work}/verdicts.json", "w"))
