"""A request to Customer.io as data: it can be shown, digested, stored, and made later."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue

from cio_mcp.errors import InvalidArgument

Api = Literal["app", "track"]
Method = Literal["GET", "POST", "PUT", "DELETE"]
LaneName = Literal["app", "track", "transactional", "broadcast", "archived_message"]
RetryClass = Literal["read", "repeatable", "once"]

MAX_PATH_VALUE_BYTES = 150
"""The longest identifier that Customer.io takes: https://docs.customer.io/integrations/api/track/ (identify)."""

MAX_QUERY_VALUE_BYTES = 2_000
"""Many times the longest value that Customer.io documents for a query, cursors included; no source."""

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


def _path_values(path: dict[str, str]) -> dict[str, str]:
    for name, value in path.items():
        check_path_value(_ARGUMENTS.get(name) or ("id" if name.endswith("_id") else name), value)
    return path


def _query_values(query: dict[str, str]) -> dict[str, str]:
    for name, value in query.items():
        _check_text(_ARGUMENTS.get(name, name), value, MAX_QUERY_VALUE_BYTES)
    return query


def _check_text(argument: str, value: str, limit: int) -> None:
    if (size := len(value.encode(errors="surrogatepass"))) > limit:
        raise InvalidArgument(argument, f"is {size:,} bytes long; Customer.io takes at most {limit:,} there")
    if _NOT_IN_A_URL.search(value):
        raise InvalidArgument(argument, "must not contain control characters or half a character")


class Call(BaseModel):
    """One request: route template and values apart, so that a log can name the route and nothing else.

    `retry` says what may be repeated: `read` and `repeatable` calls may be made again, `once` calls never.
    `minted` names top-level body keys that were made up when planning (an event's ULID, a time) and so
    do not count when two calls are compared. `answers` names the keys that the JSON object of a 2xx must hold as
    evidence that the write happened; None means that Customer.io documents an empty answer.

    Raises:
        InvalidArgument: a value of the path could leave its segment, or one of the query is too long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api: Api
    method: Method
    route: str
    path: Annotated[dict[str, str], AfterValidator(_path_values)] = {}
    query: Annotated[dict[str, str], AfterValidator(_query_values)] = {}
    body: JsonValue = None
    lane: LaneName
    retry: RetryClass
    minted: tuple[str, ...] = ()
    answers: tuple[str, ...] | None = ()

    @property
    def target(self) -> str:
        """Path and query, every value percent-encoded: an unencoded `+` finds nobody, without an error."""
        path = self.route.format(**{name: quote(value, safe="") for name, value in self.path.items()})
        return f"{path}?{urlencode(self.query, quote_via=quote, safe='')}" if self.query else path

    @property
    def without_minted(self) -> "Call":
        """The same call less what was made up for it: equal for two requests that mean the same."""
        if not self.minted or not isinstance(self.body, dict):
            return self
        kept = {key: value for key, value in self.body.items() if key not in self.minted}
        if isinstance(to := kept.get("to"), str):
            # Mail to an address arrives however its letters are cased.
            kept["to"] = to.casefold()
        return self.model_copy(update={"body": kept, "minted": ()})


def read(
    route: str,
    *,
    method: Literal["GET", "POST"] = "GET",
    query: Mapping[str, object] | None = None,
    body: JsonValue = None,
    lane: LaneName = "app",
    **path: object,
) -> Call:
    """Build a read of the App API; query values that are None are left out, booleans become true/false."""
    return Call(
        api="app",
        method=method,
        route=route,
        path={name: str(value) for name, value in path.items()},
        query=query_of(query or {}),
        body=body,
        lane=lane,
        retry="read",
    )


def query_of(values: Mapping[str, object]) -> dict[str, str]:
    """Query parameters as Customer.io reads them; None is left out."""
    said = {name: value for name, value in values.items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in said.items()}


def canonical(value: object) -> str:
    """JSON with one spelling: sorted keys, no spaces, no escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(calls: tuple[Call, ...]) -> str:
    """SHA-256 (hex) over calls in order: what an approval binds."""
    return hashlib.sha256(canonical([call.model_dump(mode="json") for call in calls]).encode()).hexdigest()
