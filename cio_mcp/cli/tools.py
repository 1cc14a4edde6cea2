"""`cio-mcp tools`: every tool there is, from the definitions that clients get; the tools themselves load slowly."""

from collections.abc import Iterator, Sequence

from cio_mcp.server.definitions import Definition, load
from cio_mcp.settings import ALL_TOOLSETS, Settings, load_settings

OFF = " (off)"


def tools_as_text() -> str:
    """A line a tool, with its toolset; then the toolsets that are off, and how to turn one on.

    Raises:
        SettingError: a setting is wrong.
    """
    return "\n".join(_lines(load(), load_settings(keys_needed=False)))


def _lines(definitions: Sequence[Definition], settings: Settings) -> Iterator[str]:
    names = dict.fromkeys(each.toolset for each in definitions)
    labels = {name: name if settings.offers_toolset(name) else f"{name}{OFF}" for name in names}
    width = max(len(each.name) for each in definitions)
    toolset_width = max(map(len, labels.values()))
    for each in definitions:
        kind = "read" if each.reads else "write"
        summary = (each.tool.description or "").split("\n", 1)[0]
        yield f"{each.name:<{width}}  {kind:<5}  {labels[each.toolset]:<{toolset_width}}  {summary}"
    if off := [name for name in names if not settings.offers_toolset(name)]:
        yield ""
        yield (
            f"Toolsets that are off: {', '.join(off)}. CIO_TOOLSETS turns them on: for example "
            f"{','.join((*settings.toolsets, off[0]))}, or {ALL_TOOLSETS}."
        )
