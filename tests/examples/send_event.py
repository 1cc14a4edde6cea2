from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.core.send_event import send_event
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import ALL_DATA, HIDDEN_NAMES, HOSTILE, LINE, PLANTED_TEXT


def _effects(sandbox: Sandbox, _: int) -> int:
    return sum(event["name"] == "order_placed" for event in sandbox.workspace.events)


EXAMPLE = Example(
    tool=send_event,
    arguments={"customer": "ada", "name": "signed_up"},
    failure={"customer": "ada", "name": ""},
    failed_argument="name",
    full=({"customer": "mallory", "name": "signed_up", "data": {"note": PLANTED_TEXT}},),
    private=({"customer": CIO_ID, "name": "signed_up", "data": {"eve@example.com": "+447700900001"}},),
    hostile=(
        *({"customer": "mallory", "name": clean(text, 90), "data": ALL_DATA} for text in HOSTILE[::5]),
        {"customer": "mallory", "name": LINE[:90], "data": {}},
        {"customer": "mallory", "name": "x", "data": HIDDEN_NAMES},
    ),
    free_text=False,
    free_form=("data",),
    write=Write(
        lambda number: {"customer": "ada", "name": "order_placed", "data": {"order": number}},
        "POST",
        "/api/v1/customers/",
        _effects,
    ),
)
