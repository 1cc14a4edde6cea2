import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cio_mcp.api.webhooks import NAMES, Webhook
from cio_mcp.cli.register import NAME, check, registration
from cio_mcp.errors import InvalidArgument
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import served
from tests.cli.command_line import CommandLine

URL = "https://hooks.example.com/webhooks/customerio"
SECRET = "do-not-show"
CODE = r"To approve, type ([A-Z2-9]{4}):"
OURS = Webhook.of({"id": 9, "name": "Ours", "endpoint": URL, "events": list(NAMES)})


@pytest.fixture
def sandbox() -> Iterator[str]:
    with served(Sandbox(people=5)) as where:
        yield where.url


def settings_for(sandbox: str) -> dict[str, str]:
    return {"CIO_APP_API_KEY": "sandbox-app-key", "CIO_APP_URL": sandbox}


def webhooks(sandbox: str) -> list[dict[str, Any]]:
    answered = httpx.get(f"{sandbox}/v1/reporting_webhooks", headers={"Authorization": "Bearer sandbox-app-key"})
    found: list[dict[str, Any]] = answered.json()["reporting_webhooks"]
    return found


def registered(cio_mcp: CommandLine, sandbox: str, url: str) -> str:
    with cio_mcp.on_a_terminal("webhooks", "register", "--url", url, **settings_for(sandbox)) as session:
        session.type(session.wait_for(CODE)[1])
        session.wait_for("CIO_WEBHOOK_SIGNING_KEYS")
        session.ends_with(0)
        return session.seen


def test_a_webhook_is_created_after_it_was_shown_and_the_code_typed(cio_mcp: CommandLine, sandbox: str) -> None:
    seen = registered(cio_mcp, sandbox, URL)
    assert f"Create the reporting webhook “{NAME}” to" in seen
    assert f'POST /v1/reporting_webhooks\n{{\n  "name": "{NAME}",\n  "endpoint": "{URL}"' in seen
    (_, made) = webhooks(sandbox)
    assert (made["name"], made["endpoint"], made["disabled"]) == (NAME, URL, False)
    assert set(made["events"]) == set(NAMES)


def test_what_is_as_it_should_be_is_left_alone_and_nobody_is_asked(cio_mcp: CommandLine, sandbox: str) -> None:
    registered(cio_mcp, sandbox, URL)
    before = webhooks(sandbox)
    with cio_mcp.on_a_terminal("webhooks", "register", "--url", URL, **settings_for(sandbox)) as session:
        session.wait_for("It is so already; nothing was sent")
        session.ends_with(0)
    assert "To approve" not in session.seen
    assert webhooks(sandbox) == before


def test_a_webhook_that_leads_there_is_mended_and_no_password_is_shown(cio_mcp: CommandLine, sandbox: str) -> None:
    url = f"https://reader:{SECRET}-either@warehouse.acme.example/cio"
    seen = registered(cio_mcp, sandbox, url)
    assert "Mend the reporting webhook 1 “Data warehouse”" in seen
    assert "“events”: “3 kinds” becomes" in seen
    assert "other credentials" in seen
    assert SECRET not in seen
    change = re.findall(r"Change ([0-9a-f]{8})", seen)[0]
    assert SECRET not in cio_mcp.run("approvals", "show", change, **settings_for(sandbox)).stdout
    (mended,) = webhooks(sandbox)
    assert mended["endpoint"] == url
    assert set(mended["events"]) >= set(NAMES)


def test_anything_else_typed_changes_nothing(cio_mcp: CommandLine, sandbox: str) -> None:
    before = webhooks(sandbox)
    with cio_mcp.on_a_terminal("webhooks", "register", "--url", URL, **settings_for(sandbox)) as session:
        session.wait_for(CODE)
        session.type("yes")
        session.wait_for("othing was sent")
        session.ends_with(2)
    assert webhooks(sandbox) == before


def test_without_a_terminal_nothing_is_registered(cio_mcp: CommandLine, sandbox: str) -> None:
    answered = cio_mcp.run("webhooks", "register", "--url", URL, **settings_for(sandbox))
    assert (answered.returncode, answered.stdout) == (2, "")
    assert "needs a person at a terminal" in answered.stderr
    assert len(webhooks(sandbox)) == 1


@pytest.mark.parametrize("url", ["http://hooks.example.com/x", "hooks.example.com", "https://", "https://[::1", ""])
def test_a_url_that_customer_io_could_not_post_to_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument, match="--url"):
        check(url)


def test_a_disabled_webhook_is_enabled_and_keeps_what_somebody_chose() -> None:
    chosen = OURS.model_copy(update={"disabled": True, "with_content": True, "full_resolution": True})
    plan = registration([chosen], URL)
    (call,) = plan.calls
    assert [edit.name for edit in plan.edits] == ["disabled"]
    assert isinstance(call.body, dict)
    assert (call.body["with_content"], call.body["full_resolution"], call.body["disabled"]) == (True, True, False)


def test_events_that_we_do_not_know_are_kept() -> None:
    plan = registration([OURS.model_copy(update={"events": ("carrier_pigeon_sent",)})], URL)
    (call,) = plan.calls
    assert isinstance(call.body, dict)
    assert call.body["events"] == ["carrier_pigeon_sent", *NAMES]


def test_the_webhook_of_our_name_moves_when_no_other_leads_there() -> None:
    moved = OURS.model_copy(update={"name": NAME, "endpoint": "https://old.example.com/webhooks/customerio"})
    other = OURS.model_copy(update={"id": "3", "endpoint": "https://else.example.com/x"})
    assert [call.path for call in registration([other, moved], URL).calls] == [{"webhook_id": "9"}]


def test_a_path_that_the_receiver_does_not_answer_at_is_warned_of() -> None:
    assert registration([], URL).warnings == ()
    assert "/webhooks/customerio" in registration([], "https://hooks.example.com/cio").warnings[0]
