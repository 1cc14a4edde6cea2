"""A list of which Customer.io's answer has records that cannot be read is shown, and said to lack them."""

import pytest
from mcp import Client

from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.clients import structured, text
from tests.customerio.documented import Documented

pytestmark = pytest.mark.anyio

NOTE = "Incomplete: 2 records of Customer.io's answers could not be read and are left out."


async def test_records_that_cannot_be_read_are_counted_in_both_channels(settings: Settings) -> None:
    segments = [{"id": 1, "name": "VIP"}, {"name": "no ID"}, "x"]
    webhooks = [{"id": 1, "name": "warehouse", "endpoint": "https://acme.example"}]
    api = Documented(
        {"list_segments": {"segments": segments}, "list_reporting_webhooks": {"reporting_webhooks": webhooks}}
    )
    async with Client(build_server(settings.model_copy(update={"toolsets": ("all",)}), sandbox=api)) as client:
        lacking = await client.call_tool("list_segments", {})
        whole = await client.call_tool("list_webhooks", {})
    assert "“VIP”" in text(lacking)
    assert text(lacking).endswith(NOTE)
    assert structured(lacking)["unread_note"] == NOTE
    assert "unread_note" not in structured(whole)
    assert "Incomplete" not in text(whole)
