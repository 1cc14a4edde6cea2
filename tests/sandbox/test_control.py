import pytest

from cio_mcp.sandbox.server import Address, startup_message
from tests.sandbox.sandbox_client import SandboxClient

pytestmark = pytest.mark.anyio


async def test_requests_are_counted_by_route_template_and_listed_as_they_came(client: SandboxClient) -> None:
    await client.get_json("/v1/customers/ada/attributes")
    await client.get_json("/v1/customers/bob/attributes")
    await client.app("/nowhere")
    state = await client.state()
    assert state["requests"] == {"GET /v1/customers/{customer_id}/attributes": 2, "GET (unknown)": 1}
    assert (state["total"], state["statuses"], state["max_concurrency"]) == (3, {"200": 2, "404": 1}, 1)
    listed = (await client.http.get("/_sandbox/requests")).json()
    assert [(one["method"], one["path"], one["status"]) for one in listed] == [
        ("GET", "/v1/customers/ada/attributes", 200),
        ("GET", "/v1/customers/bob/attributes", 200),
        ("GET", "/nowhere", 404),
    ]
    assert listed[0]["at"] < listed[1]["at"]


async def test_advancing_applies_pending_changes(client: SandboxClient) -> None:
    await client.track("PUT", "/customers/ada", {"plan": "pro"})
    assert (await client.state())["pending"] == 1
    before = client.sandbox.clock.now()
    answer = await client.http.post("/_sandbox/advance", json={"seconds": 1.5})
    assert answer.json()["now"] == before + 1.5
    assert (await client.state())["pending"] == 0
    for wrong in ({"seconds": -1}, {"seconds": "1"}, {}):
        assert (await client.http.post("/_sandbox/advance", json=wrong)).status_code == 400


async def test_a_reset_makes_the_workspace_new(client: SandboxClient) -> None:
    await client.reset_password()
    await client.track("PUT", "/customers/ada", {"plan": "pro"})
    await client.http.post("/_sandbox/faults", json={"path": "/v1", "kind": "drop", "times": -1})
    state = (await client.http.post("/_sandbox/reset")).json()
    assert (state["total"], state["sends"], state["pending"], state["requests"]) == (0, 0, 0, {})
    assert (await client.attributes("ada"))["plan"] == "vip"


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b'{"seconds": NaN}', b'{"seconds": 1e999}', b"\xff"])
@pytest.mark.parametrize("name", ["faults", "advance", "emit"])
async def test_a_malformed_command_is_a_400(client: SandboxClient, name: str, content: bytes) -> None:
    assert (await client.http.post(f"/_sandbox/{name}", content=content)).status_code == 400


async def test_a_fault_with_an_odd_path_is_listed(client: SandboxClient) -> None:
    fault = b'{"path": "/v1/\\ud800", "kind": "drop"}'
    assert (await client.http.post("/_sandbox/faults", content=fault)).status_code == 200
    assert (await client.http.get("/_sandbox/faults")).json()[0]["path"] == "/v1/\ufffd"


async def test_an_unknown_control_is_a_404(client: SandboxClient) -> None:
    assert (await client.http.get("/_sandbox/nothing")).status_code == 404
    assert (await client.http.get("/_sandbox/advance")).status_code == 404
    assert (await client.http.post("/_sandbox/faults", content="{")).status_code == 400


def test_the_welcome_names_what_a_client_needs() -> None:
    text = startup_message(Address("http://127.0.0.1:8900", None))
    assert "CIO_APP_URL=http://127.0.0.1:8900" in text
    assert "sandbox-app-key" in text
    assert "SSL_CERT_FILE" not in text
