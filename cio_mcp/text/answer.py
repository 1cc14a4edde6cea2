"""The one renderer: every answer becomes short text for reading and complete structured content."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What a tool answers: typed fields, and `lines` that say what a person wants first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def lines(self) -> Iterable[str]:
        """Short text, a line each; foreign text in it goes through `quoted`."""
        raise NotImplementedError
