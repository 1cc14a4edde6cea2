from cio_mcp.tools.core.changes import list_changes
from tests.examples import send_event, update_customer
from tests.examples.example import Example

EXAMPLE = Example(
    tool=list_changes,
    arguments={},
    failure={"change": "00000000"},
    failed_argument="change",
    full=({}, {"limit": 1}),
    private=({}, {"change": "ada@example.com"}),
    hostile=({},),
    free_text=False,
    before=tuple((each.EXAMPLE.name, each.EXAMPLE.full[0]) for each in (update_customer, send_event)),
)
