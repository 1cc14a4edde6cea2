from mcp import Client

from cio_mcp.tools.core.messages import get_message
from tests.clients import structured
from tests.examples.example import Example


async def _delivery(client: Client, customer: str) -> str:
    listed = structured(await client.call_tool("list_messages", {"customer": customer, "limit": 1}))
    return str(listed["messages"][0]["id"])


EXAMPLE = Example(
    tool=get_message,
    arguments={},
    failure={"id": "bm9wZQ=="},
    failed_argument="id",
    full=({"content": True},),
    private=({"content": True}, {"id": "ada@example.com"}),
    hostile=({"content": True},),
    sources={"id": _delivery},
)
