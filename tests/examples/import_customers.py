from cio_mcp.text.sanitize import clean
from cio_mcp.tools.bulk.import_customers import import_customers
from tests.examples.example import CIO_ID, Example
from tests.hostile import ALL_DATA, HIDDEN_NAMES, HOSTILE, LINE, PLANTED_TEXT

EXAMPLE = Example(
    tool=import_customers,
    arguments={"rows": [{"id": "ada", "favorite_color": "teal"}]},
    failure={"rows": [{"favorite_color": "teal"}]},
    failed_argument="columns",
    full=(
        {"rows": [{"id": "mallory", "note": f"new {PLANTED_TEXT}"}, {"id": "bob", "plan": "gold"}, {"id": ""}]},
        {"rows": [{"id": "mallory", "email": "m@example.com"}, {"id": "new-1", "note": PLANTED_TEXT}], "create": True},
    ),
    private=(
        {"rows": [{"cio_id": CIO_ID, "note": "write to eve@example.com", "work_phone": "+447700900001"}]},
        {"rows": [{"email": "eve@example.com", "x": 1}, {"email": "two@example.com, x@example.com", "x": 1}]},
        {"rows": [{"email": "eve@example.com", "x": 1}, {"email": "EVE@example.com", "x": 2}]},
        {"rows": [{"id": "+447700900001", "ada@example.com": "y" * 2000}], "create": True},
        {"rows": [{"id": "ada", "x": 1}], "columns": {"eve@example.com": "x"}},
        {"file": "eve@example.com.csv"},
    ),
    hostile=(
        {"rows": [{"id": "mallory", **ALL_DATA}]},
        {"rows": [{"id": "mallory", "plan": text[:200]} for text in HOSTILE[:1]]},
        {"rows": [{"id": f"new{clean(LINE, 100)}", "plan": "x"}, {"id": LINE, "plan": "x"}], "create": True},
        {"rows": [{"id": "mallory", **HIDDEN_NAMES}]},
        {"rows": [{"id": "mallory", "x": 1}], "columns": {LINE: "y"}},
        {"rows": [{"id": "mallory", "x": 1}], "columns": {"x": LINE}},
        {"file": LINE[:200]},
    ),
    free_text=False,
    destructive=True,
    free_form=("columns",),
    open_parts=("rows",),
    starts_job=True,
)
