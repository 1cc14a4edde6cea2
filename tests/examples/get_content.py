from cio_mcp.tools.content.get_content import get_content
from tests.examples.example import Example

EXAMPLE = Example(
    tool=get_content,
    arguments={"id": "1", "message": "101"},
    failure={"id": "1"},
    failed_argument="message",
    full=(
        {"id": "1", "message": "101"},
        {"id": "1", "message": "101", "language": "de", "source": True},
        {"kind": "broadcast", "id": "10", "source": True},
        {"kind": "newsletter", "id": "30"},
        {"kind": "transactional", "id": "2"},
    ),
    private=({"kind": "transactional", "id": "1", "source": True}, {"id": "ada@example.com"}),
    hostile=(
        {"id": "1", "message": "101"},
        {"id": "2", "message": "202", "source": True},
        {"kind": "broadcast", "id": "10", "source": True},
    ),
    personal=False,
)
