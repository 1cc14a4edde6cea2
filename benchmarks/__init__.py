"""Benchmarks of the promised figures; each prints a table and whether the promise is kept."""

BENCHMARKS = ("limiter", "calls", "start", "ingest", "imports")
"""Modules of this package with `measure(*, short: bool) -> bool`: print a table, return whether it is as promised."""
