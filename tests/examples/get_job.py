from cio_mcp.tools.bulk.jobs import get_job
from tests.examples.example import Example
from tests.examples.staged_job import ended_job

EXAMPLE = Example(
    tool=get_job,
    arguments={},
    failure={"job": "00000000"},
    failed_argument="job",
    full=({}, {"limit": 1}, {"job": None}),
    private=({}, {"job": "ada@example.com"}),
    hostile=({}, {"job": None}),
    sources={"job": ended_job},
)
