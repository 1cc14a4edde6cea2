"""Endpoints as they may be shown: a URL can hold a password, and a query a token."""

import hashlib
import json
import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit, urlunsplit

HIDDEN = "…"
DIGEST_CHARACTERS = 6
"""Hexadecimal digits that tell hidden values apart. Chosen: too few to find a value by them."""
_NAME = re.compile(r"[\w.\[\]-]{1,40}")


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


def summarize_url(url: str) -> str:
    """Show where a URL leads and the names of its query, and tell what is hidden apart by the start of a digest."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if not parts.netloc:
        return summarize_hidden(url)
    credentials, _, host = parts.netloc.rpartition("@")
    exact = urlunsplit(parts) == url
    kinds = [
        *(["credentials"] if credentials else []),
        *(["query values"] if parts.query else []),
        *(["fragment"] if parts.fragment else []),
        *([] if exact else ["unusual characters"]),
    ]
    if not kinds:
        return url
    query = "&".join(_query_names(parts.query))
    shown = urlunsplit((parts.scheme, f"{HIDDEN}@{host}" if credentials else host, parts.path, query, ""))
    hidden = [credentials, parts.query, parts.fragment, "" if exact else url]
    return f"{shown} (hidden: {', '.join(kinds)}; {_digest(hidden)})"


def only_hidden_differs(one: str, other: str) -> bool:
    """Whether two different URLs lead to the same place, with other credentials, query values, or fragments."""
    try:
        places = [(parts.scheme, parts.netloc.rpartition("@")[2], parts.path) for parts in map(urlsplit, (one, other))]
    except ValueError:
        return False
    return one != other and places[0] == places[1] and bool(places[0][1])


def summarize_hidden(value: object) -> str:
    """Show nothing of a value but the start of its digest."""
    return f"{HIDDEN} (hidden; {_digest(value)})"


def _query_names(query: str) -> Iterator[str]:
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        known = name if equals and _NAME.fullmatch(name) else HIDDEN
        yield f"{known}={HIDDEN}" if value else known


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"SHA-256 begins {hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]}"
