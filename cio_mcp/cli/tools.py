"""`cio-mcp tools`: every tool there is, from the definitions that clients get; the tools themselves load slowly."""

from collections.abc import Iterator, Sequence

from cio_mcp.server.definitions import Definition, load
from cio_mcp.server.toolsets import check_toolsets
from cio_mcp.settings import ALL_TOOLSETS, Settings, load_settings

OFF = " (off)"


def tools_as_text() -> str:
    """A line a tool, with its toolset; then what is off, and how to turn it on.

    Raises:
        SettingError: a setting is wrong.
    """
    settings, definitions = load_settings(keys_needed=False), load()
    check_toolsets(definitions, settings)
    return "\n".join(_lines(definitions, settings))


def _lines(definitions: Sequence[Definition], settings: Settings) -> Iterator[str]:
    names = dict.fromkeys(each.toolset for each in definitions)
    labels = {name: name if settings.offers_toolset(name) else f"{name}{OFF}" for name in names}
    write = f"write{OFF}" if settings.read_only else "write"
    kinds = [write if each.writes else "read" if each.reads else "control" for each in definitions]
    width = max(len(each.name) for each in definitions)
    kind_width, toolset_width = max(map(len, kinds)), max(map(len, labels.values()))
    for each, kind in zip(definitions, kinds, strict=True):
        summary = (each.tool.description or "").split("\n", 1)[0]
        toolset = labels[each.toolset]
        yield f"{each.name:<{width}}  {kind:<{kind_width}}  {toolset:<{toolset_width}}  {summary}"
    off = [name for name in names if not settings.offers_toolset(name)]
    if off or settings.read_only:
        yield ""
    if off:
        yield (
            f"Toolsets that are off: {', '.join(off)}. CIO_TOOLSETS turns them on: for example "
            f"{','.join((*settings.toolsets, off[0]))}, or {ALL_TOOLSETS}."
        )
    if settings.read_only:
        yield "All tools that write are off, because CIO_READ_ONLY is set."
