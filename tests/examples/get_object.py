from cio_mcp.tools.objects.get_object import get_object
from tests.examples.example import Example
from tests.hostile import LINE

EXAMPLE = Example(
    tool=get_object,
    arguments={"type": "1", "id": "acme"},
    failure={"type": "1", "id": "no-such-object"},
    failed_argument="id",
    full=({"type": "company", "id": "acme", "customers": True},),
    private=(
        {"type": "1", "id": "acme", "customers": True},
        {"type": "1", "id": "ada@example.com"},
    ),
    hostile=(
        {"type": "1", "id": "acme", "customers": True},
        {"type": "1", "id": LINE},
        {"type": LINE, "id": "acme"},
    ),
)
