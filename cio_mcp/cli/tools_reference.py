"""`cio-mcp tools --json` and `--markdown`: every tool in full, for the documentation and the definitions."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from cio_mcp.server.tool import as_tool
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.tools.spec import ToolSpec

KEYS = {"app": "App API key", "track": "Track API keys", "both": "App and Track API keys", None: "any key"}


def tools_as_json() -> str:
    """The full definitions of the tools, as clients receive them."""
    return json.dumps([_definition(spec) for spec in TOOLS], indent=2, ensure_ascii=False)


def tools_as_table() -> str:
    """The README's table."""
    head = ["| Tool | Toolset | Type | Description | Requires |", "| --- | --- | --- | --- | --- |"]
    rows = (f"| `{s.name}` | `{s.toolset}` | {s.kind} | {_cell(_first_line(s))} | {KEYS[s.needs]} |" for s in TOOLS)
    return "\n".join([*head, *rows])


def tools_as_markdown(about: str = "", examples: Mapping[str, str] | None = None) -> str:
    """The reference page: the table, then each tool with its arguments, and with its example if there is one.

    `about` says where the examples come from.
    """
    intro = ["# Tools", "Arguments marked with * are required.", about]
    sections = (_section(spec, (examples or {}).get(spec.name, "")) for spec in TOOLS)
    return "\n\n".join(filter(None, [*intro, tools_as_table(), *sections]))


def _section(spec: ToolSpec, example: str) -> str:
    definition = _definition(spec)
    schema = definition["inputSchema"]
    needed = schema.get("required", [])
    rows = [
        f"| `{name}`{'*' if name in needed else ''} | {_type(argument, schema)} | {_cell(_explanation(argument))} |"
        for name, argument in schema.get("properties", {}).items()
    ]
    hints = ", ".join(name for name, is_so in definition["annotations"].items() if is_so is True)
    parts = [
        f"## {spec.title}: `{spec.name}`",
        spec.description,
        f"Toolset `{spec.toolset}`, requires {KEYS[spec.needs]}. Hints: {hints or 'none'}.",
    ]
    table = "\n".join(["| Argument | Type | Description |", "| --- | --- | --- |", *rows])
    return "\n\n".join(filter(None, [*parts, table if rows else "", example]))


def _explanation(argument: dict[str, Any]) -> str:
    """The description of an argument, its default, and its range."""
    default, least, most = (argument.get(key) for key in ("default", "minimum", "maximum"))
    parts = [
        argument.get("description", "").rstrip("."),
        f"Default: {json.dumps(default)}" if default not in (None, "", []) else "",
        f"{least} to {most}" if least is not None and most is not None else "",
        f"At most {most}" if least is None and most is not None else "",
    ]
    return ". ".join(filter(None, parts))


def _type(argument: dict[str, Any], schema: dict[str, Any]) -> str:
    if reference := argument.get("$ref"):
        return _type(schema["$defs"][reference.rsplit("/", 1)[-1]], schema)
    if "anyOf" in argument:
        return " or ".join(dict.fromkeys(_type(arm, schema) for arm in argument["anyOf"]))
    if "enum" in argument:
        return ", ".join(f"`{value}`" for value in argument["enum"])
    if "const" in argument:
        return f"`{argument['const']}`"
    if argument.get("type") == "array":
        return f"list of {_type(argument.get('items', {}), schema)}"
    return str(argument.get("type", "any"))


def _definition(spec: ToolSpec) -> dict[str, Any]:
    tool = as_tool(spec, _no_workspace)
    assert tool.annotations is not None  # noqa: S101 - every declaration has its hints
    return {
        "name": tool.name,
        "title": tool.title,
        "toolset": spec.toolset,
        "needs": spec.needs,
        **({"classes": spec.classes} if spec.is_write else {}),
        "description": tool.description,
        "annotations": tool.annotations.model_dump(by_alias=True, exclude_none=True),
        "inputSchema": tool.parameters,
        "outputSchema": tool.output_schema,
    }


async def _no_workspace() -> NoReturn:
    raise NotImplementedError("listed, never called")


def _first_line(spec: ToolSpec) -> str:
    return spec.description.split("\n", 1)[0]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
