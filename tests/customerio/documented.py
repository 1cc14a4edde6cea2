"""Customer.io's APIs as their documentation shows them: each operation is answered with its documented answer."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cio_mcp.customerio.operations import OPERATIONS, Operation
from cio_mcp.customerio.simulated import AsgiApp, Message

NO_CONTENT = 204


class Documented:
    """Stands in for Customer.io; `answers` are the bodies by operation, and one without a body is answered 204."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.requests: list[tuple[str, Any]] = []
        self._routes = [
            (row, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(row.route))))
            for row in OPERATIONS.values()
            if not row.when
        ]

    @property
    def app(self) -> AsgiApp:
        """The application."""
        return self._answer

    @property
    def drops(self) -> tuple[type[Exception], ...]:
        """It breaks no connections."""
        return ()

    async def _answer(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body = b""
        while (part := await receive())["type"] == "http.request":
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        row = self._operation(scope["method"], scope["path"])
        self.requests.append((row.id, json.loads(body) if body else None))
        answer = self.answers.get(row.id)
        content = b"" if answer is None else json.dumps(answer).encode()
        status = 200 if content else NO_CONTENT
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content})

    def _operation(self, method: str, path: str) -> Operation:
        """The operation of a path; the one with the most words of its own, since a name may be a parameter's value."""
        fitting = [row for row, pattern in self._routes if row.method == method and pattern.fullmatch(path)]
        return min(fitting, key=lambda row: len(row.path_parameters))
