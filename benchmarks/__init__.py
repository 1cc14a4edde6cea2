"""The figures this project promises, measured; each prints a table and says whether the promise is kept."""

BENCHMARKS = ("limiter", "calls", "start", "ingest")
"""Modules of this package with `measure(*, short: bool) -> bool`: print a table, return whether it is as promised."""
