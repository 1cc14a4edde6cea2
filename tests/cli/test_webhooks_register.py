import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from cio_mcp.cli.webhooks_register import check
from cio_mcp.customerio.api.webhooks import NAMES, Webhook
from cio_mcp.errors import InvalidArgument
from cio_mcp.gate.plan import is_unchanged
from cio_mcp.gate.question import question_about
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.server import serve_in_background
from cio_mcp.tools.admin.receiver_webhook import NAME, plan_webhook
from tests.cli.command_line import CommandLine, Session

pytestmark = pytest.mark.slow

URL = "https://hooks.example.com/webhooks/customerio"
WAREHOUSE = "https://warehouse.acme.example/cio"
ELSEWHERE = "https://loader@warehouse.acme.example/cio"
SECRET = "do-not-show"
CODE = r"To approve, type ([A-Z2-9]{4}):"
KEYS = {"Authorization": "Bearer sandbox-app-key"}
INTERRUPT, INTERRUPTED_STATUS = "\x03", 130
OURS = Webhook.of({"id": 9, "name": "Ours", "endpoint": URL, "events": list(NAMES)})


@pytest.fixture
def sandbox() -> Iterator[str]:
    with serve_in_background(Sandbox(people=5)) as where:
        yield where.url


def settings_for(sandbox: str) -> dict[str, str]:
    return {"CIO_APP_API_KEY": "sandbox-app-key", "CIO_APP_URL": sandbox}


def webhooks(sandbox: str) -> list[dict[str, Any]]:
    answered = httpx.get(f"{sandbox}/v1/reporting_webhooks", headers=KEYS)
    found: list[dict[str, Any]] = answered.json()["reporting_webhooks"]
    return found


def change_elsewhere(sandbox: str, **values: Any) -> None:
    body = {"name": "Data warehouse", "endpoint": ELSEWHERE, "events": ["email_sent"]} | values
    httpx.put(f"{sandbox}/v1/reporting_webhooks/1", headers=KEYS, json=body).raise_for_status()


def open_register(
    cio_mcp: CommandLine, sandbox: str, url: str = URL, *options: str, **settings: str
) -> AbstractContextManager[Session]:
    where = settings_for(sandbox) | settings
    return cio_mcp.on_a_terminal("webhooks", "register", "--url", url, *options, **where)


def run_register(cio_mcp: CommandLine, sandbox: str, url: str, *options: str) -> str:
    with open_register(cio_mcp, sandbox, url, *options) as session:
        session.type(session.wait_for(CODE)[1])
        session.wait_for("CIO_WEBHOOK_SIGNING_KEYS")
        session.ends_with(0)
        return session.seen


def code_of_question(session: Session, number: int) -> str:
    return session.wait_for(rf"(?s)(?:.*?{CODE}){{{number}}}")[1]


def how_it_was_decided(cio_mcp: CommandLine, seen: str) -> tuple[str, str | None]:
    change = cio_mcp.change(re.findall(r"Change ([0-9a-f]{8})", seen)[0])
    return change.state, change.decided_how


def test_a_webhook_is_created_after_it_was_shown_and_the_code_typed(cio_mcp: CommandLine, sandbox: str) -> None:
    seen = run_register(cio_mcp, sandbox, URL)
    assert f"Create the reporting webhook “{NAME}” to" in seen
    (_, made) = webhooks(sandbox)
    assert (made["name"], made["endpoint"], made["disabled"]) == (NAME, URL, False)
    assert set(made["events"]) == set(NAMES)


def test_a_correct_webhook_is_left_alone_without_confirmation(cio_mcp: CommandLine, sandbox: str) -> None:
    run_register(cio_mcp, sandbox, URL)
    before = webhooks(sandbox)
    with open_register(cio_mcp, sandbox) as session:
        session.wait_for(r"No change needed")
        session.ends_with(0)
    assert "To approve" not in session.seen
    assert webhooks(sandbox) == before


def test_full_requests_are_shown_unless_they_are_folded(cio_mcp: CommandLine, sandbox: str) -> None:
    with open_register(cio_mcp, sandbox) as session:
        session.wait_for(CODE)
        session.type("")
        session.ends_with(2)
    whole = f'POST /v1/reporting_webhooks\n{{\n  "name": "{NAME}",\n  "endpoint": "{URL}"'
    assert whole in session.seen
    folded = run_register(cio_mcp, sandbox, URL, "--no-calls")
    assert re.search(r"Request 1 of 1: POST /v1/reporting_webhooks, a body of 1,\d+ bytes\s+\(--calls", folded)
    assert whole not in folded


@pytest.mark.parametrize("options", [(), ("--no-calls",)])
def test_a_webhook_with_the_same_address_is_updated_and_no_password_is_shown(
    cio_mcp: CommandLine, sandbox: str, options: tuple[str, ...]
) -> None:
    url = f"https://reader:{SECRET}-either@warehouse.acme.example/cio"
    seen = run_register(cio_mcp, sandbox, url, *options)
    assert "Update the reporting webhook 1 “Data warehouse”" in seen
    assert "Reported events: “email_sent, email_opened, email_bounced” → [“" in seen
    assert "it gets other credentials or query values" in seen
    assert SECRET not in seen
    change = re.findall(r"Change ([0-9a-f]{8})", seen)[0]
    assert SECRET not in cio_mcp.run("approvals", "show", change, "--calls", **settings_for(sandbox)).stdout
    (webhook,) = webhooks(sandbox)
    assert webhook["endpoint"] == url
    assert set(webhook["events"]) >= set(NAMES)


def test_a_webhook_that_changes_during_confirmation_is_shown_again_and_confirmed_again(
    cio_mcp: CommandLine, sandbox: str
) -> None:
    with open_register(cio_mcp, sandbox, WAREHOUSE) as session:
        code = code_of_question(session, 1)
        change_elsewhere(sandbox, name="Data lake")
        session.type(code)
        again = code_of_question(session, 2)
        assert "“Data lake”" in session.seen
        assert "CIO_WEBHOOK_SIGNING_KEYS" not in session.seen
        assert [made["endpoint"] for made in webhooks(sandbox)] == [ELSEWHERE]
        session.type(again)
        session.wait_for("CIO_WEBHOOK_SIGNING_KEYS")
        session.ends_with(0)
    assert [(webhook["name"], webhook["endpoint"]) for webhook in webhooks(sandbox)] == [("Data lake", WAREHOUSE)]


@pytest.mark.sampled(0)
def test_a_webhook_that_changes_at_every_question_is_given_up(cio_mcp: CommandLine, sandbox: str) -> None:
    with open_register(cio_mcp, sandbox, WAREHOUSE) as session:
        for number in (1, 2, 3):
            code = code_of_question(session, number)
            change_elsewhere(sandbox, name=f"Renamed {number} times")
            session.type(code)
        session.wait_for("(?s)cio-mcp: .*keeps changing. Nothing was sent")
        session.ends_with(2)
    assert "CIO_WEBHOOK_SIGNING_KEYS" not in session.seen
    assert [made["endpoint"] for made in webhooks(sandbox)] == [ELSEWHERE]


def test_a_webhook_that_somebody_else_corrected_during_confirmation_is_left_alone(
    cio_mcp: CommandLine, sandbox: str
) -> None:
    with open_register(cio_mcp, sandbox, WAREHOUSE) as session:
        code = code_of_question(session, 1)
        change_elsewhere(sandbox, endpoint=WAREHOUSE, events=list(NAMES))
        session.type(code)
        session.wait_for(r"No change needed")
        session.ends_with(0)


def test_an_interrupted_question_ends_at_once_and_leaves_no_change_behind(cio_mcp: CommandLine, sandbox: str) -> None:
    before = webhooks(sandbox)
    with open_register(cio_mcp, sandbox) as session:
        session.wait_for(CODE)
        session.press(INTERRUPT)
        session.ends_with(INTERRUPTED_STATUS)
    assert "Traceback" not in session.seen
    assert how_it_was_decided(cio_mcp, session.seen) == ("declined", "interrupted on the terminal")
    assert webhooks(sandbox) == before
    assert "Create the reporting webhook" in run_register(cio_mcp, sandbox, URL)


def test_a_question_that_is_interrupted_again_and_again_ends_without_a_traceback(
    cio_mcp: CommandLine, sandbox: str
) -> None:
    with open_register(cio_mcp, sandbox) as session:
        session.wait_for(CODE)
        for _ in range(3):
            session.press(INTERRUPT)
        session.ends_with(INTERRUPTED_STATUS)
    assert "Traceback" not in session.seen


def test_an_interrupted_question_takes_back_what_was_approved_elsewhere(cio_mcp: CommandLine, sandbox: str) -> None:
    before = webhooks(sandbox)
    with open_register(cio_mcp, sandbox) as session:
        session.wait_for(CODE)
        change = re.findall(r"Change ([0-9a-f]{8})", session.seen)[0]
        with cio_mcp.on_a_terminal("approvals", "approve", change, **settings_for(sandbox)) as elsewhere:
            elsewhere.type(elsewhere.wait_for(CODE)[1])
            elsewhere.ends_with(0)
        session.press(INTERRUPT)
        session.ends_with(INTERRUPTED_STATUS)
    assert cio_mcp.change(change).state == "declined"
    assert webhooks(sandbox) == before


def test_read_only_wins_before_anything_is_read_or_confirmed(cio_mcp: CommandLine) -> None:
    nowhere = "http://127.0.0.1:9"
    with open_register(cio_mcp, nowhere, "not even a URL", CIO_READ_ONLY="true") as session:
        session.ends_with(2)
    assert session.seen.startswith("cio-mcp: CIO_READ_ONLY: ")
    assert session.seen.count("\n") == 1
    assert not cio_mcp.data_dir.exists()


@pytest.mark.parametrize("typed", ["", "yes", "AAAA"])
@pytest.mark.sampled(1)
def test_anything_else_typed_changes_nothing(cio_mcp: CommandLine, sandbox: str, typed: str) -> None:
    before = webhooks(sandbox)
    with open_register(cio_mcp, sandbox) as session:
        session.wait_for(CODE)
        session.type(typed)
        session.wait_for("cio-mcp: .*Nothing was sent: not approved on the terminal")
        session.ends_with(2)
    assert how_it_was_decided(cio_mcp, session.seen) == ("declined", "not approved on the terminal")
    assert webhooks(sandbox) == before
    assert "Create the reporting webhook" in run_register(cio_mcp, sandbox, URL)


def test_without_a_terminal_nothing_is_registered(cio_mcp: CommandLine, sandbox: str) -> None:
    answered = cio_mcp.run("webhooks", "register", "--url", URL, **settings_for(sandbox))
    assert (answered.returncode, answered.stdout) == (2, "")
    assert "Registering a webhook requires a terminal" in answered.stderr
    assert "Nothing was registered." in answered.stderr
    assert len(webhooks(sandbox)) == 1


@pytest.mark.parametrize("url", ["http://hooks.example.com/x", "hooks.example.com", "https://", "https://[::1", ""])
def test_a_url_that_customer_io_could_not_post_to_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument, match="--url"):
        check(url)


def test_a_disabled_webhook_is_enabled_and_keeps_what_somebody_chose() -> None:
    chosen = OURS.model_copy(update={"disabled": True, "with_content": True, "full_resolution": True})
    plan = plan_webhook([chosen], URL)
    (call,) = plan.calls
    assert [edit.name for edit in plan.edits if not is_unchanged(edit)] == ["disabled"]
    assert isinstance(call.body, dict)
    assert (call.body["with_content"], call.body["full_resolution"], call.body["disabled"]) == (True, True, False)


def test_events_that_we_do_not_know_are_kept() -> None:
    plan = plan_webhook([OURS.model_copy(update={"events": ("carrier_pigeon_sent",)})], URL)
    (call,) = plan.calls
    assert isinstance(call.body, dict)
    assert call.body["events"] == ["carrier_pigeon_sent", *NAMES]


def test_the_webhook_of_our_name_moves_when_no_other_leads_there() -> None:
    moved = OURS.model_copy(update={"name": NAME, "endpoint": "https://old.example.com/webhooks/customerio"})
    other = OURS.model_copy(update={"id": "3", "endpoint": "https://else.example.com/x"})
    assert [call.path for call in plan_webhook([other, moved], URL).calls] == [{"webhook_id": "9"}]


def test_a_path_that_the_receiver_does_not_answer_at_is_warned_of() -> None:
    assert plan_webhook([], URL).warnings == ()
    assert "/webhooks/customerio" in plan_webhook([], "https://hooks.example.com/cio").warnings[0]


def test_a_change_that_reaches_nobody_is_confirmed_without_a_recipients_line() -> None:
    assert "To whom" not in question_about(plan_webhook([], URL), "aaaa0001").text


def test_the_events_before_and_after_are_named() -> None:
    edit = plan_webhook([OURS.model_copy(update={"events": NAMES[:1]})], URL).edits[0]
    assert edit.before == NAMES[0]
    assert edit.after == "customer_*, email_*, sms_*, whatsapp_*, push_*, in_app_*, slack_*, webhook_*"
