"""Rows as lines of the files that this server writes; an incomplete character, which has no bytes, becomes `?`."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

from pydantic import JsonValue


def csv_lines(rows: Iterable[Sequence[str | None]]) -> bytes:
    """Rows as lines of CSV; None is an empty cell."""
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="replace")


def json_lines(rows: Iterable[Mapping[str, JsonValue]]) -> bytes:
    """Rows as lines of JSON."""
    return "".join(f"{json.dumps(dict(row), ensure_ascii=False)}\n" for row in rows).encode(errors="replace")
