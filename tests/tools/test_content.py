"""Reading and editing what messages say, on the sandbox."""

from typing import Any

import pytest

from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.gate.plan import Plan
from cio_mcp.gate.receipt import Receipt
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.lifecycle import create_delivery
from cio_mcp.text.render import render
from cio_mcp.text.sanitize import quoted
from cio_mcp.tools.content.get_content import get_content
from cio_mcp.tools.content.update_content import Replacement, replace_texts, update_content
from cio_mcp.workspace import CallContext
from tests.callers import work_of
from tests.carrying_out import approve, carry_out, propose

pytestmark = pytest.mark.anyio

SENDERS = (("Acme", "hello"), ("Acme Support", "support"))
WELCOME: dict[str, Any] = {"id": "1", "message": "101"}
SENT: dict[str, Any] = {"kind": "newsletter", "id": "31"}


def edited(sandbox: Sandbox, **fields: Any) -> None:
    """Set fields of the welcome email as if someone had edited them in Customer.io."""
    sandbox.workspace.texts.edits.setdefault(("campaign", 1, 101), {}).update(fields)


async def plan_of(ws: CallContext, **arguments: Any) -> Plan:
    planned = await update_content(ws, **{**WELCOME, **arguments})
    assert isinstance(planned, Plan)
    return planned


async def test_a_source_with_several_messages_asks_for_one_and_lists_them(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match=r"^message: is required.* 101 “Welcome”, 102 “First steps”"):
        await get_content(ws, "Onboarding")
    with pytest.raises(InvalidArgument, match=r"^message: there is no message “Welcom”; expected the ID"):
        await get_content(ws, "1", message="Welcom")
    assert (await get_content(ws, "1", message=" Welcome ")).message == "101"


async def test_content_is_read_with_what_it_refers_to(ws: CallContext) -> None:
    answer = await get_content(ws, "10", kind="broadcast")
    assert answer.variables == ("data.headline", "data.text", "journey.offers", "snippets.footer")
    assert (answer.snippets, answer.collections) == (("footer",), ("offers",))
    assert answer.links == ("https://acme.example/changelog",)
    assert "{{snippets.footer}}" in (answer.body or "")
    assert "<p>" not in (answer.body or "")
    assert "<p>" in ((await get_content(ws, "10", kind="broadcast", source=True)).body or "")


async def test_collections_that_cannot_be_read_are_unknown_and_not_none(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault("GET", "/v1/collections", "status:403", -1))
    answer = await get_content(ws, "10", kind="broadcast")
    assert answer.collections is None
    assert "Which collections it uses is unknown: they could not be read." in "\n".join(answer.lines())


async def test_a_translation_is_read_by_its_language(ws: CallContext) -> None:
    german = await get_content(ws, "1", message="101", language="de")
    assert (german.language, german.subject) == ("de", "Willkommen, {{customer.first_name}}!")
    newsletter = await get_content(ws, "30", kind="newsletter", language="DE")
    assert (newsletter.message, newsletter.language) == ("302", "de")
    assert (await get_content(ws, "30", kind="newsletter")).other_languages == ("de",)
    for kind, id_, message in (("campaign", "1", "101"), ("newsletter", "30", None)):
        with pytest.raises(NotFound, match=r"^language: .*“fr”"):
            await get_content(ws, id_, kind, message, "fr")  # type: ignore[arg-type]


@pytest.mark.parametrize("source", [True, False])
async def test_a_long_body_comes_in_pieces_that_make_the_whole(ws: CallContext, sandbox: Sandbox, source: bool) -> None:
    body = "".join(f"line {number} of a long body\n" for number in range(4_000))
    edited(sandbox, body=body)
    pieces, cursor = "", None
    while True:
        answer = await get_content(ws, "1", message="101", source=source, cursor=cursor)
        rendered = render(answer, mask=False)
        assert len(str(rendered.structured["body"])) < 9_000
        pieces += str(answer.body).removesuffix("…") if answer.cursor else str(answer.body)
        if (cursor := answer.cursor) is None:
            break
    assert pieces == body
    with pytest.raises(InvalidArgument, match="cursor"):
        await get_content(ws, "1", message="101", cursor="999999")


async def test_liquid_that_does_not_parse_is_noted_where_it_is_read(ws: CallContext, sandbox: Sandbox) -> None:
    edited(sandbox, body="a\n{% if x %}")
    answer = await get_content(ws, "1", message="101")
    assert "The Liquid of its body doesn't parse: line 2: expected “{% endif %}”" in answer.notes[0]


async def test_an_edit_sends_only_what_changes(ws: CallContext) -> None:
    plan = await plan_of(ws, subject="Hello", preheader="Look inside", sender="support@acme.example", reply_to="1")
    (call,) = plan.calls
    assert call.operation == "update_campaign_action"
    assert call.path == {"campaign_id": "1", "action_id": "101"}
    assert call.body == {"subject": "Hello", "preheader_text": "Look inside", "from_id": 2, "reply_to_id": 1}
    assert plan.affected is None
    old, new = (quoted(f"{name} <{address}@acme.example>") for name, address in SENDERS)
    assert f"The sender changes from {old} to {new}." in plan.warnings
    unchanged = await plan_of(ws, subject="Welcome, {{customer.first_name}}!")
    assert unchanged.calls == ()


async def test_an_edit_that_overwrites_repeats_what_stays_and_warns_of_what_it_may_lose(
    ws: CallContext, sandbox: Sandbox
) -> None:
    sandbox.workspace.texts.edits["transactional", 2, 21] = {
        "preheader_text": "On its way", "reply_to_id": 2, "headers": '[{"name":"X-A","value":"b"}]',
    }  # fmt: skip
    plan = await update_content(ws, "2", "transactional", subject="Shipped")
    (call,) = plan.calls
    assert isinstance(call.body, dict)
    assert call.body.keys() == {"subject", "preheader_text", "body", "from_id", "reply_to_id"}
    assert any("custom headers" in warning for warning in plan.warnings)
    receipt = await carry_out(ws, update_content, id="2", kind="transactional", subject="Shipped")
    assert receipt.status == "done"
    answer = await get_content(ws, "2", kind="transactional")
    assert (answer.subject, answer.preheader) == ("Shipped", "On its way")
    assert "Follow order" in (answer.body or "")


async def test_an_edit_of_a_translation_goes_to_its_language(ws: CallContext, sandbox: Sandbox) -> None:
    receipt = await carry_out(ws, update_content, **WELCOME, language="de", subject="Hallo")
    assert receipt.status == "done"
    translation = sandbox.workspace.texts.translation(("campaign", 1, 101), "de")
    assert translation
    assert translation.fields["subject"] == "Hallo"
    assert (await get_content(ws, "1", message="101")).subject == "Welcome, {{customer.first_name}}!"


@pytest.mark.parametrize(
    ("replacements", "fault"),
    [
        ([{"old": "x", "new": "y"}], r"^replace\[0\].old: doesn't occur"),
        ([{"old": "a", "new": "y"}], r"^replace\[0\].old: occurs 3 times"),
        (
            [{"old": "x", "new": ""}, {"old": "b", "new": ""}, {"old": "a", "new": ""}],
            r"replace\[0\].*replace\[2\].old: occurs 3 times",
        ),
    ],
)
def test_a_replaced_text_must_occur_exactly_once(replacements: list[Replacement], fault: str) -> None:
    with pytest.raises(InvalidArgument, match=fault):
        replace_texts("a b a c a", replacements)


def test_a_replacement_sees_what_the_ones_before_it_left_and_keeps_line_breaks() -> None:
    assert replace_texts("one two", [{"old": "one", "new": "three"}, {"old": "three two", "new": "x"}]) == "x"
    assert replace_texts("a\r\nb\r\nc", [{"old": "a\nb", "new": "x\ny"}]) == "x\r\ny\r\nc"


async def test_liquid_that_does_not_parse_is_refused_with_all_faults_at_once(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match=r"^subject: .*“\{\{ a b \}\}”; body: .*line 2: expected “\{% endif %\}”"):
        await plan_of(ws, subject="{{ a b }}", body="x\n{% if a %}")


async def test_liquid_that_was_broken_before_does_not_stop_another_edit(ws: CallContext, sandbox: Sandbox) -> None:
    edited(sandbox, body="one {% if x %}")
    plan = await plan_of(ws, replace=({"old": "one", "new": "two"},))
    assert any("didn't before" in warning for warning in plan.warnings)
    assert plan.calls


async def test_what_an_edit_adds_and_loses_is_warned_of(ws: CallContext, sandbox: Sandbox) -> None:
    edited(sandbox, body='<a href="{% unsubscribe_url %}">stop</a> {{customer.plan}} {{customer.first_name}}')
    plan = await plan_of(
        ws, body='<a href="https://evil.example/x">go</a> {{customer.first_name}} {{data.code}} {{snippets.no}}'
    )
    text = "\n".join(plan.warnings)
    assert "variables that it did not use before: “data.code”" in text
    assert "no longer uses these variables: “customer.plan”" in text
    assert "removes the link to unsubscribe" in text
    assert "hosts that it did not use before: “evil.example”" in text
    assert "No snippet has the name “no”" in text


async def test_how_far_an_edit_reaches_is_stated(ws: CallContext) -> None:
    running = await plan_of(ws, subject="x")
    assert running.notes[0] == "Running."
    assert "isn't visible through the API" in running.notes[1]
    assert "in the last 30 days" in running.notes[1]
    assert running.notes[2] == "The API doesn't list its other languages, if it has any. They aren't edited."
    newsletter = await update_content(ws, **SENT, subject="x")
    translated = await update_content(ws, "30", kind="newsletter", subject="x")
    assert translated.notes[2] == "Not edited: the same message in “de”."
    assert (newsletter.affected, "already sent" in newsletter.notes[1]) == (0, True)
    draft = await update_content(ws, "3", subject="x")  # stopped: people in it may still get its messages
    assert draft.affected is None


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "pass at least one"),
        ({"body": "x", "replace": ({"old": "a", "new": "b"},)}, "body, replace: pass only one"),
        ({"sender": "nobody@acme.example"}, r"^sender: the workspace has no sender .* 1 “Acme"),
        ({"id": "2", "message": "202", "preheader": "x"}, "^preheader: a message of this channel has none"),
        (
            {"kind": "transactional", "id": "3", "message": "31", "subject": "x"},
            "^subject: a message of this channel has none",
        ),
    ],
)
async def test_a_call_that_cannot_be_meant_is_refused(ws: CallContext, arguments: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidArgument, match=fault):
        await plan_of(ws, **arguments)


async def test_content_that_changed_after_the_approval_is_not_overwritten(ws: CallContext, sandbox: Sandbox) -> None:
    change, plan = await propose(ws, update_content, **WELCOME, subject="Mine")
    assert not isinstance(change, Receipt)
    await approve(ws.gate, change)
    edited(sandbox, body="<p>Someone else's</p>")
    receipt = await ws.gate.make(change, plan, work_of(ws.caller))
    assert receipt.status == "approval_required"
    assert "changed after approval" in receipt.message
    assert "subject" not in sandbox.workspace.texts.edited(("campaign", 1, 101))


async def test_an_edit_changes_the_messages_that_are_sent_from_then_on_only(ws: CallContext, sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    ada, source = workspace.people.get("id", "ada"), workspace.sources["transactional", 2]
    assert ada
    receipt = await carry_out(ws, update_content, id="2", kind="transactional", subject="Gone: {{data.order_id}}")
    assert receipt.status == "done"
    assert all("on its way" in each.subject for each in workspace.deliveries.of("transactional", 2))
    new = create_delivery(workspace, ada, source, source.templates[0], "ada@example.com", data={"order_id": "A-1"})
    assert new.subject == "Gone: A-1"
