"""Rows that a job did not apply, as the columns of an import: nothing of them is lost."""

from functools import partial

import pytest
from pydantic import JsonValue

from cio_mcp.jobs.columns import Columns
from cio_mcp.jobs.import_rows import CustomerRows, EventRows
from cio_mcp.jobs.row_files import columns_of
from cio_mcp.storage.job_rows import RefusedRow

Values = dict[str, JsonValue]


@pytest.mark.parametrize(
    "values",
    [
        {"id": "1", "type": "vip", "action": "x", "attributes": "y", "identifiers": "z"},
        {"cio_id": "a1", "id": "1", "email": "ada@example.com", "plan": {"a": [1]}},
        {"email": "ada@example.com", "name": "Ada", "timestamp": 7},
    ],
)
def test_a_refused_customer_is_imported_again_as_before(values: Values) -> None:
    made = CustomerRows(columns("customers", values), {}, create=False)
    again = columns_of(RefusedRow(0, 2, made.operation(values), "refused"))
    assert again == values
    assert CustomerRows(columns("customers", again), {}, create=False).operation(again) == made.operation(values)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"id": "1", "name": "bought", "timestamp": 1_700_000_000, "type": "x", "action": 2}, None),
        ({"email": "ada@example.com", "name": "Shoes", "id": ""}, "bought"),
    ],
)
def test_a_refused_event_is_imported_again_as_before(values: Values, name: str | None) -> None:
    make = partial(EventRows, forms={}, name=name)
    operation = make(columns("events", values, named=name is not None)).operation(values)
    again = columns_of(RefusedRow(0, 2, operation, "refused"))
    assert make(columns("events", again, named=name is not None)).operation(again) == operation


def columns(kind: str, values: Values, *, named: bool = False) -> Columns:
    found = Columns("events" if kind == "events" else "customers", {}, named=named)
    for column in values:
        found.target(column)
    return found
