from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.objects.update_object import update_object
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import ALL_DATA, HIDDEN_NAMES, LINE, PLANTED_TEXT

ACME = {"type": "1", "id": "acme"}


def _effects(sandbox: Sandbox, number: int) -> int:
    return int(sandbox.workspace.objects["1", "acme"].get("lucky_number") == str(number))


EXAMPLE = Example(
    tool=update_object,
    arguments={**ACME, "action": "set", "attributes": {"tier": "gold"}},
    failure={"type": "1", "id": "no-such-object", "action": "delete"},
    failed_argument="id",
    full=(
        {**ACME, "action": "set", "attributes": {"note": f"new {PLANTED_TEXT}"}},
        {**ACME, "action": "relate", "customers": ["mallory"], "attributes": {"role": PLANTED_TEXT}},
    ),
    private=(
        {**ACME, "action": "set", "attributes": {"owner": "eve@example.com", "phone": "+447700900001"}},
        {**ACME, "action": "relate", "customers": [CIO_ID, "eve"], "attributes": {"role": "eve@example.com"}},
        {**ACME, "action": "unrelate", "customers": [CIO_ID]},
        {**ACME, "action": "relate", "customers": ["two@example.com", "eve@example.com"]},
        {"type": "1", "id": "ada@example.com", "action": "delete"},
        {**ACME, "action": "delete"},
    ),
    hostile=(
        {**ACME, "action": "set", "attributes": ALL_DATA},
        {**ACME, "action": "relate", "customers": ["mallory"], "attributes": ALL_DATA},
        {**ACME, "action": "set", "attributes": HIDDEN_NAMES},
        {**ACME, "action": "relate", "customers": ["ada", LINE]},
        {"type": "1", "id": LINE, "action": "delete"},
        {"type": LINE, "id": "acme", "action": "delete"},
    ),
    destructive=True,
    free_form=("attributes",),
    write=Write(
        lambda number: {**ACME, "action": "set", "attributes": {"lucky_number": str(number)}},
        "POST",
        "/api/v2/entity",
        _effects,
    ),
)
