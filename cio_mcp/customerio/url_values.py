"""Values in URLs: what a path and a query may hold."""

import re
from collections.abc import Mapping

from cio_mcp.errors import InvalidArgument

MAX_PATH_VALUE_BYTES = 150
"""The longest identifier that Customer.io takes: https://docs.customer.io/integrations/api/track/ (identify)."""

MAX_QUERY_VALUE_BYTES = 2_000
"""Many times the longest value that Customer.io documents for a query, cursors included. Chosen."""

_NOT_IN_A_URL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SEPARATORS = re.compile(r"[/\\]")
_ARGUMENTS = {
    "identifier": "customer",
    "customer_id": "customer",
    "segment_id": "segment",
    "start": "cursor",
    "tz": "timezone",
}
"""What tools call the values of a path and a query, where it is another name."""


def check_path_value(argument: str, value: str) -> None:
    """Refuse a value that could fill more or less than its own segment of a path.

    Percent-encoding does not keep a dot segment in its place: clients and servers remove it after decoding.

    Raises:
        InvalidArgument: the value is blank, too long, a path of its own, or holds control characters.
    """
    if not value.strip():
        raise InvalidArgument(argument, "must not be empty")
    _check_text(argument, value, MAX_PATH_VALUE_BYTES)
    if not {".", ".."}.isdisjoint(_SEPARATORS.split(value)):
        raise InvalidArgument(argument, 'must not be or contain the path segments "." and ".."')


def check_path(path: dict[str, str]) -> dict[str, str]:
    """Check every value of a path; see `check_path_value`."""
    for name, value in path.items():
        check_path_value(_ARGUMENTS.get(name) or ("id" if name.endswith("_id") else name), value)
    return path


def check_query(query: dict[str, str]) -> dict[str, str]:
    """Check every value of a query.

    Raises:
        InvalidArgument: one is too long or holds control characters.
    """
    for name, value in query.items():
        _check_text(_ARGUMENTS.get(name, name), value, MAX_QUERY_VALUE_BYTES)
    return query


def _check_text(argument: str, value: str, limit: int) -> None:
    if (size := len(value.encode(errors="surrogatepass"))) > limit:
        raise InvalidArgument(argument, f"is {size:,} bytes long; Customer.io accepts at most {limit:,} there")
    if _NOT_IN_A_URL.search(value):
        raise InvalidArgument(argument, "must not contain control characters or incomplete characters")


def query_of(values: Mapping[str, object]) -> dict[str, str]:
    """Query parameters as Customer.io reads them; None is left out."""
    present = {name: value for name, value in values.items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in present.items()}
