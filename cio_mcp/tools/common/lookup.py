"""Looks up sources of all four kinds by ID or exact name."""

from collections.abc import Mapping
from functools import partial

from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.transactional import TransactionalMessage
from cio_mcp.errors import CioError, NotFound
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.common.arguments import Kind
from cio_mcp.tools.common.gather import Read, together
from cio_mcp.workspace import CallContext

Found = Campaign | Broadcast | Newsletter | TransactionalMessage

SAID: dict[Kind, str] = {
    "campaign": "campaign",
    "broadcast": "broadcast",
    "newsletter": "newsletter",
    "transactional": "transactional message",
}


async def find(ws: CallContext, kind: Kind, wanted: str) -> Found:
    """Find one thing of a kind by id or exact name.

    Raises:
        NotFound: there is none; the text says so if another kind has one.
        Ambiguous: several have the name.
    """
    try:
        return await _found(ws, kind, wanted)
    except NotFound as missing:
        elsewhere = await _elsewhere(ws, kind, wanted)
        hint = f"It is a {elsewhere}." if elsewhere else f"list_campaigns(kind={kind}) lists all."
        raise NotFound(f"{missing} {hint}") from None


async def _found(ws: CallContext, kind: Kind, wanted: str) -> Found:
    match kind:
        case "campaign":
            return await ws.campaigns.find(wanted)
        case "broadcast":
            return await ws.broadcasts.find(wanted)
        case "newsletter":
            return await ws.newsletters.find(wanted)
        case "transactional":
            return await ws.transactional.find(wanted)


async def _elsewhere(ws: CallContext, kind: Kind, wanted: str) -> str | None:
    others: Mapping[str, Read] = {other: partial(_or_none, ws, other, wanted) for other in SAID if other != kind}
    found = await together(others)
    return (
        " or ".join(
            f"{said}: {quoted(found[other].name)} (kind={other})" for other, said in SAID.items() if found.get(other)
        )
        or None
    )


async def _or_none(ws: CallContext, kind: Kind, wanted: str) -> Found | None:
    """A hint is not worth an error of its own."""
    try:
        return await _found(ws, kind, wanted)
    except CioError:
        return None
