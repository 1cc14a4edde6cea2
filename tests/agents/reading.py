"""How the policy reads an answer: its text, or its structured content, and never both."""

import json
import re
from abc import ABC, abstractmethod
from typing import Any, Literal

from mcp_types import CallToolResult

from tests.agents.task import Take
from tests.clients import structured, text

Channel = Literal["text", "structured"]
CORRECTION = re.compile("^(?P<argument>\\w+): .*?did you mean “(?P<value>[^”]+)”")
"""An error that names the argument and the closest value that exists."""


class Reading(ABC):
    """One answer as the policy sees it."""

    def __init__(self, result: CallToolResult) -> None:
        self.failed = result.is_error

    @property
    @abstractmethod
    def seen(self) -> str:
        """All that the channel shows, as a model reads it."""

    @property
    @abstractmethod
    def is_waiting(self) -> bool:
        """Whether it waits for a decision elsewhere."""

    @abstractmethod
    def take(self, take: Take) -> str | None:
        """A value; None if the channel lacks it."""

    @property
    @abstractmethod
    def error(self) -> str:
        """The sentence of a failed call."""

    def correction(self) -> tuple[str, str] | None:
        """The argument and the value that an error suggests."""
        found = CORRECTION.search(self.error) if self.failed else None
        return (found["argument"], found["value"]) if found else None


class TextReading(Reading):
    """The text."""

    def __init__(self, result: CallToolResult) -> None:
        super().__init__(result)
        self._text = text(result)

    @property
    def seen(self) -> str:
        return self._text

    @property
    def is_waiting(self) -> bool:
        return "Approval required." in self._text

    @property
    def error(self) -> str:
        return self._text

    def take(self, take: Take) -> str | None:
        found = re.search(take.text, self._text, re.MULTILINE)
        return found[1] if found else None


class StructuredReading(Reading):
    """The structured content."""

    def __init__(self, result: CallToolResult) -> None:
        super().__init__(result)
        self._content = structured(result)

    @property
    def seen(self) -> str:
        return json.dumps(self._content, ensure_ascii=False, separators=(",", ":"))

    @property
    def is_waiting(self) -> bool:
        return self._content.get("status") == "approval_required"

    @property
    def error(self) -> str:
        return str(self._content.get("error") or self._content.get("message", ""))

    def take(self, take: Take) -> str | None:
        value: Any = self._content
        for part in take.path.split("."):
            value = _part(value, part)
        value = value.get("untrusted", value) if isinstance(value, dict) else value
        return None if value is None else str(value)


def _part(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if not isinstance(value, list):
        return None
    key, _, wanted = part.partition("=")
    if wanted:
        return next((item for item in value if str(item.get(key)) == wanted), None)
    return value[int(part)] if int(part) < len(value) else None


READINGS: dict[Channel, type[Reading]] = {"text": TextReading, "structured": StructuredReading}
