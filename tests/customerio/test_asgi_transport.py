from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import httpx
import pytest

from cio_mcp.customerio.asgi_transport import AsgiTransport
from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.client import Client, Work
from cio_mcp.customerio.ratelimit.limiter import Limiter
from cio_mcp.customerio.ratelimit.rates import LANES
from cio_mcp.customerio.writer import Failed, Result, Sent, Unknown, Writer
from cio_mcp.errors import BadAnswer, KeyRefused, RateLimited, Unavailable
from cio_mcp.sandbox.app import Sandbox
from cio_mcp.sandbox.faults import Dropped, Fault
from cio_mcp.settings import Settings
from cio_mcp.storage.limiter_state import MemoryLimiterStore
from tests.clock import ManualClock

pytestmark = pytest.mark.anyio

SEGMENTS = read("list_segments")
SEND = Call(
    operation="send_email",
    body={"transactional_message_id": "1", "to": "ada@example.com", "identifiers": {"id": "ada"}, "message_data": {}},
)
IDENTIFY = Call(
    operation="identify_customer",
    path={"identifier": "ada"},
    body={"plan": "pro", "_timestamp": 1764000000, "_update": True},
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=7, people=40) as sandbox:
        yield sandbox


def client_of(sandbox: Sandbox, clock: ManualClock, **keys: str) -> Client:
    url = "http://sandbox.test"
    known = {
        "site_id": "sandbox-site",
        "track_api_key": "sandbox-track-key",
        "app_api_key": "sandbox-app-key",
        "track_url": url,
        "app_url": url,
    }
    settings = Settings.model_validate({**known, **keys})
    limiter = Limiter(MemoryLimiterStore(), LANES, workspace="sandbox", clock=clock, threads=clock.threads)
    return Client(settings, limiter, transport=AsgiTransport(sandbox.app, drops=(Dropped,)), clock=clock)


@pytest.fixture
async def client(sandbox: Sandbox, clock: ManualClock) -> AsyncIterator[Client]:
    async with client_of(sandbox, clock) as client:
        yield client


async def test_the_sandbox_is_read_without_a_port(client: Client, work: Work) -> None:
    answer = await client.reader(work).read(SEGMENTS)
    assert [segment["name"] for segment in answer["segments"]][:2] == ["Everyone", "VIP"]


async def test_an_address_with_a_plus_finds_its_person(client: Client, sandbox: Sandbox, work: Work) -> None:
    created = IDENTIFY.model_copy(
        update={"path": {"identifier": "plus"}, "body": {"email": "ada+1@example.com", "_timestamp": 1764000000}}
    )
    assert isinstance(await Writer(client).send(created, work), Sent)
    sandbox.clock.advance(10)
    found = await client.reader(work).read(read("find_customers_by_email", query={"email": "ada+1@example.com"}))
    assert [person["id"] for person in found["results"]] == ["plus"]


@pytest.mark.parametrize("kind", ["429", "429_bare", "status:503", "drop"])
async def test_faults_that_pass_are_outlived(client: Client, sandbox: Sandbox, work: Work, kind: str) -> None:
    sandbox.faults.append(Fault("GET", "/v1/segments", kind))
    assert "segments" in await client.reader(work).read(SEGMENTS)
    assert sandbox.routes["GET /v1/segments"] == 2


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", RateLimited),
        ("status:500", Unavailable),
        ("drop", Unavailable),
        ("html", BadAnswer),
        ("empty", BadAnswer),
        ("huge", BadAnswer),
    ],
)
async def test_faults_that_stay_are_reported(
    client: Client, sandbox: Sandbox, work: Work, kind: str, error: type[Exception]
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/segments", kind, times=-1))
    with pytest.raises(error):
        await client.reader(work).read(SEGMENTS)
    sandbox.faults.clear()


async def test_a_sandbox_that_hangs_is_given_up(
    client: Client, sandbox: Sandbox, clock: ManualClock, work: Work
) -> None:
    sandbox.faults.append(Fault("GET", "/v1/segments", "hang:600"))

    async def time_passes() -> None:
        while not sandbox.requests:
            await anyio.lowlevel.checkpoint()
        await clock.advance(work.deadline - clock.time)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(time_passes)
        with pytest.raises(Unavailable, match="did not answer"):
            await client.reader(work).read(SEGMENTS)


@pytest.mark.parametrize(
    ("kind", "expected", "emails"),
    [
        ("accept_then_503", Unknown, 1),
        ("accept_then_drop", Unknown, 1),
        ("status:503", Unknown, 0),
        ("drop", Unknown, 0),
        ("429", Failed, 0),
        ("status:400", Failed, 0),
    ],
)
async def test_a_message_is_requested_exactly_once(
    client: Client, sandbox: Sandbox, work: Work, kind: str, expected: type[Result], emails: int
) -> None:
    sandbox.faults.append(Fault("POST", "/v1/send/email", kind, times=-1))
    assert isinstance(await Writer(client).send(SEND, work), expected)
    assert sandbox.routes["POST /v1/send/email"] == 1
    assert len(sandbox.workspace.sends) == emails


async def test_a_profile_write_that_broke_off_is_made_again(client: Client, sandbox: Sandbox, work: Work) -> None:
    sandbox.faults.append(Fault("PUT", "/api/v1/customers/ada", "accept_then_drop"))
    sandbox.faults.append(Fault("PUT", "/api/v1/customers/ada", "accept_then_503"))
    assert isinstance(await Writer(client).send(IDENTIFY, work), Sent)
    assert [entry["method"] for entry in sandbox.requests] == ["PUT"] * 3


@pytest.mark.parametrize("key", ["no-such-key", "sandbox-track-key"], ids=["wrong", "swapped"])
async def test_a_wrong_or_swapped_app_key_names_the_setting(
    sandbox: Sandbox, clock: ManualClock, work: Work, key: str
) -> None:
    async with client_of(sandbox, clock, app_api_key=key) as client:
        with pytest.raises(KeyRefused, match="CIO_APP_API_KEY") as caught:
            await client.reader(work).read(SEGMENTS)
    assert key not in str(caught.value)


@pytest.mark.parametrize("key", ["no-such-key", "sandbox-app-key"], ids=["wrong", "swapped"])
async def test_a_wrong_or_swapped_track_key_fails_the_write_and_names_the_setting(
    sandbox: Sandbox, clock: ManualClock, work: Work, key: str
) -> None:
    async with client_of(sandbox, clock, track_api_key=key) as client:
        result = await Writer(client).send(IDENTIFY, work)
    assert isinstance(result, Failed)
    assert result.status == 401
    assert "CIO_TRACK_API_KEY" in result.reason
    assert key not in result.reason


async def test_a_read_timeout_of_its_own_is_httpxs_error(sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/segments", "hang:600"))
    async with httpx.AsyncClient(transport=AsgiTransport(sandbox.app), base_url="http://sandbox.test") as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get("/v1/segments", headers={"authorization": "Bearer sandbox-app-key"}, timeout=0.05)
