import httpx
import pytest

from cio_mcp.sandbox import Sandbox, StillClock
from tests.sandbox.sandbox_client import APP, TRACK, SandboxClient

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer sandbox-track-key"}]
)
async def test_the_app_api_refuses_any_key_but_its_own(client: SandboxClient, headers: dict[str, str]) -> None:
    answer = await client.http.get("/v1/campaigns", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("auth", [None, ("sandbox-site", "sandbox-app-key"), ("other", "sandbox-track-key")])
async def test_the_track_api_refuses_any_key_but_its_own(client: SandboxClient, auth: tuple[str, str] | None) -> None:
    answer = await client.http.get("/api/v1/accounts/region", auth=auth)
    assert answer.status_code == 401
    assert (await client.track("GET", "/accounts/region")).json()["region"] == "us"


async def test_the_eleventh_app_call_in_a_second_is_a_429_that_says_when_to_come_back(client: SandboxClient) -> None:
    answers = [await client.http.get("/v1/campaigns", headers=APP) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].json()["errors"][0]["status"] == "429"
    assert (await client.state())["429s"] == 1
    client.pause(0.9)
    assert (await client.http.get("/v1/campaigns", headers=APP)).status_code == 429
    client.pause(0.1)
    assert (await client.http.get("/v1/campaigns", headers=APP)).status_code == 200


async def test_track_and_sends_draw_on_no_app_budget(client: SandboxClient) -> None:
    for _ in range(20):
        assert (await client.track("GET", "/accounts/region")).status_code == 200
        body = {"transactional_message_id": 1, "to": "ada@example.com", "identifiers": {"id": "ada"}}
        assert (await client.http.post("/v1/send/email", headers=APP, json=body)).status_code == 200
    assert (await client.http.get("/v1/campaigns", headers=APP)).status_code == 200


@pytest.mark.slow
async def test_track_counts_its_soft_limit_and_refuses_nobody(client: SandboxClient) -> None:
    for _ in range(3005):
        assert (await client.track("GET", "/accounts/region")).status_code == 200
    assert (await client.state())["peaks"]["track"] == 3005


async def test_a_second_trigger_within_ten_seconds_is_a_429(client: SandboxClient) -> None:
    body = {"ids": ["ada"], "data": {"headline": "h", "text": "t"}}
    assert (await client.app("/v1/campaigns/10/triggers", method="POST", json=body)).status_code == 200
    refused = await client.app("/v1/campaigns/10/triggers", method="POST", json=body)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "9")
    client.pause(9)
    assert (await client.app("/v1/campaigns/10/triggers", method="POST", json=body)).status_code == 200


async def test_the_daily_quota_of_archived_messages_names_no_time_to_wait(client: SandboxClient) -> None:
    number = (await client.get_json("/v1/messages", limit=1))["messages"][0]["id"]
    for _ in range(100):
        assert (await client.app(f"/v1/messages/{number}/archived_message")).status_code == 200
    refused = await client.app(f"/v1/messages/{number}/archived_message")
    assert refused.status_code == 429
    assert "Retry-After" not in refused.headers


async def test_an_added_jitter_delays_arrivals_and_changes_no_answer() -> None:
    async with Sandbox(people=0, jitter=0.001, clock=StillClock()) as sandbox:
        transport = httpx.ASGITransport(app=sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", auth=TRACK) as http:
            assert (await http.get("/api/v1/accounts/region")).status_code == 200
