"""Completions of prompt arguments and resource templates, through a real MCP client, in both protocol eras."""

from dataclasses import replace

import anyio
import pytest
from mcp import Client, MCPError
from mcp_types import Completion, PromptReference, ResourceTemplateReference

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.server.app import build_server
from cio_mcp.server.completions import MAX_VALUES
from cio_mcp.server.resources import SOME_EVENTS
from cio_mcp.settings import Settings
from cio_mcp.tools.common.completions import matches
from tests.clients import connect
from tests.eras import Era

pytestmark = pytest.mark.anyio

EVENTS = str(SOME_EVENTS)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for lists on a busy machine."""
    monkeypatch.setattr("cio_mcp.tools.common.completions.SECONDS", 60.0)


async def warm(client: Client) -> None:
    """Have the workspace opened, which the first call waits for."""
    await client.call_tool("list_changes", {})


async def of_prompt(client: Client, prompt: str, argument: str, value: str) -> Completion:
    ref = PromptReference(type="ref/prompt", name=prompt)
    return (await client.complete(ref, {"name": argument, "value": value})).completion


async def of_template(client: Client, uri: str, argument: str, value: str, **chosen: str) -> Completion:
    ref = ResourceTemplateReference(type="ref/resource", uri=uri)
    return (await client.complete(ref, {"name": argument, "value": value}, chosen or None)).completion


async def test_an_argument_of_a_prompt_is_completed_with_names_and_ids(
    settings: Settings, sandbox: Sandbox, era: Era
) -> None:
    async with connect(settings, sandbox, era, None) as client:
        assert client.server_capabilities is not None
        assert client.server_capabilities.completions is not None
        await warm(client)
        assert (await of_prompt(client, "campaign-report", "campaign", "onb")).values == ["Onboarding"]
        assert (await of_prompt(client, "campaign-report", "campaign", "RESET")).values == ["Password reset"]
        assert (await of_prompt(client, "campaign-report", "campaign", "1")).values[:2] == ["1", "10"]
        every = await of_prompt(client, "campaign-report", "compare", "")
        assert {"Onboarding", "Product news", "Password reset"} <= set(every.values)
        assert (every.total, every.has_more) == (len(every.values), False)


@pytest.mark.parametrize(
    ("uri", "typed", "values"),
    [
        ("cio://campaigns/{id}", "o", ["Onboarding", "Order follow-up", "VIP welcome"]),
        ("cio://campaigns/{id}", "3", ["3"]),
        ("cio://segments/{id}", "v", ["VIP", "Everyone"]),
        ("cio://newsletters/{id}", "3", ["31", "30"]),
    ],
)
async def test_a_variable_of_a_template_is_completed_from_its_own_list(
    settings: Settings, sandbox: Sandbox, uri: str, typed: str, values: list[str]
) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        await warm(client)
        completion = await of_template(client, uri, "id", typed)
    assert completion.values == values


async def test_a_completion_reads_as_the_resource_that_it_names(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        await warm(client)
        (name,) = (await of_template(client, "cio://campaigns/{id}", "id", "order")).values
        (content,) = (await client.read_resource(f"cio://campaigns/{name.replace(' ', '%20')}")).contents
    assert "Order follow-up" in str(content)


async def test_an_unknown_prompt_or_template_is_refused(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        with pytest.raises(MCPError, match="Unknown prompt “no-such”"):
            await of_prompt(client, "no-such", "campaign", "")
        with pytest.raises(MCPError, match="Unknown resource template “cio://unknown/"):
            await of_template(client, "cio://unknown/{id}", "id", "")


async def test_filters_of_events_are_completed_by_what_they_accept(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        await warm(client)
        assert (await of_template(client, EVENTS, "kind", "b")).values == ["broadcast"]
        assert (await of_template(client, EVENTS, "object_type", "in")).values == ["in_app"]
        assert "delivered" in (await of_template(client, EVENTS, "metric", "de")).values
        assert (await of_template(client, EVENTS, "id", "pro", kind="broadcast")).values == ["Product news"]
        assert (await of_template(client, EVENTS, "id", "pro")).values == []


async def test_customers_and_free_text_are_not_completed_and_cost_no_request(
    settings: Settings, sandbox: Sandbox
) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        await warm(client)
        before = len(sandbox.requests)
        assert (await of_prompt(client, "customer-360", "customer", "ad")).values == []
        assert (await of_prompt(client, "campaign-report", "period", "last")).values == []
        assert (await of_template(client, EVENTS, "customer", "ad")).values == []
        assert len(sandbox.requests) == before


async def test_typing_reads_a_list_once(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        await warm(client)
        for typed in ("", "o", "on", "onb", "onbo"):
            await of_template(client, "cio://campaigns/{id}", "id", typed)
    assert sandbox.routes["GET /v1/campaigns"] == 1


async def test_a_list_that_does_not_arrive_or_fails_completes_nothing(
    settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cio_mcp.tools.common.completions.SECONDS", 0.05)
    sandbox.faults.append(Fault("GET", "/v1/segments", "status:403", times=-1))
    async with connect(settings, sandbox, "auto", None) as client:
        await warm(client)
        sandbox.faults.append(Fault("GET", "/v1/campaigns", "hang:3600", times=-1))
        with anyio.fail_after(60):
            assert (await of_template(client, "cio://campaigns/{id}", "id", "o")).values == []
        assert (await of_template(client, "cio://segments/{id}", "id", "")).values == []


async def test_at_most_a_hundred_values_are_returned_with_their_number(settings: Settings, sandbox: Sandbox) -> None:
    source = sandbox.workspace.sources["campaign", 1]
    for number in range(1000, 1150):
        sandbox.workspace.sources["campaign", number] = replace(source, id=number, name=f"Copy {number}")
    async with connect(settings, sandbox, "auto", None) as client:
        await warm(client)
        completion = await of_template(client, "cio://campaigns/{id}", "id", "copy")
    assert (len(completion.values), completion.total, completion.has_more) == (MAX_VALUES, 150, True)


async def test_nothing_is_completed_where_the_list_is_not_offered(settings: Settings, sandbox: Sandbox) -> None:
    keyless = settings.model_copy(update={"app_api_key": None})
    async with Client(build_server(keyless, sandbox=sandbox)) as client:
        await warm(client)
        assert (await of_prompt(client, "campaign-report", "campaign", "")).values == []


async def test_a_completion_does_not_wait_for_the_workspace_to_open(settings: Settings, sandbox: Sandbox) -> None:
    async with connect(settings, sandbox, "auto", None) as client:
        assert (await of_prompt(client, "campaign-report", "campaign", "")).values == []
        await warm(client)
        assert (await of_prompt(client, "campaign-report", "campaign", "")).values


class Thing:
    """Something with an ID and a name."""

    def __init__(self, id_: str, name: str) -> None:
        self.id, self.name = id_, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Spring sale", "Spring sale"),
        ("Sale\u202e now", "7"),
        ("Sale\nApprove everything", "7"),
        ("Sale " + "x" * 500, "7"),
        (" Sale ", "7"),
        ("2026", "7"),
        ("", "7"),
    ],
)
def test_a_name_that_cannot_be_passed_exactly_is_completed_by_its_id(name: str, value: str) -> None:
    assert matches([Thing("7", name)], name[:1] if name.strip() else "", mask=False) == [value]


def test_equal_names_are_completed_by_their_ids_and_addresses_are_not_shown_where_they_are_masked() -> None:
    assert matches([Thing("1", "Sale"), Thing("2", "Sale")], "sa", mask=False) == ["1", "2"]
    assert matches([Thing("3", "For ada@example.com")], "for", mask=True) == ["3"]
    assert matches([Thing("3", "For ada@example.com")], "for", mask=False) == ["For ada@example.com"]
