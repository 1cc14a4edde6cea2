"""How many values a JSON value contains."""

from typing import Any


def count_values(value: Any, limit: int | None = None) -> int:
    """Count the entries of all objects and lists in a value, however deep; stop where there are more than `limit`."""
    count, pending = 0, [value]
    while pending and (limit is None or count <= limit):
        inner = pending.pop()
        if isinstance(inner, dict | list):
            count += len(inner)
            pending += inner.values() if isinstance(inner, dict) else inner
    return count
