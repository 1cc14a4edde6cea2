"""Calls as models really send them: what is unambiguous is taken, and what is not is refused all at once."""

import re
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import build_server
from cio_mcp.settings import Settings
from tests.clients import approve, structured, text
from tests.eras import Era
from tests.examples import EXAMPLES

pytestmark = pytest.mark.anyio

EVENT = {"customer": "ada", "name": "signed_up"}
TAKEN: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "one value for a list": (
        "get_customer", {"customer": "ada", "include": "segments"}, {"customer": "ada", "include": ["segments"]},
    ),
    "a list as text": (
        "get_customer", {"customer": "ada", "include": "segments, Messages"},
        {"customer": "ada", "include": ["segments", "messages"]},
    ),
    "an id in quotation marks": ("get_customer", {"customer": " “ada” "}, {"customer": "ada"}),
    "a name in quotation marks": ("get_segment", {"segment": '"VIP"'}, {"segment": "VIP"}),
    "a plural": ("get_metrics", {"kind": "Newsletters", "id": 31}, {"kind": "newsletter", "id": "31"}),
    "the word of the approvals command": ("list_changes", {"state": "pending"}, {"state": "planned"}),
    "numbers and truths as text": (
        "get_segment", {"segment": 2, "members": "yes", "limit": "2"}, {"segment": "2", "members": True, "limit": 2},
    ),
    "an object as text": (
        "find_customers", {"filter": '{"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}'},
        {"filter": {"attribute": {"field": "plan", "operator": "eq", "value": "vip"}}},
    ),
    "a segment of a filter by its name alone": (
        "find_customers", {"filter": {"and": [{"segment": "VIP"}, {"not": {"segment": 3}}]}},
        {"filter": {"and": [{"segment": {"name": "VIP"}}, {"not": {"segment": {"id": 3}}}]}},
    ),
    "every member of a filter, as strict converters require": (
        "find_customers",
        {
            "email": "", "segment": "", "cursor": "", "limit": 20,
            "filter": {
                "and": [{"segment": None, "attribute": {"field": "plan", "operator": "exists", "value": ""}}],
                "or": [], "not": None,
            },
        },
        {"filter": {"and": [{"attribute": {"field": "plan", "operator": "exists"}}]}},
    ),
    "no filter, as strict converters require": (
        "find_customers",
        {"email": "ada@example.com", "filter": {"and": [], "or": [], "not": None}, "segment": ""},
        {"email": "ada@example.com"},
    ),
}  # fmt: skip

REFUSED: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a number that is too large": ("wait_for_event", {"timeout": 1000}, ["timeout: expected at most 600."]),
    "several faults": (
        "find_customers",
        {"segmnt": "VIP", "limit": True, "cursor": ["x"]},
        [
            "Unknown argument “segmnt” for find_customers. Did you mean segment?",
            "Accepted: email, filter, segment, attributes, limit, cursor.",
            "limit: expected a number.",
            "cursor: expected text.",
        ],
    ),
    "a missing choice": (
        "update_segment",
        {"name": "Testers"},
        ["Missing argument action for update_segment. Expected create, delete, add or remove.", "Nothing was sent."],
    ),
    "several customers for a single one": (
        "update_customer",
        {"customer": ["ada", "grace"], "attributes": {"plan": "gold"}},
        ["customer: expected text. For several, use customers.", "Nothing was sent."],
    ),
    "several IDs for a single one": (
        "get_metrics",
        {"kind": "newsletter", "id": [31, 32]},
        ["id: expected text. For several, use ids."],
    ),
    "faults of a filter and of other arguments": (
        "find_customers",
        {"filter": {"and": [{"segments": "VIP"}, {"attribute": {"field": "plan", "operator": "is"}}]}, "limit": 200},
        [
            "filter.and[0]: unknown key “segments” (did you mean segment?); expected exactly one of and, or, not,",
            "segment, attribute.",
            "filter.and[1].attribute.operator: expected eq or exists, the only operators Customer.io supports.",
            "limit: expected at most 100.",
        ],
    ),
    "faults of a write": (
        "send_event",
        {"nam": "x", "customer": "", "repeat": "maybe", "data": [1], "timestamp": "05/06/2026"},
        [
            "Unknown argument “nam” for send_event. Did you mean name?",
            "Accepted: customer, name, data, timestamp, repeat, id_type.",
            "Missing argument customer for send_event: ID, email, or +phone.",
            "Missing argument name for send_event: Event name.",
            "timestamp: expected an ISO 8601 time, such as 2026-11-27T09:00:00-05:00. It is now (now).",
            "data: expected an object.",
            "repeat: expected true or false.",
            "Nothing was sent.",
        ],
    ),
    "two times": (
        "recent_events",
        {"since": "yesterday", "until": "today"},
        [
            "since: expected an ISO 8601 time, such as 2026-01-31T09:00:00Z or 2026-01-31.",
            "until: expected an ISO 8601 time, such as 2026-01-31T09:00:00Z or 2026-01-31. It is now (now).",
        ],
    ),
    "members of an object": (
        "send_transactional",
        {
            "message": "1",
            "customer": "ada",
            "options": {"trackd": True, "bcc": "x@example.com", "queue_draft": "maybe"},
        },
        [
            "options.queue_draft: expected true or false.",
            "Unknown argument “trackd” in options. Did you mean tracked?",
            "Unknown argument “bcc” in options.",
            "Accepted: send_to_unsubscribed, queue_draft, disable_message_retention, tracked, language.",
            "Nothing was sent.",
        ],
    ),
    "values that may mean several things": (
        "list_messages",
        {"metric": "subscribed", "kind": "journey"},
        [
            "kind: expected campaign, broadcast, newsletter or transactional.",
            "metric: expected attempted, sent, delivered, opened, clicked, converted, bounced, spammed,",
            "unsubscribed, dropped, failed or undeliverable. Did you mean unsubscribed?",
        ],
    ),
    "milliseconds": (
        "list_messages",
        {"since": 1_764_100_000_000},
        ["since: expected an ISO 8601 time, such as 2026-01-31T09:00:00Z, or Unix seconds; this is in milliseconds."],
    ),
    "more than an answer should list": (
        "list_segments",
        {f"argument_{number}": number for number in range(20)},
        [
            *(f"Unknown argument “argument_{number}” for list_segments." for number in range(8)),
            "Accepted: name, limit, cursor.",
            "More arguments are invalid.",
        ],
    ),
    "an unknown tool": (
        "find_customer",
        {},
        ["Unknown tool “find_customer”. Did you mean find_customers?", "Call tools/list for the available tools."],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("blank", [None, ""], ids=["null", "empty"])
@pytest.mark.sampled(1)
async def test_a_blank_value_for_every_optional_argument_is_as_if_it_were_left_out(
    blank: str | None, settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox), elicitation_callback=approve) as client:
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        for tool, example in EXAMPLES.items():
            needed = await example.complete(client, example.arguments)
            optional = schemas[tool]["properties"].keys() - set(schemas[tool].get("required", ()))
            result = await client.call_tool(tool, dict.fromkeys(optional, blank) | needed)
            assert not result.is_error, f"{tool}: {text(result)}"


@pytest.mark.parametrize("case", TAKEN)
async def test_an_unambiguous_value_is_read_as_it_is_meant(case: str, settings: Settings, sandbox: Sandbox) -> None:
    tool, sloppy, exact = TAKEN[case]
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        taken, expected = await client.call_tool(tool, sloppy), await client.call_tool(tool, exact)
    assert not taken.is_error, text(taken)
    assert _first_line(taken) == _first_line(expected)


def _first_line(result: CallToolResult) -> str:
    """The first line of a text, without the time of the call."""
    return re.sub(r"20[\dT:-]{17}", "(now)", text(result).partition("\n")[0])


@pytest.mark.parametrize("case", REFUSED)
async def test_all_faults_of_a_call_are_in_one_answer(case: str, settings: Settings, sandbox: Sandbox) -> None:
    tool, arguments, expected = REFUSED[case]
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert re.sub(r"now 20[\dTZ:-]+", "now (now)", text(result)) == " ".join(expected)


async def test_a_relative_time_is_refused_with_what_is_accepted_and_the_time_it_is_now(
    settings: Settings, sandbox: Sandbox
) -> None:
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        result = await client.call_tool("list_messages", {"since": "last week"})
    assert "expected an ISO 8601 time, such as 2026-01-31T09:00:00Z or 2026-01-31. It is now 20" in text(result)


async def test_both_forms_of_an_answer_say_in_which_zone_a_time_was_read_and_what_was_guessed(
    era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    arguments = {"id": "1", "kind": "campain", "since": "2026-11-01", "timezone": "America/New_York"}
    note = (
        "kind was read as campaign."
        " Times without a zone were read as America/New_York: since 2026-11-01T00:00:00-04:00."
    )
    async with Client(build_server(settings, sandbox=sandbox), mode=era) as client:
        result = await client.call_tool("get_metrics", arguments)
        exact = await client.call_tool("get_metrics", {"id": "1", "since": "2026-11-01T00:00:00-04:00"})
    assert text(result).endswith(f"\n{note}")
    assert structured(result)["input_note"] == note
    assert "input_note" not in structured(exact)


async def test_a_write_says_in_which_zone_its_time_was_read(era: Era, settings: Settings, sandbox: Sandbox) -> None:
    arguments = EVENT | {"timestamp": "2026-11-01T09:00:00"}
    async with Client(build_server(settings, sandbox=sandbox), mode=era, elicitation_callback=approve) as client:
        receipt = await client.call_tool("send_event", arguments)
    assert structured(receipt)["status"] == "done"
    assert structured(receipt)["input_note"].endswith("read as UTC: timestamp 2026-11-01T09:00:00Z.")


@pytest.mark.parametrize(
    "again",
    [
        {"customer": "“ada”", "name": " signed_up ", "data": None, "timestamp": None, "repeat": None, "id_type": None},
        {"customer": "ada", "name": "“signed_up”", "data": "", "timestamp": "", "repeat": "false", "id_type": ""},
    ],
    ids=["null", "quoted"],
)
async def test_null_omitted_and_quoted_forms_of_a_write_are_the_same_change(
    again: dict[str, Any], era: Era, settings: Settings, sandbox: Sandbox
) -> None:
    hasty = settings.model_copy(update={"max_wait": 5.0, "approval": "outside"})
    async with Client(build_server(hasty, sandbox=sandbox), mode=era) as client:
        first = structured(await client.call_tool("send_event", EVENT))
        second = structured(await client.call_tool("send_event", again))
    assert (first["status"], second["status"]) == ("approval_required", "approval_required")
    assert first["change"] == second["change"]


@pytest.mark.parametrize("name", ["null", "[1]", '{"a": 1}', "true"])
async def test_a_name_that_looks_like_json_stays_a_name(name: str, settings: Settings, sandbox: Sandbox) -> None:
    async with Client(build_server(settings, sandbox=sandbox)) as client:
        listed = structured(await client.call_tool("list_segments", {"name": name}))
    assert listed["total"] == 0


async def test_no_value_of_attributes_is_changed(settings: Settings, sandbox: Sandbox) -> None:
    attributes = {"plan": " “vip” ", "age": "5", "on": "yes", "when": "2026-01-31", "list": ["a, b"]}
    async with Client(build_server(settings, sandbox=sandbox), elicitation_callback=approve) as client:
        await client.call_tool("update_customer", {"customer": "ada", "attributes": attributes | {"city": None}})
    ada = sandbox.workspace.people.get("id", "ada")
    assert ada is not None
    assert {name: ada.attributes.get(name) for name in attributes} == attributes
    assert "city" not in ada.attributes


async def test_a_write_that_is_given_up_is_found_by_its_arguments_however_they_were_written(
    settings: Settings, sandbox: Sandbox
) -> None:
    server = build_server(settings.model_copy(update={"max_wait": 5.0, "approval": "outside"}), sandbox=sandbox)
    async with Client(server) as client:
        proposed = structured(await client.call_tool("send_event", EVENT))
        toolbox, ws = await server.runtime.toolbox(), await server.runtime.workspace_for_caller()
        read = toolbox.read("send_event", EVENT | {"customer": " “ada” ", "repeat": None, "data": ""})
        late = await toolbox.give_up(ws, "send_event", read)
    assert late is not None
    assert structured(late)["change"] == proposed["change"]
