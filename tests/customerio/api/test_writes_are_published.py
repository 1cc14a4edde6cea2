"""The calls that write, against the published specifications."""

from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from cio_mcp.customerio import batches
from cio_mcp.customerio.api import (
    collections,
    contents,
    objects,
    profiles,
    segments,
    sends,
    snippets,
    suppressions,
    tracking,
    triggers,
    webhooks,
)
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.contents import ContentRef
from cio_mcp.customerio.call import Call
from tests.customerio.published_requests import answers_of, assert_published

EMAIL: dict[str, JsonValue] = {
    "subject": "Hi",
    "preheader_text": "There",
    "body": "<p>x</p>",
    "from_id": 1,
    "reply_to_id": 2,
}
CALLS: dict[str, Call] = {
    "campaign action": contents.update(ContentRef("campaign", "1", "101"), EMAIL),
    "campaign action in a language": contents.update(ContentRef("campaign", "1", "101", "de"), EMAIL),
    "broadcast action": contents.update(ContentRef("broadcast", "10", "1001"), EMAIL),
    "broadcast action in a language": contents.update(ContentRef("broadcast", "10", "1001", "de"), EMAIL),
    "newsletter content": contents.update(ContentRef("newsletter", "30", "301"), EMAIL),
    "transactional content": contents.update(ContentRef("transactional", "2", "21"), {**EMAIL, "body_amp": "x"}),
    "snippet": snippets.put("footer", "Acme"),
    "delete a snippet": snippets.delete("footer"),
    "create a collection": collections.create("offers", [{"code": "A"}]),
    "rename a collection": collections.update("1", name="coupons"),
    "replace the rows of a collection": collections.update("1", rows=[{"code": "A"}]),
    "delete a collection": collections.delete("1"),
    "identify": tracking.identify(
        Reference("cio_a3000001", "cio_id"), {"plan": "pro", "unsubscribed": False}, at=1_800_000_000, create=False
    ),
    "create": tracking.identify(
        Reference("new@example.com", "email"), {"first_name": "New"}, at=1_800_000_000, create=True
    ),
    "event": tracking.event(Reference("ada"), "signed_up", {"plan": "pro"}, ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ", at=None),
    "identify by kind": tracking.identify(
        Reference("new@example.com"), {"first_name": "New"}, at=1_800_000_000, create=False
    ),
    "identify many": tracking.identify_many(
        [
            tracking.ProfileWrite(Reference("cio_a3000001", "cio_id"), {"plan": "pro"}),
            tracking.ProfileWrite(Reference("new@example.com", "email"), {"plan": "pro"}, create=True),
        ],
        at=1_800_000_000,
    ),
    "event by kind": tracking.event(
        Reference("+14155552671", "phone"),
        "signed_up",
        {"plan": "pro"},
        ulid="01HZZZZZZZZZZZZZZZZZZZZZZZ",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
    "push": sends.send(
        "push", 4, {"cio_id": "a3000001"}, "last_used", {}, send_at=datetime(2027, 1, 1, tzinfo=UTC), options={}
    ),
    "sms": sends.send("sms", 3, {"id": "ada"}, "+447700900001", {"code": 1}, send_at=None, options={"language": "en"}),
    "email": sends.email(
        2, {"id": "ada"}, "ada@example.com", {"order_id": 7}, send_at=None, options={"tracked": False, "language": "en"}
    ),
    "create a segment": segments.create("Pilot", "Picked by hand"),
    "delete a segment": segments.delete("3"),
    "add to a segment": segments.change_members("3", ["ada"], "id", add=True),
    "remove from a segment": segments.change_members("3", ["cio_a3000001"], "cio_id", add=False),
    "suppress": suppressions.suppress("ada@example.com", "bounces"),
    "unsuppress": suppressions.unsuppress("ada@example.com", "spam_reports"),
    "delete a customer": profiles.delete(Reference("cio_a3000001", "cio_id")),
    "delete a customer by kind": profiles.delete(Reference("+14155552671", "phone")),
    "suppress a customer": profiles.suppress(Reference("ada")),
    "suppress a customer by kind": profiles.suppress(Reference("ada@example.com")),
    "unsuppress a customer": profiles.unsuppress(Reference("ada@example.com", "email")),
    "unsuppress a customer by kind": profiles.unsuppress(Reference("cio_x")),
    "merge": profiles.merge(Reference("cio_a3000001", "cio_id"), Reference("two@example.com", "email")),
    "add a device": profiles.add_device(Reference("ada"), "token", "ios", {"app_version": "1"}),
    "add a device by kind": profiles.add_device(Reference("ada@example.com"), "token", "ios", {}),
    "remove a device": profiles.remove_device(Reference("cio_a3000001", "cio_id"), "token"),
    "set attributes of an object": objects.set_attributes("1", "acme", {"plan": "pro", "seats": 5, "old": None}),
    "delete an object": objects.delete("1", "acme"),
    "relate": objects.relate("1", "acme", ["cio_a3000001"], {"role": "admin"}),
    "unrelate": objects.unrelate("1", "acme", ["cio_a3000001"]),
    "trigger": triggers.trigger("10", {"headline": "Hello"}),
    "trigger without data": triggers.trigger("10", {}),
    "trigger for a filter": triggers.trigger("10", {}, {"recipients": {"segment": {"id": 4}}}),
    "trigger for emails": triggers.trigger("10", {}, {"emails": ["ada@example.com"], "email_add_duplicates": True}),
    "trigger for ids": triggers.trigger("10", {}, {"ids": ["ada"], "id_ignore_missing": True}),
    "trigger with data for each": triggers.trigger(
        "10", {}, {"per_user_data": [{"id": "ada", "data": {"a": 1}}, {"email": "eve@example.com"}]}
    ),
    "trigger for a file": triggers.trigger("10", {}, {"data_file_url": "https://example.com/people.jsonl"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_write_is_as_published(name: str) -> None:
    assert_published(CALLS[name])


ANSWERED: dict[str, Call] = CALLS | {
    "batch": batches.batch([]),
    "create a webhook": webhooks.create("events", "https://example.com/hook", ("email_sent",)),
    "update a webhook": webhooks.update(webhooks.Webhook(id="1")),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_the_evidence_of_a_write_is_in_its_published_answer(name: str) -> None:
    row = ANSWERED[name].row
    assert not row.answer_id or row.answer_id.partition(".")[0] in answers_of(ANSWERED[name])
    assert not row.empty_answer or row.method == "DELETE"


def test_a_send_and_a_trigger_need_evidence_that_they_happened() -> None:
    assert CALLS["email"].row.answer_id == "delivery_id"
    assert CALLS["trigger"].row.answer_id == "id"
