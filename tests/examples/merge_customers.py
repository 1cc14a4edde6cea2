from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.people.merge_customers import merge_customers
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import LINE


def _effects(sandbox: Sandbox, _: int) -> int:
    return int(sandbox.workspace.people.get("id", "two-2") is None)


EXAMPLE = Example(
    tool=merge_customers,
    arguments={"primary": "two-1", "secondary": "two-2"},
    failure={"primary": "nobody-at-all", "secondary": "ada"},
    failed_argument="primary",
    full=({"primary": "ada", "secondary": "mallory"},),
    private=(
        {"primary": CIO_ID, "secondary": "eve"},
        {"primary": "ada@example.com", "secondary": "eve@example.com"},
        {"primary": "two@example.com", "secondary": "+447700900001"},
        {"primary": "ada@example.com", "secondary": CIO_ID},
    ),
    hostile=(
        {"primary": "ada", "secondary": "mallory"},
        {"primary": "mallory", "secondary": "ada"},
        {"primary": LINE, "secondary": f"new{LINE}"},
        {"primary": "mallory", "secondary": "mallory"},
    ),
    free_text=False,
    destructive=True,
    write=Write(lambda _: {"primary": "two-1", "secondary": "two-2"}, "POST", "/api/v1/merge_customers", _effects),
)
