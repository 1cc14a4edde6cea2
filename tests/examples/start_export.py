from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.exports.start_export import start_export
from tests.examples.example import Example, Write
from tests.hostile import HOSTILE, LINE, PLANTED_TEXT


def _export(number: int) -> dict[str, object]:
    return {"type": "customers", "segment": "VIP", "attributes": [f"column{number}"]}


def _effects(sandbox: Sandbox, _: int) -> int:
    return len(sandbox.workspace.records.of("/v1/exports"))


EXAMPLE = Example(
    tool=start_export,
    arguments={"type": "customers", "segment": "VIP", "attributes": ["plan", "country"]},
    failure={"type": "customers", "segment": "VIPs"},
    failed_argument="segment",
    full=(
        {"type": "customers", "segment": "Planted", "attributes": ["plann", PLANTED_TEXT]},
        {"type": "deliveries", "kind": "newsletter", "id": "31", "metric": "opened", "since": "2026-06-01T00:00:00Z"},
    ),
    private=(
        {
            "type": "customers",
            "filter": {"attribute": {"field": "email", "operator": "eq", "value": "ada@example.com"}},
            "attributes": ["eve@example.com", "phone"],
        },
    ),
    hostile=(
        {"type": "customers", "segment": "1", "attributes": [text[:30] for text in HOSTILE]},
        {"type": "customers", "filter": {"attribute": {"field": LINE[:90], "operator": "eq", "value": LINE}}},
        {"type": "deliveries", "kind": "campaign", "id": "1", "attributes": [LINE[:90]]},
    ),
    free_text=False,
    personal=True,
    free_form=("filter",),
    write=Write(_export, "POST", "/v1/exports/customers", _effects),
)
