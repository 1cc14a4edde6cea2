"""Looks up sources of all four kinds by ID or exact name."""

from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any

from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.reads import SourceReads
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.errors import NotFound
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import Read, or_none, together
from cio_mcp.workspace import CallContext

Source = Campaign | Broadcast | Newsletter | TransactionalMessage

KIND_NAMES: dict[Kind, str] = {
    "campaign": "campaign",
    "broadcast": "broadcast",
    "newsletter": "newsletter",
    "transactional": "transactional message",
}

_READS: dict[Kind, Callable[[CallContext], SourceReads[Any]]] = {
    "campaign": attrgetter("campaigns"),
    "broadcast": attrgetter("broadcasts"),
    "newsletter": attrgetter("newsletters"),
    "transactional": attrgetter("transactional"),
}
"""Where a call's context has the reads of each kind."""


async def find(ws: CallContext, kind: Kind, id_or_name: str, *, field: str = "id") -> Source:
    """Find one thing of a kind by id or exact name; `field` is the argument that an error names.

    Raises:
        NotFound: there is none; the text says so if another kind has one.
        Ambiguous: several have the name.
    """
    try:
        source: Source = await reads_of(ws, kind).find(id_or_name, field=field)
    except NotFound as missing:
        elsewhere = await _elsewhere(ws, kind, id_or_name)
        hint = f"It is a {elsewhere}." if elsewhere else f"list_campaigns(kind={kind}) lists all."
        raise NotFound(f"{missing} {hint}") from None
    return source


def reads_of(ws: CallContext, kind: Kind) -> SourceReads[Any]:
    """The reads of a kind."""
    return _READS[kind](ws)


async def _elsewhere(ws: CallContext, kind: Kind, id_or_name: str) -> str | None:
    others: Mapping[str, Read] = {
        other: partial(or_none, partial(reads_of(ws, other).find, id_or_name)) for other in KIND_NAMES if other != kind
    }
    sources = await together(others)
    hints = [
        f"{name}: {quoted(sources[other].name)} (kind={other})"
        for other, name in KIND_NAMES.items()
        if sources.get(other)
    ]
    return " or ".join(hints) or None
