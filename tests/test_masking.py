"""With `MASK_PII=true` no address and no number reaches a model, a log or a span; a key never reaches anything."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, TextContent
from pydantic import SecretStr
from typer.testing import CliRunner

from cio_mcp.cli.main import app
from cio_mcp.customerio import client as http_client
from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from cio_mcp.storage import change_queries
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.tools.catalog import TOOLS
from tests.clients import approve
from tests.eras import ERAS, Era
from tests.examples import EXAMPLES, WRITES
from tests.examples.example import CIO_ID
from tests.spans import SpanRecorder

PRIVATE = tuple(
    spelling
    for identifier in ("ada@example.com", "two@example.com", "eve@example.com", "+447700900001")
    for spelling in (identifier, identifier.upper(), quote(identifier, safe=""))
)
"""Addresses and the number of the sandbox's people, however they are spelt."""
KEYS = ("sandbox-track-key", "sandbox-app-key", "sandbox-signing-key", "c2FuZGJveC1zaXRlOnNhbmRib3gtdHJhY2sta2V5")
"""The keys, and the Track keys as Basic authentication sends them."""
FEW = 3
GROUPS = [list(EXAMPLES)[start : start + FEW] for start in range(0, len(EXAMPLES), FEW)]
NEEDS_APP = {spec.name for spec in TOOLS if spec.needs == "app"}
ROUNDS = [(era, group) for group in GROUPS for era in ERAS if era == "auto" or WRITES.keys() & set(group)]
"""Eras differ in how a question is put; a read is answered by the same code."""


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> SpanRecorder:
    recorder = SpanRecorder()
    monkeypatch.setattr(http_client, "_tracer", recorder)
    return recorder


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, people=0) as running:
        yield running


@pytest.fixture
def masked(settings: Settings) -> Settings:
    changes = {"mask_pii": True, "max_wait": 5.0, "webhook_signing_keys": SecretStr("sandbox-signing-key")}
    return settings.model_copy(update=changes)


def private(text: str) -> list[str]:
    """What is in a text that must not be."""
    return [each for each in (*PRIVATE, *KEYS) if each in text]


async def nobody(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001 - the client's signature
    raise AssertionError("a masked server asks nobody in the client")


@asynccontextmanager
async def connect(settings: Settings, sandbox: Sandbox, era: Era, heard: list[Any]) -> AsyncIterator[Client]:
    async def hear(message: object) -> None:
        await anyio.lowlevel.checkpoint()
        heard.append(message)

    server = build_server(settings, sandbox=sandbox)
    async with Client(server, mode=era, elicitation_callback=nobody, message_handler=hear) as client:
        identifiers = {"id": "ada", "email": "ada@example.com", "cio_id": CIO_ID.removeprefix("cio_")}
        data = {"identifiers": identifiers, "recipient": "Ada <ada@example.com>", "subject": "To +447700900001"}
        events = [
            Envelope(event_id="1", object_type="email", metric="opened", timestamp=1_790_000_000, data=data),
            Envelope(event_id="2", object_type="email", metric="ada@example.com", timestamp=1_790_000_001, data=data),
            Envelope.unknown(b"ada@example.com", 1_790_000_002.0),
        ]
        await (await server.runtime.events()).append(events)
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize(("era", "tools"), ROUNDS, ids=str)
@pytest.mark.sampled(3)
async def test_no_address_number_or_key_is_answered_logged_or_traced(
    tools: list[str],
    era: Era,
    masked: Settings,
    sandbox: Sandbox,
    spans: SpanRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="cio_mcp")
    heard: list[Any] = []
    async with connect(masked, sandbox, era, heard) as client:
        for tool in tools:
            for given in EXAMPLES[tool].private:
                arguments = await EXAMPLES[tool].complete(client, given, CIO_ID)
                result = await client.call_tool(tool, arguments)
                assert not private(result.model_dump_json()), arguments
                assert not result.is_error or given is not EXAMPLES[tool].private[0] or CIO_ID not in given.values()
        changes = await client.call_tool("list_changes", {})
    assert not private(changes.model_dump_json())
    assert not private(str(heard))
    records = [f"{each.name} {each.getMessage()} {each.exc_text}" for each in caplog.records]
    ours = [each for each in records if each.startswith(("cio_mcp", "httpx", "httpcore"))]
    assert not private("\n".join(ours))
    assert not private(str(spans.spans))
    assert not any(key in record for key in KEYS for record in records)
    assert spans.spans or not NEEDS_APP & set(tools)


@pytest.mark.anyio
async def test_the_file_of_an_export_is_not_handed_to_a_model(
    masked: Settings, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started without masking, since a masked server asks nobody in the client."""
    monkeypatch.setattr("cio_mcp.sandbox.api.exports.PROCESSING_SECONDS", 0.0)
    given = {"type": "customers", "filter": {"attribute": {"field": "cio_id", "operator": "exists"}}}
    given |= {"attributes": ["phone", "eve@example.com"]}
    async with Client(
        build_server(masked.model_copy(update={"mask_pii": False}), sandbox=sandbox), elicitation_callback=approve
    ) as client:
        assert not (await client.call_tool("start_export", given)).is_error
    for changes in ({}, {"files_dirs": (tmp_path,)}):
        async with connect(masked.model_copy(update=changes), sandbox, "auto", []) as client:
            result = await client.call_tool("get_export", {"export": "1"})
        assert result.structured_content
        assert result.structured_content["first_rows"]
        assert not private(result.model_dump_json())
        assert "link" not in result.structured_content


@pytest.mark.anyio
async def test_no_resource_or_prompt_holds_an_address_or_a_number(era: Era, masked: Settings, sandbox: Sandbox) -> None:
    async with connect(masked, sandbox, era, []) as client:
        await client.call_tool("send_event", EXAMPLES["send_event"].private[0])
        for uri in ("cio://events/recent", "cio://changes", "cio://segments", f"cio://events/recent?customer={CIO_ID}"):
            text = (await client.read_resource(uri)).model_dump_json()
            assert not private(text), uri
        for uri in ("cio://segments/ada@example.com", "cio://events/recent?since=ada@example.com"):
            with pytest.raises(MCPError) as refused:
                await client.read_resource(uri)
            assert not private(refused.value.message)
        with pytest.raises(MCPError, match="customer: email addresses and phone numbers are masked") as refused:
            await client.get_prompt("customer-360", {"customer": "ada@example.com"})
        assert not private(refused.value.message)
        (message,) = (await client.get_prompt("customer-360", {"customer": CIO_ID})).messages
        assert isinstance(message.content, TextContent)
        assert CIO_ID in message.content.text
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("ada@example.com", {})
        assert not private(refused.value.message)


def test_a_person_outside_sees_what_the_model_does_not_and_what_leaves_is_real(
    masked: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def call() -> dict[str, Any]:
        async with Sandbox(seed=7, people=0) as sandbox, connect(masked, sandbox, "auto", []) as client:
            result = await client.call_tool("send_transactional", arguments)
            sent.extend(sandbox.workspace.sends)
        assert not private(result.model_dump_json())
        assert result.structured_content
        return dict(result.structured_content)

    async def approve() -> bool:
        database = Database(masked.storage_url)
        try:
            row = await change_queries.find_change(database, change)
            assert row
            journal = Journal(database, row.workspace)
            return await journal.approve(row, by="local:person", how="on a terminal", now=row.planned_at + 1)
        finally:
            await database.close()

    sent: list[Any] = []
    arguments = EXAMPLES["send_transactional"].private[0]
    change = anyio.run(call)["change"]
    monkeypatch.setenv("CIO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CIO_MASK_PII", "true")
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["approvals", "show", change]).stdout
    assert "“ada@example.com”" in shown
    listed = CliRunner().invoke(app, ["changes", "--json"]).stdout
    assert json.loads(listed)["changes"][0]["id"] == change
    assert not private(listed)
    assert anyio.run(approve)
    assert anyio.run(call)["status"] == "done"
    assert "ada@example.com" in str(sent)


@pytest.mark.anyio
async def test_a_key_that_is_refused_stands_nowhere(
    era: Era, settings: Settings, sandbox: Sandbox, spans: SpanRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = {"app_api_key": SecretStr("the-wrong-app-key"), "track_api_key": SecretStr("the-wrong-track-key")}
    async with Client(build_server(settings.model_copy(update=wrong), sandbox=sandbox), mode=era) as client:
        for tool in ("find_customers", "get_workspace", "send_event", "update_customer"):
            result = await client.call_tool(tool, EXAMPLES[tool].private[0])
            assert "the-wrong" not in result.model_dump_json()
        with pytest.raises(MCPError) as refused:
            await client.read_resource("cio://segments")
    assert "the-wrong" not in refused.value.message
    assert "the-wrong" not in caplog.text
    assert "the-wrong" not in str(spans.spans)
