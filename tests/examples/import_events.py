from cio_mcp.text.sanitize import clean
from cio_mcp.tools.bulk.import_events import import_events
from tests.examples.example import CIO_ID, Example
from tests.hostile import ALL_DATA, HIDDEN_NAMES, LINE, PLANTED_TEXT

EXAMPLE = Example(
    tool=import_events,
    arguments={"rows": [{"id": "ada", "order": 1}], "name": "signed_up"},
    failure={"rows": [{"id": "ada"}], "name": ""},
    failed_argument="name",
    full=({"rows": [{"id": "mallory", "note": PLANTED_TEXT}, {"id": "", "note": "x"}], "name": "signed_up"},),
    private=(
        {"rows": [{"cio_id": CIO_ID, "eve@example.com": "+447700900001"}], "name": "signed_up"},
        {"rows": [{"email": "eve@example.com"}, {"email": "two@example.com, x@example.com"}], "name": "signed_up"},
        {"rows": [{"id": "+447700900001"}], "name": "signed_up", "create": True},
    ),
    hostile=(
        {"rows": [{"id": "mallory", **ALL_DATA}], "name": clean(LINE, 90)},
        {"rows": [{"id": "mallory", "event": clean(LINE, 90)}, {"id": "ada", "event": LINE}]},
        {"rows": [{"id": LINE}], "name": "x"},
        {"rows": [{"id": "mallory", **HIDDEN_NAMES}], "name": "x"},
        {"file": LINE[:200], "name": "x"},
    ),
    free_text=False,
    free_form=("columns",),
    open_parts=("rows",),
    starts_job=True,
)
