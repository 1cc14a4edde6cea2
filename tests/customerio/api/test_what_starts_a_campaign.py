"""What starts a campaign, inferred from Customer.io's answer."""

import pytest

from cio_mcp.customerio.api.base import Content
from cio_mcp.customerio.api.broadcasts import Broadcast
from cio_mcp.customerio.api.campaigns import Campaign
from cio_mcp.customerio.api.transactional import variables
from cio_mcp.workspace import CallContext


def campaign(**fields: object) -> Campaign:
    return Campaign.of({"id": 1, "name": "One", "state": "running", **fields})


@pytest.mark.parametrize(
    ("fields", "starts_on"),
    [
        ({"event_name": "signed_up"}, "event"),
        ({"trigger_segment_ids": [4]}, "segment"),
        ({"date_attribute": "birthday", "frequency": "yearly"}, "date"),
        ({"webhook_id": "01H"}, "webhook"),
        ({"type": "form"}, "form"),
        ({"type": "relationship", "object_type_id": "1"}, "relationship"),
        ({"object_type_id": 1}, "object"),
        ({"type": "event", "trigger_segment_ids": None}, "event"),
        ({"type": "brand_new"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_fields_that_are_there_show_what_starts_it(fields: dict[str, object], starts_on: str) -> None:
    assert campaign(**fields).starts_on == starts_on


def test_an_event_starts_the_campaign_of_its_name_in_any_case_and_any_with_an_unknown_trigger() -> None:
    assert campaign(event_name="Signed_Up").may_start_from_event(" signed_up ")
    assert not campaign(event_name="signed_up").may_start_from_event("order_placed")
    assert campaign(type="event").may_start_from_event("anything")
    assert campaign().may_start_from_event("anything")
    assert not campaign(trigger_segment_ids=[4]).may_start_from_event("signed_up")


def test_an_attribute_may_start_any_segment_campaign_and_the_date_campaign_of_its_name() -> None:
    assert campaign(trigger_segment_ids=[4]).may_start_from_attributes({"plan"})
    assert campaign(date_attribute="birthday").may_start_from_attributes({"birthday"})
    assert not campaign(date_attribute="birthday").may_start_from_attributes({"plan"})
    assert campaign().may_start_from_attributes({"plan"})
    assert not campaign(event_name="signed_up").may_start_from_attributes({"plan"})


@pytest.mark.parametrize("type_", ["relationship", "object"])
def test_a_campaign_on_relationships_starts_from_an_edit_of_them_only(type_: str) -> None:
    started = campaign(type=type_, object_type_id="1")
    assert started.may_start_from_attributes({"plan", "Cio_Relationships"})
    assert not started.may_start_from_attributes({"plan"})


@pytest.mark.parametrize(
    ("fields", "may_start"),
    [
        ({"trigger_segment_ids": [4]}, True),
        ({"type": "brand_new"}, True),
        ({"date_attribute": "renewal_date"}, True),
        ({"date_attribute": "created_at"}, True),
        ({"date_attribute": "birthday"}, False),
        ({"type": "date"}, True),
        ({"type": "object"}, True),
        ({"event_name": "signed_up"}, False),
        ({"type": "webhook"}, False),
    ],
)
def test_a_new_customer_may_start_what_their_attributes_and_their_arrival_start(
    fields: dict[str, object], may_start: bool
) -> None:
    assert campaign(**fields).may_start_from_creation({"renewal_date", "cio_relationships"}) is may_start


@pytest.mark.parametrize(
    "name",
    [
        "Renewal_Date",
        "renewal_date ",
        "renewal_date\u200b",
        "\uff52enewal_date",
        "renewal_date.day",
        "data.renewal_date",
    ],
)
def test_a_date_campaign_starts_from_its_attribute_however_it_is_spelled(name: str) -> None:
    assert campaign(date_attribute="renewal_date").may_start_from_attributes({name})
    assert campaign(date_attribute=name).may_start_from_attributes({"renewal_date"})


def test_an_event_starts_a_campaign_also_by_a_name_that_looks_the_same() -> None:
    assert campaign(event_name="order_placed").may_start_from_event("order_placed\u200b")
    assert campaign(event_name="\uff4frder_placed").may_start_from_event("order_placed")


@pytest.mark.parametrize("tags", [None, "nil", 3])
def test_a_list_that_is_none_is_empty(tags: object) -> None:
    assert Broadcast.of({"id": 2, "name": "basic", "tags": tags}).tags == ()


@pytest.mark.anyio
async def test_only_running_campaigns_are_started(ws: CallContext) -> None:
    assert [each.name for each in await ws.campaigns.started_by_event("signed_up")] == ["Onboarding"]
    assert await ws.campaigns.started_by_event("never_seen") == []
    assert [each.name for each in await ws.campaigns.started_by_attributes({"plan"})] == ["VIP welcome"]


def test_the_variables_of_every_language_and_field_of_a_message_are_listed() -> None:
    contents = [
        Content(id="1", subject="Order {{data.order}}", body="Hi {{customer.first_name}}"),
        Content(id="2", language="de", body=None, reply_to="{{ data.agent_email }}"),
    ]
    assert variables(contents) == {"data.order", "customer.first_name", "data.agent_email"}
