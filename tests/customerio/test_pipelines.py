"""Requests to the Pipelines API, which has a key and hosts of its own."""

import pytest

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.region import HOSTS
from cio_mcp.customerio.writer import Failed, Sent, Writer
from cio_mcp.sandbox import Sandbox
from cio_mcp.settings import Settings
from cio_mcp.workspace import Workspace, open_workspace
from tests.callers import caller_named

pytestmark = pytest.mark.anyio

IDENTIFY = Call(operation="pipelines_identify", body={"userId": "ada", "traits": {"plan": "gold"}})


async def test_a_request_is_sent_with_the_key_of_its_own(opened: Workspace, sandbox: Sandbox) -> None:
    result = await Writer(opened.client).send(IDENTIFY, opened.acting(caller_named("local:tester")).reader.work)
    assert isinstance(result, Sent), result
    assert sandbox.requests[-1]["path"] == "/v1/identify"


async def test_without_that_key_nothing_is_sent_and_the_setting_is_named(settings: Settings, sandbox: Sandbox) -> None:
    without = settings.model_copy(update={"cdp_api_key": None})
    async with open_workspace(without, sandbox=sandbox) as opened:
        work = opened.acting(caller_named("local:tester")).reader.work
        result = await Writer(opened.client).send(IDENTIFY, work)
    assert isinstance(result, Failed)
    assert "CIO_CDP_API_KEY" in result.reason
    assert not sandbox.requests


def test_it_has_a_host_in_each_region_and_draws_on_the_budget_of_track() -> None:
    assert HOSTS["pipelines"] == {"us": "https://cdp.customer.io", "eu": "https://cdp-eu.customer.io"}
    assert LANES["pipelines"].shares == "track"
    assert (LANES["pipelines"].requests, LANES["pipelines"].window) == (3000, 3.0)
