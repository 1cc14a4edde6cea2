from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.core.update_segment import update_segment
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import HIDDEN_NAMES, LINE


def _effects(sandbox: Sandbox, number: int) -> int:
    return sum(segment.name == f"Pilot {number}" for segment in sandbox.workspace.segments.values())


EXAMPLE = Example(
    tool=update_segment,
    open_parts=("messages",),
    arguments={"action": "add", "segment": "Beta testers", "customers": ["eve"]},
    failure={"action": "add", "segment": "VIP", "customers": ["ada"]},
    failed_argument="segment",
    full=(
        {"action": "add", "segment": "3", "customers": ["mallory", "ada"]},
        {"action": "remove", "segment": "3", "customers": ["mallory"]},
    ),
    private=(
        {"action": "add", "segment": "3", "customers": [CIO_ID, "eve@example.com"]},
        {"action": "add", "segment": "3", "customers": ["two@example.com", "+447700900001", "x@example.com"]},
        {"action": "create", "name": "ada@example.com"},
        {"action": "remove", "segment": "3", "customers": [CIO_ID]},
    ),
    hostile=(
        {"action": "add", "segment": "3", "customers": ["mallory", LINE]},
        {"action": "add", "segment": "5", "customers": ["mallory"]},
        {"action": "delete", "segment": LINE[:200]},
        {"action": "create", "name": clean(LINE, 90)},
        {"action": "create", "name": LINE},
        *({"action": "create", "name": name} for name in list(HIDDEN_NAMES)[:4]),
    ),
    free_text=False,
    destructive=True,
    write=Write(lambda number: {"action": "create", "name": f"Pilot {number}"}, "POST", "/v1/segments", _effects),
)
