"""What the modules of `api/` share: lenient models, times, and the way to read."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

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


class Reads:
    """A domain's reads; each method makes one kind of request and returns a model."""

    def __init__(self, reader: "Reader") -> None:
        self._reader = reader
