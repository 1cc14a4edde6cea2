"""`cio-mcp tools`: every tool there is, from the definitions that clients get; the tools themselves load slowly."""

from cio_mcp.server.definitions import Definition, load


def tools_as_text() -> str:
    """A line a tool."""
    definitions = load()
    width = max(len(each.name) for each in definitions)
    return "\n".join(_line(each, width) for each in definitions)


def _line(definition: Definition, width: int) -> str:
    kind = "read" if definition.reads else "write"
    summary = (definition.tool.description or "").split("\n", 1)[0]
    return f"{definition.name:<{width}}  {kind:<5}  {definition.toolset}  {summary}"
