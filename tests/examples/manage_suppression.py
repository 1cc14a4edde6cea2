from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.admin.suppressions import manage_suppression
from tests.examples.example import Example, Write
from tests.hostile import LINE


def _effects(sandbox: Sandbox, number: int) -> int:
    return int(f"person{number}@example.com" in sandbox.workspace.bounced)


EXAMPLE = Example(
    tool=manage_suppression,
    arguments={"email": "ada@example.com", "action": "add"},
    failure={"email": "no address", "action": "add"},
    failed_argument="email",
    full=({"email": "mallory@example.com", "action": "add"},),
    private=({"email": "ada@example.com", "action": "add"}, {"email": "eve@example.com", "action": "remove"}),
    hostile=({"email": "mallory@example.com", "action": "add"}, {"email": LINE[:90], "action": "add"}),
    free_text=False,
    destructive=True,
    write=Write(
        lambda number: {"email": f"person{number}@example.com", "action": "add"},
        "POST",
        "/v1/esp/suppression/",
        _effects,
    ),
)
