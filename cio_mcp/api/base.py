"""What the modules of `api/` share: lenient models, times, and the way to read."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from cio_mcp.errors import Ambiguous, NotFound
from cio_mcp.text.foreign import quoted

if TYPE_CHECKING:
    from cio_mcp.http.client import Reader


class Model(BaseModel):
    """A lenient model of what Customer.io answers: unknown keys are ignored, ids come as int or str."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)


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


class Named(Protocol):
    """Something with an id and a name a marketer gave it."""

    @property
    def id(self) -> str:
        """Customer.io's id."""

    @property
    def name(self) -> str:
        """The name a marketer gave it."""


AnyNamed = TypeVar("AnyNamed", bound=Named)


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


class Reads:
    """A domain's reads; each method makes one kind of request and returns a model."""

    def __init__(self, reader: "Reader") -> None:
        self._reader = reader
