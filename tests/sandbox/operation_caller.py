"""Calls any published operation of a sandbox, after what has to exist for it was made."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from cio_mcp.customerio.operations import OPERATIONS, Operation, value_at
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.auth import PIPELINES
from tests.sandbox import operation_requests as requests
from tests.sandbox.sandbox_client import APP, TRACK

CDP = httpx.BasicAuth("sandbox-cdp-key", "")
PUBLISHED = [row for row in OPERATIONS.values() if not row.when]


@dataclass
class OperationCaller:
    """`values` are those of path parameters, as far as they are known."""

    sandbox: Sandbox
    http: httpx.AsyncClient
    values: dict[str, str] = field(default_factory=lambda: dict(requests.PATH))
    made: set[str] = field(default_factory=set)

    async def call(self, row: Operation) -> httpx.Response:
        """Make what an operation needs, and call it."""
        await self.prepare(row)
        return await self.send(row, json=self.body_of(row), files=requests.FILES.get(row.id))

    async def prepare(self, row: Operation) -> None:
        """Make what an operation needs."""
        for prefix, (maker, name, path) in requests.MADE_BY.items():
            if row.route.startswith(prefix) and maker not in self.made | {row.id}:
                self.made.add(maker)
                answer = await self.call(OPERATIONS[maker])
                assert answer.is_success, f"{maker}: {answer.text}"
                if name:
                    self.values[name] = str(value_at(answer.json(), path))
        for prefix, values in requests.PATH_OF.items():
            self.values |= values if row.route.startswith(prefix) else {}

    def body_of(self, row: Operation) -> Any:
        """The body of an operation, None if it has none."""
        body = requests.BODY.get(row.id)
        if not isinstance(body, dict):
            return body
        return {name: self.values["instance_id"] if value == "{instance_id}" else value for name, value in body.items()}

    async def send(self, row: Operation, **content: Any) -> httpx.Response:
        """Send a request for an operation, after all limits."""
        self.sandbox.clock.advance(11)
        path = row.route.format_map({name: quote(value, safe="") for name, value in self.values.items()})
        query = requests.QUERY.get(row.id)
        auth = None if row.api == "app" else CDP if row.route in PIPELINES else TRACK
        headers = {} if auth else dict(APP)
        if isinstance(content.get("content"), bytes):
            headers["content-type"] = "application/json"
        return await self.http.request(
            row.method, f"{path}?{query}" if query else path, auth=auth, headers=headers, **content
        )
