#!/usr/bin/env python3
"""drills.py [DRILL...]: every fault drill, or those named, one row each. DRILLS=quick does fewer repetitions.

One node with 1000 sessions configured, 100 of them established, on real BIRD 1.6; each drill gets a fresh exporter.
Exit code 0 only if every promise held.
"""

import os
import pathlib
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "bench"), str(HERE.parent / "guest")]

import on_bird  # noqa: E402
import on_host  # noqa: E402
import on_http  # noqa: E402
import on_kernel  # noqa: E402
from ledger import HEAD, Row  # noqa: E402
from peers import Peers  # noqa: E402
from stage.exporter import Exporter  # noqa: E402

PORT = 21710
QUICK = os.environ.get("DRILLS") == "quick"


class Setting(Peers):
    """The node that the drills are done to."""

    def __init__(self):
        super().__init__(100 if QUICK else 1000, 20 if QUICK else 100, prefix="gu-d", settle=0)
        self.directory = self.bird.directory
        self.sessions = self.names[:10]

    def exporter(self, *flags, sockets=None, namespace=None, **options):
        """A fresh exporter on this node's BIRD, or on these sockets."""
        sockets = [flag for path in sockets or [self.bird.socket] for flag in ("--bird.socket", path)]
        return Exporter(namespace or self.node, *sockets, *flags, port=PORT, node="drill", **options)

    @staticmethod
    def times(full, quick):
        return quick if QUICK else full


def main():
    wanted = sys.argv[1:]
    drills = [drill for module in (on_bird, on_http, on_kernel, on_host) for drill in module.DRILLS
              if not wanted or drill.__name__ in wanted]
    began = time.monotonic()
    setting = Setting()
    failed = 0
    try:
        print(f"{setting.configured} sessions configured, {setting.established} established ({time.monotonic() - began:.0f} s)\n\n{HEAD}")
        for drill in drills:
            row = Row(drill.__doc__.strip())
            try:
                drill(row, setting)
            except Exception as error:  # noqa: BLE001 (one broken drill does not hide the others)
                row.problems.append(f"{type(error).__name__}: {error}")
                if not isinstance(error, AssertionError):
                    traceback.print_exc()
            failed += bool(row.problems)
            print(row.text(), flush=True)
    finally:
        setting.close()
    print(f"\n{time.monotonic() - began:.0f} s\n{len(drills) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="drills-") as scratch:
        tempfile.tempdir = scratch
        code = main()
    sys.exit(code)
