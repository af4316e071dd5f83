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
MARGIN = 120  # seconds: a scrape, two evaluations, and the last of many sessions
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
        self.group_by, self.group_wait = config["route"]["group_by"], config["route"]["group_wait"]
        self.rules = [(matchers(r["source_matchers"]), matchers(r["target_matchers"]), r["equal"]) for r in config["inhibit_rules"]]
        self.groups = yaml.safe_load(open(rules))["groups"]
        self.alerts = {r["alert"]: r for g in self.groups for r in g["rules"] if "alert" in r}

    def names(self, found):
        return {name for name, rule in self.alerts.items() if match(found, {"alertname": name, **rule["labels"]})}

    def pairs(self):
        """(silencer, silenced)"""
        return {(s, t) for source, target, _ in self.rules for s in self.names(source) for t in self.names(target)}

    def complaints(self):
        for group in self.groups:
            if group.get("interval") != "15s":
                yield f"group {group['name']} has no interval of 15 s: silencers may come too late"
        below = {name: {t for s, t in self.pairs() if s == name} for name in self.alerts}
        for source, target, equal in self.rules:
            for name, _, value in source + target:
                if name == "alertname":
                    for word in set(value.split("|")) - set(self.alerts) - {"Calico.+"}:
                        yield f"no alert is called {word}"
            if not {"cluster", "namespace", "job"} <= set(equal):
                yield f"an inhibit rule of {source} crosses clusters or jobs"
        for name in sorted(self.alerts):
            reached, new = set(), below[name]
            while new:
                reached |= new
                new = {t for s in new for t in below[s]} - reached
            if name in reached:
                yield f"{name} is silenced by what it silences"
        for s, t in sorted(self.pairs()):
            keep = [seconds(self.alerts[x].get("keep_firing_for", "0s")) for x in (s, t)]
            if not NOT_COMPARED.keys() & {(s, "*"), ("*", t)} and keep[0] < keep[1] + MARGIN:
                yield f"{s} silences {t} and is kept {keep[0]} s, not {MARGIN} s longer than its {keep[1]} s"

    def told(self, window, step, without=None):
        """PromQL: the alerts that notify within the window, one series each. Without: the number of an inhibit rule that is left out
        (no alert has that label: the matcher is there to be found in promtool's complaint)."""
        def alerts(found):
            return "ALERTS{" + ", ".join(f'{n}{o}"{v}"' for n, o, v in [("alertstate", "=", "firing"), *found]) + "}"
        silenced = " or ".join(f"({alerts(target)} and on ({', '.join(equal)}) {alerts(source)})"
                               for i, (source, target, equal) in enumerate(self.rules) if i != without)
        # A group notifies after its wait, at the earliest.
        return (f"group by (alertname, node, peer) (max_over_time((({alerts([('severity', '!=', 'info'), ('without', '!=', f'rule {without}')])} unless ({silenced})) "
                f"and on ({', '.join(self.group_by)}) {alerts([])} offset {self.group_wait})[{window}:{step}s]))")


if __name__ == "__main__":
    inhibition = Inhibition()
    complaints = list(inhibition.complaints())
    print("\n".join(complaints) or f"{len(inhibition.rules)} inhibit rules: no two alerts silence each other, and silencers are kept longer")
    raise SystemExit(bool(complaints))
