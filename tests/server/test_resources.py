"""The resources through a real MCP client, in both protocol eras."""

import json
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    EmptyResult,
    ResourceUpdatedNotification,
    SubscribeRequest,
    SubscribeRequestParams,
    TextResourceContents,
)

from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.server.prompts import offered
from cio_mcp.server.skills import uri_of
from cio_mcp.settings import Settings
from cio_mcp.text.render import render
from cio_mcp.tools.core.campaigns import get_campaign, list_campaigns
from cio_mcp.tools.core.events import recent_events
from cio_mcp.tools.core.segments import get_segment, list_segments
from cio_mcp.workspace import CallContext
from tests.eras import Era

pytestmark = pytest.mark.anyio

OWN = {"cio://events/recent", "cio://limits", "cio://changes"}
OWN_TEMPLATES = {"cio://events/recent{?customer,object_type,metric,delivery,kind,id,since}"}
SKILLS = {uri_of(prompt.name) for prompt in offered()}
WHOLE = {"cio://segments", "cio://newsletters", "cio://campaigns"} | OWN
TEMPLATES = {"cio://segments/{id}", "cio://newsletters/{id}", "cio://campaigns/{id}"} | OWN_TEMPLATES


async def read(client: Client, uri: str) -> dict[str, Any]:
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    found: dict[str, Any] = json.loads(content.text)
    return found


async def test_every_resource_is_listed_and_described(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        listed = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
    assert {str(resource.uri) for resource in listed} == WHOLE | SKILLS
    assert {template.uri_template for template in templates} == TEMPLATES
    assert all(each.title and each.description and each.mime_type for each in listed)
    assert all(each.title and each.description and each.mime_type for each in templates)
    assert not sandbox.requests


@pytest.mark.sampled(1)
async def test_a_resource_is_what_the_tool_answers(
    era: Era, settings: Settings, sandbox: Sandbox, ws: CallContext
) -> None:
    answers = {
        "cio://segments": await list_segments(ws),
        "cio://segments/2": await get_segment(ws, "2"),
        "cio://campaigns": await list_campaigns(ws),
        "cio://campaigns/3": await get_campaign(ws, "3"),
        "cio://newsletters": await list_campaigns(ws, "newsletter"),
        "cio://newsletters/30": await get_campaign(ws, "30", "newsletter"),
    }
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        for uri, answer in answers.items():
            expected = render(answer, mask=False).structured
            assert {**await read(client, uri), "now": None} == {**expected, "now": None}, uri


async def test_recent_events_are_what_the_tool_answers_whole_and_by_a_query(
    era: Era, settings: Settings, sandbox: Sandbox, ws: CallContext
) -> None:
    def event(number: int, metric: str, email: str) -> Envelope:
        body = {"delivery_id": f"D{number}", "campaign_id": 2, "identifiers": {"email": email}}
        return Envelope(
            event_id=f"E{number}", object_type="email", metric=metric, timestamp=1_790_000_000 + number, data=body
        )

    await ws.events.append([event(1, "sent", "a+b@example.com"), event(2, "opened", "c@example.com")])
    since = "2026-09-21T00:00:00Z"
    answers = {
        "cio://events/recent": await recent_events(ws),
        "cio://events/recent?metric=opened": await recent_events(ws, metric="opened"),
        "cio://events/recent?customer=a%2Bb%40example.com": await recent_events(ws, customer="a+b@example.com"),
        "cio://events/recent?delivery=D2&kind=campaign&id=2": await recent_events(ws, delivery="D2"),
        f"cio://events/recent?object_type=email&since={quote(since)}": await recent_events(
            ws, object_type="email", since=since
        ),
    }
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        for uri, answer in answers.items():
            expected = render(answer, mask=False).structured
            assert {**await read(client, uri), "now": None} == {**expected, "now": None}, uri
        for wrong in ("since=yesterday", "object_type=fax", "kind=journey&id=1", "metric=deliverd", "colour=red"):
            with pytest.raises(MCPError, match=wrong.partition("=")[0]) as refused:
                await read(client, f"cio://events/recent?{wrong}")
            assert refused.value.error.code == INVALID_PARAMS
        with pytest.raises(MCPError, match=r"Did you mean metric\? Accepted: customer, object_type, metric,"):
            await read(client, "cio://events/recent?metrc=opened")
    assert [len(answer.events) for answer in answers.values()] == [2, 1, 1, 1, 2]


async def test_subscribers_are_notified_of_changes(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    notified = anyio.Event()

    async def heard(message: object) -> None:
        await anyio.lowlevel.checkpoint()
        if isinstance(message, ResourceUpdatedNotification) and message.params.uri == "cio://changes":
            notified.set()

    changes, hasty = "cio://changes", settings.model_copy(update={"max_wait": 5.0})
    async with (
        Client(build_server(hasty, sandbox=sandbox), mode=era, message_handler=heard) as client,
        AsyncExitStack() as stack,
    ):
        if era == "legacy":
            request = SubscribeRequest(params=SubscribeRequestParams(uri=changes))
            await client.session.send_request(request, EmptyResult)
        else:
            await stack.enter_async_context(client.listen(resource_subscriptions=[changes]))
        await client.call_tool("list_changes", {})
        assert not notified.is_set()
        await client.call_tool("send_event", {"customer": "ada", "name": "signed_up"})
        await notified.wait()


async def test_limits_and_changes_can_be_read(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        limits = await read(client, "cio://limits")
        changes = await read(client, "cio://changes")
    assert {lane["lane"] for lane in limits["limits"]} >= {"app", "track", "broadcast"}
    assert changes["changes"] == []


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("cio://campaigns/20", "id: no campaign has the ID 20. It is a newsletter"),
        ("cio://segments/99", "segment: no segment has the ID or name “99”"),
        ("cio://nothing", "Unknown resource"),
    ],
)
async def test_a_missing_resource_is_reported_in_one_sentence(
    era: Era, settings: Settings, sandbox: Sandbox, uri: str, reason: str
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert reason in str(refused.value)
    assert refused.value.code == -32602


async def test_a_refused_key_is_reported_by_the_setting_to_correct(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    wrong = settings.model_copy(update={"app_api_key": settings.track_api_key})
    async with Client(build_server(wrong, sandbox=sandbox), mode=era) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("cio://segments")
    assert "CIO_APP_API_KEY" in str(refused.value)
    assert "sandbox-track-key" not in str(refused.value)


async def test_without_an_app_key_only_what_needs_none_is_listed(settings: Settings, sandbox: Sandbox) -> None:
    alone = settings.model_copy(update={"app_api_key": None})
    async with Client(build_server(alone, sandbox=sandbox)) as client:
        listed = {str(resource.uri) for resource in (await client.list_resources()).resources}
        templates = (await client.list_resource_templates()).resource_templates
    assert listed == OWN | SKILLS
    assert {template.uri_template for template in templates} == OWN_TEMPLATES


@pytest.mark.parametrize("uri", ["cio://[x", "cio://a" + "\u0301\u0323" * 100_000])
async def test_a_uri_that_no_resource_has_is_refused_at_once(
    uri: str, era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    """Python's parser of URLs takes minutes for a host of very many marks, and fails for half an IPv6 address."""
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        with pytest.raises(MCPError, match="Unknown resource"):
            await client.read_resource(uri)
