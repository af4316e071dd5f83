"""Each file stages one thing; `SCENARIOS` lists its functions: `f(out)` alone, or `f(cluster, out)` on the four nodes.

A scenario raises AssertionError when the exporter says something else than what was staged, and leaves the cluster as
it found it, whatever mode its routes are in.
"""
