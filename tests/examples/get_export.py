from cio_mcp.tools.exports.get_export import get_export
from tests.examples.example import Example
from tests.hostile import PLANTED_TEXT

FIRST = "1"
"""The ID of the first export of a sandbox."""


def _start(*attributes: str) -> tuple[str, dict[str, object]]:
    return "start_export", {"type": "customers", "segment": "1", "attributes": [*attributes]}


EXAMPLE = Example(
    tool=get_export,
    arguments={},
    failure={"export": "999999"},
    failed_argument="export",
    full=({}, {"export": FIRST}),
    private=({}, {"export": FIRST}),
    hostile=({}, {"export": FIRST}),
    before=(_start("note", PLANTED_TEXT),),
)
