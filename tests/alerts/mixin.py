#!/usr/bin/env python3
"""The jsonnet mixin gives the groups of the rule files, unchanged. Needs gojsonnet and PyYAML."""
import glob
import json
import os
import sys

import _gojsonnet
import yaml

ALERTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "alerts")
files = {}
for path in sorted(glob.glob(f"{ALERTS}/*.yaml")):
    groups = yaml.safe_load(open(path)).get("groups")
    if groups:
        files[os.path.basename(path).removesuffix(".yaml").removesuffix(".rules")] = groups


def groups(choice):
    text = f"((import '{ALERTS}/mixin.libsonnet') + {{ _config+:: {{ {choice} }} }}).prometheusAlerts.groups"
    return json.loads(_gojsonnet.evaluate_snippet("mixin", text))


bad = [name for name, found in files.items() if groups(f"files: ['{name}']") != found]
if groups("") != files["calico-bgp"]:
    bad.append("the default")
if groups("files+: ['calico-pod-paths']") != files["calico-bgp"] + files["calico-pod-paths"]:
    bad.append("two files")
print(f"the mixin gives {len(files)} files" if not bad else f"the mixin differs: {bad}")
sys.exit(bool(bad))
