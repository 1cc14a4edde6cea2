"""Skills: each prompt also as an Agent Skill, for clients that choose instructions themselves (docs/prompts.md).

This is the extension `io.modelcontextprotocol/skills` (SEP-2640). A skill is one file, `skill://<name>/SKILL.md`, read
as a resource; `skills/list` and `skills/get` describe it with its size and digest.
"""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from mcp import MCPError
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding, ResourceBinding
from mcp.server.mcpserver.resources import TextResource
from mcp_types import INVALID_PARAMS, PaginatedRequestParams, RequestParams

from cio_mcp.server.prompts import Template
from cio_mcp.text.sanitize import NAME_CHARACTERS, clean, quoted

MIME_TYPE = "text/markdown"
MAX_DESCRIPTION_CHARACTERS = 1024
"""Source: Agent Skills specification, field `description`."""
MAX_NAME_CHARACTERS = 64
"""Source: Agent Skills specification, field `name`."""
FRESH_MS = 300_000
"""How long a client may use an entry before it asks again. Chosen. Digests show a change in any case."""
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_INPUTS = "`{name}` stands for what the user said. Ask for what is missing and has no default."


class UriParams(RequestParams):
    """The parameters of `skills/get`."""

    uri: str


class Skills(Extension):
    """The prompts whose names a skill may have, as skills; nothing changes while the server runs."""

    identifier = "io.modelcontextprotocol/skills"

    def __init__(self, templates: Sequence[Template]) -> None:
        self._files = {uri_of(each.name): (each, text_of(each)) for each in templates if _may_be(each.name)}
        self._entries = {uri: _entry(uri, template, text) for uri, (template, text) in self._files.items()}

    def resources(self) -> Sequence[ResourceBinding]:
        """The file of each skill."""
        return [
            ResourceBinding(
                TextResource(
                    uri=uri,
                    name=template.name,
                    title=template.head.title,
                    description=_description(template),
                    mime_type=MIME_TYPE,
                    text=text,
                )
            )
            for uri, (template, text) in self._files.items()
        ]

    def methods(self) -> Sequence[MethodBinding]:
        """The two methods that the extension requires, in every era."""
        return [
            MethodBinding("skills/list", PaginatedRequestParams, self._list),
            MethodBinding("skills/get", UriParams, self._get),
        ]

    async def _list(self, _: ServerRequestContext[Any, Any], params: PaginatedRequestParams) -> HandlerResult:
        if params.cursor:
            raise MCPError(INVALID_PARAMS, "cursor: expected none. All skills are on the first page.")
        return _result({"skills": list(self._entries.values())})

    async def _get(self, _: ServerRequestContext[Any, Any], params: UriParams) -> HandlerResult:
        if (entry := self._entries.get(params.uri)) is None:
            where = quoted(params.uri, NAME_CHARACTERS)
            raise MCPError(INVALID_PARAMS, f"No skill has the URI {where}. Call skills/list for the available skills.")
        return _result({"skill": entry})


def uri_of(name: str) -> str:
    """The URI of a skill's file."""
    return f"skill://{name}/SKILL.md"


def text_of(template: Template) -> str:
    """The file of a skill: its front matter, what it asks for, and the text of the prompt with its placeholders.

    A JSON string is also YAML, so that no text of an author ends its value.
    """
    head = template.head
    front = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in _front_matter(template).items()]
    inputs = [
        f"- `{{{name}}}`: {argument.description}" + (f" (default: {argument.default})" if argument.default else "")
        for name, argument in head.arguments.items()
    ]
    request = ["## Inputs", _INPUTS, "\n".join(inputs), "## Task"] if inputs else []
    fenced = "\n".join(["---", *front, "---"])
    return "\n\n".join([fenced, f"# {head.title}", *request, template.body]) + "\n"


def _may_be(name: str) -> bool:
    return len(name) <= MAX_NAME_CHARACTERS and _NAME.fullmatch(name) is not None


def _description(template: Template) -> str:
    return clean(template.head.description, MAX_DESCRIPTION_CHARACTERS)


def _front_matter(template: Template) -> dict[str, str]:
    return {"name": template.name, "description": _description(template)}


def _entry(uri: str, template: Template, text: str) -> dict[str, Any]:
    content = text.encode()
    file = {"uri": uri, "digest": f"sha256:{sha256(content).hexdigest()}", "size": len(content)}
    return {"uri": uri, "frontmatter": _front_matter(template), "resources": [file]}


def _result(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"resultType": "complete", **of, "ttlMs": FRESH_MS, "cacheScope": "private"}
