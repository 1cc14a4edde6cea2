"""The table of operations against the published list and OpenAPI files."""

from collections import Counter

import pytest

from cio_mcp.customerio.operations import EVERYTHING, OPERATIONS, Operation, by_route
from cio_mcp.customerio.operations.row import parse_fields
from tests.customerio import published_operations as published
from tests.customerio.published_operations import Need, Shape
from tests.published import ENDPOINTS, MISSING

pytestmark = pytest.mark.skipif(not ENDPOINTS.exists(), reason=MISSING)

PUBLISHED = tuple(row for row in OPERATIONS.values() if not row.when)

NEWER_QUERY = {
    "get_customers": {"id_type"},
    "list_customer_relationships": {"id_type"},
    "list_messages": {"get_tracked_responses"},
}
NEWER_FIELDS = {
    "export_customers": {"attributes"},
    "export_deliveries": {"template_id"},
    "send_email": {"auto_create", "cc"},
    "send_push": {"auto_create"},
    "send_sms": {"auto_create"},
}
"""What the reference of 2026-09 (docs.customer.io/integrations/api/app) has and the saved files lack."""

NO_LONGER_REQUIRED = {"get_campaign_metrics": {"version"}, "get_campaign_action_metrics": {"version"}}
"""What the same reference no longer requires."""


def test_every_published_operation_has_exactly_one_row_and_every_row_is_published() -> None:
    listed = Counter((one.api, one.method, one.route) for one in published.listed())
    assert Counter((row.api, row.method, row.route) for row in PUBLISHED) == listed
    assert len(PUBLISHED) == 211


def test_a_row_says_whether_a_schema_is_published() -> None:
    listed = {(one.api, one.method, one.route) for one in published.listed() if one.unpublished}
    assert {(row.api, row.method, row.route) for row in PUBLISHED if row.unpublished} == listed


def test_an_empty_answer_counts_only_where_it_is_published() -> None:
    listed = {(one.api, one.method, one.route) for one in published.listed() if one.empty_answer}
    rows = (row for row in PUBLISHED if row.empty_answer and not row.unpublished)
    assert {(row.api, row.method, row.route) for row in rows} == {one for one in listed if one[1] != "GET"}


def test_query_parameters_are_the_published_ones() -> None:
    for one in published.listed():
        row = _row(one.api, one.method, one.route)
        if row.unpublished:
            continue
        optional = NO_LONGER_REQUIRED.get(row.id, set())
        expected = {name: (type_, need and name not in optional) for name, (type_, need) in one.query.items()}
        stated = {field.name: ("|".join(field.types), field.required) for field in parse_fields(row.query)}
        newer = NEWER_QUERY.get(row.id, set())
        assert {name: fact for name, fact in stated.items() if name not in newer} == expected, row.id
        assert newer <= set(stated), row.id


def test_body_fields_have_the_published_names_and_types_and_are_required_where_published() -> None:
    for row in PUBLISHED:
        if row.unpublished:
            continue
        newer = NEWER_FIELDS.get(row.id, set())
        assert newer <= set(_fields(row)), row.id
        stated = {name: need for name, need in _fields(row).items() if name not in newer}
        assert stated == published.body(row.api, row.method, row.route), row.id


def test_each_action_of_a_shared_track_route_has_one_row_with_the_fields_it_requires() -> None:
    shapes = published.shapes_of("track", "POST", "/api/v2/entity")
    _compare("/api/v2/entity", {(shape.values["type"][0], shape.values["action"][0]): shape for shape in shapes})


def test_each_event_name_that_the_pipelines_api_takes_as_an_action_has_one_row() -> None:
    shapes = published.shapes_of("pipelines", "POST", "/v1/track")
    named = {shape.values["event"]: shape for shape in shapes if len(shape.values.get("event", ())) == 1}
    actions = {row.when[0][1] for row in OPERATIONS.values() if row.route == "/v1/track" and row.when}
    assert actions - {EVERYTHING} == {event for (event,) in named}
    _compare("/v1/track", named)


def _compare(route: str, shapes: dict[tuple[str, ...], Shape]) -> None:
    rows = [row for row in OPERATIONS.values() if row.route == route and row.when]
    for values, shape in shapes.items():
        (row,) = [row for row in rows if tuple(value for _, value in row.when) == values]
        assert {name for name, need in _fields(row).items() if need.required} == shape.required, row.id
        assert set(shape.types) <= set(_fields(row)), row.id


def _fields(row: Operation) -> dict[str, Need]:
    return {
        field.name: Need(frozenset(field.types), field.required, field.conditional)
        for field in row.body_fields
        if field.name != EVERYTHING
    }


def _row(api: str, method: str, route: str) -> Operation:
    (row,) = [row for row in PUBLISHED if (row.api, row.method, row.route) == (api, method, route)]
    assert by_route(row.api, method, route) is row
    return row
