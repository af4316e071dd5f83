#!/usr/bin/env python3
"""Runs every scenario inside the guest: main.py OUT_DIR [[but] SCENARIO...]. Exit code 0 only if all passed."""

import importlib
import os
import pkgutil
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from stage.cluster import Cluster  # noqa: E402

MODULES = ["ipip", "vxlan", "wireguard", "dummy", "veth", "bridge", "nf_tables", "ip6_tunnel"]


def load_modules():
    """Everything here hangs on the real devices: a missing one is a failure."""
    subprocess.run(["modprobe", "-a", *MODULES], check=True)


def scenarios(wanted):
    """Module and function of every scenario that is wanted, in the order of their file names."""
    import scenarios as package
    but = wanted[:1] == ["but"]
    named = wanted[1:] if but else wanted
    for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
        loaded = importlib.import_module(f"scenarios.{module}")
        for function in loaded.SCENARIOS:
            if not named or any(word in (module, function.__name__) for word in named) != but:
                yield module, function


def main():
    out, wanted = sys.argv[1], sys.argv[2:]
    began = time.monotonic()
    clock = lambda: f"{time.monotonic() - began:5.1f} s"  # noqa: E731
    print(f"guest: kernel {os.uname().release}, {os.cpu_count()} processor(s)")
    load_modules()
    cluster, passed, failed = None, 0, []
    for module, scenario in scenarios(wanted):
        name = f"{module}.{scenario.__name__}"
        try:
            if scenario.__code__.co_argcount == 2 and cluster is None:
                cluster = Cluster()
                print(f"      four nodes stand at {clock()}")
            scenario(*([cluster, out] if scenario.__code__.co_argcount == 2 else [out]))
        except Exception as error:  # noqa: BLE001 (one failed scenario does not hide the others)
            failed.append(name)
            print(f"FAIL  {clock()}  {name}: {error}")
            if not isinstance(error, AssertionError):
                traceback.print_exc(file=sys.stdout)
        else:
            passed += 1
            print(f"ok    {clock()}  {name}: {' '.join((scenario.__doc__ or '').split())}")
        sys.stdout.flush()
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
