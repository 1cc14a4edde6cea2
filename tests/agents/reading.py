"""How the policy reads an answer: its text, or its structured content, and never both."""

import json
import re
from abc import ABC, abstractmethod
from typing import Any, Literal

from mcp_types import CallToolResult

from tests.agents.task import Take
from tests.clients import structured, text

Channel = Literal["text", "structured"]
CORRECTION = re.compile("^(?P<argument>[\\w.]+): .*?did you mean (?:“(?P<value>[^”]+)”|(?P<word>\\w+))")
"""An error that names the argument and the closest value that exists."""
ADVICE = re.compile("(?:pass |\\()(?P<argument>\\w+)=(?P<value>\\w+)|Omit (?P<omitted>\\w+)")
"""An error that says which value of an argument to pass, or which argument to omit."""
UNKNOWN_ITEM = re.compile("no\\. (\\d+) “([^”]+)”")
"""An item of a list that an error names, by its number and as it was given."""
OMIT = "Correct or omit"
CURSOR = re.compile("^… .*cursor=(\\S+)$", re.MULTILINE)
"""The last line of a page; what others wrote is never at the start of a line."""


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
    def values(self, take: Take) -> list[str]:
        """The values that a take finds; none if the channel lacks them."""

    @property
    @abstractmethod
    def error(self) -> str:
        """The sentence of a failed call."""

    @property
    @abstractmethod
    def cursor(self) -> str | None:
        """The cursor of the next page; None on the last."""

    def correction(self) -> tuple[str, str | None] | None:
        """The argument and the value that an error suggests; no value if it is to be omitted."""
        if not self.failed:
            return None
        if found := CORRECTION.search(self.error):
            return found["argument"], found["value"] or found["word"]
        if found := ADVICE.search(self.error):
            return found["argument"] or found["omitted"], found["value"]
        return None

    def unknown_items(self) -> dict[int, str]:
        """The items of the list that an error asks to correct or omit, by their numbers from 1."""
        is_named = self.failed and OMIT in self.error
        return {int(number): item for number, item in UNKNOWN_ITEM.findall(self.error)} if is_named else {}


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

    @property
    def cursor(self) -> str | None:
        found = CURSOR.search(self._text)
        return found[1] if found else None

    def values(self, take: Take) -> list[str]:
        return [found[1] for found in re.finditer(take.text, self._text, re.MULTILINE)]


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

    @property
    def cursor(self) -> str | None:
        return self._content.get("cursor")

    def values(self, take: Take) -> list[str]:
        found: list[Any] = [self._content]
        # A name may hold dots only as the last key, such as `values.campaign.name`.
        for part in re.split(r"\.(?![^\[]*\])", take.path):
            found = [each for value in found for each in _parts(value, part.strip("[]"))]
        texts = [str(each.get("untrusted", each) if isinstance(each, dict) else each) for each in found]
        return [part[1] for each in texts for part in re.finditer(take.part, each)] if take.part else texts


def _parts(value: Any, part: str) -> list[Any]:
    """What a part of a path leads to: nothing, one value, or each item of a list."""
    if isinstance(value, dict):
        return [] if value.get(part) is None else [value[part]]
    if not isinstance(value, list):
        return []
    if part == "*":
        return value
    key, _, wanted = part.partition("=")
    if wanted:
        return [item for item in value if str(item.get(key)) == wanted][:1]
    return value[int(part) :][:1]


READINGS: dict[Channel, type[Reading]] = {"text": TextReading, "structured": StructuredReading}
