"""Every read of campaigns, broadcasts, newsletters, transactional messages and metrics is one that is published."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from cio_mcp.customerio.api.account import Account
from cio_mcp.customerio.api.base import Kind
from cio_mcp.customerio.api.broadcasts import Broadcast, Broadcasts
from cio_mcp.customerio.api.campaigns import Campaign, Campaigns
from cio_mcp.customerio.api.collections import Collection, Collections
from cio_mcp.customerio.api.contents import ContentRef, Contents
from cio_mcp.customerio.api.metrics import Metrics
from cio_mcp.customerio.api.newsletters import Newsletters
from cio_mcp.customerio.api.periods import FINEST_FIRST, Resolution
from cio_mcp.customerio.api.snippets import Snippets
from cio_mcp.customerio.api.transactional import Transactional
from cio_mcp.errors import BadAnswer
from tests.customerio.api.test_requests_match_the_published_api import Recorder
from tests.customerio.published_requests import assert_published

pytestmark = pytest.mark.anyio

SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
KINDS: list[Kind] = ["campaign", "broadcast", "newsletter", "transactional"]
READS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "campaigns": lambda reader: Campaigns(reader).all(),
    "campaign": lambda reader: Campaigns(reader).get("1"),
    "campaign actions": lambda reader: Campaigns(reader).actions(Campaign(id="1")),
    "broadcasts": lambda reader: Broadcasts(reader).all(),
    "broadcast": lambda reader: Broadcasts(reader).get("10"),
    "broadcast actions": lambda reader: Broadcasts(reader).actions(Broadcast(id="10")),
    "newsletters": lambda reader: Newsletters(reader).page(limit=20, start="token"),
    "newsletter": lambda reader: Newsletters(reader).get("20"),
    "newsletter contents": lambda reader: Newsletters(reader).contents("20"),
    "newsletter test groups": lambda reader: Newsletters(reader).test_groups("20"),
    "transactional": lambda reader: Transactional(reader).all(),
    "transactional message": lambda reader: Transactional(reader).get("1"),
    "transactional contents": lambda reader: Transactional(reader).contents("1"),
    "workspaces": lambda reader: Account(reader).workspaces(),
    "region": lambda reader: Account(reader).region(),
    "senders": lambda reader: Account(reader).senders(),
    "topics": lambda reader: Account(reader).topics(),
    "campaign action": lambda reader: Contents(reader).action(ContentRef("campaign", "1", "101")),
    "broadcast action in a language": lambda reader: Contents(reader).action(ContentRef("broadcast", "1", "2", "de")),
    "snippets": lambda reader: Snippets(reader).all(),
    "collections": lambda reader: Collections(reader).all(),
    "collection": lambda reader: Collections(reader).get("1"),
    "collection rows": lambda reader: Collections(reader).rows(Collection(id="1")),
    "object types": lambda reader: Account(reader).object_types(),
}


async def _assert_all_published(make: Callable[[Any], Awaitable[object]]) -> None:
    recorder = Recorder()
    with suppress(BadAnswer):  # an empty answer lacks what is documented; only the request counts here
        await make(recorder)
    assert recorder.calls
    for call in recorder.calls:
        assert_published(call)


@pytest.mark.parametrize("name", READS)
async def test_a_read_is_published(name: str) -> None:
    await _assert_all_published(READS[name])


@pytest.mark.parametrize("resolution", FINEST_FIRST)
@pytest.mark.parametrize("kind", KINDS)
async def test_metrics_and_links_by_steps_are_published(kind: Kind, resolution: Resolution) -> None:
    channel = None if kind == "transactional" else "sms"
    if kind != "campaign":
        await _assert_all_published(lambda r: Metrics(r).back(kind, "3", resolution, 2, channel=channel))
    await _assert_all_published(lambda r: Metrics(r).links(kind, "3", resolution, 2))


@pytest.mark.parametrize("resolution", FINEST_FIRST)
async def test_metrics_by_range_are_published(resolution: Resolution) -> None:
    await _assert_all_published(
        lambda r: Metrics(r).between(
            "1", SINCE, UNTIL, resolution=resolution, timezone="Europe/Berlin", channel="email"
        )
    )
