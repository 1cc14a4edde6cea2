from cio_mcp.tools.bulk.jobs import cancel_job
from tests.examples.example import Example
from tests.examples.staged_job import waiting_job
from tests.hostile import LINE

EXAMPLE = Example(
    tool=cancel_job,
    arguments={},
    failure={"job": "00000000"},
    failed_argument="job",
    full=({},),
    private=({"job": "ada@example.com"},),
    hostile=({"job": LINE},),
    free_text=False,
    sources={"job": waiting_job},
)
