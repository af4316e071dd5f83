#!/usr/bin/env python3
"""What alertmanager-example.yaml silences, checked against the rules and told as PromQL.

A silencer must not be silenced by what it silences, by whatever detour: both would be mute. And it must
be kept longer (keep_firing_for): at the end of an incident its condition may end some seconds earlier.
"""
import os
import re

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = f"{ROOT}/alerts/calico-bgp.rules.yaml"
ALERTMANAGER = f"{ROOT}/alerts/alertmanager-example.yaml"
MARGIN = 75  # seconds: a scrape and an evaluation
LONGEST = 300  # a silencer that is kept longer hides the next fault of its node
# Silencer and silenced whose ends have nothing to do with each other.
NOT_COMPARED = {
    ("CalicoBGPExporterDown", "*"): "what it silences has no data any more",
    ("*", "CalicoBGPPeerFlapping"): "its range of half an hour outlives everything",
}


def seconds(duration):
    return sum(int(n) * {"s": 1, "m": 60, "h": 3600}[unit] for n, unit in re.findall(r"(\d+)([smh])", duration))


def matchers(texts):
    return [re.fullmatch(r'(\w+) (=~|!=|!~|=) "(.*)"', text).groups() for text in texts]


def match(found, labels):
    """Alertmanager's matchers on what a rule says of its labels; a label that only the data knows matches."""
    for name, operator, value in found:
        if name in labels:
            equal = bool(re.fullmatch(value, labels[name])) if "~" in operator else labels[name] == value
            if equal == operator.startswith("!"):
                return False
    return True


class Inhibition:
    def __init__(self, alertmanager=ALERTMANAGER, rules=RULES):
        config = yaml.safe_load(open(alertmanager))
        self.route = config["route"]["routes"][0]
        self.rules = [(matchers(r["source_matchers"]), matchers(r["target_matchers"]), r["equal"]) for r in config["inhibit_rules"]]
        self.groups = yaml.safe_load(open(rules))["groups"]
        self.alerts = [r for g in self.groups for r in g["rules"] if "alert" in r]

    def names(self, found):
        return {r["alert"] for r in self.alerts if match(found, {"alertname": r["alert"], **r["labels"]})}

    def pairs(self):
        """(silencer, silenced)"""
        return {(s, t) for source, target, _ in self.rules for s in self.names(source) for t in self.names(target) if s != t}

    def keep(self, name, longest):
        return longest(seconds(r.get("keep_firing_for", "0s")) for r in self.alerts if r["alert"] == name)

    def complaints(self):
        known = {r["alert"] for r in self.alerts}
        below = {name: {t for s, t in self.pairs() if s == name} for name in known}
        for group in self.groups:
            silencers = {r["alert"] for r in group["rules"] if below.get(r.get("alert"))}
            if group.get("interval") != "15s" and silencers:
                yield f"group {group['name']} has no interval of 15 s: {', '.join(silencers)} may come too late"
        for source, target, equal in self.rules:
            for name, _, value in source + target:
                if name == "alertname":
                    for word in set(value.split("|")) - known - {"Calico.+"}:
                        yield f"no alert is called {word}"
            if not {"cluster", "namespace", "job"} <= set(equal):
                yield f"an inhibit rule of {source} crosses clusters or jobs"
        for name in sorted(known):
            reached, new = set(), below[name]
            while new:
                reached |= new
                new = {t for s in new for t in below[s]} - reached
            if name in reached:
                yield f"{name} is silenced by what it silences"
            if self.keep(name, max) > LONGEST:
                yield f"{name} is kept for more than {LONGEST} s: it would hide another fault"
        for s, t in sorted(self.pairs()):
            keep = self.keep(s, min), self.keep(t, max)
            if not NOT_COMPARED.keys() & {(s, "*"), ("*", t)} and keep[0] < keep[1] + MARGIN:
                yield f"{s} silences {t} and is kept {keep[0]} s, not {MARGIN} s longer than its {keep[1]} s"

    def group_by(self):
        """Labels of a group -> the names of the alerts that are grouped by them, node's incidents by node."""
        found = {}
        for rule in self.alerts:
            labels = {"alertname": rule["alert"], "node": "some", **rule["labels"]}
            routes = [r for r in self.route["routes"] if match(matchers(r["matchers"]), labels)]
            by = (routes + [self.route])[0].get("group_by", self.route["group_by"])
            found.setdefault(tuple(by), set()).add(rule["alert"])
        return found

    def told(self, window, step, without=None):
        """PromQL: the alerts that notify within the window, one series each. Without: the number of an inhibit rule that is left out
        (no alert has that label: the matcher is there to be found in promtool's complaint)."""
        def alerts(found):
            return "ALERTS{" + ", ".join(f'{n}{o}"{v}"' for n, o, v in [("alertstate", "=", "firing"), ("alertname", "!=", "UsersOwn"), *found]) + "}"
        silenced = " or ".join(f"({alerts(target)} and on ({', '.join(equal)}) {alerts(source)})"
                               for i, (source, target, equal) in enumerate(self.rules) if i != without)
        # A group notifies after its wait, at the earliest.
        waited = " or ".join(f"({alerts([('alertname', '=~', '|'.join(sorted(names)))])} and on ({', '.join(by)}) {alerts([])} offset {self.route['group_wait']})"
                             for by, names in sorted(self.group_by().items()))
        return (f"group by (alertname, node, peer) (max_over_time((({alerts([('severity', '!=', 'info'), ('without', '!=', f'rule {without}')])} unless ({silenced})) "
                f"and ({waited}))[{window}:{step}s]))")


if __name__ == "__main__":
    inhibition = Inhibition()
    complaints = list(inhibition.complaints())
    print("\n".join(complaints) or f"{len(inhibition.rules)} inhibit rules: no two alerts silence each other, and silencers are kept longer")
    raise SystemExit(bool(complaints))
