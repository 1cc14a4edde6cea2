"""Principals: in whose name a change stands in the journal."""

from cio_mcp.text.sanitize import clean


def loopback(client: str | None) -> str:
    """Who acts over HTTP without tokens: whatever the client calls itself, which nothing vouches for."""
    return f"loopback:{clean(client or '', 80) or 'unnamed'}"
