"""Requests as they may be shown: the credentials that a body holds are sent and never shown."""

from pydantic import JsonValue

from cio_mcp.customerio.call import Call
from cio_mcp.text.urls import summarize_hidden, summarize_url


def body_without_secrets(call: Call) -> JsonValue:
    """The body with each field that may hold credentials reduced: a URL to where it leads, anything else to `…`.

    The start of a digest distinguishes hidden values, so that two requests do not look the same.
    """
    body = call.body
    for path in call.row.secrets:
        body = _without(body, path)
    return body


def _without(value: JsonValue, path: str) -> JsonValue:
    key, _, rest = path.partition(".")
    if not isinstance(value, dict) or value.get(key) is None:
        return value
    inner = value[key]
    if rest:
        return value | {key: _without(inner, rest)}
    return value | {key: reduced(inner)}


def reduced(secret: JsonValue) -> str:
    """A value that may hold credentials, as it may be shown."""
    return summarize_url(secret) if isinstance(secret, str) else summarize_hidden(secret)
