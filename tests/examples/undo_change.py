from mcp import Client

from cio_mcp.tools.core.undo.undo_change import undo_change
from tests.clients import structured
from tests.examples.example import Example
from tests.hostile import LINE, PLANTED_TEXT


async def _change(client: Client, customer: str) -> str:
    edit = {"customer": customer, "attributes": {"note": f"new {PLANTED_TEXT}"}}
    return str(structured(await client.call_tool("update_customer", edit))["change"])


EXAMPLE = Example(
    tool=undo_change,
    arguments={},
    failure={"change": "00000000"},
    failed_argument="change",
    full=({},),
    private=({"change": "ada@example.com"},),
    hostile=({"change": LINE},),
    destructive=True,
    sources={"change": _change},
)
