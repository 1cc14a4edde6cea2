from cio_mcp.sandbox import Sandbox
from cio_mcp.text.sanitize import clean
from cio_mcp.tools.core.trigger_broadcast import trigger_broadcast
from tests.examples.example import Example, Write
from tests.hostile import ALL_DATA, HIDDEN_NAMES, HOSTILE, LINE, PLANTED_TEXT

NEWS = {"headline": "Hello", "text": "What is new."}


def _effects(sandbox: Sandbox, _: int) -> int:
    return sandbox.workspace.counts["triggers"]


EXAMPLE = Example(
    tool=trigger_broadcast,
    arguments={"broadcast": "10", "audience": {"segment": "Subscribers"}, "data": NEWS},
    failure={"broadcast": "10", "audience": {"ids": ["nobody-at-all"]}},
    failed_argument="audience.ids",
    full=({"broadcast": "10", "audience": {"ids": ["mallory"]}, "data": {"headline": PLANTED_TEXT, "text": "x"}},),
    private=(
        {"broadcast": "10", "audience": {"emails": ["ada@example.com"]}, "data": NEWS},
        {"broadcast": "10", "audience": {"emails": ["two@example.com", "x@example.com"]}},
        {
            "broadcast": "10",
            "audience": {"emails": ["ada@example.com", "x@example.com"], "email_ignore_missing": True},
            "data": {"eve@example.com": "+447700900001"},
        },
    ),
    hostile=(
        {"broadcast": "10", "audience": {"ids": ["mallory"]}, "data": ALL_DATA},
        {"broadcast": "10", "audience": {"per_user_data": [{"id": "mallory", "data": ALL_DATA}]}, "data": NEWS},
        {"broadcast": "10", "audience": {"segment": "5"}, "data": NEWS},
        {"broadcast": "10", "audience": {"ids": ["mallory", LINE], "id_ignore_missing": True}, "data": NEWS},
        {"broadcast": "10", "audience": {"data_file_url": f"https://x.example/{clean(LINE, 50)}"}, "data": NEWS},
        *({"broadcast": clean(text, 90)} for text in HOSTILE[::6]),
        {"broadcast": LINE},
        {"broadcast": "10", "audience": {"ids": ["mallory"]}, "data": HIDDEN_NAMES},
    ),
    free_text=False,
    free_form=("data",),
    open_parts=("audience",),
    write=Write(
        lambda number: {"broadcast": "10", "audience": {"ids": ["ada"]}, "data": {**NEWS, "number": number}},
        "POST",
        "/v1/campaigns/10/triggers",
        _effects,
    ),
)
