"""A workspace in which every list is long, and a Customer.io that returns more than a request asks for."""

import json
from collections.abc import Iterator
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox

ROWS = 150
"""Rows of each list: more than the largest limit of a tool."""
INNER_ROWS = 120
"""Rows of the lists within the first rows, and members of objects whose members a workspace chooses."""
LONG_TEXT = "long text " * 60
CHOSEN = frozenset({"attributes", "data", "headers", "relationship_attributes"})
TEXTS = frozenset({"subject", "description", "failure_message", "reason", "preheader_text", "body", "value"})
IDENTITIES = frozenset({"id", "cio_id", "email", "object_id", "cio_object_id", "name", "ids", "customer_id"})


class LargeSandbox(Sandbox):
    """A sandbox whose answers have long lists and long texts, whatever limit a request states."""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        head: Message = {}
        body = b""

        async def enlarge(message: Message) -> None:
            nonlocal head, body
            body += message.get("body", b"")
            if message["type"] == "http.response.start":
                head = message
            elif not message.get("more_body"):
                content = enlarged(body) if head["status"] == 200 else body
                length = (b"content-length", str(len(content)).encode())
                headers = [each for each in head["headers"] if each[0].lower() != length[0]]
                await send({**head, "headers": [*headers, length]})
                await send({"type": "http.response.body", "body": content})

        await super().app(scope, receive, enlarge)


def enlarged(body: bytes) -> bytes:
    """A body of JSON in which each list repeats its first record or name, with other ids and names."""
    try:
        return json.dumps(_grown(json.loads(body), ROWS)).encode()
    except ValueError:
        return body


def _grown(value: Any, rows: int) -> Any:
    match value:
        case dict():
            return {key: _grown_member(key, each, rows) for key, each in value.items()}
        case [dict() | str() as first, *_]:
            grown = [_grown(each, INNER_ROWS) for each in value]
            row = _lengthened(first)
            return [*grown, *(_renamed(row, number) for number in range(rows - len(value)))]
        case _:
            return value


def _grown_member(key: str, value: Any, rows: int) -> Any:
    if key in CHOSEN and isinstance(value, dict):
        return value | {f"further attribute {number}": LONG_TEXT for number in range(INNER_ROWS)}
    return LONG_TEXT if key in TEXTS and isinstance(value, str | None) else _grown(value, rows)


def _lengthened(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {key: LONG_TEXT if key in TEXTS and isinstance(each, str | None) else each for key, each in row.items()}


def _renamed(value: Any, number: int) -> Any:
    match value:
        case dict():
            return {
                key: _renamed(each, number) if key in IDENTITIES or isinstance(each, dict) else each
                for key, each in value.items()
            }
        case str() if value.isdecimal():
            return f"{value}{number:04}"
        case str() if "@" in value:
            return f"n{number}.{value}"
        case str():
            return f"{value}-{number}"
        case int() if not isinstance(value, bool):
            return value * 10_000 + number
        case _:
            return value


def reports() -> Iterator[Envelope]:
    """As many reports about Ada as rows."""
    for number in range(ROWS):
        data = {
            "identifiers": {"id": "ada", "email": "ada@example.com", "cio_id": "a3000001"},
            "delivery_id": f"D{number}",
            "subject": LONG_TEXT,
            "failure_message": LONG_TEXT,
            "recipient": "ada@example.com",
        }
        report = {"event_id": f"e{number}", "object_type": "email", "metric": "bounced"}
        yield Envelope.model_validate({**report, "timestamp": 1_790_000_000 + number, "data": data})
