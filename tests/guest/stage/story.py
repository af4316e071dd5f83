"""What a Prometheus would have seen: scrapes kept for the host, where promtool holds them against the shipped rules."""

import json
import os


def keep(out, name, before, after, fires=(), silent=()):
    """A story: `before` held for twenty minutes; then `after` for forty, in which the counters go on growing by what they
    grew between the two, once a minute. `fires`: the alerts that must be firing at its end; `silent`: those that must not."""
    story = {"name": name, "before": before.text, "after": after.text, "fires": list(fires), "silent": list(silent)}
    with open(os.path.join(out, f"{name}.story.json"), "w", encoding="utf-8") as file:
        json.dump(story, file)
