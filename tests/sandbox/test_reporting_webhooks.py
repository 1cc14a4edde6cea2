"""Reporting webhooks over the App API, and what each is told of."""

from typing import Any

import pytest

from cio_mcp.sandbox import Sandbox
from tests.sandbox.asking import Asking
from tests.sandbox.receiver import Listening

pytestmark = pytest.mark.anyio

HOOKS = "/v1/reporting_webhooks"
MINE = {"name": "Mine", "endpoint": "http://mine.test/hook", "events": ["email_sent", "email_delivered"]}


async def created(asking: Asking, **body: Any) -> Any:
    answer = await asking.app(HOOKS, method="POST", json={**MINE, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def alone(listening: Listening, **body: Any) -> int:
    """Have only one webhook that is posted to."""
    await listening.app(f"{HOOKS}/2", method="DELETE")
    number: int = (await created(listening, **body))["id"]
    return number


async def test_a_webhook_is_created_read_changed_and_deleted(asking: Asking) -> None:
    made = await created(asking)
    assert made == {
        **MINE, "id": 2, "type": "webhook", "disabled": False, "full_resolution": False, "with_content": False,
        "events": ["email_delivered", "email_sent"],
    }  # fmt: skip
    assert await asking.found(f"{HOOKS}/2") == made
    changed = await asking.app(f"{HOOKS}/2", method="PUT", json={**MINE, "disabled": True})
    assert changed.json() == {**made, "disabled": True}
    kept = await asking.app(f"{HOOKS}/2", method="PUT", json={**MINE, "name": "Other"})
    assert kept.json() == {**made, "disabled": True, "name": "Other"}
    assert [one["id"] for one in (await asking.found(HOOKS))["reporting_webhooks"]] == [1, 2]
    assert (await asking.app(f"{HOOKS}/2", method="DELETE")).status_code == 200
    assert (await asking.app(f"{HOOKS}/2")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "}, {"endpoint": ""}, {"endpoint": "ftp://mine.test"}, {"endpoint": "http://"},
        {"endpoint": "http://mine.test:99999"}, {"events": []}, {"events": "email_sent"}, {"events": ["email_eaten"]},
        {"events": [7]}, {"events": [["email_sent"]]}, {"disabled": "yes"}, {"full_resolution": 1},
    ],
)  # fmt: skip
async def test_a_webhook_that_cannot_be_is_refused(asking: Asking, wrong: Any) -> None:
    assert (await asking.app(HOOKS, method="POST", json={**MINE, **wrong})).status_code == 400
    assert (await asking.app(f"{HOOKS}/1", method="PUT", json={**MINE, **wrong})).status_code == 400
    assert len((await asking.found(HOOKS))["reporting_webhooks"]) == 1


async def test_an_address_that_cannot_be_ends_the_start() -> None:
    with pytest.raises(ValueError, match="http://"):
        Sandbox(people=1, webhook_url="localhost:8000/webhooks")


async def test_an_address_that_no_client_takes_counts_as_refused(listening: Listening) -> None:
    await alone(listening, endpoint="http://\x01/hook")
    await listening.emit()
    assert (await listening.posting())["last_status"] == "refused"


async def test_what_is_not_there_cannot_be_changed(asking: Asking) -> None:
    for method, body in (("GET", None), ("PUT", MINE), ("DELETE", None)):
        assert (await asking.app(f"{HOOKS}/77", method=method, json=body)).status_code == 404


async def test_only_the_events_asked_for_are_posted(listening: Listening) -> None:
    await alone(listening, events=["email_delivered", "customer_unsubscribed"])
    await listening.reset_password()
    await listening.later(5)
    await listening.track("PUT", "/customers/ada", {"unsubscribed": True})
    assert await listening.later(5) == ["email delivered", "customer unsubscribed"]


async def test_a_disabled_webhook_hears_nothing_and_misses_it_for_good(listening: Listening) -> None:
    number = await alone(listening, disabled=True)
    assert await listening.emit(2) == []
    await listening.app(f"{HOOKS}/{number}", method="PUT", json={**MINE, "disabled": False})
    assert await listening.later() == []
    assert len(await listening.emit()) == 1


async def test_nothing_is_posted_to_a_deleted_webhook(listening: Listening) -> None:
    listening.receiver.answers = [500]
    await listening.emit(2)
    await listening.app(f"{HOOKS}/2", method="DELETE")
    assert len(await listening.later(7200)) == 1


async def test_the_warehouse_is_made_up_until_it_is_given_another_address(listening: Listening) -> None:
    await listening.app(f"{HOOKS}/2", method="DELETE")
    assert await listening.emit(metric="sent") == []
    await listening.app(f"{HOOKS}/1", method="PUT", json=MINE)
    assert await listening.emit(metric="sent") == ["email sent"]


async def test_with_content_what_was_sent_comes_along(listening: Listening) -> None:
    await alone(listening, with_content=True)
    await listening.reset_password()
    await listening.later(5)
    sent, delivered = listening.receiver.events
    assert "set a new password: https://acme.example/r/1" in sent["data"]["content"]
    assert "content" not in delivered["data"]


async def test_credentials_of_an_endpoint_stay_out_of_the_view(asking: Asking) -> None:
    await created(asking, endpoint="https://user:secret@mine.test/hook")
    shown = (await asking.http.get("/_sandbox/webhooks")).text
    assert "mine.test" in shown
    assert "secret" not in shown
    assert "do-not-show" not in shown


@pytest.mark.parametrize(
    "told",
    [{"count": 0}, {"count": "many"}, {"count": 10**9}, {"metric": "eaten"}, {"object_type": "fax"},
     {"object_type": "sms", "metric": "opened"}, {"object_type": "customer", "metric": "sent"}, []],
)  # fmt: skip
async def test_a_burst_that_cannot_be_is_refused(listening: Listening, told: Any) -> None:
    answer = await listening.http.post("/_sandbox/emit", json=told)
    assert (answer.status_code, await listening.later()) == (400, [])
