"""The ways to read that the modules of `api/` share: a record, a list, pages, and lookups by id or name."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar

from cio_mcp.customerio.api.base import (
    LIST_SECONDS,
    MAX_PAGES,
    Enumerated,
    Id,
    Listed,
    Model,
    Moment,
    Reference,
    is_number,
    items_of,
)
from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.client import Reader
from cio_mcp.customerio.left_out import leave_out
from cio_mcp.customerio.operations import operation
from cio_mcp.errors import Ambiguous, BadAnswer, InvalidArgument, NotFound, Rejected
from cio_mcp.text.lists import join_first
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import closest_names


class Named(Protocol):
    """Something with an id and a name a marketer gave it."""

    @property
    def id(self) -> str:
        """Customer.io's id."""

    @property
    def name(self) -> str:
        """The name a marketer gave it."""


BAD_REQUEST = 400
MAX_LISTED = 5
"""Things that an error lists where no name is close. Chosen."""
AnyItem = TypeVar("AnyItem")
AnyNamed = TypeVar("AnyNamed", bound=Named)
AnyModel = TypeVar("AnyModel", bound=Model)


def suggestion(id_or_name: str, items: Iterable[Named]) -> str | None:
    """A question that lists the items with close names and their ids; None where there are none."""
    by_name = {item.name: item for item in items}
    near = [by_name[name] for name in closest_names(id_or_name, by_name)]
    return f"did you mean {' or '.join(f'{quoted(item.name)} (id {item.id})' for item in near)}?" if near else None


def find_by_name(items: Iterable[AnyNamed], id_or_name: str, *, field: str, kind: str) -> AnyNamed:
    """Find the one item of exactly this name; spaces around it do not count.

    Raises:
        NotFound: none has it; the text suggests close names.
        Ambiguous: several have it; the text lists their ids.
    """
    items, name = list(items), id_or_name.strip()
    matches = [item for item in items if item.name.strip() == name]
    if len(matches) > 1:
        ids = ", ".join(item.id for item in matches[:10])
        raise Ambiguous(f"{field}: {len(matches)} {kind}s are named {quoted(name)}. Pass one of the IDs {ids}.")
    if matches:
        return matches[0]
    hint = suggestion(name, items) or f"{expected_one(items, lambda item: f'{quoted(item.name)} (id {item.id})')}."
    raise NotFound(f"{field}: no {kind} is named {quoted(name)}; {hint}")


def expected_one(items: Sequence[AnyItem], show: Callable[[AnyItem], str]) -> str:
    """What there is instead, where nothing has a close name."""
    if not items:
        return "there is none at all"
    return f"expected {'one of ' if len(items) > 1 else ''}{join_first(items, MAX_LISTED, show)}"


async def by_id_or_name(
    id_or_name: str,
    get: Callable[[str], Awaitable[AnyNamed]],
    every: Callable[[], Awaitable[Iterable[AnyNamed]]],
    *,
    field: str,
    kind: str,
) -> AnyNamed:
    """Find one thing by its id (digits), else by its exact name, which may be digits too.

    Raises:
        NotFound: there is none.
        Ambiguous: several have the name.
    """
    key = id_or_name.strip()
    if not is_number(key):
        return find_by_name(await every(), key, field=field, kind=kind)
    try:
        return await get(key)
    except NotFound:
        if any(item.name.strip() == key for item in await every()):
            return find_by_name(await every(), key, field=field, kind=kind)
        raise NotFound(f"{field}: no {kind} has the ID {key}.") from None


class NamedModel(Model):
    """A record with an ID and a name that a marketer gave it."""

    id: Id
    name: str = ""


class JourneySource(NamedModel):
    """The fields that campaigns and API-triggered broadcasts share."""

    type: Enumerated | None = None
    state: Enumerated | None = None
    active: bool = False
    created: Moment = None
    updated: Moment = None
    first_started: Moment = None
    tags: Annotated[tuple[str, ...], Listed] = ()

    @property
    def running(self) -> bool:
        """Whether it can reach more customers now; `active` counts too: Customer.io may return only one of both."""
        return self.active or self.state == "running"


AnySource = TypeVar("AnySource", bound=NamedModel)


class Reads:
    """A domain's reads; each method makes one kind of request and returns a model."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def _item(self, model: type[AnyModel], key: str, call: Call, *, cache: float = 0.0) -> AnyModel:
        """Read one record, which Customer.io wraps under `key`; `cache` is how old it may be, in seconds.

        Raises:
            BadAnswer: there is no record under `key`.
        """
        answer = await self._reader.read(call, cache=cache)
        if not isinstance(record := answer.get(key), dict):
            raise BadAnswer(f"Customer.io's response is not as documented ({key}).")
        return model.of(record)

    async def _list(
        self, model: type[AnyModel], key: str, call: Call, *, cache: float = 0.0, complete: bool = False
    ) -> list[AnyModel]:
        """Read the list under `key`; null counts as an empty one, and a record that can't be read is left out.

        Raises:
            BadAnswer: there is no list, or none of the records can be read or, for a `complete` list, not all of them.
        """
        return read_records(model, await self._reader.read(call, cache=cache), key, complete=complete)

    async def _pages(
        self, model: type[AnyModel], key: str, call: Call, *, most: int = MAX_PAGES, cache: float = 0.0
    ) -> list[AnyModel]:
        """Read a list of at most `most` pages; each answer's `next` is the following request's `start`."""
        records: list[AnyModel] = []
        for _ in range(most):
            answer = await self._reader.read(call, cache=cache)
            page = read_records(model, answer, key)
            records += page
            start = answer.get("next")
            # Some lists give a next token after their last item: an empty page ends them.
            if not page or start in (None, "", 0):
                break
            call = call.model_copy(update={"query": {**call.query, "start": str(start)}})
        return records


class PersonReads(Reads):
    """Reads of one person, who may be unknown."""

    async def _of(self, reference: Reference, operation: str, model: type[AnyModel], **query: Any) -> AnyModel:
        """Read what belongs to a person; `query` has the parameters of the operation.

        Raises:
            NotFound: no customer has this identifier.
            InvalidArgument: the workspace does not identify people this way.
        """
        call = read(operation, query={"id_type": reference.id_type, **query}, customer_id=reference.value)
        try:
            return model.of(await self._reader.read(call))
        except NotFound:
            raise unknown_customer(reference) from None
        except Rejected as rejected:
            if rejected.status == BAD_REQUEST and reference.id_type == "phone":
                raise InvalidArgument(
                    "customer", 'this workspace does not identify customers by phone. Use find_customers with a filter'
                    ' on the attribute "phone"',
                ) from None  # fmt: skip
            raise


def unknown_customer(reference: Reference) -> NotFound:
    """Say who was not found; an address is not repeated."""
    match reference.id_type:
        case "email":
            return NotFound(
                "customer: no customer has this email address; find_customers can search by attribute. "
                'If it is an ID, call get_customer with id_type="id".'
            )
        case "phone":
            return NotFound("customer: no customer has this phone number.")
        case "cio_id":
            return NotFound(
                f"customer: no customer has the cio_id {quoted(reference.value)}. Search with find_customers."
            )
        case _:
            subject = "this ID" if "@" in reference.value else f"the ID {quoted(reference.value)}"
            return NotFound(f"customer: no customer has {subject}. find_customers can search by email or attributes.")


def list_under(answer: Mapping[str, Any], key: str) -> list[Any]:
    """The list that an answer is about; null counts as an empty one.

    Raises:
        BadAnswer: there is none: what an answer does not say must not look like nothing.
    """
    try:
        return items_of(answer[key])
    except (KeyError, ValueError):
        raise BadAnswer(f"Customer.io's response is not as documented ({key}).") from None


def read_records(
    model: type[AnyModel], answer: Mapping[str, Any], key: str, *, complete: bool = False
) -> list[AnyModel]:
    """Read the records under `key`, leniently as `Reads._list` does."""
    records: list[AnyModel] = []
    odd: BadAnswer | None = None
    for value in list_under(answer, key):
        try:
            records.append(model.of(value))
        except BadAnswer as unreadable:
            odd = unreadable
    if odd and (complete or not records):
        raise odd
    if odd:
        leave_out(answer[key], len(answer[key]) - len(records))
    return records


class SourceReads(Reads, Generic[AnySource]):
    """The reads that campaigns, broadcasts, newsletters and transactional messages have in common.

    `listing` and `reading` are the operations that list them and get one, `key` names one in an answer, and `kind`
    names them in an error. A list that is `complete` leaves out no record, since a decision about a write rests on it.
    """

    model: type[AnySource]
    listing: str
    reading: str
    key: str
    kind: str
    complete: bool = False

    async def all(self) -> list[AnySource]:
        """All of the workspace, in Customer.io's order."""
        call = read(self.listing)
        return await self._list(self.model, f"{self.key}s", call, cache=LIST_SECONDS, complete=self.complete)

    async def get(self, id_: str) -> AnySource:
        """Read one by its id.

        Raises:
            NotFound: there is none.
        """
        (parameter,) = operation(self.reading).path_parameters
        path: dict[str, Any] = {parameter: id_}
        return await self._item(self.model, self.key, read(self.reading, **path))

    async def find(self, id_or_name: str, *, field: str = "id") -> AnySource:
        """Find one by its id (digits) or exact name; `field` is the argument that an error names.

        Raises:
            NotFound: there is none.
            Ambiguous: several have the name.
        """
        return await by_id_or_name(id_or_name, self.get, self.all, field=field, kind=self.kind)
