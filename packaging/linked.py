"""What is linked into the static binary besides our own code: for the notices and the bill of materials."""

import json
import pathlib
import subprocess


def run(*args):
    return subprocess.run(args, capture_output=True, text=True, check=True).stdout


def linked(triple):
    """Packages in the binary, without procedural macros and build tools: (name, version) → licence."""
    tree = run("cargo", "tree", "--locked", "--target", triple, "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}|{l}")
    found = {}
    for line in sorted(set(tree.replace(" (*)", "").splitlines())):
        package, licence = line.split("|")
        name, version = package.split()[:2]
        if name != "calico-bgp-exporter":
            found[name, version.removeprefix("v")] = licence
    return found


def metadata(triple):
    """Cargo's own description of packages and of who depends on whom."""
    return json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", triple))


def folders(triple):
    """(name, version) → where cargo has unpacked the package."""
    return {(p["name"], p["version"]): pathlib.Path(p["manifest_path"]).parent for p in metadata(triple)["packages"]}
