"""Reads an exposition from standard input with Prometheus' own Python client (argument: text or openmetrics)
and prints its series, name and labels, as JSON."""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

text = sys.stdin.buffer.read().decode()
if sys.argv[1] == "openmetrics":
    families = openmetrics_parser.text_string_to_metric_families(text)
else:
    families = parser.text_string_to_metric_families(text)
print(json.dumps([(s.name, list(s.labels.items())) for f in families for s in f.samples]))
