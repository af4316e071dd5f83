"""A scrape, read and asked."""

import re

_LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Scrape:
    """Every sample of one answer (text format 0.0.4)."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            found = None if line.startswith("#") else _LINE.match(line)
            if found:
                name, labels, value = found.groups()
                self.samples.setdefault(name, []).append((dict(_LABEL.findall(labels or "")), float(value)))

    def series(self, name, **labels):
        """The samples of a metric whose labels include these."""
        return [(found, value) for found, value in self.samples.get(name, [])
                if all(found.get(key) == wanted for key, wanted in labels.items())]

    def value(self, name, **labels):
        """The value of the one series that matches; `None` if none does."""
        found = self.series(name, **labels)
        if len(found) > 1:
            raise AssertionError(f"{len(found)} series match {name}{labels}")
        return found[0][1] if found else None

    def total(self, name, **labels):
        """The sum over the series that match; `None` if none does."""
        found = self.series(name, **labels)
        return sum(value for _, value in found) if found else None

    def count(self):
        """Samples in all."""
        return sum(len(samples) for samples in self.samples.values())
