"""Customer.io's own Python client, unchanged, against the sandbox over https: the proof that it is faithful."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from customerio import (
    APIClient,
    CustomerIO,
    CustomerIOException,
    Regions,
    SendEmailRequest,
    SendPushRequest,
    SendSMSRequest,
)

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.server import Address, serve_in_background


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(people=5, clock=StillClock())


@pytest.fixture(scope="module")
def where(sandbox: Sandbox) -> Iterator[Address]:
    with serve_in_background(sandbox, tls=True) as running:
        yield running


@pytest.fixture
def track(where: Address, monkeypatch: pytest.MonkeyPatch) -> Iterator[CustomerIO]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(where.authority))
    address = urlsplit(where.url)
    with CustomerIO("sandbox-site", "sandbox-track-key", host=address.hostname, port=address.port) as client:
        yield client


@pytest.fixture
def api(where: Address, monkeypatch: pytest.MonkeyPatch) -> Iterator[APIClient]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(where.authority))
    with APIClient("sandbox-app-key", url=where.url, region=Regions.US) as client:
        yield client


def control(where: Address, path: str, json: object = None) -> object:
    verify = str(where.authority)
    if json is None:
        return requests.get(f"{where.url}/_sandbox/{path}", verify=verify, timeout=100).json()
    return requests.post(f"{where.url}/_sandbox/{path}", json=json, verify=verify, timeout=100).json()


def test_it_identifies_a_person_who_then_has_the_attributes(track: CustomerIO, where: Address) -> None:
    track.identify(id="new one/+1", email="new@example.com", plan="pro")
    control(where, "advance", {"seconds": 1})
    found = requests.get(
        f"{where.url}/v1/customers/new%20one%2F%2B1/attributes",
        headers={"Authorization": "Bearer sandbox-app-key"},
        verify=str(where.authority),
        timeout=100,
    ).json()
    assert found["customer"]["attributes"]["plan"] == "pro"
    assert found["customer"]["identifiers"]["email"] == "new@example.com"


def test_it_tracks_an_event_once_however_often_its_id_comes(track: CustomerIO, where: Address) -> None:
    for _ in range(2):
        track.track("ada", "clicked_around", {"page": 1}, id="01J8ZZZZZZZZZZZZZZZZZZZZZZ")
    control(where, "advance", {"seconds": 1})
    events = control(where, "events")
    assert isinstance(events, list)
    assert [event["name"] for event in events] == ["clicked_around"]


def test_every_other_track_call_of_the_client_is_accepted(track: CustomerIO) -> None:
    track.track_anonymous("anon-1", "looked")
    track.pageview("ada", "/pricing")
    track.backfill("ada", "bought", 1_700_000_000)
    track.add_device("ada", "device-2", "android")
    track.delete_device("ada", "device-2")
    track.suppress("nobody")
    track.unsuppress("nobody")
    track.merge_customers("id", "two-1", "id", "two-2")
    track.delete("two-2")


def test_it_sends_an_email(api: APIClient, where: Address) -> None:
    message = SendEmailRequest(
        transactional_message_id=1,
        to="ada@example.com",
        identifiers={"id": "ada"},
        message_data={"reset_url": "https://acme.example/r/1", "minutes": 30},
    )
    message.attach("terms.txt", "the terms")
    answer = api.send_email(message)
    assert set(answer) == {"delivery_id", "queued_at"}
    sends = control(where, "sends")
    assert isinstance(sends, list)
    assert sends[-1]["delivery_id"] == answer["delivery_id"]


def test_it_sends_a_push_and_a_text_message(api: APIClient) -> None:
    ada, data = {"id": "ada"}, {"order_id": 1, "code": 2}
    push = SendPushRequest(transactional_message_id=4, to="all", identifiers=ada, message_data=data)
    text = SendSMSRequest(transactional_message_id=3, to="{{customer.phone}}", identifiers=ada, message_data=data)
    assert set(api.send_push(push)) == set(api.send_sms(text)) == {"delivery_id", "queued_at"}


def test_it_reports_a_bad_key(where: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(where.authority))
    message = SendEmailRequest(transactional_message_id=1, to="ada@example.com", identifiers={"id": "ada"})
    with APIClient("sandbox-track-key", url=where.url) as client, pytest.raises(CustomerIOException, match=r"^401"):
        client.send_email(message)
    address = urlsplit(where.url)
    with (
        CustomerIO("sandbox-site", "sandbox-app-key", host=address.hostname, port=address.port) as client,
        pytest.raises(CustomerIOException, match=r"^401"),
    ):
        client.identify(id="ada")


def test_it_reports_a_429(api: APIClient, where: Address) -> None:
    control(where, "faults", {"method": "POST", "path": "/v1/send/email", "kind": "429_bare"})
    message = SendEmailRequest(transactional_message_id=1, to="ada@example.com", identifiers={"id": "ada"})
    with pytest.raises(CustomerIOException, match=r"^429"):
        api.send_email(message)
