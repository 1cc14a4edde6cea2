"""How requests are matched to rows of the table of operations, by their bodies."""

from typing import get_args

import pytest

from cio_mcp.customerio.operations import (
    OPERATIONS,
    Risk,
    by_route,
    classify_retry,
    effects,
    operation,
)

RISKS: tuple[Risk, ...] = get_args(Risk)
"""Every risk, the least first."""
PUBLISHED = tuple(row for row in OPERATIONS.values() if not row.when)
ACTIONS = tuple(row for row in OPERATIONS.values() if row.when)


@pytest.mark.parametrize(
    ("type_", "action", "id_", "risk"),
    [
        ("person", "identify", "person_identify", "data"),
        ("person", "event", "person_event", "send"),
        ("person", "suppress", "person_suppress", "destroy"),
        ("person", " Delete ", "person_delete", "destroy"),
        ("object", "delete", "object_delete", "destroy"),
        ("delivery", "event", "delivery_event", "send"),
        ("person", "erase", "apply_entity", "destroy"),
        ("person", None, "apply_entity", "destroy"),
        (["person"], "delete", "apply_entity", "destroy"),
    ],
)
def test_the_body_decides_what_a_request_on_a_shared_route_does(
    type_: object, action: object, id_: str, risk: str
) -> None:
    body = {"type": type_, "action": action}
    ((found, part),) = effects(operation("apply_entity"), body)
    assert (found.id, found.risk, part) == (id_, risk, body)


def test_the_body_wins_over_the_row_that_a_request_names() -> None:
    ((found, _),) = effects(operation("person_identify"), {"type": "person", "action": "delete"})
    assert found.id == "person_delete"


def test_a_batch_does_what_each_of_its_elements_does() -> None:
    batch = {"batch": [{"type": "person", "action": "identify"}, {"type": "object", "action": "delete"}, "garbled"]}
    found = [effect.operation.id for effect in effects(operation("apply_batch"), batch)]
    assert found == ["person_identify", "object_delete", "apply_entity"]


@pytest.mark.parametrize("body", [None, [], {}, {"batch": []}, {"batch": "person"}, {"batch": {"type": "person"}}])
def test_a_batch_that_cannot_be_read_counts_as_the_worst(body: object) -> None:
    ((found, _),) = effects(operation("apply_batch"), body)
    assert (found.id, found.risk) == ("apply_batch", "destroy")


@pytest.mark.parametrize(
    ("event", "id_", "risk"),
    [
        ("Order Placed", "pipelines_event", "send"),
        ("User Deleted", "pipelines_delete_person", "destroy"),
        ("user deleted", "pipelines_delete_person", "destroy"),
        ("Device Created or Updated", "pipelines_add_device", "send"),
        (None, "pipelines_track", "destroy"),
        ("", "pipelines_track", "destroy"),
    ],
)
def test_the_name_of_a_pipelines_event_may_stand_for_an_action(event: object, id_: str, risk: str) -> None:
    ((found, _),) = effects(operation("pipelines_track"), {"event": event, "userId": "1"})
    assert (found.id, found.risk) == (id_, risk)


def test_a_pipelines_batch_is_read_element_by_element() -> None:
    batch = {
        "batch": [
            {"type": "identify", "userId": "1"},
            {"type": "track", "event": "User Suppressed", "userId": "1"},
            {"type": "event", "userId": "1"},
            {"type": "batch", "batch": []},
            None,
        ]
    }
    found = [effect.operation.id for effect in effects(operation("pipelines_batch"), batch)]
    assert found == [
        "pipelines_identify",
        "pipelines_suppress_person",
        "pipelines_batch",
        "pipelines_batch",
        "pipelines_batch",
    ]


def test_every_other_operation_does_what_its_own_row_says_whatever_the_body() -> None:
    shared = {(row.api, row.method, row.route) for row in ACTIONS}
    for row in PUBLISHED:
        if (row.api, row.method, row.route) not in shared and not row.elements:
            assert [effect.operation for effect in effects(row, {"type": "person", "action": "delete"})] == [row]


IDENTIFY = {"type": "person", "action": "identify"}
EVENT = {"type": "person", "action": "event", "name": "paid"}


@pytest.mark.parametrize(
    ("id_", "body", "risk", "retry"),
    [
        ("get_campaign", None, "read", "read"),
        ("send_email", {"to": "a@x.y"}, "send", "once"),
        ("track_event", {"name": "paid", "id": "01K"}, "send", "repeatable"),
        ("track_event", {"name": "paid"}, "send", "once"),
        ("track_event", {"name": "paid", "id": ""}, "send", "once"),
        ("apply_batch", {"batch": [IDENTIFY]}, "data", "repeatable"),
        ("apply_batch", {"batch": [IDENTIFY, EVENT | {"id": "01K"}]}, "send", "repeatable"),
        ("apply_batch", {"batch": [IDENTIFY, EVENT]}, "send", "once"),
        ("apply_batch", {"batch": [IDENTIFY, {"type": "person", "action": "merge"}]}, "destroy", "once"),
        ("apply_batch", {"batch": []}, "destroy", "once"),
        ("apply_entity", {"type": "person", "action": "erase"}, "destroy", "once"),
    ],
)
def test_a_request_has_the_risk_of_its_effects_and_is_repeated_only_if_all_may_be(
    id_: str, body: object, risk: str, retry: str
) -> None:
    row = operation(id_)
    parts = effects(row, body)
    risks = [part.operation.risk for part in parts]
    assert (max(risks, key=RISKS.index), classify_retry(parts)) == (risk, retry)


def test_a_shared_row_is_at_least_as_risky_as_each_of_its_actions() -> None:
    for row in ACTIONS:
        shared = by_route(row.api, row.method, row.route)
        assert shared is not None
        assert RISKS.index(shared.risk) >= RISKS.index(row.risk), row.id
        assert {*row.guardrails} <= {*shared.guardrails}, row.id
        assert shared.retry == "once", row.id
