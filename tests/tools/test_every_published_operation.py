"""Every operation with a published schema: its request from a model's arguments, and its documented answer.

The requests are built as `read_api` and `write_api` build them, and checked against the OpenAPI files. The answers come
out of `read_api` value by value.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from cio_mcp.customerio.call import Call
from cio_mcp.customerio.operations import OPERATIONS, Operation, effects
from cio_mcp.customerio.writer import Sent, Writer
from cio_mcp.settings import Settings
from cio_mcp.tools.api.leaves import EMPTY
from cio_mcp.tools.api.read_api import answer_of, read_api
from cio_mcp.tools.api.request import build_call
from cio_mcp.workspace import open_workspace
from tests.callers import caller_named
from tests.customerio import samples
from tests.customerio.documented import Documented
from tests.customerio.published_requests import assert_published
from tests.published import ENDPOINTS, MISSING

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not ENDPOINTS.exists(), reason=MISSING),
]

PUBLISHED = [row for row in OPERATIONS.values() if not row.when and not row.unpublished]
UNSATISFIABLE = {"pipelines_report_content"}
"""Actions whose published schema requires a field (`activityType`) that it does not define."""
GENERATED: dict[str, Any] = {
    "ulid": "01HZZZZZZZZZZZZZZZZZZZZZZZ",
    "now": 1_800_000_000,
    "now_text": "2026-01-01T00:00Z",
}
SINGLES = {"apply_batch": ["apply_entity"], "pipelines_batch": ["pipelines_identify", "pipelines_page"]}
"""For a batch, the operations whose bodies are its elements."""


def test_there_are_140_of_them() -> None:
    assert len(PUBLISHED) == 140


@pytest.mark.sampled(8)
@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.id)
def test_a_request_of_any_published_shape_is_built_and_is_as_published(row: Operation) -> None:
    calls = [*calls_of(row)]
    assert calls, row.id
    for call in calls:
        assert_published(call)


@pytest.mark.slow
def test_each_published_action_of_a_shared_route_is_among_the_requests() -> None:
    actions = {effect.operation.id for row in PUBLISHED for call in calls_of(row) for effect in call.effects}
    shared = {row.id for row in OPERATIONS.values() if row.when}
    assert shared - actions == UNSATISFIABLE


def calls_of(row: Operation) -> Iterator[Call]:
    """A request for each published shape of the body, with all its fields and with the required ones."""
    for whole in (True, False):
        path = samples.parameters_of(row, "path")
        arguments = path | samples.parameters_of(row, "query", required=not whole)
        for body in bodies_of(row):
            if isinstance(body, dict):
                same = {name: value for name, value in path.items() if name in body}
                body = {**body, **same}  # noqa: PLW2901 - what the path says must not be said otherwise
            if is_published(row, arguments, body):
                yield build_call(row, arguments, body, GENERATED)


def bodies_of(row: Operation) -> list[Any]:
    """Bodies of every published shape; of a batch, one with all bodies that its elements may have."""
    if row.id not in SINGLES:
        bodies = samples.requests_of(row)
        # The published schemas of Pipelines share one enumeration of types.
        typed = row.api == "pipelines"
        return [{**body, "type": type_of(row.id)} if typed and "type" in body else body for body in bodies]
    return [
        {row.elements: [{**body, **({"type": type_of(single)} if row.api == "pipelines" else {})}]}
        for single in SINGLES[row.id]
        for body in samples.requests_of(OPERATIONS[single])
        if is_published(OPERATIONS[single], {}, body)
    ]


def type_of(single: str) -> str:
    return single.removeprefix("pipelines_")


def is_published(row: Operation, arguments: dict[str, Any], body: Any) -> bool:
    """Whether a sample is one that its own file accepts: enumerated values of shapes that overlap may not fit."""
    if isinstance(body, dict) and any(body.get(name) == {} for name in ("primary", "secondary", "identifiers")):
        return False  # which the text of the reference excludes, not its schema
    path = {name: str(arguments[name]) for name in row.path_parameters}
    full = body
    if isinstance(body, dict) and not row.elements:
        full = dict.fromkeys(effects(row, body)[0].operation.generated, None)
        full = {**{name: _generated(row, body, name) for name in full}, **body}
    query = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in arguments.items()
        if name not in path
    }
    try:
        assert_published(Call(operation=row.id, path=path, query=query, body=full))
    except AssertionError:
        return False
    return True


def _generated(row: Operation, body: Any, name: str) -> Any:
    types = {field.name: field.types for field in effects(row, body)[0].operation.body_fields}
    if name == "id":
        return GENERATED["ulid"]
    return GENERATED["now" if "integer" in types[name] else "now_text"]


READS = [row for row in PUBLISHED if not row.writes]
WRITES = [row for row in PUBLISHED if row.writes]


@pytest.mark.parametrize("row", READS, ids=lambda row: row.id)
def test_a_documented_answer_comes_out_of_read_api_value_by_value(row: Operation) -> None:
    documented = samples.answers_of(row)
    assert documented, row.id
    for answer in documented:
        expected = {path: value for path, value in leaves(answer) if path.rsplit(".", 1)[-1] not in row.answer_secrets}
        shown = {path: value for page in pages_of(row, answer) for path, value in page}
        missing = {path: value for path, value in expected.items() if not shows(shown, path, value)}
        assert missing == {}


def pages_of(row: Operation, answer: dict[str, Any]) -> Iterator[list[tuple[str, Any]]]:
    offset = 0
    while True:
        page = answer_of(row, answer, [], offset=offset)
        listed = next((name for name, value in answer.items() if isinstance(value, list) and page.total), "")
        rows = [
            (f"{listed}.{number}.{path}", value)
            for number, one in enumerate(page.records or ())
            for path, value in one.items()
        ]
        yield [*(page.values or {}).items(), *rows, *([("next", page.cursor)] if page.cursor else [])]
        place, _, token = (page.cursor or ":x").partition(":")
        if token or page.cursor is None:
            return
        offset = int(place)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from leaves(inner, f"{path}.{key}" if path else key)
        case list() if any(isinstance(item, dict | list) for item in value):
            for number, inner in enumerate(value):
                yield from leaves(inner, f"{path}.{number}")
        case None:
            pass
        case dict() | list() if not path:
            pass
        case dict() | list():
            yield path, ", ".join(map(str, value)) or EMPTY
        case _:
            yield path, value


def shows(shown: dict[str, Any], path: str, value: Any) -> bool:
    """Whether a value is shown, under its path or, as a record of the only list, by the last part of it."""
    if path == "next":
        return str(value) in str(shown.get("next"))
    text = str(value)[:400]
    return any(
        str(each)[:400] == text and (name == path or name.endswith(path.split(".", 2)[-1]))
        for name, each in shown.items()
    )


@pytest.mark.slow
async def test_every_read_is_made_and_answered_through_its_tool(settings: Settings) -> None:
    answers = {row.id: (samples.answers_of(row) or [None])[0] for row in PUBLISHED}
    api = Documented(answers)
    async with open_workspace(settings, sandbox=api) as opened:
        ws = opened.acting(caller_named("local:tester"), max_wait=300.0)
        for row in READS:
            body = samples.requests_of(row)[0]
            arguments = samples.parameters_of(row, "path") | samples.parameters_of(row, "query", required=True)
            if row.lane == "archived_message" or row.method == "GET":
                body = None
            answer = await read_api(ws, row.id, arguments, body)
            assert answer.values or answer.records or not answers[row.id], row.id
            assert api.requests[-1][0] == row.id


@pytest.mark.slow
async def test_every_write_is_accepted_on_its_documented_answer(settings: Settings) -> None:
    answers = {row.id: next(iter(samples.answers_of(row)), None) for row in PUBLISHED}
    # Where success is answered with an empty object, no field of it is documented.
    answers |= {row.id: {} for row in WRITES if answers[row.id] is None and not row.empty_answer}
    api = Documented(answers)
    async with open_workspace(settings, sandbox=api) as opened:
        work = opened.acting(caller_named("local:tester"), max_wait=300.0).reader.work
        for row in WRITES:
            call = next(calls_of(row))
            assert isinstance(await Writer(opened.client).send(call, work), Sent), row.id
            assert api.requests[-1][0] == row.id
