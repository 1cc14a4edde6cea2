"""Principals: in whose name a change stands in the journal."""


def loopback(client: str | None) -> str:
    """Who acts over HTTP without tokens: whatever the client calls itself, which nothing vouches for."""
    return f"loopback:{(client or 'unnamed')[:80]}"
