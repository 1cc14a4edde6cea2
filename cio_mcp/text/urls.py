"""Endpoints as they may be shown: a URL can hold a password, and a query a token."""

from urllib.parse import urlsplit, urlunsplit

HIDDEN = "…"


def without_credentials(url: str) -> str:
    """Show where a URL leads, with user name, password, query and fragment left out."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    if not parts.netloc:
        return HIDDEN
    host = parts.netloc.rpartition("@")
    where = f"{HIDDEN}@{host[2]}" if host[1] else host[2]
    query = HIDDEN if parts.query else ""
    return urlunsplit((parts.scheme, where, parts.path, query, ""))
