from cio_mcp.tools.core.customers import get_customer
from tests.examples.example import CIO_ID, EVERYTHING, Example

EXAMPLE = Example(
    tool=get_customer,
    arguments={"customer": "ada"},
    failure={"customer": "nobody-at-all"},
    failed_argument="customer",
    full=({"customer": "mallory", "include": EVERYTHING}, {"customer": "two@example.com"}),
    private=(
        {"customer": CIO_ID, "include": EVERYTHING},
        {"customer": "two@example.com"},
        {"customer": "+447700900001"},
        {"customer": "nobody+ada@example.com"},
        {"customer": "ada@example.com", "id_type": "id"},
    ),
    hostile=({"customer": "mallory", "include": EVERYTHING}, {"customer": "two@example.com"}),
)
