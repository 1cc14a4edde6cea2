"""Credentials in a request are sent and never shown."""

from pydantic import JsonValue

from cio_mcp.customerio.api import webhooks
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.redaction import body_without_secrets

URL = "https://ada:secret@example.com/hook?token=secret"
SHOWN = "https://…@example.com/hook?token=… (hidden: credentials, query values; SHA-256 begins 5fed59)"


def test_a_url_is_shown_without_what_it_may_hold() -> None:
    call = webhooks.create("events", URL, ("email_sent",))
    shown = body_without_secrets(call)
    assert isinstance(shown, dict)
    assert isinstance(call.body, dict)
    assert shown == {**call.body, "endpoint": SHOWN}
    assert call.body["endpoint"] == URL


def test_a_secret_deeper_in_the_body_is_found() -> None:
    body: JsonValue = {"import": {"name": "People", "data_file_url": URL}}
    call = Call(operation="import_file", body=body)
    assert body_without_secrets(call) == {"import": {"name": "People", "data_file_url": SHOWN}}


def test_an_invalid_url_is_not_shown_at_all() -> None:
    path = {"campaign_id": "1", "action_id": "2"}
    call = Call(operation="update_campaign_action", path=path, body={"headers": [{"authorization": "x"}], "body": "Hi"})
    assert body_without_secrets(call) == {"headers": "… (hidden; SHA-256 begins b6fc9b)", "body": "Hi"}


def test_a_body_without_secrets_is_shown_as_it_is() -> None:
    assert body_without_secrets(Call(operation="delete_segment", path={"segment_id": "7"})) is None
    assert body_without_secrets(Call(operation="create_reporting_webhook", body={"name": "x"})) == {"name": "x"}
    assert body_without_secrets(Call(operation="create_reporting_webhook", body=["endpoint"])) == ["endpoint"]
