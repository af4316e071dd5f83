"""What the tests of what is released have in common."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/chart"))
TRIPLE = "x86_64-unknown-linux-gnu"


def run(*args, ok=True, **more):
    """The finished process; a failed one is a failed test."""
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **more)
    assert not ok or done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
    return done
