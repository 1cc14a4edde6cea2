"""A request to Customer.io as data: it can be shown, digested, stored, and made later."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Self
from urllib.parse import quote, urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, model_validator

from cio_mcp.customerio.canonical import canonical, comparable, comparable_target
from cio_mcp.customerio.identities import Known
from cio_mcp.customerio.operations import (
    OPERATIONS,
    Api,
    Effect,
    Guardrail,
    Lane,
    Method,
    Operation,
    Retry,
    by_route,
    cache_families,
    classify_retry,
    effects,
    value_at,
)
from cio_mcp.customerio.url_values import check_path, check_query, query_of

__all__ = ["Call", "canonical", "digest", "read"]

NOBODY: Known = MappingProxyType({})
_FORMER_FIELDS = frozenset({"api", "method", "route", "lane", "retry", "minted", "answers"})
"""The fields of a call in journals from before the table of operations."""


class Call(BaseModel):
    """One request: its operation and the values for it, so that a log can name the route and nothing else.

    What the operation is (route, rate limit, retry class, guardrails) is in the table of operations.

    Raises:
        InvalidArgument: a value of the path could leave its segment, or one of the query is too long.
        ValueError: there is no such operation, or the path or body belongs to another one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    path: Annotated[dict[str, str], AfterValidator(check_path)] = {}
    query: Annotated[dict[str, str], AfterValidator(check_query)] = {}
    body: JsonValue = None

    @model_validator(mode="before")
    @classmethod
    def _from_former_fields(cls, data: Any) -> Any:
        """Read a call as journals hold it from before calls named their operation."""
        if not isinstance(data, dict) or "operation" in data or "route" not in data:
            return data
        kept = {name: value for name, value in data.items() if name not in _FORMER_FIELDS}
        row = by_route(data.get("api", "app"), str(data.get("method")), str(data["route"]))
        if row is None:
            raise ValueError("no operation has this API, method, and route")
        action = effects(row, kept.get("body"))[0].operation
        return {"operation": row.id if row.elements else action.id, **kept}

    @model_validator(mode="after")
    def _fits_its_operation(self) -> Self:
        row = OPERATIONS.get(self.operation)
        if row is None:
            raise ValueError("there is no operation with this name")
        if set(self.path) != set(row.path_parameters):
            raise ValueError(f"{row.id} takes these path values: {', '.join(row.path_parameters) or 'none'}")
        if row.when and self.effects[0].operation is not row:
            raise ValueError(f"this body belongs to an operation other than {row.id}")
        return self

    @property
    def row(self) -> Operation:
        """What the table of operations says of it; of what it does, `effects` say more."""
        return OPERATIONS[self.operation]

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What it does, by its body: one effect, or one for each request of a batch."""
        return effects(self.row, self.body)

    @property
    def api(self) -> Api:
        """The API that it belongs to."""
        return self.row.api

    @property
    def method(self) -> Method:
        """Its HTTP method."""
        return self.row.method

    @property
    def route(self) -> str:
        """Its route template, which contains no identifier."""
        return self.row.route

    @property
    def endpoint(self) -> str:
        """Its method and route template, as logs, spans, and people read them."""
        return f"{self.method} {self.route}"

    @property
    def lane(self) -> Lane:
        """The rate limit that it counts against."""
        return self.row.lane

    @property
    def retry(self) -> Retry:
        """Whether it may be sent again: `read` and `repeatable` calls may, `once` calls never."""
        return classify_retry(self.effects)

    @property
    def families(self) -> frozenset[str]:
        """The cache families that it fills or, if it writes, empties."""
        return cache_families(self.effects)

    @property
    def guardrails(self) -> frozenset[Guardrail]:
        """The rules that apply to it."""
        return frozenset(rule for effect in self.effects for rule in effect.operation.guardrails)

    @property
    def generated(self) -> frozenset[str]:
        """The top-level body fields with ids and times that this server filled in; a batch has none of its own."""
        return frozenset() if self.row.elements else frozenset(self.effects[0].operation.generated)

    def comparable(self, known: Known = NOBODY) -> JsonValue:
        """A form in which two calls are equal if their effects are; see `canonical.comparable`."""
        return comparable(self.row, self.effects, self.path, self.query, self.body, known)

    def comparable_target(self, known: Known = NOBODY) -> JsonValue:
        """A form in which two calls are equal if they differ in their data alone; see `canonical.comparable_target`."""
        return comparable_target(self.effects, self.path, known)

    @property
    def subject(self) -> str:
        """What its first effect is about, by one identifier, as in the path or body; empty if nothing is named."""
        effect = self.effects[0]
        subject = self.path.get(effect.operation.target) or value_at(effect.body, effect.operation.target)
        if isinstance(subject, dict):
            subject = next((value for value in subject.values() if isinstance(value, str | int)), None)
        return str(subject) if isinstance(subject, str | int) else ""

    @property
    def target(self) -> str:
        """Path and query, every value percent-encoded: an unencoded `+` finds no one, without an error."""
        path = self.route.format(**{name: quote(value, safe="") for name, value in self.path.items()})
        return f"{path}?{urlencode(self.query, quote_via=quote, safe='')}" if self.query else path


def read(operation: str, *, query: Mapping[str, object] | None = None, body: JsonValue = None, **path: object) -> Call:
    """Build a read; query values that are None are left out, booleans become true/false.

    Raises:
        InvalidArgument: as `Call`.
        ValueError: as `Call`, or the operation writes.
    """
    call = Call(
        operation=operation,
        path={name: str(value) for name, value in path.items()},
        query=query_of(query or {}),
        body=body,
    )
    if call.row.writes:
        raise ValueError(f"{operation} writes")
    return call


def digest(calls: tuple[Call, ...]) -> str:
    """SHA-256 (hex) over the requests as they leave, in order: what an approval binds."""
    requests = [[call.api, call.method, call.target, call.body] for call in calls]
    return hashlib.sha256(canonical(requests).encode()).hexdigest()
