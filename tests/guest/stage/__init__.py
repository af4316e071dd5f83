"""Nodes as network namespaces, real BIRD and the exporter in them, and what the exporter says read back.

Python's standard library only; used by the guest, the drills and the bench.
"""
