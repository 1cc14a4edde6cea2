"""The names in `CIO_TOOLSETS`, which only the tool definitions know."""

from collections.abc import Iterable

from cio_mcp.errors import SettingError
from cio_mcp.server.definitions import Definition
from cio_mcp.settings import ALL_TOOLSETS, Settings


def check_toolsets(definitions: Iterable[Definition], settings: Settings) -> None:
    """Refuse a name that is no toolset, so that a misspelled one is not taken for one that is off.

    Raises:
        SettingError: a toolset is not known. It does not show the name, which may be a key in the wrong place.
    """
    known = {each.toolset for each in definitions}
    if not known.issuperset({*settings.toolsets} - {ALL_TOOLSETS}):
        names = ", ".join(sorted(known))
        raise SettingError("CIO_TOOLSETS", f"contains an unknown toolset. Expected {ALL_TOOLSETS}, or some of {names}")
