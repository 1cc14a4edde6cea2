"""SandboxClient a sandbox whose clock stands still."""

from dataclasses import dataclass
from typing import Any

import httpx

from cio_mcp.sandbox import Sandbox

APP = {"Authorization": "Bearer sandbox-app-key"}
TRACK = httpx.BasicAuth("sandbox-site", "sandbox-track-key")


@dataclass
class SandboxClient:
    """Calls a sandbox in process; `pause` advances the clock past pending changes and rate limits."""

    sandbox: Sandbox
    http: httpx.AsyncClient

    def pause(self, seconds: float = 1.0) -> None:
        self.sandbox.clock.advance(seconds)

    async def app(self, path: str, *, method: str = "GET", json: Any = None, **query: Any) -> httpx.Response:
        self.pause()
        return await self.http.request(method, path, json=json, params=query or None, headers=APP)

    async def get_json(self, path: str, **query: Any) -> Any:
        answer = await self.app(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def track(self, method: str, path: str, json: Any = None, **query: Any) -> httpx.Response:
        return await self.http.request(method, f"/api/v1{path}", json=json, params=query or None, auth=TRACK)

    async def attributes(self, person: str, id_type: str = "id") -> Any:
        return (await self.get_json(f"/v1/customers/{person}/attributes", id_type=id_type))["customer"]["attributes"]

    async def send(self, **body: Any) -> httpx.Response:
        given = {"transactional_message_id": 3, "to": "+447700900001", "identifiers": {"id": "ada"}, **body}
        channel = given.pop("channel", "email" if "@" in str(given["to"]) else "sms")
        return await self.app(f"/v1/send/{channel}", method="POST", json=given)

    async def reset_password(self, **body: Any) -> httpx.Response:
        data = {"reset_url": "https://acme.example/r/1", "minutes": 30}
        return await self.send(**{"transactional_message_id": 1, "to": "ada@example.com", "message_data": data, **body})

    async def state(self) -> Any:
        return (await self.http.get("/_sandbox/state")).json()
