"""Tool definitions, stored as data: the start would otherwise build a hundred models for them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_types import Tool

from cio_mcp.gate.risk import Risk
from cio_mcp.settings import Settings

FILE = Path(__file__).with_name("definitions.json")
"""Written by `make docs`, and equal to `cio-mcp tools --json`; a test compares it with the code."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool as clients see it, with the conditions for listing it."""

    tool: Tool
    toolset: str
    needs: str | None
    reads: bool
    classes: tuple[Risk, ...]

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.tool.name


def load() -> list[Definition]:
    """All tools."""
    return [_definition(entry) for entry in json.loads(FILE.read_text(encoding="utf-8"))]


def offered_tools(definitions: Iterable[Definition], settings: Settings) -> list[Definition]:
    """The tools a server lists: of its toolsets, with the keys it has, and none that writes where it is read-only."""
    keys = {"app": settings.has_app, "track": settings.has_track, "both": settings.has_app and settings.has_track}
    return [
        each for each in definitions if not why_withheld(each, settings) and (each.needs is None or keys[each.needs])
    ]


def why_withheld(definition: Definition, settings: Settings) -> str | None:
    """Why the settings, whatever keys there are, keep a tool from being listed; None where they do not."""
    if settings.read_only and not definition.reads:
        return "read-only"
    return None if definition.toolset in settings.toolsets else f"CIO_TOOLSETS lacks {definition.toolset}"


def _definition(entry: dict[str, Any]) -> Definition:
    toolset, needs, classes = entry.pop("toolset"), entry.pop("needs"), tuple(entry.pop("classes", ()))
    entry["_meta"] = {"toolset": toolset}
    return Definition(Tool.model_validate(entry), toolset, needs, entry["annotations"]["readOnlyHint"], classes)
