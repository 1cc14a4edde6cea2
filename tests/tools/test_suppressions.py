"""The tools for the suppressions of the email provider, and the way back."""

import pytest

from cio_mcp.errors import InvalidArgument, Refused
from cio_mcp.gate.guardrails import check_plan
from cio_mcp.gate.question import question_about
from cio_mcp.gate.receipt import unneeded_receipt
from cio_mcp.sandbox import Sandbox
from cio_mcp.text.render import render
from cio_mcp.tools.admin.suppressions import list_suppressions, manage_suppression
from cio_mcp.tools.core.undo.suppression import undo_suppression
from cio_mcp.tools.core.undo.values import PastChange
from cio_mcp.workspace import CallContext

pytestmark = pytest.mark.anyio

EVE = "eve@example.com"


async def test_an_address_is_checked_with_its_reason(ws: CallContext) -> None:
    answer = await list_suppressions(ws, EVE)
    assert answer.suppressed is True
    text = render(answer, mask=False).text
    assert text.startswith("Yes, the email provider suppresses this address.")
    assert "550 5.1.1 mailbox unknown" in text
    assert "bounces" in text
    free = await list_suppressions(ws, "ada@example.com")
    assert free.suppressed is False
    assert render(free, mask=False).text == "No, the email provider does not suppress this address."


async def test_addresses_are_listed_by_type_and_by_domain_in_pages(ws: CallContext, sandbox: Sandbox) -> None:
    sandbox.workspace.bounced |= {f"p{number}@example.com": 1 for number in range(3)}
    sandbox.workspace.spam_reported["s@example.com"] = 1
    for domain in (None, "acme.example"):
        first = await list_suppressions(ws, domain=domain, limit=2)
        second = await list_suppressions(ws, domain=domain, limit=2, cursor=first.cursor)
        assert [line.email for line in [*first.suppressions, *second.suppressions]] == [
            EVE,
            "p0@example.com",
            "p1@example.com",
            "p2@example.com",
        ]
        spam = await list_suppressions(ws, type="spam_reports", domain=domain)
        assert [(line.email, line.type) for line in spam.suppressions] == [("s@example.com", "spam_reports")]
    last = await list_suppressions(ws, limit=100)
    assert not last.has_more


async def test_the_question_says_whom_it_is_about_what_is_so_now_and_what_follows(ws: CallContext) -> None:
    plan = await manage_suppression(ws, "ada@example.com", "add")
    check_plan(plan)
    text = question_about(plan, "1a2b3c4d").text
    assert plan.risk == "destroy"
    assert "It is not suppressed now." in text
    assert "“ada” (cio_a3000001)" in text
    assert "No email reaches a suppressed address." in text
    removal = await manage_suppression(ws, EVE, "remove")
    text = question_about(removal, "1a2b3c4d").text
    assert "It is suppressed now: “eve@example.com”, bounces" in text
    assert "Emails are sent to the address again." in text
    nobody = await manage_suppression(ws, "stranger@example.com", "add")
    assert "no customer has this address" in question_about(nobody, "1a2b3c4d").text


async def test_nothing_is_sent_where_it_is_so_already(ws: CallContext) -> None:
    assert (await manage_suppression(ws, EVE, "add")).calls == ()
    assert (await manage_suppression(ws, "ada@example.com", "remove")).calls == ()


async def test_an_address_on_the_other_list_is_not_removed_in_silence(ws: CallContext) -> None:
    with pytest.raises(InvalidArgument, match="type: the address is on the list bounces, not spam_reports"):
        await manage_suppression(ws, EVE, "remove", "spam_reports")


async def test_anything_but_one_address_is_refused(ws: CallContext) -> None:
    for email in ("a@x.example, b@x.example", "nobody", "../../segments/1@x"):
        with pytest.raises(InvalidArgument):
            await manage_suppression(ws, email, "add")


async def test_an_addition_is_undone_by_a_removal_and_the_other_way_round(ws: CallContext, sandbox: Sandbox) -> None:
    added = await manage_suppression(ws, "ada@example.com", "add")
    sandbox.workspace.bounced["ada@example.com"] = sandbox.workspace.now
    undo = await undo_suppression(ws, PastChange("1a2b3c4d", added))
    assert [call.operation for call in undo.calls] == ["unsuppress_email"]
    assert undo.summary.startswith("Undo change 1a2b3c4d: stop suppressing “ada@example.com”")
    assert "not sent later" in " ".join(undo.warnings)
    removed = await manage_suppression(ws, EVE, "remove")
    del sandbox.workspace.bounced[EVE]
    undo = await undo_suppression(ws, PastChange("1a2b3c4d", removed))
    assert [call.operation for call in undo.calls] == ["suppress_email"]
    assert "are not restored" in " ".join(undo.warnings)


async def test_an_undo_of_what_is_already_undone_asks_for_nothing(ws: CallContext) -> None:
    added = await manage_suppression(ws, "ada@example.com", "add")
    assert (await undo_suppression(ws, PastChange("1a2b3c4d", added))).calls == ()


async def test_an_undo_of_a_change_whose_details_are_gone_is_refused(ws: CallContext) -> None:
    added = await manage_suppression(ws, "ada@example.com", "add")
    with pytest.raises(Refused, match="is not undone"):
        await undo_suppression(ws, PastChange("1a2b3c4d", added.model_copy(update={"calls": ()})))


async def test_where_nothing_needs_to_change_the_receipt_says_what_is_so(ws: CallContext) -> None:
    plan = await manage_suppression(ws, "bob@example.com", "remove")
    message = unneeded_receipt(plan, None).message
    assert "No change needed. It is not suppressed now." in message
    assert "A customer's own suppression and subscription are not affected." in message
