from cio_mcp.sandbox import Sandbox
from cio_mcp.tools.core.send_transactional import send_transactional
from tests.examples.example import CIO_ID, Example, Write
from tests.hostile import ALL_DATA, LINE, PLANTED_TEXT


def _effects(sandbox: Sandbox, _: int) -> int:
    return len(sandbox.workspace.sends)


EXAMPLE = Example(
    tool=send_transactional,
    arguments={"message": "1", "customer": "ada", "data": {"reset_url": "https://x.example", "minutes": 5}},
    failure={"message": "no such", "customer": "ada"},
    failed_argument="message",
    full=(
        {"message": "1", "customer": "mallory", "data": {"note": PLANTED_TEXT}},
        {"message": "3", "customer": "ada", "channel": "sms", "data": {"code": "1"}},
        {"message": "4", "customer": "ada", "to": "last_used", "data": {"order_id": "1"}},
        {"message": "6", "customer": "ada", "channel": "in_app", "data": {"city": "Bonn"}},
    ),
    private=(
        {"message": "1", "customer": CIO_ID, "data": {"reset_url": "https://x.example/?for=ada%40example.com"}},
        {"message": "2", "customer": CIO_ID, "to": "eve@example.com"},
        {"message": "1", "customer": CIO_ID, "options": {"ada@example.com": 1}},
        {"message": "3", "customer": CIO_ID, "to": "+447700900002", "data": {"code": "1"}},
    ),
    hostile=(
        {"message": "1", "customer": "mallory", "data": ALL_DATA},
        {"message": "1", "customer": "mallory", "to": f"ada@example.com{LINE}"},
        {"message": "1", "customer": "mallory", "options": {LINE: 1}},
        {"message": "5", "customer": "mallory", "to": f"+447700900001{LINE}"},
    ),
    free_text=False,
    free_form=("data",),
    write=Write(
        lambda number: {"message": "2", "customer": "ada", "data": {"order_id": str(number)}},
        "POST",
        "/v1/send/email",
        _effects,
    ),
)
