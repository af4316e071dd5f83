#!/usr/bin/env python3
"""tables.py CSV: the rows of docs/performance.md's tables, in Markdown."""

import csv
import sys


def cell(row, key, digits):
    return f"{float(row[key]):.{digits}f}" if row[key] else "–"


def whole(row, key):
    return f"{int(float(row[key])):,}" if row[key] else "–"


def main():
    with open(sys.argv[1], newline="", encoding="ascii") as file:
        for row in csv.DictReader(file):
            if row["subject"] in ("bare client again",):
                continue
            cells = [whole(row, "size"), row["subject"], cell(row, "wall_ms", 2), cell(row, "wall_ratio", 1), cell(row, "cpu_ms", 2), cell(row, "cpu_ratio", 1)]
            if row["part"] in ("peers", "established"):
                cells.append(cell(row, "bird_cpu_ms", 2))
            cells += [cell(row, "rss_mib", 1), whole(row, "bytes"), whole(row, "series")]
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
