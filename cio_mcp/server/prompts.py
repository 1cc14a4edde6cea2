"""The prompts: files that a marketer can edit, made into MCP prompts.

A file starts with front matter of exactly this form, and goes on with the text::

    ---
    title: Campaign report
    description: How a campaign did
    arguments:
      campaign: Its id or exact name
      period: Which time to look at [the last 30 days]
    ---
    Write a report on {campaign} for {period}.

An argument whose description ends in brackets may be left out; the words in the brackets then take its place.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import Message, PromptArgument, UserMessage
from mcp_types import INVALID_PARAMS

from cio_mcp.errors import OperatorError
from cio_mcp.text.mask import mask_text
from cio_mcp.text.sanitize import clean, word

VALUE_LIMIT = 200
MASKED = "addresses and phone numbers are masked here; name a person by cio_id, which find_customers tells."
_PACKAGE = Path(__file__).parent.parent
_FENCE = "---"
_ENTRY = re.compile(r"(?P<indent> *)(?P<name>[a-z][a-z_]*):(?: +(?P<text>\S.*?))? *")
_DEFAULT = re.compile(r"(?P<description>.*\S) \[(?P<default>[^\[\]]+)\]")
_PLACE = re.compile(r"\{([a-z_]*)\}")


@dataclass(frozen=True, slots=True)
class Argument:
    """What a prompt asks for; without a default it must be given."""

    name: str
    description: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt file, read."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    body: str

    def fill(self, given: dict[str, str], *, mask: bool = False) -> str:
        """Put values in their places, each as a quoted JSON string so that it can end neither its quotes nor its line.

        With `mask` a value that holds an address or a phone number is refused: masked, it would name nobody.

        Raises:
            MCPError: a value is missing or refused, or is for an argument that the prompt does not have.
        """
        names = [argument.name for argument in self.arguments]
        if unknown := sorted(given.keys() - set(names)):
            accepted = ", ".join(names) or "no arguments"
            named = ", ".join(word(name) for name in unknown[:5])
            raise MCPError(INVALID_PARAMS, f"{named}: the prompt {self.name} takes {accepted}.")
        values = {argument.name: self._value(argument, given.get(argument.name, "")) for argument in self.arguments}
        if mask and (held := [name for name, value in values.items() if mask_text(value) != value]):
            raise MCPError(INVALID_PARAMS, f"{held[0]}: {MASKED}")
        return _PLACE.sub(lambda place: values[place[1]], self.body)

    def _value(self, argument: Argument, given: str) -> str:
        if said := clean(given, VALUE_LIMIT).strip():
            return json.dumps(said, ensure_ascii=False)
        if argument.default is None:
            raise MCPError(INVALID_PARAMS, f"{argument.name}: the prompt {self.name} needs it. {argument.description}.")
        return argument.default


class FilePrompt(Prompt):
    """A prompt that takes its arguments as they come: the SDK would answer a missing one as its own failure."""

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> list[Message]:  # noqa: ARG002 - the SDK's signature
        """Fill the template; one message of the user."""
        filled: Any = self.fn(arguments or {})
        return [UserMessage(filled)]


def register(server: MCPServer, folder: Path | None = None, *, mask: bool = False) -> None:
    """Add every prompt file to a server; with `mask` none takes an address or a phone number.

    Raises:
        OperatorError: a file is not as it must be; the text names file and line.
    """
    for template in load(folder or _folder()):
        server.add_prompt(_prompt(template, mask=mask))


def load(folder: Path) -> list[Template]:
    """Read all prompt files of a folder, by name."""
    return [parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))]


def parse(name: str, text: str) -> Template:
    """Read one prompt file.

    Raises:
        OperatorError: it is not as it must be; the text names file and line.
    """
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        raise _wrong(name, 1, "expected ---, where the front matter starts")
    try:
        end = next(number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == _FENCE)
    except StopIteration:
        raise _wrong(name, len(lines), "expected ---, where the front matter ends") from None
    head, arguments = _front_matter(name, lines[1:end])
    for number, line in enumerate(lines[end + 1 :], start=end + 2):
        for place in _PLACE.finditer(line):
            if place[1] not in arguments:
                raise _wrong(name, number, f"{place[0]} is none of its arguments ({', '.join(arguments) or 'none'})")
    for key in ("title", "description"):
        if key not in head:
            raise _wrong(name, end + 1, f"the front matter has no {key}")
    body = "\n".join(lines[end + 1 :]).strip()
    return Template(name, head["title"], head["description"], tuple(arguments.values()), body)


def _front_matter(name: str, lines: list[str]) -> tuple[dict[str, str], dict[str, Argument]]:
    head: dict[str, str] = {}
    arguments: dict[str, Argument] = {}
    for number, indent, key, text in _entries(name, lines):
        if indent:
            if "arguments" not in head:
                raise _wrong(name, number, "indented, but not under arguments:")
            if key in arguments or not text:
                raise _wrong(name, number, f"expected one description of {key}")
            arguments[key] = _argument(key, text)
        else:
            if key not in ("title", "description", "arguments") or key in head:
                raise _wrong(name, number, f"expected title, description and arguments once each, not {key}")
            if bool(text) == (key == "arguments"):
                raise _wrong(name, number, f"{key}: expected {'nothing after it' if text else 'some text'}")
            head[key] = text
    return head, arguments


def _entries(name: str, lines: list[str]) -> Iterator[tuple[int, bool, str, str]]:
    for number, line in enumerate(lines, start=2):
        entry = _ENTRY.fullmatch(line)
        if entry is None or entry["indent"] not in ("", "  "):
            raise _wrong(name, number, "expected a line such as `title: Some text`, or `  name: Some text`")
        yield number, bool(entry["indent"]), entry["name"], entry["text"] or ""


def _argument(name: str, text: str) -> Argument:
    optional = _DEFAULT.fullmatch(text)
    return Argument(name, optional["description"], optional["default"]) if optional else Argument(name, text)


def _prompt(template: Template, *, mask: bool) -> Prompt:
    return FilePrompt(
        name=template.name,
        title=template.title,
        description=template.description,
        arguments=[
            PromptArgument(
                name=argument.name,
                description=argument.description
                + (f" (left out: {argument.default})" if argument.default is not None else ""),
                required=argument.default is None,
            )
            for argument in template.arguments
        ],
        fn=partial(template.fill, mask=mask),
    )


def _folder() -> Path:
    """Find the files: inside an installed package, or beside it in a checkout."""
    shipped = _PACKAGE / "prompt_files"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "prompts"


def _wrong(name: str, line: int, problem: str) -> OperatorError:
    return OperatorError(f"prompts/{name}.md, line {line}: {problem}.")
