#!/usr/bin/env python3
"""The stories as promtool's test files: the series that the exporters would show, and checks of which alerts fire at any time of a
story, and which of those Alertmanager's example leaves to notify.

Many stories stand side by side in one test, each a cluster with a label `cluster` of its own and the same node names and addresses:
an evaluation of all rules has its price however few series there are. It also proves that no cluster has a say in another.
With --alone each story has a file for itself and no such label, as most users have none.

Usage: stories.py FOLDER RULES.yaml STEP [--alone] [TEXT]
STEP: seconds between scrapes, and between evaluations. TEXT: only the stories with it in their name or number, as s07.
One story alone, by hand:
  mkdir /tmp/story; tests/alerts/stories.py /tmp/story $PWD/alerts/calico-bgp.rules.yaml 60 --alone "of two routers"
  promtool test rules /tmp/story/*.test.yaml
"""
import copy
import json
import os
import sys

import disturbed
import mesh
from inhibition import ROOT, Inhibition
from story import series

GROUPS = ("maintenance", "down", "recording", "nodes", "bird", "routes", "tunnels", "exporter", "sessions", "slow", "pod-cidrs")
# Series of one test. promtool's queries may load 10,000 samples, and two tests at once should cost about the same.
MOST_SERIES = 4000


def stories(step):
    for chapter in (mesh.benign, mesh.nodes_lost, mesh.isolated, mesh.bird, mesh.routes, mesh.exporters):
        yield from chapter()
    yield from disturbed.scrapes(step)
    for chapter in (disturbed.flapping, disturbed.shared_job, disturbed.maintenance, disturbed.causes):
        yield from chapter()


# The user's own rule must not know more than ours: while it fires for a session, one of ours does.
SESSION = "cluster, namespace, job"
UNTOLD = (f'ALERTS{{alertname="UsersOwn", alertstate="firing"}}'
          f' unless on ({SESSION}, node, peer) ALERTS{{alertname="CalicoBGPPeeringDown", alertstate="firing"}}'
          f' unless on ({SESSION}, peer) ALERTS{{alertname="CalicoBGPNodeUnreachable", alertstate="firing", peer!=""}}'
          f' unless on ({SESSION}, node) ALERTS{{alertname=~"CalicoBGPNodeUnreachable|CalicoBGPNodeIsolated", alertstate="firing", node!=""}}'
          f' unless on ({SESSION}) ALERTS{{alertname=~"CalicoBGPNodeUnreachable|CalicoBGPNodeIsolated", alertstate="firing", scope="cluster"}}')


def checks(story, step, inhibition):
    """(expression, evaluated at, what it must give)"""
    end = f"{story.minutes}m"
    def fired(matchers, window=end):
        return f'group by (alertname, node, peer) (max_over_time(ALERTS{{alertstate="firing", alertname!="UsersOwn", {matchers}}}[{window}]))'
    if story.fires is not None:
        yield fired('severity!="info"'), end, story.fires
    if story.pages is None:
        yield inhibition.told(end, step), end, story.told
    else:
        yield inhibition.told(end, step).replace('severity!="info"', 'severity="critical"', 1), end, story.pages
    if story.tickets_only:
        yield fired('severity="critical"'), end, []
    if story.pages_only:
        yield fired('severity="warning"'), end, []
    if not story.maintenance:
        yield f"group by (node, peer) (max_over_time(untold{{}}[{end}]))", end, []
    if story.deadline:
        at, names = story.deadline
        among = "|".join(sorted({n[0] for n in names}))
        yield fired(f'alertname=~"{among}"', f"{at + step}s"), f"{at + step}s", names


class Case:
    """A story with its series and checks."""

    def __init__(self, number, story, step, inhibition):
        self.story, self.cluster = story, f"s{number:02}"
        self.checks = list(checks(story, step, inhibition))
        self.series = series(story, step)

    def with_checks(self, checks):
        other = copy.copy(self)
        other.checks = checks
        return other

    def asked(self, alone):
        """The checks. No alert has a label `story`: the matcher is there to be found in promtool's complaint."""
        for expression, at, expected in self.checks:
            before, selector, after = expression.partition("ALERTS{" if "ALERTS{" in expression else "untold{")
            if not alone:
                after = after.replace("ALERTS{", f'ALERTS{{cluster="{self.cluster}", ')
                selector += f'cluster="{self.cluster}", '
            yield f"{before}{selector}story!={json.dumps(self.story.name)}, {after}", at, expected

    def shown(self, alone):
        for name, values in self.series:
            yield name if alone else name.replace("{", f'{{cluster="{self.cluster}", ', 1), values


def cases(step, inhibition, text=""):
    made = (Case(number, story, step, inhibition) for number, story in enumerate(stories(step)) if text in f"s{number:02} {story.name}")
    return sorted(made, key=lambda case: (case.story.maintenance, -case.story.minutes))


def fits(case, batch):
    """Of about the same length, and not too many series; but a large one has a small one beside it, too."""
    size = sum(len(other.series) for other in [case, *batch])
    first = batch[0].story
    return (first.maintenance == case.story.maintenance and first.minutes <= 1.7 * case.story.minutes
            and (size <= MOST_SERIES or (len(batch) == 1 and len(case.series) <= MOST_SERIES / 10)))


def batches(ordered):
    """Cases that stand side by side."""
    found = []
    for case in ordered:
        for batch in found:
            if fits(case, batch):
                batch.append(case)
                break
        else:
            found.append([case])
    return found


def cost(batch):
    """How long it takes, roughly: an evaluation as long as 500 series."""
    return max(case.story.minutes for case in batch) * (500 + sum(len(case.series) for case in batch))


def samples(expected):
    for alert, node, peer in sorted(set(expected)):
        labels = ", ".join(f'{k}="{v}"' for k, v in (("alertname", alert), ("node", node), ("peer", peer)) if v)
        yield f"          - {{labels: '{{{labels}}}', value: 1}}"


def write(path, batch, rules, step):
    alone = len(batch) == 1
    maintenance = [rules.replace(".rules.yaml", "-maintenance.rules.yaml")] if batch[0].story.maintenance else []
    files = [rules, *maintenance, f"{os.path.dirname(path)}/users-own.yaml"]
    name = batch[0].story.name if alone else f"{len(batch)} stories side by side"
    lines = [f"# story {case.cluster}: {case.story.name}" for case in batch]
    lines += [f"rule_files: [{', '.join(files)}]", f"evaluation_interval: {step}s",
              f"group_eval_order: [{', '.join('calico-bgp.' + g for g in GROUPS)}, users-own]", "tests:",
              f"  - name: {json.dumps(f'{name}, scraped every {step} s')}", f"    interval: {step}s", "    input_series:"]
    for case in batch:
        for series_name, values in case.shown(alone):
            lines += [f"      - series: {series_name}", f"        values: {values}"]
    lines.append("    promql_expr_test:")
    for case in batch:
        for expression, at, expected in case.asked(alone):
            lines += [f"      - expr: {json.dumps(expression)}", f"        eval_time: {at}", f"        exp_samples:{'' if expected else ' []'}", *samples(expected)]
    open(path, "w").write("\n".join(lines) + "\n")


def write_users_own(folder):
    """alerts/calico-bgp-peering-only.yaml, under a name that ours do not have."""
    text = open(f"{ROOT}/alerts/calico-bgp-peering-only.yaml").read()
    text = text.replace("alert: CalicoBGPPeeringDown", "alert: UsersOwn").replace("name: calico-bgp.peering-only", "name: users-own")
    open(f"{folder}/users-own.yaml", "w").write(f"{text}      - {{record: untold, expr: {UNTOLD!r}}}\n")


def main():
    folder, rules, step, *text = (a for a in sys.argv[1:] if a != "--alone")
    found = cases(int(step), Inhibition(), *text)
    write_users_own(folder)
    # The costliest first: the last ones to run are short.
    for number, batch in enumerate(sorted([[case] for case in found] if "--alone" in sys.argv else batches(found), key=cost, reverse=True)):
        name = batch[0].cluster if len(batch) == 1 else f"{len(batch)}-stories"
        write(f"{folder}/{number:02}-{name}.test.yaml", batch, rules, int(step))


if __name__ == "__main__":
    main()
