from typing import Any

import anyio
import pytest

from cio_mcp.clock import Clock
from cio_mcp.customerio.asgi_transport import AsgiTransport
from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.client import Client
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent
from cio_mcp.customerio.ratelimit.limiter import Limiter
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.region import Regions
from cio_mcp.errors import KeyRefused, SettingError, Unavailable
from cio_mcp.settings import Settings
from cio_mcp.storage.limiter_state import MemoryLimiterStore
from tests.callers import caller_named, work_of

pytestmark = pytest.mark.anyio

TRACK: dict[str, Any] = {"site_id": "a-site", "track_api_key": "track-secret"}
APP: dict[str, Any] = {"app_api_key": "app-secret"}


WRONG_DATACENTER = Answered(301, b'{"errors": [{"detail": "wrong datacenter", "status": "301"}]}')


class Hosts:
    """What each host answers; records which were requested."""

    def __init__(self, **answers: Outcome) -> None:
        self._answers = answers
        self.requests: list[str] = []

    async def __call__(self, _: Call, base: str) -> Outcome:
        host = base.removeprefix("https://").partition(".")[0].replace("-", "_")
        self.requests.append(host)
        await anyio.lowlevel.checkpoint()
        return self._answers[host]


async def test_a_configured_region_is_not_looked_up() -> None:
    hosts = Hosts()
    regions = Regions(Settings(**TRACK, **APP, region="eu"), hosts)
    assert await regions.base("app", within=1) == "https://api-eu.customer.io"
    assert await regions.base("track", within=1) == "https://track-eu.customer.io"
    assert hosts.requests == []


async def test_hosts_that_are_set_win_over_the_region() -> None:
    settings = Settings(**TRACK, **APP, track_url="http://127.0.0.1:1/", app_url="http://127.0.0.1:2")
    regions = Regions(settings, Hosts())
    assert await regions.base("track", within=1) == "http://127.0.0.1:1"
    assert await regions.base("app", within=1) == "http://127.0.0.1:2"


async def test_with_track_keys_either_host_answers_with_the_region() -> None:
    hosts = Hosts(track=Answered(200, b'{"url": "track-eu.customer.io", "region": "eu", "environment_id": 7}'))
    regions = Regions(Settings(**TRACK, **APP), hosts)
    assert await regions.base("app", within=1) == "https://api-eu.customer.io"
    assert await regions.base("track", within=1) == "https://track-eu.customer.io"
    assert hosts.requests == ["track"]


@pytest.mark.parametrize(
    ("us", "requests", "base"),
    [
        (Answered(200), ["api"], "https://api.customer.io"),
        (Answered(403), ["api"], "https://api.customer.io"),
        (Answered(401), ["api", "api_eu"], "https://api-eu.customer.io"),
        (WRONG_DATACENTER, ["api", "api_eu"], "https://api-eu.customer.io"),
    ],
)
async def test_with_the_app_key_alone_the_us_is_tried_then_the_eu(us: Outcome, requests: list[str], base: str) -> None:
    hosts = Hosts(api=us, api_eu=Answered(200))
    assert await Regions(Settings(**APP), hosts).base("app", within=1) == base
    assert hosts.requests == requests


async def test_a_track_host_that_redirects_leaves_the_question_to_the_other_region() -> None:
    hosts = Hosts(track=WRONG_DATACENTER, track_eu=Answered(200, b'{"region": "eu"}'))
    assert await Regions(Settings(**TRACK), hosts).base("track", within=1) == "https://track-eu.customer.io"
    assert hosts.requests == ["track", "track_eu"]


@pytest.mark.parametrize("keys", [APP, TRACK], ids=["app", "track"])
async def test_hosts_that_all_redirect_do_not_reveal_the_region(keys: dict[str, Any]) -> None:
    hosts = Hosts(api=Answered(301), api_eu=Answered(302), track=Answered(301), track_eu=Answered(308))
    with pytest.raises(Unavailable, match="CIO_REGION"):
        await Regions(Settings(**keys), hosts).base("app", within=1)


async def test_a_host_that_redirects_and_one_that_refuses_the_key_name_the_key() -> None:
    hosts = Hosts(api=Answered(301), api_eu=Answered(401))
    with pytest.raises(KeyRefused, match="CIO_APP_API_KEY"):
        await Regions(Settings(**APP), hosts).base("app", within=1)


async def test_a_proxy_that_refuses_is_named_while_the_region_is_found_out() -> None:
    hosts = Hosts(api=Unsent("could not be reached: the proxy in HTTPS_PROXY answered 403", "HTTPS_PROXY"))
    with pytest.raises(SettingError, match=r"HTTPS_PROXY: .*answered 403; nothing was sent"):
        await Regions(Settings(**APP), hosts).base("app", within=1)


async def test_fifty_first_callers_ask_once() -> None:
    hosts = Hosts(api=Answered(401), api_eu=Answered(200))
    regions = Regions(Settings(**APP), hosts)
    async with anyio.create_task_group() as callers:
        for _ in range(50):
            callers.start_soon(lambda: regions.base("app", within=5))
    assert hosts.requests == ["api", "api_eu"]


@pytest.mark.parametrize(("keys", "named"), [(APP, "CIO_APP_API_KEY"), (TRACK, "CIO_TRACK_API_KEY")])
async def test_a_key_that_no_region_knows_names_its_setting_and_the_region(keys: dict[str, Any], named: str) -> None:
    hosts = Hosts(api=Answered(401), api_eu=Answered(401), track=Answered(401))
    with pytest.raises(KeyRefused, match=named) as caught:
        await Regions(Settings(**keys), hosts).base("app", within=1)
    assert "CIO_REGION" in str(caught.value)


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (Unsent("could not be reached"), "could not be reached; nothing was sent"),
        (Lost("broke the connection"), "CIO_REGION"),
        (Answered(503), "CIO_REGION"),
        (Answered(429), "CIO_REGION"),
    ],
)
async def test_a_failed_region_lookup_is_tried_again(trouble: Outcome, message: str) -> None:
    regions = Regions(Settings(**APP), Hosts(api=trouble))
    for _ in range(2):
        with pytest.raises(Unavailable, match=message):
            await regions.base("app", within=1)
    assert regions.region is None


async def european(scope: Any, receive: Any, send: Any) -> None:
    """An account in the EU: the US host refuses its key."""
    await receive()
    status = 200 if scope["server"][0] == "api-eu.customer.io" else 401
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def client_with(**settings: Any) -> Client:
    limiter = Limiter(MemoryLimiterStore(), LANES, workspace="a-site", clock=Clock())
    return Client(Settings(**settings), limiter, transport=AsgiTransport(european), clock=Clock())


async def test_an_account_in_the_eu_is_found_by_its_app_key() -> None:
    async with client_with(**APP) as client:
        assert await client.reader(work_of(caller_named("local:ada"))).read(read("list_segments")) == {}
        assert await client.region() == "eu"


async def test_a_key_of_an_eu_account_on_the_us_host_fails_with_a_hint_at_the_region() -> None:
    async with client_with(**APP, region="us") as client:
        with pytest.raises(KeyRefused, match=r"CIO_REGION.*the US region was tried"):
            await client.reader(work_of(caller_named("local:ada"))).read(read("list_segments"))


async def test_a_caller_who_has_no_time_for_it_leaves_the_question_to_the_next() -> None:
    hosts = Hosts(api=Answered(200))
    regions = Regions(Settings(**APP), hosts)
    with pytest.raises(Unavailable):
        await regions.base("app", within=0)
    assert await regions.base("app", within=1) == "https://api.customer.io"
