"""Shorten every duration of a rules file or an Alertmanager configuration by one factor.

Usage: scale.py FILE FACTOR
"""
import re
import sys

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# A Prometheus duration: 4m30s. Prose ("30 minutes", "240 s") has a space.
DURATION = re.compile(r"(?<![\w.])(?:\d+(?:ms|[smhdw]))+(?!\w)")
# Plain numbers of an expression that are seconds, or so many a second.
SECONDS = [r"(?<=time\(\) - )(?:604800|86400|900|285)\b", r"(?<=>= )120(?= < 1[24])", r"(?<=>= 120 < )(?:128|140)\b"]
PER_SECOND = [r"(?<=\[5m\]\)\) > )(?:0\.1|1)\b"]


def seconds(text):
    return sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdw])", text))


def scale(text, factor):
    """Comments and descriptions stay as they are, but for the ranges of their queries."""
    changes = [(match, float(match[0]) / factor) for pattern in SECONDS for match in re.finditer(pattern, text)]
    changes += [(match, float(match[0]) * factor) for pattern in PER_SECOND for match in re.finditer(pattern, text)]
    for match, value in sorted(changes, key=lambda change: -change[0].start()):
        text = text[:match.start()] + format(value, "g") + text[match.end():]
    return DURATION.sub(lambda m: f"{max(1, round(seconds(m[0]) * 1000 / factor))}ms", text)


if __name__ == "__main__":
    print(scale(open(sys.argv[1]).read(), float(sys.argv[2])), end="")
