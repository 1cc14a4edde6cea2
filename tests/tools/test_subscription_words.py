"""What an edit of subscriptions is called, in its summary and in the choice to approve it."""

from typing import Any

import pytest

from cio_mcp.gate.choice import approval_title
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

PREFERENCES = "cio_subscription_preferences"
CASES: list[tuple[dict[str, Any], str]] = [
    ({"unsubscribed": True}, "Unsubscribe “ada”"),
    ({"unsubscribed": "true"}, "Unsubscribe “ada”"),
    ({"unsubscribed": False}, "End the unsubscription of “ada”"),
    ({"unsubscribed": True, "plan": "pro"}, "Unsubscribe “ada”, and set “plan”"),
    ({PREFERENCES: {"topics": {"topic_2": False}}}, "Unsubscribe “ada” from “Monthly newsletter”"),
    ({PREFERENCES: {"topics": {"topic_3": True}}}, "Subscribe “ada” to “Offers”"),
    ({f"{PREFERENCES}.topics.topic_3": True}, "Subscribe “ada” to “Offers”"),
    ({PREFERENCES: {"topics": {"topic_9": False}}}, "Unsubscribe “ada” from “topic_9”"),
    (
        {PREFERENCES: {"topics": {"topic_1": False, "topic_2": False, "topic_3": True}}},
        "Unsubscribe “ada” from “Product updates”, “Monthly newsletter”, and subscribe “ada” to “Offers”",
    ),
]


@pytest.mark.parametrize(("attributes", "words"), CASES)
async def test_an_edit_of_subscriptions_is_called_what_it_does(
    ws: CallContext, attributes: dict[str, Any], words: str
) -> None:
    plan = await update_customer(ws, "ada", attributes=attributes)
    assert plan.summary == f"{words}."
    assert approval_title(plan) == f"{words[0].lower()}{words[1:]}"


@pytest.mark.parametrize(
    "attributes",
    [
        {"plan": "pro"},
        {PREFERENCES: {"topics": {"topic_1": "maybe"}}},
        {PREFERENCES: None},
        {"unsubscribed": True, PREFERENCES: {"topics": {}, "more": 1}},
    ],
)
async def test_what_is_not_clear_is_an_edit_like_any_other(ws: CallContext, attributes: dict[str, Any]) -> None:
    assert (await update_customer(ws, "ada", attributes=attributes)).summary.startswith("Set ")


async def test_several_customers_are_counted(ws: CallContext) -> None:
    plan = await update_customer(ws, customers=["ada", "two-1"], attributes={"unsubscribed": True})
    assert (plan.summary, approval_title(plan)) == ("Unsubscribe 2 customers.", "unsubscribe 2 customers")
