"""The check of the keys, on a sandbox that knows one pair and one key."""

import pytest
from pydantic import SecretStr

from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.settings import Settings
from cio_mcp.workspace import open_workspace
from tests.callers import caller_named

pytestmark = pytest.mark.anyio

WRONG = SecretStr("another-key")
SWAPPED = {"site_id": "sandbox-track-key", "track_api_key": SecretStr("sandbox-site")}


async def test_nothing_is_requested_or_reported_before_the_check(settings: Settings, sandbox: Sandbox) -> None:
    async with open_workspace(settings, sandbox=sandbox) as opened:
        assert opened.keys.lines() == {}
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("keys", "states"),
    [
        ({}, {"track": "accepted", "app": "accepted"}),
        (SWAPPED, {"track": "refused", "app": "accepted"}),
        ({"app_api_key": WRONG}, {"track": "accepted", "app": "refused"}),
        ({"app_api_key": None}, {"track": "accepted"}),
        ({"site_id": None, "track_api_key": None}, {"app": "accepted"}),
        (SWAPPED | {"app_api_key": WRONG}, {"track": "refused", "app": "refused"}),
    ],
)
async def test_each_key_that_is_set_is_checked_by_one_request(
    keys: dict[str, object], states: dict[str, str], settings: Settings, sandbox: Sandbox
) -> None:
    async with open_workspace(settings.model_copy(update=keys), sandbox=sandbox) as opened:
        await opened.check_keys()
        seen = opened.acting(caller_named("local:tester")).keys
    assert seen.states == states
    assert set(seen.problems) == {api for api, state in states.items() if state == "refused"}
    assert len(sandbox.requests) == len(states)
    assert len(seen.lines()) == len(states)
    assert "another-key" not in "".join(seen.lines().values())


async def test_swapped_track_keys_are_named(settings: Settings, sandbox: Sandbox) -> None:
    async with open_workspace(settings.model_copy(update=SWAPPED), sandbox=sandbox) as opened:
        await opened.check_keys()
        line = opened.keys.lines()["track"]
    assert line.startswith("Track API keys: refused. Customer.io refused the Track keys (401).")
    assert line.endswith("Site ID and Tracking API key are also rejected if they are swapped.")
    assert "\n" not in line


async def test_a_key_that_may_not_make_the_read_is_accepted(settings: Settings, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/workspaces", "status:403", -1))
    async with open_workspace(settings, sandbox=sandbox) as opened:
        await opened.check_keys()
    assert opened.keys.states == {"track": "accepted", "app": "accepted"}


async def test_a_customer_io_that_is_down_says_nothing_about_the_keys(settings: Settings, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/workspaces", "status:400", -1))
    async with open_workspace(settings, sandbox=sandbox) as opened:
        await opened.check_keys()
    assert opened.keys.states == {"track": "accepted", "app": "not checked"}
    assert opened.keys.lines()["app"].startswith("App API key: could not be checked. ")
