from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.api.write_api import write_api
from tests.examples.example import CIO_ID, Arguments, Example, Write
from tests.hostile import ALL_DATA, HIDDEN_NAMES, LINE, PLANTED_TEXT


def _event(customer: str, name: str, data: Arguments) -> Arguments:
    return {
        "operation": "track_event",
        "arguments": {"identifier": customer},
        "body": {"name": name, "data": data},
    }


def _effects(sandbox: Sandbox, _: int) -> int:
    return sum(event["name"] == "order_placed" for event in sandbox.workspace.events)


EXAMPLE = Example(
    tool=write_api,
    arguments=_event("ada", "signed_up", {}),
    failure={"operation": "track_evnt"},
    failed_argument="operation",
    full=(_event("mallory", "signed_up", {"note": PLANTED_TEXT}),),
    private=(
        _event(CIO_ID, "signed_up", {"eve@example.com": "+447700900001"}),
        _event("two@example.com", "signed_up", {}),
        {
            "operation": "identify_customer",
            "arguments": {"identifier": "ada@example.com"},
            "body": {"_update": True, "note": "write to eve@example.com"},
        },
    ),
    hostile=(
        _event("mallory", "signed_up", ALL_DATA),
        _event("mallory", clean(LINE, 90), {}),
        _event("mallory", "x", HIDDEN_NAMES),
        _event(f"new{LINE}", "x", {}),
        {"operation": LINE[:90], "arguments": {LINE: LINE}, "body": ALL_DATA},
        {"operation": "create_newsletter", "body": {"name": LINE, **ALL_DATA}},
        {"operation": "apply_batch", "body": {"batch": [{"type": LINE, "action": LINE}]}},
    ),
    free_text=False,
    destructive=True,
    free_form=("arguments", "body"),
    write=Write(
        lambda number: _event("ada", "order_placed", {"order": number}), "POST", "/api/v1/customers/", _effects
    ),
)
