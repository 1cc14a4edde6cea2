from cio_mcp.tools.core.events import recent_events
from tests.examples.example import CIO_ID, LONG_AGO, Example

EXAMPLE = Example(
    tool=recent_events,
    arguments={},
    failure={"since": "yesterday"},
    failed_argument="since",
    full=({}, {"limit": 1}, {"since": LONG_AGO}, {"since": "2100-01-01T00:00:00Z"}),
    private=({"customer": CIO_ID}, {"since": LONG_AGO}, {"since": "ada@example.com"}),
    hostile=({"limit": 100, "since": LONG_AGO},),
)
