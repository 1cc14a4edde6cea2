"""Prompts: Markdown files that a marketer can edit, served as MCP prompts (docs/prompts.md).

A file starts with TOML front matter between `+++` lines, followed by the text::

    +++
    title = "Campaign report"
    description = "Report how a campaign performed"

    [arguments]
    campaign = "ID or exact name of the campaign"
    period = { description = "Time range", default = "the last 30 days" }
    +++
    Write a report on {campaign} for {period}.

An argument with a default is optional.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import Message, PromptArgument, UserMessage
from mcp_types import INVALID_PARAMS
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from cio_mcp.errors import OperatorError, SettingError, expectation
from cio_mcp.server.prompt_folder import SETTING, prompt_texts
from cio_mcp.settings import parse_toml
from cio_mcp.text.mask import mask_text
from cio_mcp.text.sanitize import clean, word

MAX_VALUE_CHARACTERS = 200
MASKED = "email addresses and phone numbers are masked in this workspace. Use the cio_id from find_customers."
SHIPPED = "prompts/"
"""How an error about a shipped file begins."""
_PACKAGE = Path(__file__).parent.parent
_FENCE = "+++"
_PLACE = re.compile(r"\{([a-z_]*)\}")


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Argument(BaseModel):
    """An argument of a prompt; it is required unless it has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Text
    default: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"description": value} if isinstance(value, str) else value


class FrontMatter(BaseModel):
    """The head of a prompt file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    description: Text
    arguments: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")], Argument] = {}


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt file."""

    name: str
    head: FrontMatter
    body: str

    def fill(self, supplied: dict[str, str], *, mask: bool = False) -> str:
        """Put values in their places, each as a quoted JSON string so that it can end neither its quotes nor its line.

        With `mask` a value that holds an address or a phone number is refused: masked, it would identify no one.

        Raises:
            MCPError: a value is missing or refused, or is for an argument that the prompt does not have.
        """
        arguments = self.head.arguments
        if unknown := sorted(supplied.keys() - arguments.keys()):
            accepted = ", ".join(arguments) or "none"
            names = ", ".join(word(name) for name in unknown[:5])
            raise MCPError(INVALID_PARAMS, f"Unknown argument {names} for {self.name}. Accepted: {accepted}.")
        values = {name: self._value(name, argument, supplied.get(name, "")) for name, argument in arguments.items()}
        if mask and (personal := [name for name, value in values.items() if mask_text(value) != value]):
            raise MCPError(INVALID_PARAMS, f"{personal[0]}: {MASKED}")
        return _PLACE.sub(lambda place: values[place[1]], self.body)

    def _value(self, name: str, argument: Argument, supplied: str) -> str:
        if text := clean(supplied, MAX_VALUE_CHARACTERS).strip():
            return json.dumps(text, ensure_ascii=False)
        if argument.default is None:
            raise MCPError(INVALID_PARAMS, f"{name}: required by {self.name}. {argument.description}.")
        return argument.default


class FilePrompt(Prompt):
    """A prompt that accepts any arguments: the SDK would report a missing one as an internal failure."""

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> list[Message]:  # noqa: ARG002 - the SDK's signature
        """Fill the template; one message of the user."""
        filled: Any = self.fn(arguments or {})
        return [UserMessage(filled)]


def register(server: MCPServer, templates: Iterable[Template], *, mask: bool = False) -> None:
    """Add prompts to a server; with `mask` none takes an address."""
    for template in templates:
        server.add_prompt(_prompt(template, mask=mask))


def offered(folder: Path | None = None) -> list[Template]:
    """Read the shipped prompts, or those of an operator's folder instead.

    Raises:
        SettingError: the operator's folder or a file of it can't be used; the text names the file.
        OperatorError: a shipped file is malformed.
    """
    try:
        return load(folder or _shipped_folder())
    except SettingError:
        raise
    except OperatorError as malformed:
        if folder is None:
            raise
        raise SettingError(SETTING, f"{folder}/{str(malformed).removeprefix(SHIPPED)}") from None


def load(folder: Path) -> list[Template]:
    """Read all prompt files of a folder, by name.

    Raises:
        SettingError: the folder or a file can't be read.
        OperatorError: a file is malformed; the text names the file and, where known, the line or key.
    """
    return [parse(name, text) for name, text in prompt_texts(folder)]


def parse(name: str, text: str) -> Template:
    """Parse one prompt file.

    Raises:
        OperatorError: it is malformed; the text names the file and, where known, the line or key.
    """
    lines = text.splitlines()
    fences = [number for number, line in enumerate(lines) if line.rstrip() == _FENCE]
    if fences[:1] != [0] or len(fences) < 2:  # noqa: PLR2004 - one fence opens, one closes
        raise _error(name, "expected TOML front matter between two +++ lines at the top")
    end = fences[1]
    head = _front_matter(name, "\n".join(lines[1:end]))
    for number, line in enumerate(lines[end + 1 :], start=end + 2):
        for place in _PLACE.finditer(line):
            if place[1] not in head.arguments:
                raise _error(
                    name, f"line {number}: {place[0]} isn't an argument ({', '.join(head.arguments) or 'none'})"
                )
    return Template(name, head, "\n".join(lines[end + 1 :]).strip())


def _front_matter(name: str, text: str) -> FrontMatter:
    try:
        # The leading newline stands for the fence, so that TOML's own line numbers are the file's.
        read = parse_toml(f"\n{text}")
    except ValueError as error:
        raise _error(name, f"the front matter isn't valid TOML: {error}") from None
    try:
        return FrontMatter.model_validate(read)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        key = ".".join(word(str(part)) for part in first["loc"] if part != "[key]")
        raise _error(name, f"{key or 'front matter'}: {expectation(first)}") from None


def _prompt(template: Template, *, mask: bool) -> Prompt:
    head = template.head
    return FilePrompt(
        name=template.name,
        title=head.title,
        description=head.description,
        arguments=[
            PromptArgument(
                name=name,
                description=argument.description + (f". Default: {argument.default}" if argument.default else ""),
                required=argument.default is None,
            )
            for name, argument in head.arguments.items()
        ],
        fn=partial(template.fill, mask=mask),
    )


def _shipped_folder() -> Path:
    """Find the shipped files: inside an installed package, or beside it in a checkout."""
    shipped = _PACKAGE / "prompt_files"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "prompts"


def _error(name: str, problem: str) -> OperatorError:
    return OperatorError(f"{SHIPPED}{name}.md: {problem}.")
