"""Tool definitions, stored as data: the start would otherwise build a hundred models for them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mcp_types import Tool

from cio_mcp.gate.risk import Risk
from cio_mcp.settings import Settings

FILE = Path(__file__).with_name("definitions.json")
"""Written by `make docs`, and equal to `cio-mcp tools --json`; a test compares it with the code."""

KEYS = {"app": "the App API key", "track": "the Track API keys", "both": "the App and the Track API keys"}
"""What a tool needs, in a sentence."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool as clients see it, with the conditions for listing it."""

    tool: Tool
    toolset: str
    needs: str | None
    reads: bool
    classes: tuple[Risk, ...]
    """The classes of its writes; none if it is no write."""

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.tool.name

    @property
    def writes(self) -> bool:
        """Whether it proposes writes."""
        return bool(self.classes)


@cache
def load() -> tuple[Definition, ...]:
    """All tools."""
    return tuple(_definition(entry) for entry in json.loads(FILE.read_text(encoding="utf-8")))


def offered_tools(definitions: Iterable[Definition], settings: Settings) -> list[Definition]:
    """The tools a server lists: of its toolsets, with the keys it has, and none that writes where it is read-only."""
    return [each for each in definitions if not why_withheld(each, settings) and _has_keys(each, settings)]


def why_withheld(definition: Definition, settings: Settings) -> str | None:
    """Why the settings, whatever keys there are, keep a tool from being listed; None where they do not."""
    if settings.read_only and definition.writes:
        return "read-only"
    return None if settings.offers_toolset(definition.toolset) else f"CIO_TOOLSETS lacks {definition.toolset}"


def why_unknown(name: str, settings: Settings) -> str | None:
    """A sentence on why a tool of this name is not offered; None if there is none, or for another reason."""
    definition = next((each for each in load() if each.name == name), None)
    if definition is None:
        return None
    if definition.needs is not None and not _has_keys(definition, settings):
        return f"It requires {KEYS[definition.needs]}, which this server doesn't have."
    if settings.read_only and definition.writes:
        return "This server is read-only."
    if settings.offers_toolset(definition.toolset):
        return None
    return (
        f"Its toolset, {definition.toolset}, is off. The operator of this server can turn it on: "
        f"CIO_TOOLSETS={','.join((*settings.toolsets, definition.toolset))}, or all."
    )


def _has_keys(definition: Definition, settings: Settings) -> bool:
    match definition.needs:
        case "app":
            return settings.has_app
        case "track":
            return settings.has_track
        case "both":
            return settings.has_app and settings.has_track
        case _:
            return True


def _definition(entry: dict[str, Any]) -> Definition:
    toolset, needs, classes = entry.pop("toolset"), entry.pop("needs"), tuple(entry.pop("classes", ()))
    entry["_meta"] = {"toolset": toolset}
    return Definition(Tool.model_validate(entry), toolset, needs, entry["annotations"]["readOnlyHint"], classes)
