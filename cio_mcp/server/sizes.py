"""Bounds the number of values in the arguments of a call, before anything else is done with them."""

from collections.abc import Mapping
from typing import Any

from cio_mcp.errors import InvalidArgument
from cio_mcp.text.values import count_values

MAX_VALUES = 10_000
"""Values in the arguments of a call. Chosen: a message with 500 order lines of ten fields has half as many. Planning
takes some 10 µs for each, and nothing else is answered meanwhile."""


def check_size(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that contain more than `MAX_VALUES` values: entries of objects and lists, however deep.

    Raises:
        InvalidArgument: they do; the text names the argument in which the limit is exceeded.
    """
    count = len(arguments)
    if count > MAX_VALUES:
        raise InvalidArgument("arguments", f"have {count:,} values in total; a call can have at most {MAX_VALUES:,}")
    for name, value in arguments.items():
        count += count_values(value, MAX_VALUES - count)
        if count > MAX_VALUES:
            raise InvalidArgument(name, f"contains too many values; a call can have at most {MAX_VALUES:,} in total")
