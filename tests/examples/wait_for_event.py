from cio_mcp.tools.core.events import wait_for_event
from tests.examples.example import CIO_ID, LONG_AGO, Example
from tests.hostile import LINE

EXAMPLE = Example(
    tool=wait_for_event,
    arguments={"customer": "ada", "timeout": 0},
    failure={"object_type": "fax"},
    failed_argument="object_type",
    full=(
        {"customer": "mallory", "since": LONG_AGO, "timeout": 0},
        {"customer": "mallory", "metric": "clicked", "since": LONG_AGO, "timeout": 0},
    ),
    private=({"customer": CIO_ID, "since": LONG_AGO, "timeout": 0},),
    hostile=(
        {"customer": "mallory", "since": LONG_AGO, "timeout": 0},
        {"customer": "mallory", "metric": LINE, "since": LONG_AGO, "timeout": 0},
    ),
)
