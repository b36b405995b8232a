"""Measures homeport against the floor (a plain shell script with the same effect over one SSH connection) and peers.

`python -m benchmarks` (or `make bench`) makes machines of its own in a lab of its own, measures, removes them, and
writes RESULTS.md. It needs root on Linux, as the lab does.
"""
