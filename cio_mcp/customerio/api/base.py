"""What the modules of `api/` share: lenient models, times, and the way to read."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cio_mcp.customerio.call import Call, read
from cio_mcp.errors import Ambiguous, BadAnswer, NotFound
from cio_mcp.text.sanitize import quoted

if TYPE_CHECKING:
    from cio_mcp.customerio.client import Reader


class Model(BaseModel):
    """A lenient model of what Customer.io answers: unknown keys are ignored, ids come as int or str."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read an answer.

        Raises:
            BadAnswer: it lacks what Customer.io documents, or has it in another shape.
        """
        try:
            return cls.model_validate(answer)
        except ValidationError as wrong:
            # Only the outermost name: deeper ones may be keys out of the answer.
            names = {str(error["loc"][0]) if error["loc"] else "all of it" for error in wrong.errors()}
            raise BadAnswer(f"Customer.io's answer is not what it documents ({', '.join(sorted(names))}).") from None


def _moment(value: Any) -> Any:
    if value in (None, "", 0, "0"):
        return None
    if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()):
        return datetime.fromtimestamp(int(value), UTC)
    return value


Moment = Annotated[datetime | None, BeforeValidator(_moment)]
"""A Unix time in seconds as an aware datetime (UTC); 0, "" and null mean never."""

Listed = BeforeValidator(lambda value: value if isinstance(value, list) else [])
"""For `Annotated[list[...], Listed]`: where Customer.io says null, nothing, or "nil" for a list, it is empty."""

Blank = BeforeValidator(lambda value: None if value in ("", 0) else value)
"""For `Annotated[str | None, Blank]`: Customer.io says "" or 0 as well as null for an id that is not there."""

IdType = Literal["id", "email", "phone", "cio_id"]
Kind = Literal["campaign", "broadcast", "newsletter", "transactional"]

MAX_PAGES = 10
"""Requests that one list may cost; no source."""

LIST_SECONDS = 10.0
"""How long a list of campaigns, segments and the like may be reused; no source, short enough to notice an edit."""


class Reference(NamedTuple):
    """How a person stands in a path; without `id_type` the value is an `id`."""

    value: str
    id_type: IdType | None = None


class Identifiers(Model):
    """What identifies a person; each may be missing but `cio_id`, which only old answers lack."""

    id: Annotated[str | None, Blank] = None
    email: Annotated[str | None, Blank] = None
    phone: Annotated[str | None, Blank] = None
    cio_id: Annotated[str | None, Blank] = None

    @property
    def reference(self) -> Reference:
        """The reference that holds longest: `cio_id` never changes."""
        if self.cio_id:
            return Reference(f"cio_{self.cio_id}", "cio_id")
        return Reference(self.id) if self.id else Reference(self.email or "", "email")


class Message(Model):
    """One delivery: a message for one person; `metrics` holds what happened to it and when."""

    id: str
    type: str = ""
    created: Moment = None
    subject: Annotated[str | None, Blank] = None
    recipient: Annotated[str | None, Blank] = None
    customer_id: Annotated[str | None, Blank] = None
    customer_identifiers: Identifiers | None = None
    metrics: Annotated[dict[str, int | float | None], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict
    )
    failure_message: Annotated[str | None, Blank] = None
    campaign_id: Annotated[str | None, Blank] = None
    broadcast_id: Annotated[str | None, Blank] = None
    newsletter_id: Annotated[str | None, Blank] = None
    transactional_message_id: Annotated[str | None, Blank] = None
    action_id: Annotated[str | None, Blank] = None
    content_id: Annotated[str | None, Blank] = None
    forgotten: bool = False


class MessagePage(Model):
    """Deliveries, newest first; `next` is the token of the next page."""

    messages: Annotated[tuple[Message, ...], Listed] = ()
    next: Annotated[str | None, Blank] = None


class Activity(Model):
    """One entry of the activity log."""

    id: Annotated[str | None, Blank] = None
    type: str = ""
    name: Annotated[str | None, Blank] = None
    timestamp: Moment = None
    customer_id: Annotated[str | None, Blank] = None
    customer_identifiers: Identifiers | None = None
    delivery_id: Annotated[str | None, Blank] = None
    delivery_type: Annotated[str | None, Blank] = None
    data: dict[str, Any] | None = None


class ActivityPage(Model):
    """Activities, newest first; `next` is the token of the next page."""

    activities: Annotated[tuple[Activity, ...], Listed] = ()
    next: Annotated[str | None, Blank] = None


class Named(Protocol):
    """Something with an id and a name a marketer gave it."""

    @property
    def id(self) -> str:
        """Customer.io's id."""

    @property
    def name(self) -> str:
        """The name a marketer gave it."""


AnyNamed = TypeVar("AnyNamed", bound=Named)
AnyModel = TypeVar("AnyModel", bound=Model)


def named(items: Iterable[AnyNamed], wanted: str, *, field: str, kind: str) -> AnyNamed:
    """Find the one item of exactly this name; spaces around it do not count.

    Raises:
        NotFound: none has it; the text tells names that differ in case only.
        Ambiguous: several have it; the text lists their ids.
    """
    items, name = list(items), wanted.strip()
    found = [item for item in items if item.name.strip() == name]
    if len(found) > 1:
        ids = ", ".join(item.id for item in found[:10])
        raise Ambiguous(f"{field}: {len(found)} {kind}s are named {quoted(name)}; give one of the ids {ids}.")
    if found:
        return found[0]
    near = [item for item in items if item.name.strip().casefold() == name.casefold()]
    hint = f"did you mean {quoted(near[0].name)} (id {near[0].id})?" if near else "give an id or an exact name."
    raise NotFound(f"{field}: no {kind} is named {quoted(name)}; {hint}")


async def by_id_or_name(
    wanted: str,
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
    key = wanted.strip()
    if not key.isdecimal():
        return named(await every(), key, field=field, kind=kind)
    try:
        return await get(key)
    except NotFound:
        if any(item.name.strip() == key for item in await every()):
            return named(await every(), key, field=field, kind=kind)
        raise NotFound(f"{field}: no {kind} has the id {key}.") from None


class Content(Model):
    """What a message says: action of a campaign or broadcast, or a variant of a newsletter or transactional one."""

    id: str
    name: str | None = None
    type: str | None = None
    language: str | None = None
    subject: str | None = None
    preheader_text: str | None = None
    body: str | None = None
    body_plain: str | None = None
    body_amp: str | None = None
    from_: str | None = Field(default=None, alias="from")
    reply_to: str | None = None
    recipient: str | None = None
    sending_state: str | None = None
    created: Moment = None
    updated: Moment = None

    @property
    def templates(self) -> tuple[str, ...]:
        """Its fields that may hold Liquid, without the empty ones."""
        head = (self.subject, self.preheader_text, self.from_, self.reply_to, self.recipient)
        return tuple(filter(None, (*head, self.body, self.body_plain, self.body_amp)))


class SourceModel(Model):
    """What campaigns, broadcasts, newsletters and transactional messages have in common."""

    id: str
    name: str = ""


AnySource = TypeVar("AnySource", bound=SourceModel)


class Reads:
    """A domain's reads; each method makes one kind of request and returns a model."""

    def __init__(self, reader: "Reader") -> None:
        self._reader = reader

    async def _item(self, model: type[AnyModel], key: str, call: Call, *, cache: float = 0.0) -> AnyModel:
        """Read one record, which Customer.io wraps under `key`; `cache` is how old it may be, in seconds.

        Raises:
            BadAnswer: there is no record under `key`.
        """
        answer = await self._reader.read(call, cache=cache)
        if not isinstance(record := answer.get(key), dict):
            raise BadAnswer(f"Customer.io's answer is not what it documents ({key}).")
        return model.of(record)

    async def _list(self, model: type[AnyModel], key: str, call: Call, *, cache: float = 0.0) -> list[AnyModel]:
        """Read the list under `key`; null counts as an empty one, and a record that cannot be read is left out."""
        return _records(model, await self._reader.read(call, cache=cache), key)

    async def _pages(
        self, model: type[AnyModel], key: str, call: Call, *, most: int = MAX_PAGES, cache: float = 0.0
    ) -> list[AnyModel]:
        """Read a list of at most `most` pages; each answer's `next` is the following request's `start`."""
        records: list[AnyModel] = []
        for _ in range(most):
            answer = await self._reader.read(call, cache=cache)
            page = _records(model, answer, key)
            records += page
            start = answer.get("next")
            # Some lists give a next token after their last item: an empty page ends them.
            if not page or start in (None, "", 0):
                break
            call = call.model_copy(update={"query": {**call.query, "start": str(start)}})
        return records


def _records(model: type[AnyModel], answer: Mapping[str, Any], key: str) -> list[AnyModel]:
    values = answer.get(key)
    records: list[AnyModel] = []
    for value in values if isinstance(values, list) else ():
        with suppress(BadAnswer):
            records.append(model.of(value))
    return records


class SourceReads(Reads, Generic[AnySource]):
    """The reads that campaigns, broadcasts, newsletters and transactional messages have in common.

    `route` lists them, `key` names one in an answer, and `kind` names them in an error.
    """

    model: type[AnySource]
    route: str
    key: str
    kind: str

    async def all(self) -> list[AnySource]:
        """All of the workspace, in Customer.io's order."""
        return await self._list(self.model, f"{self.key}s", read(self.route), cache=LIST_SECONDS)

    async def get(self, id_: str) -> AnySource:
        """Read one by its id.

        Raises:
            NotFound: there is none.
        """
        return await self._item(self.model, self.key, read(f"{self.route}/{{id}}", id=id_))

    async def find(self, id_or_name: str, *, field: str = "id") -> AnySource:
        """Find one by its id (digits) or exact name; `field` is the argument that an error names.

        Raises:
            NotFound: there is none.
            Ambiguous: several have the name.
        """
        return await by_id_or_name(id_or_name, self.get, self.all, field=field, kind=self.kind)
