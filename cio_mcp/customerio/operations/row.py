"""An operation of Customer.io's APIs as a row of facts, and the helpers that keep rows short."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

Api = Literal["app", "track", "pipelines"]
Method = Literal["GET", "POST", "PUT", "DELETE"]
Lane = Literal["app", "track", "transactional", "broadcast", "archived_message", "pipelines"]
Retry = Literal["read", "repeatable", "once"]
Risk = Literal["read", "data", "send", "destroy"]
Guardrail = Literal[
    "creation",
    "data_export",
    "explicit_send_to_unsubscribed",
    "reserved_event_keys",
    "segment_membership",
    "sender_identities",
    "sender_overrides",
]
Evidence = Literal["none", "delivery", "trigger", "activity", "attributes", "membership", "resource"]
Permanence = Literal["", "message", "event", "removal", "merge"]

Default = bool | None | Mapping[str, Any]

EVERYTHING = "*"
"""As a cache family: all of them. As a body field: the whole body, or any key in a field list. In `when`: any text."""


class Field(NamedTuple):
    """A body field or a query parameter as published.

    `required` fields belong to every request, `conditional` ones only to some of the published shapes of it.
    """

    name: str
    types: tuple[str, ...]
    required: bool
    conditional: bool


@dataclass(frozen=True, slots=True, eq=False, repr=False, match_args=False)
class Operation:
    """What one operation is and does. Only the published facts are Customer.io's; the rest is this server's judgment.

    Names of body fields are top-level keys, or dotted paths where only a part is meant. Columns:

    - `risk`: the floor. A plan may raise it, never lower it.
    - `retry`: `read` and `repeatable` requests may be sent again, `once` requests never. An event is repeatable only
      with the id that `event_id` names.
    - `families`: the cache family that a read fills, or those that a write empties; `*` is all of them.
    - `query`, `fields`: compact lists, see `parse_fields`; read them through `query_parameters` and `body_fields`.
    - `unpublished`: no schema was available, so `query` and `fields` are incomplete and a body cannot be checked.
    - `generated`: body fields with ids and times that this server fills in.
    - `time`: the body field with the time of what it does: when a send is due, or when an event happened.
    - `event_id`: the body field whose value the deliveries that an event causes carry as `trigger_event_id`.
    - `event_data`: the body field that holds an event's data.
    - `guardrails`: names of the rules that apply to every request.
    - `answer_id`: the path in a 2xx answer of the id without which the request does not count as done.
    - `empty_answer`: a 2xx without a body counts as done. Otherwise it must hold a JSON object, even an empty one.
    - `answer_list`: the key under which the answer is read where it is a list instead of an object.
    - `defaults`: body fields that mean the same with this value as without it, by the published defaults.
    - `evidence`, `verify`: what the effect leaves behind, and the operation that reads it.
    - `inverse`: the operation that undoes this one. If it is the same operation, it takes the values before.
    - `permanent`: what makes it impossible to undo; if this is empty too, an undo is possible but not provided.
    - `updates_only`: the body field that, when true, keeps a request from creating its person.
    - `people`: path parameters and body fields that name people, the person of the operation first.
    - `content`: body fields with personal data or the content of messages, masked and erased with people.
    - `secrets`: body fields that may hold credentials, which are never shown.
    - `answer_secrets`: keys that may hold credentials anywhere in the answer.
    - `target`: the path parameter or body field that names what the operation is about.
    - `when`: for a row that is one action of an operation, the body fields and values that select it; the value `*`
      stands for any text that no other row of the route names.
    - `elements`: for a batch, the body field that lists its requests.
    """

    id: str
    api: Api
    method: Method
    route: str
    summary: str
    domain: str
    risk: Risk = "read"
    retry: Retry = "read"
    lane: Lane = "app"
    families: tuple[str, ...] = ()
    query: str = ""
    fields: str = ""
    unpublished: bool = False
    generated: tuple[str, ...] = ()
    time: str = ""
    event_id: str = ""
    event_data: str = ""
    guardrails: tuple[Guardrail, ...] = ()
    answer_id: str = ""
    empty_answer: bool = False
    answer_list: str = ""
    defaults: tuple[tuple[str, Default], ...] = ()
    evidence: Evidence = "none"
    verify: str = ""
    inverse: str = ""
    permanent: Permanence = ""
    updates_only: str = ""
    people: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    answer_secrets: tuple[str, ...] = ()
    target: str = ""
    when: tuple[tuple[str, str], ...] = ()
    elements: str = ""

    def __repr__(self) -> str:
        return f"Operation({self.id})"

    @property
    def writes(self) -> bool:
        """Whether it changes anything in Customer.io, whatever its HTTP method is."""
        return self.risk != "read"

    @property
    def not_compared(self) -> tuple[str, ...]:
        """The body fields in which two requests with the same effect may differ."""
        return (*self.generated, self.time) if self.time else self.generated

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The names in the route template, in order."""
        return _parameters(self.route)

    @property
    def body_fields(self) -> tuple[Field, ...]:
        """The published top-level body fields; one named `*` means that any other key is allowed."""
        return parse_fields(self.fields)


class Columns(TypedDict, total=False):
    """The columns of a row that have a default."""

    risk: Risk
    retry: Retry
    lane: Lane
    families: tuple[str, ...]
    query: str
    fields: str
    unpublished: bool
    generated: tuple[str, ...]
    time: str
    event_id: str
    event_data: str
    guardrails: tuple[Guardrail, ...]
    answer_id: str
    empty_answer: bool
    answer_list: str
    defaults: tuple[tuple[str, Default], ...]
    evidence: Evidence
    verify: str
    inverse: str
    permanent: Permanence
    updates_only: str
    people: tuple[str, ...]
    content: tuple[str, ...]
    secrets: tuple[str, ...]
    answer_secrets: tuple[str, ...]
    target: str
    when: tuple[tuple[str, str], ...]
    elements: str


NO_COLUMNS: Columns = {}
UNPUBLISHED: Columns = {"unpublished": True}
UNPUBLISHED_WRITE: Columns = {"unpublished": True, "empty_answer": True, "content": (EVERYTHING,)}

_READ: Columns = {"risk": "read", "retry": "read"}
_POST: Columns = {"risk": "send", "retry": "once"}
_PUT: Columns = {"risk": "send", "retry": "repeatable"}
_DELETE: Columns = {"risk": "destroy", "retry": "repeatable", "permanent": "removal"}


class Group:
    """The rows of one domain: what they have in common is stated once, and a row names what differs.

    A `preset` is a set of columns that several rows share; columns given by name win over it.
    """

    def __init__(self, api: Api, domain: str, *, family: str, **common: Unpack[Columns]) -> None:
        self._api: Api = api
        self._domain = domain
        self._common: Columns = {"lane": "app" if api == "app" else api, "families": (family,), **common}

    def get(
        self, id_: str, route: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]
    ) -> Operation:
        """A read."""
        return self._row(id_, "GET", route, summary, _READ | preset | columns)

    def search(
        self, id_: str, route: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]
    ) -> Operation:
        """A read that is requested with POST."""
        return self._row(id_, "POST", route, summary, _READ | preset | columns)

    def post(
        self, id_: str, route: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]
    ) -> Operation:
        """A write that may reach people and must not be sent twice, unless its columns say otherwise."""
        return self._row(id_, "POST", route, summary, _POST | preset | columns)

    def put(
        self, id_: str, route: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]
    ) -> Operation:
        """A write that may reach people and has the same effect when it is sent again."""
        return self._row(id_, "PUT", route, summary, _PUT | preset | columns)

    def delete(
        self, id_: str, route: str, summary: str, preset: Columns = NO_COLUMNS, **columns: Unpack[Columns]
    ) -> Operation:
        """A removal for good, unless its columns name an inverse; the App API answers it without a body."""
        empty: Columns = {"empty_answer": self._api == "app"}
        return self._row(id_, "DELETE", route, summary, _DELETE | empty | preset | columns)

    def _row(self, id_: str, method: Method, route: str, summary: str, columns: Columns) -> Operation:
        values: Columns = {"target": _last_parameter(route)} | self._common | columns
        return Operation(id_, self._api, method, route, summary, self._domain, **values)


def value_at(value: Any, path: str) -> Any:
    """The part of a JSON value that a column names: a key, a dotted path, or `*` for all of it; None if absent."""
    for key in path.split(".") if path != EVERYTHING else ():
        value = value.get(key) if isinstance(value, dict) else None
    return value


@cache
def parse_fields(text: str) -> tuple[Field, ...]:
    """Read a compact list of fields: names apart by spaces, each with its marks.

    `name` is an optional string, `name:integer` has another type, `name:integer|string` either of two; `name!` is
    always required, `name?` only in some of the published shapes.
    """
    return tuple(_fields(text.split()))


def _fields(words: Iterable[str]) -> Iterable[Field]:
    for word in words:
        marked, _, types = word.partition(":")
        yield Field(
            name=marked.rstrip("!?"),
            types=tuple((types or "string").split("|")),
            required=marked.endswith("!"),
            conditional=marked.endswith("?"),
        )


@cache
def _parameters(route: str) -> tuple[str, ...]:
    return tuple(part[1:-1] for part in route.split("/") if part.startswith("{"))


def _last_parameter(route: str) -> str:
    return route[route.rindex("{") + 1 : route.rindex("}")] if "{" in route else ""
