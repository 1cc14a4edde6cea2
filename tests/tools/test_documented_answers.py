"""The typed reads on Customer.io's documented answers: each parses, and what it promises stands in the text.

Values of fields without a documented example are “sample” or 7.
"""

from typing import Any

import pytest

from cio_mcp.customerio.operations import OPERATIONS
from cio_mcp.settings import Settings
from cio_mcp.text.render import render
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.workspace import open_workspace
from tests.callers import caller_named
from tests.customerio import samples
from tests.customerio.documented import Documented
from tests.published import ENDPOINTS, MISSING

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not ENDPOINTS.exists(), reason=MISSING),
]

FUNCTIONS = {spec.name: spec.function for spec in TOOLS}
EVERYTHING = ["segments", "messages", "activities", "subscriptions", "relationships"]
DELIVERY = ("email, “Did you get that thing I sent you?”", "2019-03-11T22:05:37Z", "{{customer.email}}", "cio_a3000001")
CONTENT = ("subject “Did you get that thing I sent you?”", "from “sentFrom@example.com”", "language “fr”")
CASES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "customers by address": (
        "find_customers",
        {"email": "test@example.com"},
        ("hugh.mann@example.com", "cio_a3000001"),
    ),
    "a customer": (
        "get_customer",
        {"customer": "42", "include": EVERYTHING},
        (
            "test@example.com",
            "unsubscribed",
            "Devices: ios",
            "“Offers” (id 1) yes",
            "“Feedback” (id 3) no",
            "Related to:",
        ),
    ),
    "campaigns": ("list_campaigns", {}, ("5 “sample”, running", "tags “sample”", "2019-03-11T22:05:37Z")),
    "broadcasts": ("list_campaigns", {"kind": "broadcast"}, ("2 “sample”, running",)),
    "newsletters": ("list_campaigns", {"kind": "newsletter"}, ("10 “sample”, sent",)),
    "transactional messages": ("list_campaigns", {"kind": "transactional"}, ("2 “password reset”",)),
    "a campaign": ("get_campaign", {"id": "5"}, ("campaign 5", "“Manual Segment 1”", "“Opening Message”", *CONTENT)),
    "a broadcast": ("get_campaign", {"kind": "broadcast", "id": "2"}, ("broadcast 2", "“Opening Message”", *CONTENT)),
    "a newsletter": ("get_campaign", {"kind": "newsletter", "id": "10"}, ("“newsletter variant A”", *CONTENT)),
    "a transactional message": (
        "get_campaign",
        {"kind": "transactional", "id": "2"},
        ("“sends a temporary password and lets the customer reset their password.”", "“Receipt”", *CONTENT),
    ),
    **{
        f"metrics of a {kind}": ("get_metrics", {"kind": kind, "id": "2", "links": True}, ("sent 7", "unsubscribed 7"))
        for kind in ("campaign", "broadcast", "transactional")
    },
    "deliveries": ("list_messages", {}, DELIVERY),
    **{
        f"deliveries of a {kind}": ("list_messages", {"kind": kind, "id": "1"}, DELIVERY)
        for kind in ("campaign", "broadcast", "newsletter", "transactional")
    },
    "a delivery": (
        "get_message",
        {"id": "x", "content": True},
        (*DELIVERY, "reply to “replyto@example.com”", "action 96"),
    ),
    "segments": ("list_segments", {}, ("“Manual Segment 1” (id 7", "“My first manual segment”")),
    "a segment": ("get_segment", {"segment": "7", "members": True}, ("“Manual Segment 1”", "Members:", "cio_a3000001")),
    "webhooks": ("list_webhooks", {}, ("“my cool webhook”", "https://example.com/webhook", "customer_subscribed")),
    "a suppression": ("list_suppressions", {"email": "x@example.com"}, ("Yes", "bounced.person@example.com", "550")),
    "suppressions": ("list_suppressions", {}, ("“Uploaded manually via api.customer.io”", "2022-04-25T14:08:58Z")),
    "the workspace": ("get_workspace", {}, ("“Workspace 1”", "people 25,666", "100,202")),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.sampled(12)
async def test_a_documented_answer_comes_out_of_its_tool(case: str, settings: Settings) -> None:
    tool, arguments, promised = CASES[case]
    rows = [row for row in OPERATIONS.values() if not row.when and not row.unpublished]
    api = Documented({row.id: next(iter(samples.answers_of(row)), None) for row in rows})
    async with open_workspace(settings, sandbox=api) as opened:
        ws = opened.acting(caller_named("local:tester"))
        answer: Any = await FUNCTIONS[tool](ws, **arguments)
    text = render(answer, mask=False).text
    assert [part for part in promised if part not in text] == [], text
