"""What answers cost in a context window, beside the bodies of Customer.io's APIs that they replace (o200k)."""

import json
from typing import Any

import pytest
from mcp import Client
from starlette.types import Message, Receive, Scope, Send

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.clients import structured, text
from tests.tokens import count_tokens

pytestmark = pytest.mark.anyio

TEXT, STRUCTURED = 0.2, 0.35
"""Shares of the tokens of the raw bodies, of all questions together. Required by the design."""

QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "Who is ada@example.com?": ("get_customer", {"customer": "ada@example.com", "include": ["segments"]}),
    "What did Ada do and get lately?": ("get_customer", {"customer": "ada", "include": ["messages", "activities"]}),
    "Which customers are on the vip plan?": (
        "find_customers",
        {"filter": {"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}, "attributes": ["country"]},
    ),
    "Which campaigns are running?": ("list_campaigns", {"state": "running"}),
    "How does the onboarding campaign work?": ("get_campaign", {"id": "Onboarding"}),
    "How did the onboarding campaign do in the last 30 days?": ("get_metrics", {"id": "Onboarding"}),
    "Which newsletters did we send?": ("list_campaigns", {"kind": "newsletter"}),
    "Which emails bounced?": ("list_messages", {"metric": "bounced"}),
    "What did the last email to Ada say?": ("get_message", {"content": True}),
    "Who is in the VIP segment, and what uses it?": ("get_segment", {"segment": "VIP", "members": True}),
}
"""Ten everyday questions, with the call that answers each."""


class RecordingSandbox(Sandbox):
    """A sandbox that keeps the bodies of its answers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.bodies: list[bytes] = []

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def record(message: Message) -> None:
            self.bodies.append(message.get("body", b""))
            await send(message)

        await super().app(scope, receive, record)


@pytest.mark.slow
async def test_answers_to_ten_everyday_questions_cost_a_fraction_of_the_raw_bodies(settings: Settings) -> None:
    texts, contents, bodies = {}, {}, {}
    async with RecordingSandbox(seed=7, people=400) as sandbox:
        for question, (tool, arguments) in QUESTIONS.items():
            async with Client(build_server(settings, sandbox=sandbox)) as client:
                given = arguments | (await find_message(client) if tool == "get_message" else {})
                sandbox.bodies.clear()
                result = await client.call_tool(tool, given)
            assert not result.is_error, result.content
            texts[question] = count_tokens(text(result))
            contents[question] = count_tokens(json.dumps(structured(result), ensure_ascii=False, separators=(",", ":")))
            bodies[question] = count_tokens(b"".join(sandbox.bodies).decode())
    raw = sum(bodies.values())
    assert sum(texts.values()) <= TEXT * raw, (texts, bodies)
    assert sum(contents.values()) <= STRUCTURED * raw, (contents, bodies)
    assert [question for question in QUESTIONS if contents[question] > bodies[question]] == []


async def find_message(client: Client) -> dict[str, Any]:
    """The argument that names Ada's last email; the list of messages is read for it, and is not counted."""
    listed = structured(await client.call_tool("list_messages", {"customer": "ada", "channel": "email"}))
    return {"id": listed["messages"][0]["id"]}
