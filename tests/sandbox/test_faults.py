import httpx
import pytest

from cio_mcp.sandbox import Dropped
from cio_mcp.sandbox.server import Address
from tests.sandbox.sandbox_client import APP, TRACK, SandboxClient

RESET = {"transactional_message_id": 1, "to": "ada@example.com", "identifiers": {"id": "ada"}}
EVENT = {"name": "looked", "id": "01J8ZZZZZZZZZZZZZZZZZZZZZZ"}


def inject(live: Address, kind: str, method: str = "GET", path: str = "/v1/campaigns", times: int = 1) -> None:
    fault = {"method": method, "path": path, "kind": kind, "times": times}
    httpx.post(f"{live.url}/_sandbox/faults", json=fault).raise_for_status()


def ask(live: Address, method: str = "GET", path: str = "/v1/campaigns", json: object = None) -> httpx.Response:
    return httpx.request(method, f"{live.url}{path}", headers=APP, json=json)


def sends(live: Address) -> int:
    count: int = httpx.get(f"{live.url}/_sandbox/state").json()["sends"]
    return count


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_ordered_status_comes_as_often_as_ordered(live: Address, status: int) -> None:
    inject(live, f"status:{status}", times=2)
    assert [ask(live).status_code for _ in range(3)] == [status, status, 200]


def test_a_429_comes_with_and_without_its_header_and_body(live: Address) -> None:
    inject(live, "429")
    inject(live, "429_bare")
    full, bare = ask(live), ask(live)
    assert (full.status_code, full.headers["Retry-After"], list(full.json())) == (429, "1", ["errors"])
    assert (bare.status_code, bare.content) == (429, b"")
    assert "Retry-After" not in bare.headers


def test_a_dropped_request_is_cut_without_a_byte_and_has_no_effect(live: Address) -> None:
    inject(live, "drop", "POST", "/v1/send/email")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(live, "POST", "/v1/send/email", RESET)
    assert sends(live) == 0
    assert ask(live, "POST", "/v1/send/email", RESET).status_code == 200


def test_accepted_then_dropped_has_its_effect(live: Address) -> None:
    inject(live, "accept_then_drop", "POST", "/v1/send/email")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(live, "POST", "/v1/send/email", RESET)
    assert sends(live) == 1


def test_accepted_then_503_has_its_effect(live: Address) -> None:
    inject(live, "accept_then_503", "POST", "/v1/send/email")
    assert ask(live, "POST", "/v1/send/email", RESET).status_code == 503
    assert sends(live) == 1


@pytest.mark.slow
def test_a_hanging_answer_exceeds_the_timeout_of_an_impatient_client(live: Address) -> None:
    inject(live, "hang:30", "POST", "/v1/send/email")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{live.url}/v1/send/email", headers=APP, json=RESET, timeout=0.2)
    assert sends(live) == 1


def test_responses_that_are_not_json_come_as_injected(live: Address) -> None:
    inject(live, "html")
    inject(live, "empty")
    assert ask(live).headers["Content-Type"].startswith("text/html")
    assert ask(live).content == b""


def test_a_huge_answer_is_fifty_megabytes_and_comes_in_pieces(live: Address) -> None:
    inject(live, "huge")
    with httpx.stream("GET", f"{live.url}/v1/campaigns", headers=APP) as answer:
        pieces = [len(piece) for piece in answer.iter_raw()]
    assert sum(pieces) > 50_000_000
    assert max(pieces) < 1_000_000


def test_a_fault_is_aimed_by_template_by_path_or_by_prefix(live: Address) -> None:
    for path in ("/v1/customers/{customer_id}/attributes", "/v1/customers/ada/attributes", "/v1/customers/"):
        inject(live, "status:503", "*", path)
        assert ask(live, path="/v1/campaigns").status_code == 200
        assert ask(live, path="/v1/customers/ada/attributes").status_code == 503
        assert ask(live, path="/v1/customers/ada/attributes").status_code == 200


def test_a_fault_for_good_lasts_until_it_is_cleared(live: Address) -> None:
    inject(live, "status:503", times=-1)
    assert {ask(live).status_code for _ in range(5)} == {503}
    assert httpx.request("DELETE", f"{live.url}/_sandbox/faults").json() == []
    assert ask(live).status_code == 200


@pytest.mark.parametrize("fault", [{}, {"path": "/v1", "kind": "sneeze"}, {"path": "/v1", "kind": "status:9"}, []])
def test_an_invalid_fault_is_refused(live: Address, fault: object) -> None:
    assert httpx.post(f"{live.url}/_sandbox/faults", json=fault).status_code == 400


def test_a_connection_survives_what_was_cut_on_another(live: Address) -> None:
    with httpx.Client(base_url=live.url, headers=APP) as held:
        assert held.get("/v1/campaigns").status_code == 200
        inject(live, "drop")
        with pytest.raises(httpx.RemoteProtocolError):
            ask(live)
        assert held.get("/v1/campaigns").status_code == 200


@pytest.mark.anyio
async def test_in_process_a_cut_line_is_the_sandboxes_own_exception(client: SandboxClient) -> None:
    await client.http.post("/_sandbox/faults", json={"method": "PUT", "path": "/api/v1/", "kind": "accept_then_drop"})
    with pytest.raises(Dropped):
        await client.track("PUT", "/customers/ada", {"plan": "pro"})
    assert (await client.attributes("ada"))["plan"] == "pro"


@pytest.mark.anyio
async def test_an_event_repeated_after_a_lost_answer_counts_once(client: SandboxClient) -> None:
    await client.http.post("/_sandbox/faults", json={"method": "POST", "path": "/api/v1/", "kind": "accept_then_503"})
    assert (await client.track("POST", "/customers/ada/events", EVENT)).status_code == 503
    assert (await client.track("POST", "/customers/ada/events", EVENT)).status_code == 200
    client.pause()
    assert (await client.state())["events"] == 1


def test_the_track_api_answers_over_the_socket_too(live: Address) -> None:
    assert httpx.get(f"{live.url}/api/v1/accounts/region", auth=TRACK).json()["region"] == "us"
