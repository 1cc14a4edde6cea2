"""Every published operation has a route in the sandbox, and answers as published."""

from typing import Any

import jsonschema
import pytest

from cio_mcp.customerio.operations import Operation
from cio_mcp.sandbox.api.generic import shape
from cio_mcp.sandbox.api.router import ROUTER
from tests.sandbox.operation_caller import PUBLISHED, OperationCaller
from tests.sandbox.operation_requests import BODY
from tests.sandbox.sandbox_client import SandboxClient
from tests.sandbox.specification import answer_schema, published_statuses

pytestmark = pytest.mark.anyio

NOT_AS_PUBLISHED = {
    "list_messages": "the saved specification is older than WhatsApp, in-app, and inbox messages",
    "list_customer_messages": "msg_template_id is an integer in live answers, a string in the specification",
}


@pytest.mark.sampled(40)
@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.id)
async def test_an_operation_answers_as_published(row: Operation, client: SandboxClient) -> None:
    answer = await OperationCaller(client.sandbox, client.http).call(row)
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    statuses = published_statuses(row.route, row.method)
    assert not statuses or str(answer.status_code) in statuses
    published = answer_schema(row.route, row.method, answer.status_code)
    if published is not None and row.id not in NOT_AS_PUBLISHED:
        jsonschema.validate(_with_integer_ids(answer.json()), published)


def _with_integer_ids(body: Any) -> Any:
    """Actions have strings as ids in the live service, integers in the specification."""
    for action in (body.get("actions") or [body.get("action")]) if isinstance(body, dict) else ():
        if isinstance(action, dict) and str(action.get("id")).isdecimal():
            action["id"] = int(action["id"])
    return body


def test_every_operation_of_the_table_has_a_route_and_a_request() -> None:
    routes = {(method, shape(route)) for method, route in ROUTER.routes}
    missing = [row.id for row in PUBLISHED if (row.method, shape(row.route)) not in routes]
    assert not missing
    without = [row.id for row in PUBLISHED if row.method in {"POST", "PUT"} and row.body_fields and row.id not in BODY]
    assert not without
