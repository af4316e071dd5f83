"""Shorten every duration of a rules file or an Alertmanager configuration by one factor."""
import re

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# A Prometheus duration: 4m30s. Prose ("30 minutes", "240 s") has a space.
DURATION = re.compile(r"(?<![\w.])(?:\d+(?:ms|[smhdw]))+(?!\w)")
# Seconds that stand in an expression as plain numbers.
NUMBERS = [(re.compile(r"(?<=time\(\) - )604800\b"), ), (re.compile(r"(?<=>= )120(?= < 140)"), ), (re.compile(r"(?<=>= 120 < )140\b"), )]


def seconds(text):
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdw])", text))


def scale(text, factor):
    """Comments and descriptions are left as they are, but for the ranges of their queries."""
    numbers = [(pattern, match) for (pattern,) in NUMBERS for match in pattern.finditer(text)]
    for _, match in sorted(numbers, key=lambda m: -m[1].start()):
        text = text[:match.start()] + format(int(match[0]) / factor, "g") + text[match.end():]
    return DURATION.sub(lambda m: f"{max(1, round(seconds(m[0]) * 1000 / factor))}ms", text)
