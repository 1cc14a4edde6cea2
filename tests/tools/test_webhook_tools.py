"""The tools for reporting webhooks."""

import json

import pytest

from cio_mcp.customerio.api.webhooks import NAMES
from cio_mcp.errors import Ambiguous, InvalidArgument, NotFound
from cio_mcp.gate.guardrails import check_plan
from cio_mcp.gate.plan import is_unchanged
from cio_mcp.gate.question import question_about
from cio_mcp.sandbox import Sandbox
from cio_mcp.text.render import render
from cio_mcp.tools.admin.list_webhooks import list_webhooks
from cio_mcp.tools.admin.update_webhook import Action, update_webhook
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

URL = "https://ada:hunter2@hooks.example.com/cio?token=hunter3"


async def test_a_list_shows_where_each_posts_and_no_credentials(ws: CallContext) -> None:
    rendered = render(await list_webhooks(ws), mask=False)
    for channel in (rendered.text, json.dumps(rendered.structured, ensure_ascii=False)):
        assert "https://…@warehouse.acme.example/cio" in channel
        assert "secret" not in channel.casefold()
    assert "enabled" in rendered.text


async def test_creating_one_shows_everything_but_credentials_and_counts_as_a_send(ws: CallContext) -> None:
    plan = await update_webhook(ws, "create", name="Hook", url=URL, events=["email_*", "sms_sent"], with_content=True)
    check_plan(plan)
    text = question_about(plan, "1a2b3c4d").text
    assert plan.risk == "send"
    assert "hunter" not in text
    assert "hooks.example.com/cio" in text
    assert "It reports email_*, sms_sent." in text
    assert "It includes the content of messages." in text
    (call,) = plan.calls
    assert isinstance(call.body, dict)
    assert call.body["endpoint"] == URL
    assert call.body["events"] == [name for name in NAMES if name.startswith("email_") or name == "sms_sent"]


@pytest.mark.parametrize(
    ("given", "risk"),
    [
        ({"action": "disable"}, "data"),
        ({"action": "update", "name": "New"}, "data"),
        ({"action": "update", "events": ["email_sent"]}, "data"),
        ({"action": "update", "url": "https://evil.example"}, "send"),
        ({"action": "update", "with_content": True}, "send"),
        ({"action": "update", "events": ["*"]}, "send"),
        ({"action": "update", "events": ["customer_unsubscribed"]}, "send"),
        ({"action": "update", "events": ["email_sent", "sms_sent"]}, "send"),
        ({"action": "delete"}, "destroy"),
    ],
)
async def test_what_lets_more_data_out_is_a_send_and_a_deletion_destroys(
    given: dict[str, object], risk: str, ws: CallContext
) -> None:
    plan = await update_webhook(ws, webhook="Data warehouse", **given)  # type: ignore[arg-type]
    check_plan(plan)
    assert plan.risk == risk
    assert len(plan.calls) == 1


async def test_every_open_and_click_instead_of_the_first_is_a_send(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.webhooks[1].full_resolution = False
    plan = await update_webhook(ws, "update", "Data warehouse", full_resolution=True)
    assert plan.risk == "send"


async def test_an_edit_keeps_all_that_it_does_not_set(ws: CallContext, sandbox: Sandbox) -> None:
    before = sandbox.workspace.webhooks[1].as_json
    plan = await update_webhook(ws, "disable", webhook="1")
    (call,) = plan.calls
    assert isinstance(call.body, dict)
    kept = {name: value for name, value in call.body.items() if name not in ("disabled", "events")}
    assert kept == {name: before[name] for name in kept}
    assert call.body["disabled"] is True
    assert [(edit.name, edit.before, edit.after) for edit in plan.edits if not is_unchanged(edit)] == [
        ("disabled", False, True)
    ]
    values = question_about(plan, "aaaa0001").text.partition("\n\nValues:\n")[2]
    assert values.startswith("- Posts nothing (disabled): false → true.\n\nSent again unchanged:\n- Webhook name: ")


async def test_nothing_is_sent_where_it_is_so_already(ws: CallContext) -> None:
    assert (await update_webhook(ws, "enable", webhook="1")).calls == ()


async def test_disabling_the_receiver_of_this_server_is_warned_of(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.webhooks[1].endpoint = "https://mine.example/webhooks/customerio/"
    actions: tuple[Action, ...] = ("disable", "delete")
    for action in actions:
        plan = await update_webhook(ws, action, webhook="1")
        assert "events may no longer arrive here" in " ".join(plan.warnings)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"action": "create"}, "create needs name, url, events"),
        ({"action": "create", "webhook": "1", "name": "x"}, "omit it to create one"),
        ({"action": "delete"}, "is required to delete one"),
        ({"action": "update", "webhook": "1"}, "update needs at least one value"),
        ({"action": "disable", "webhook": "1", "name": "x"}, "disable changes nothing else"),
        ({"action": "update", "webhook": "1", "events": ["email_snt", "x"]}, "did you mean email_sent"),
        ({"action": "update", "webhook": "1", "events": []}, "events: must not be empty"),
        ({"action": "update", "webhook": "1", "url": "ftp://x.example"}, "expected an http or https URL"),
        ({"action": "update", "webhook": "1", "url": "https://\u0435xample.com"}, "in ASCII"),
    ],
)
async def test_what_does_not_fit_is_refused(given: dict[str, object], reason: str, ws: CallContext) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await update_webhook(ws, **given)  # type: ignore[arg-type]
    assert reason in str(caught.value)


async def test_a_name_that_none_or_several_have_is_explained(ws: CallContext, sandbox: Sandbox) -> None:
    with pytest.raises(NotFound, match="did you mean “Data warehouse”"):
        await update_webhook(ws, "delete", webhook="Data warehous")
    first = sandbox.workspace.webhooks[1]
    sandbox.workspace.webhooks[2] = type(first)(2, first.name, first.endpoint, first.events)
    with pytest.raises(Ambiguous, match="1, 2"):
        await update_webhook(ws, "delete", webhook="Data warehouse")
