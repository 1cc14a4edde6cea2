"""Snippets: read with what uses them, changed with checks, on the sandbox."""

import pytest

from cio_mcp.errors import InvalidArgument, NotFound, Refused
from cio_mcp.sandbox import Sandbox
from cio_mcp.sandbox.faults import Fault
from cio_mcp.sandbox.world.library import Snippet
from cio_mcp.tools.common import template_search
from cio_mcp.tools.content.update_content import update_content
from cio_mcp.tools.data.list_snippets import list_snippets
from cio_mcp.tools.data.update_snippet import update_snippet
from cio_mcp.workspace import CallContext
from tests.carrying_out import carry_out

pytestmark = pytest.mark.anyio


def add(sandbox: Sandbox, name: str, value: str) -> None:
    sandbox.workspace.library.snippets[name] = Snippet(name, value, 1_790_000_000)


async def test_a_snippet_is_shown_with_what_uses_it_and_what_was_searched(ws: CallContext) -> None:
    answer = await list_snippets(ws, "footer")
    assert answer.text == "Acme Ltd, 1 Market Street, London"
    assert [str(use) for use in answer.used_by or ()] == ["message 1001 of broadcast 10 “Product news” (running)"]
    assert answer.note
    assert "of the templates" not in answer.note
    assert answer.note.startswith("Read the templates of")


async def test_a_snippet_within_another_is_used_by_the_messages_of_that_one(ws: CallContext, sandbox: Sandbox) -> None:
    add(sandbox, "address", "1 Market Street")
    add(sandbox, "footer", "Acme, {{ snippets['address'] }}")
    assert (await list_snippets(ws, "address")).used_by
    with pytest.raises(Refused, match=r"used by message 1001 .*snippet “footer”"):
        await update_snippet(ws, "address", "delete")


async def test_what_could_not_be_searched_is_not_shown_as_unused(
    ws: CallContext, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(sandbox, "legal", "x")
    monkeypatch.setattr(template_search, "READ_SECONDS", 1.5)
    sandbox.faults.append(Fault("GET", "/v1/broadcasts/10/actions", "status:500", times=9))
    plan = await update_snippet(ws, "legal", text="y")
    assert plan.affected is None
    assert "Read the templates of" in plan.notes[-1]
    sandbox.faults.clear()
    monkeypatch.setattr(template_search, "READ_SECONDS", 20.0)
    assert (await update_snippet(ws, "legal", text="y")).affected == 0


async def test_a_message_of_a_stopped_campaign_may_still_reach_people(ws: CallContext, sandbox: Sandbox) -> None:
    add(sandbox, "legal", "x")
    await carry_out(ws, update_content, id="3", body="{{snippets.legal}} {% unsubscribe_url %}")
    plan = await update_snippet(ws, "legal", text="y")
    assert any("campaign 3 “Winback” (stopped)" in note for note in plan.notes)
    assert plan.affected is None


async def test_an_unknown_name_suggests_a_close_one(ws: CallContext) -> None:
    with pytest.raises(NotFound, match=r"^name: there is no snippet “foter”; did you mean “footer”\?"):
        await list_snippets(ws, "foter")


@pytest.mark.parametrize(
    ("action", "name", "text", "fault"),
    [
        ("create", "footer", "x", "^action: there is a snippet"),
        ("create", "a\u200bb", "x", "^name: contains invisible characters"),
        ("create", "new", None, "^text: is required"),
        ("set", "footer", "{% if a %}", r"^text: its Liquid doesn't parse: line 1"),
        ("set", "footer", "{{snippets.footer}}", "^text: contains the snippet itself"),
        ("delete", "footer", "x", "^text: must be omitted"),
    ],
)
async def test_a_call_that_cannot_be_meant_is_refused(
    ws: CallContext, action: str, name: str, text: str | None, fault: str
) -> None:
    with pytest.raises(InvalidArgument, match=fault):
        await update_snippet(ws, name, action, text)  # type: ignore[arg-type]


async def test_a_snippet_is_created_changed_and_deleted(ws: CallContext, sandbox: Sandbox) -> None:
    snippets = sandbox.workspace.library.snippets
    assert (await carry_out(ws, update_snippet, name="legal", action="create", text="One")).status == "done"
    assert (await carry_out(ws, update_snippet, name="legal", text="Two")).status == "done"
    assert snippets["legal"].value == "Two"
    assert (await carry_out(ws, update_snippet, name="legal", text="Two")).status == "already_done"
    assert (await carry_out(ws, update_snippet, name="legal", action="delete")).status == "done"
    assert "legal" not in snippets


async def test_new_hosts_and_variables_of_a_snippet_are_warned_of(ws: CallContext) -> None:
    plan = await update_snippet(ws, "footer", text="{{customer.city}} https://evil.example/a")
    assert "variables that it did not use before: “customer.city”" in plan.warnings[0]
    assert "“evil.example”" in plan.warnings[1]
    assert plan.risk == "send"
