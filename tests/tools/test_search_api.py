"""The search of operations: plain words find them, and each says what it takes and what does it better."""

import pytest

from cio_mcp.customerio.operations import OPERATIONS
from cio_mcp.gate.typed_tools import PREFERRED_TOOLS
from cio_mcp.text.render import render
from cio_mcp.tools.api.index import search
from cio_mcp.tools.api.search_api import search_api
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.workspace import CallContext

SENTENCES = {
    "delete a segment": "delete_segment",
    "who opted out of SMS": "list_optouts",
    "upload an image to use in emails": "create_asset",
    "edit the subject line of an email in a campaign": "update_campaign_action",
    "block an email address at the email provider": "suppress_email",
    "why did this address bounce, is it suppressed": "get_email_suppression",
    "remove a device of a customer": "delete_device",
    "send a push notification": "send_push",
    "rename a collection": "update_collection",
    "replace the rows of a collection": "update_collection_content",
    "schedule a newsletter for tomorrow": "schedule_newsletter",
    "export customers to a CSV file": "export_customers",
    "merge two people into one": "merge_customers",
    "which companies is a person related to": "list_customer_relationships",
    "how many people are in a segment": "count_segment_members",
    "translate a newsletter, add a language": "create_newsletter_language",
    "change a snippet": "update_snippet",
    "IP addresses that Customer.io sends from": "list_ip_addresses",
    "delete and suppress a person for GDPR": "suppress_customer",
    "preview an email in mail clients": "submit_inbox_preview",
    "which campaigns use this sender": "get_sender_usage",
    "subscription topics": "list_topics",
    "clicks on each link of a newsletter": "get_newsletter_links",
    "record an event of an anonymous visitor": "track_anonymous_event",
    "submit a form": "submit_form",
    "add people to a manual segment": "add_to_segment",
    "restore an older version of an email": "restore_design_email_version",
    "import people from a file": "import_file",
    "start a live activity notification": "start_live_notification",
    "errors of a broadcast trigger": "list_broadcast_trigger_errors",
    "describe what an attribute means in the data index": "describe_attributes",
    "send a WhatsApp message": "send_whatsapp",
}
"""What people say, and the operation that should be among the first five."""
FIRST = 5


def test_plain_sentences_find_their_operation_among_the_first_five() -> None:
    missed = [text for text, id_ in SENTENCES.items() if id_ not in [r.id for r in search(text)[:FIRST]]]
    assert missed == []


def test_every_operation_is_found_first_by_its_own_id_and_by_its_summary() -> None:
    for row in OPERATIONS.values():
        assert search(row.id)[0] is row
        same = {each.summary for each in search(row.summary)[:12]}
        assert row.summary in same, row.id


def test_the_tool_that_does_an_operation_better_exists_and_is_of_the_same_kind() -> None:
    tools = {spec.name: spec for spec in TOOLS}
    for id_, name in PREFERRED_TOOLS.items():
        assert OPERATIONS[id_].writes <= tools[name].is_write, (id_, name)


@pytest.mark.anyio
async def test_an_operation_states_what_it_takes_does_and_needs_and_what_does_it_better(ws: CallContext) -> None:
    (send,) = (await search_api(ws, "send_email", limit=1)).operations
    assert (send.needs, send.use) == ("App API key", "send_transactional")
    assert send.effect == "May reach people or change who is reached. A person approves it."
    assert "send_to_unsubscribed!:bool" in (send.body or "")
    assert "identifiers!:object" in (send.body or "")
    assert " bcc" not in f" {send.body}"
    (unchecked,) = (await search_api(ws, "send_newsletter", limit=1)).operations
    assert unchecked.arguments == "newsletter_id!"
    assert "not published" in (unchecked.body or "")
    (event,) = (await search_api(ws, "track_event", limit=1)).operations
    assert " id" not in f" {event.body}"


@pytest.mark.anyio
async def test_an_answer_is_short_and_pages_lead_to_the_rest(ws: CallContext) -> None:
    first = await search_api(ws, "newsletter")
    second = await search_api(ws, "newsletter", cursor=first.cursor)
    assert len(render(first, mask=False).text) < 2_500
    assert not {each.id for each in first.operations} & {each.id for each in second.operations}
    assert "No operation matches" in render(await search_api(ws, "zzz qqq"), mask=False).text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("operation", "effect", "needs"),
    [
        ("list_segments", "Reads; nobody is asked.", "App API key"),
        ("get_archived_message", "Reads; nobody is asked.", "App API key, at most 100 requests a day"),
        ("identify_customer", "May reach people or change who is reached. A person approves it.", "Track API keys"),
        ("pipelines_alias", "Deletes or blocks data. A person approves it.", "Pipelines API key"),
        ("create_segment", "Changes data. A person approves it.", "App API key"),
        ("export_customers", "Makes a file of personal data. A person approves it.", "App API key"),
    ],
)
async def test_an_operation_says_in_words_what_it_does_and_which_key_it_needs(
    operation: str, effect: str, needs: str, ws: CallContext
) -> None:
    (line,) = (await search_api(ws, operation, limit=1)).operations
    assert (line.effect, line.needs) == (effect, needs)
    assert f"{effect} Needs: {needs}." in str(line)
