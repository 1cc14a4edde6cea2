"""The examples on the reference page of the tools: each a call, and its answer in the sandbox at a fixed time."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from mcp import Client

from cio_mcp.events.models import Envelope
from cio_mcp.sandbox import Sandbox
from cio_mcp.server.app import CioServer, build_server
from cio_mcp.tools.catalog import TOOLS
from tests.clients import APPROVE, Person, structured, text
from tests.examples import EXAMPLES, Arguments
from tests.fixed_time import NOW, QuickClock, SameTime
from tests.settings import sandbox_settings

INTRODUCTION = """\
`make docs` generates this page. Each tool ends with an example: the arguments of a call, and the text of its answer.
They come from a sandbox in which it is 2026-09-21, 14:13 UTC. A person approved each write; the example of
`send_transactional` shows the question. The IDs of changes and jobs are random, so all of them are `3f2a91c0` and
`7d04be15` here. `[…]` stands for what is left out."""
CHANGE, JOB = "3f2a91c0", "7d04be15"
MAX_LINES = 20
"""Lines of an answer. Chosen. A question is shown whole."""
MAX_LINE_CHARACTERS = 400
"""Characters of a line. Chosen."""
MAX_JSON_CHARACTERS = 110
"""Characters of arguments in one line. Chosen."""
CUT = "[…]"
QUESTION_OF = "send_transactional"
"""The tool whose example has the question, too."""
EDIT: Arguments = {"customer": "ada", "attributes": {"plan": "pro"}}
SHOWN: Mapping[str, Arguments] = {
    "find_customers": {
        "filter": {
            "and": [
                {"segment": {"id": 2}},
                {"attribute": {"field": "country", "operator": "eq", "value": "GB"}},
            ]
        },
        "attributes": ["plan", "country"],
    },
    "get_customer": {"customer": "ada@example.com", "include": ["segments"], "attributes": ["plan", "orders"]},
    "update_customer": {"customers": ["ada", "two-1"], "attributes": {"plan": "pro"}},
    "send_event": {"customer": "ada", "name": "order_placed", "data": {"order_id": "A-1042"}},
    "get_campaign": {"id": "Trial"},
    "get_metrics": {"kind": "newsletter", "id": "31", "links": True},
    "compare_metrics": {"kind": "newsletter", "ids": ["31", "30"], "metric": "human_opened"},
    "list_messages": {"customer": "ada", "kind": "campaign", "id": "Order follow-up"},
    "get_message": {"content": True},
    "explain_delivery": {"customer": "ada", "kind": "campaign", "id": "Trial"},
    "send_transactional": {
        "message": "Order shipped",
        "customer": "ada",
        "data": {"order_id": "1042", "tracking_url": "https://acme.example/track/1042"},
    },
    "trigger_broadcast": {
        "broadcast": "Product news",
        "audience": {"segment": "VIP"},
        "data": {"headline": "Spring", "text": "Everything new."},
    },
    "get_segment": {"segment": "VIP", "members": True},
    "update_segment": {"action": "add", "segment": "Beta testers", "customers": ["eve", "two-1"]},
    "sync_segment": {
        "segment": "Beta testers",
        "customers": ["ada", "p-00001", "p-00012", "p-00022", "p-00040", "eve@example.com", "two-1"],
    },
    "import_customers": {
        "rows": [
            {"E-Mail": "ada@example.com", "Plan": "pro", "Joined": "2026-03-04"},
            {"E-Mail": "bob@example.com", "Plan": "free", "Joined": "03/04/2026"},
        ],
        "columns": {"Plan": "plan", "Joined": "joined_at:time"},
    },
    "import_events": {
        "name": "order_placed",
        "rows": [
            {"id": "ada", "timestamp": "2026-09-21T08:15:00Z", "order_id": "A-1042"},
            {"id": "bob", "timestamp": "2026-09-21T08:16:00Z", "order_id": "A-1043"},
        ],
    },
    "recent_events": {"since": "2026-09-21T00:00:00Z"},
    "wait_for_event": {"customer": "ada", "metric": "delivered", "since": "2026-09-21T14:00:00Z"},
    "get_workspace": {"section": "health"},
    "remove_customer": {"customer": "two-2", "action": "suppress"},
    "find_objects": {
        "type": "Companies",
        "filter": {"attribute": {"field": "plan", "operator": "eq", "value": "enterprise"}},
    },
    "get_object": {"type": "Companies", "id": "acme", "customers": True},
    "list_suppressions": {"email": "eve@example.com"},
    "manage_suppression": {"email": "eve@example.com", "action": "remove"},
    "search_api": {"query": "schedule a newsletter", "limit": 2},
    "read_api": {"operation": "list_segments", "fields": ["name", "type"]},
    "write_api": {"operation": "create_asset_folder", "body": {"name": "Spring"}},
    "list_collections": {"collection": "offers"},
    "update_collection": {
        "action": "add_rows",
        "collection": "offers",
        "rows": [{"id": "autumn", "title": "Autumn", "url": "https://acme.example/autumn"}],
    },
    "list_snippets": {"name": "footer"},
    "update_snippet": {"name": "footer", "text": "Acme Ltd, 2 Market Street, London"},
}
"""Arguments that show more of a tool than those in `tests/examples`."""
TIME = "2026-09-21T14:13:20Z"
"""The time of the sandbox, `NOW`."""
_CHANGE = re.compile(r"(?<=[Cc]hange )[0-9a-f]{8}\b|(?<=\"change\": \")[0-9a-f]{8}\b|^[0-9a-f]{8}(?=  )", re.MULTILINE)
_JOB = re.compile(r"(?<=[Jj]ob )[0-9a-f]{8}\b|(?<=\"job\": \")[0-9a-f]{8}\b|(?<=job=)[0-9a-f]{8}\b")
_NOW = re.compile(rf"{TIME[:14]}[0-9]{{2}}:[0-9]{{2}}Z")
LINK = f"https://files.example/{CUT}\nThe link expires at 2026-09-21T14:28:20Z."
_LINK = re.compile(r"http://sandbox\.test/exports/\S+\nThe link expires at \S+Z\.")
_RATE = re.compile(r"[\d.,]+ rows/s")
_USER = re.compile(r"local:[^\s”]+")
ASKS = {spec.name for spec in TOOLS if spec.is_write}


async def examples(folder: Path) -> dict[str, str]:
    """The example of each tool as Markdown, by the tool's name."""
    return {tool: await _example(tool, folder / tool) for tool in EXAMPLES}


async def _example(tool: str, folder: Path) -> str:
    clock, person = QuickClock(), Person(APPROVE)
    async with Sandbox(seed=7, people=40, clock=SameTime(clock)) as sandbox:
        server = build_server(sandbox_settings(folder), sandbox=sandbox, clock=clock)
        async with Client(server, elicitation_callback=person) as client:
            arguments = dict(SHOWN.get(tool, EXAMPLES[tool].arguments))
            if prepare := _BEFORE.get(tool):
                arguments |= await prepare(server, client)
            arguments = await EXAMPLES[tool].complete(client, arguments)
            answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, text(answer)
    parts = ["Example:", _fenced("json", _json(arguments))]
    if tool == QUESTION_OF:
        parts += ["A person sees this, and decides:", _fenced("text", person.prompts[-1].message)]
    parts += [
        "After an approval, it answers:" if tool in ASKS else "It answers:",
        _fenced("text", _shortened(text(answer))),
    ]
    return _fixed("\n\n".join(parts))


def _fixed(example: str) -> str:
    """Replace what differs from run to run: IDs of changes and jobs, links, the user, times, and rates."""
    example = _JOB.sub(JOB, _CHANGE.sub(CHANGE, example))
    example = _RATE.sub("1,200 rows/s", example)
    example = _USER.sub("local:you", example)
    example = _NOW.sub(lambda found: min(found[0], TIME), example)
    return _LINK.sub(LINK, example)


def _json(arguments: Arguments) -> str:
    """One line, or one for each argument."""
    if len(line := json.dumps(arguments, ensure_ascii=False)) <= MAX_JSON_CHARACTERS:
        return line
    members = ",\n".join(
        f"  {json.dumps({name: given}, ensure_ascii=False)[1:-1]}" for name, given in arguments.items()
    )
    return f"{{\n{members}\n}}"


def _fenced(language: str, content: str) -> str:
    assert "```" not in content
    return f"```{language}\n{content}\n```"


def _shortened(answer: str) -> str:
    lines = [
        line if len(line) <= MAX_LINE_CHARACTERS else f"{line[:MAX_LINE_CHARACTERS]} {CUT}"
        for line in answer.splitlines()
    ]
    return "\n".join(lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], CUT])


async def _receive_events(server: CioServer, _: Client) -> Arguments:
    events = await server.runtime.events()
    await events.append([_event("sent", 70), _event("delivered", 65)])
    return {}


async def _edit(_: CioServer, client: Client) -> Arguments:
    return {"change": structured(await client.call_tool("update_customer", EDIT))["change"]}


async def _edit_only(server: CioServer, client: Client) -> Arguments:
    await _edit(server, client)
    return {}


async def _export(_: CioServer, client: Client) -> Arguments:
    return {
        "export": structured(await client.call_tool("start_export", EXAMPLES["start_export"].arguments))["created_id"]
    }


def _event(metric: str, seconds_ago: int) -> Envelope:
    return Envelope(
        event_id=f"01J{metric.upper()}",
        object_type="email",
        metric=metric,
        timestamp=NOW - seconds_ago,
        data={
            "delivery_id": "dgOxAgEAAZ",
            "transactional_message_id": 2,
            "subject": "Order 1042 is on its way",
            "recipient": "ada@example.com",
            "customer_id": "ada",
            "identifiers": {"id": "ada", "email": "ada@example.com", "cio_id": "a3000001"},
        },
    )


_BEFORE: Mapping[str, Callable[[CioServer, Client], Awaitable[Arguments]]] = {
    "recent_events": _receive_events,
    "wait_for_event": _receive_events,
    "list_changes": _edit_only,
    "undo_change": _edit,
    "get_export": _export,
}
"""What happens before an example; it returns arguments that only this gives."""
