"""How long an answer may be, however much there is in a workspace, and whatever Customer.io returns."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from cio_mcp.errors import CioError
from cio_mcp.sandbox import Sandbox
from cio_mcp.text.render import Answer, render
from cio_mcp.tools.catalog import TOOLS
from cio_mcp.tools.spec import ToolSpec
from cio_mcp.workspace import CallContext
from tests.examples import EXAMPLES
from tests.large_workspace import LargeSandbox, reports

pytestmark = pytest.mark.anyio

MAX_TEXT, MAX_STRUCTURED = 40_000, 60_000
"""Characters of the two channels; some 10,000 and 15,000 tokens, with the largest limit that a tool takes."""
LIMIT = 100
"""The largest limit of a tool, and the most entries of a list or an object in an answer."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with LargeSandbox(seed=7, people=0) as running:
        yield running


def calls(spec: ToolSpec, sandbox: Sandbox) -> list[dict[str, Any]]:
    """The calls of a tool's example, with the largest limit."""
    example = EXAMPLES[spec.name]
    found = {"id": next(iter(sandbox.workspace.deliveries)).id} if "id" in example.sources else {}
    most = {"limit": LIMIT} if "limit" in spec.parameters() else {}
    return [found | given | most for given in (*example.full, *example.private)]


def longest(value: Any) -> int:
    """The most entries of a list or an object, at any depth."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([len(inner), *map(longest, inner)])


@pytest.mark.slow
async def test_no_answer_is_longer_than_its_bound_on_either_channel(ws: CallContext, sandbox: Sandbox) -> None:
    await ws.events.append(list(reports()))
    too_long: dict[str, tuple[int, ...]] = {}
    silent: list[str] = []
    for spec in (spec for spec in TOOLS if spec.kind == "read"):
        answered = 0
        for given in calls(spec, sandbox):
            try:
                answer = await spec.function(ws, **given)
            except CioError:
                continue
            assert isinstance(answer, Answer)
            rendered = render(answer, mask=False)
            structured = json.dumps(rendered.structured, ensure_ascii=False)
            sizes = len(rendered.text), len(structured), longest(rendered.structured)
            answered += 1
            # Pages of the toolset api end by characters.
            if sizes[0] > MAX_TEXT or sizes[1] > MAX_STRUCTURED or (sizes[2] > LIMIT and spec.toolset != "api"):
                too_long[f"{spec.name} {given}"] = sizes
        silent += [] if answered else [spec.name]
    assert too_long == {}
    assert silent == []


LISTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a search": ("find_customers", {"filter": {"segment": {"id": 1}}}, "customers"),
    "an address": ("find_customers", {"email": "ada@example.com", "attributes": ["plan"]}, "customers"),
    "a segment": ("find_customers", {"segment": "1"}, "customers"),
    "members": ("get_segment", {"segment": "1", "members": True}, "members"),
    "newsletters": ("list_campaigns", {"kind": "newsletter"}, "campaigns"),
    "messages": ("list_messages", {}, "messages"),
    "messages of a channel": ("list_messages", {"channel": "email"}, "messages"),
    "objects": ("find_objects", {"type": "1"}, "objects"),
    "related customers": ("get_object", {"type": "1", "id": "acme", "customers": True}, "customers"),
    "suppressions": ("list_suppressions", {}, "suppressions"),
    "suppressions of a domain": ("list_suppressions", {"domain": "acme.example"}, "suppressions"),
    "suppressions of an address": ("list_suppressions", {"email": "eve@example.com"}, "suppressions"),
}
"""Lists that Customer.io may return longer than requested: the tool, its arguments, and where the rows stand."""


BY_OFFSET = {"suppressions"}
"""Their cursor is the place of a row, which the sandbox honors: it has no further ones."""
IDENTITIES = {"objects": "object_id", "suppressions": "email"}
"""The field that tells rows apart, where it is no `id`."""


async def test_a_list_keeps_to_its_limit_and_its_cursor_leads_to_other_rows(ws: CallContext) -> None:
    functions: dict[str, Callable[..., Awaitable[Any]]] = {spec.name: spec.function for spec in TOOLS}
    for name, (tool, given, rows) in LISTS.items():
        first = await functions[tool](ws, **given, limit=3)
        assert first.cursor, name
        assert len(getattr(first, rows)) == 3, name
        if name not in BY_OFFSET:
            second = await functions[tool](ws, **given, limit=2, cursor=first.cursor)
            listed = [
                getattr(row, IDENTITIES.get(rows, "id")) for page in (first, second) for row in getattr(page, rows)
            ]
            assert len({*listed}) == len(listed) == 5, name
