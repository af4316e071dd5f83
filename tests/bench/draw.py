#!/usr/bin/env python3
"""draw.py CSV SVG: latency and CPU of a look over the size, both axes logarithmic."""

import csv
import math
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, PLOT_W, PLOT_H, GAP = 940, 380, 62, 46, 370, 250, 90
# The project's own dark to light; readable on white and on dark pages.
COLOURS = {"calico-bgp-exporter": "#d9480f", "exporter, a route changed": "#f08c00", "bare client": "#495057", "raw dump": "#495057",
           "raw dump, proto bird": "#868e96", "bird_exporter": "#1971c2", "node_exporter": "#1971c2"}
TITLES = {"peers": "sessions configured (half of them established)", "established": "sessions, all of them established", "routes": "routes in the kernel"}


def rows_of(path):
    with open(path, newline="", encoding="ascii") as file:
        return [row for row in csv.DictReader(file) if row["subject"] in COLOURS]


def ticks(low, high):
    """Powers of ten from below `low` to above `high`."""
    return [10.0 ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def number(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def panel(rows, field, title, left, sizes_title):
    """One plot: a line a subject."""
    sizes = sorted({float(row["size"]) for row in rows})
    values = [float(row[field]) for row in rows]
    marks = ticks(min(values), max(values))
    low, high = math.log10(marks[0]), math.log10(marks[-1])
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size):
        return left + PLOT_W * (math.log10(size) - first) / (last - first or 1)

    def y(value):
        return TOP + PLOT_H * (1 - (math.log10(value) - low) / (high - low or 1))

    parts = [f'<text x="{left}" y="{TOP - 14}" class="title">{escape(title)}</text>']
    for mark in marks:
        parts.append(f'<line x1="{left}" x2="{left + PLOT_W}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" class="grid"/>'
                     f'<text x="{left - 8}" y="{y(mark) + 4:.1f}" class="tick" text-anchor="end">{number(mark)} ms</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.1f}" y="{TOP + PLOT_H + 20}" class="tick" text-anchor="middle">{number(size)}</text>')
    parts.append(f'<text x="{left + PLOT_W / 2}" y="{TOP + PLOT_H + 40}" class="tick" text-anchor="middle">{escape(sizes_title)}</text>')
    for subject, colour in COLOURS.items():
        points = sorted((float(row["size"]), float(row[field])) for row in rows if row["subject"] == subject)
        if points:
            path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in points)
            dots = "".join(f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="3.5" fill="{colour}"/>' for size, value in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>{dots}')
    return "".join(parts)


def legend(subjects):
    parts, left = [], LEFT
    for subject in subjects:
        parts.append(f'<rect x="{left}" y="{HEIGHT - 22}" width="14" height="4" fill="{COLOURS[subject]}"/>'
                     f'<text x="{left + 20}" y="{HEIGHT - 15}" class="tick">{escape(subject)}</text>')
        left += 40 + 7.5 * len(subject)
    return "".join(parts)


def draw(source, target):
    rows = rows_of(source)
    sizes_title = TITLES[rows[0]["part"]]
    subjects = [subject for subject in COLOURS if any(row["subject"] == subject for row in rows)]
    body = (panel(rows, "wall_ms", "Latency of one look (median)", LEFT, sizes_title)
            + panel(rows, "cpu_ms", "CPU of one look (median)", LEFT + PLOT_W + GAP, sizes_title) + legend(subjects))
    with open(target, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
                   "<style>.title{font-size:14px;font-weight:600;fill:#343a40}.tick{font-size:11.5px;fill:#495057}"
                   ".grid{stroke:#dee2e6}</style>"
                   f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{body}</svg>\n')


if __name__ == "__main__":
    draw(sys.argv[1], sys.argv[2])
