"""A change, shown to a person in full."""

import json
from collections.abc import Iterable

from pydantic import JsonValue
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from cio_mcp.cli.common import MAX_SUMMARY_CHARACTERS, age
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.customerio.call import Call
from cio_mcp.customerio.redaction import body_without_secrets
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import ValueEdit, is_unchanged
from cio_mcp.gate.receipt import summary_receipt
from cio_mcp.storage.rows import ChangeRow
from cio_mcp.text.bidi import isolate, isolate_json, without_isolates
from cio_mcp.text.sanitize import clean, cut, reveal
from cio_mcp.text.timestamps import from_unix, moment
from cio_mcp.text.visible import visible, visible_value

MAX_VALUE_CHARACTERS = 2_000
"""Characters of a value in a diff; the request has all."""
FRAME_COLUMNS = 4
"""Columns that a panel's frame takes."""
GONE = "Its question and requests are no longer stored."


def present(console: Console, change: Change, *, calls: bool = True) -> None:
    """Show a change in full: the exact requests, each value before and after, the question, and who proposed it.

    The question comes last, because the end is what a terminal shows: requests can fill many screens. Without `calls`
    each request is folded into one line.
    """
    plan, row = change.plan, change.row
    question = (
        isolate(reveal(without_isolates(row.question))) or f"{clean(row.summary, MAX_SUMMARY_CHARACTERS)}\n\n{GONE}"
    )
    for number, call in enumerate(plan.calls, start=1):
        request = f"\n{_request(call)}" if calls else f" {_folded(call)}"
        console.print(with_hanging_indent(Text(f"Request {number} of {len(plan.calls)}:{request}\n"), console))
    for line in diff(plan.edits):
        console.print(with_hanging_indent(line, console))
    for person in plan.changed:
        console.print(with_hanging_indent(Text(f"{person.label}:"), console))
        for line in diff(person.edits):
            console.print(with_hanging_indent(line, console))
    console.print(
        Panel(
            with_hanging_indent(Text(question), console, inside=FRAME_COLUMNS),
            title=f"Change {row.id}: {row.state_at(SYSTEM_CLOCK.now())}",
            title_align="left",
        )
    )
    for sentence in _history(row):
        console.print(with_hanging_indent(Text(sentence), console))


def with_hanging_indent(text: Text, console: Console, *, inside: int = 0) -> Text:
    """Wrap long lines with a hanging indent: foreign text in them must not begin a line like ours.

    `inside` are the columns that a frame takes.
    """
    folded = [
        Text("\n  ").join(line.wrap(console, max(1, console.width - inside - 2)))
        for line in text.split("\n", allow_blank=True)
    ]
    return Text("\n").join(folded)


def beside_label(label: Text, text: str, console: Console, *, style: str = "") -> Text:
    """Text beside a label, folded between words in a column of its own."""
    column = max(1, console.width - label.cell_len)
    return label + Text("\n" + " " * label.cell_len).join(Text(text, style=style).wrap(console, column))


def diff(edits: Iterable[ValueEdit]) -> Iterable[Text]:
    """The edits: one line for each old value, and one for each new value; what is only sent again is left out."""
    for edit in (each for each in edits if not is_unchanged(each)):
        # In quotes, so that no name begins a line as one of ours does.
        yield Text(isolate(visible(cut(edit.name, MAX_SUMMARY_CHARACTERS))), style="bold")
        if edit.before not in (None, ""):
            yield Text(f"- {_value(edit.before)}", style="red")
        if edit.after not in (None, ""):
            yield Text(f"+ {_value(edit.after)}", style="green")


def _value(value: JsonValue) -> str:
    text = (
        visible(cut(value, MAX_VALUE_CHARACTERS))
        if isinstance(value, str)
        else cut(visible_value(value), MAX_VALUE_CHARACTERS)
    )
    return isolate(text)


def _history(row: ChangeRow) -> Iterable[str]:
    by, tool, where = (clean(text, MAX_SUMMARY_CHARACTERS) for text in (row.principal, row.tool, row.workspace))
    yield f"Proposed {age(row.planned_at)} by {by} through {tool}, in {where}."
    if row.decided_at and row.decided_by:
        how = f" ({clean(row.decided_how, MAX_SUMMARY_CHARACTERS)})" if row.decided_how else ""
        yield f"Decided {moment(from_unix(row.decided_at))} by {clean(row.decided_by, MAX_SUMMARY_CHARACTERS)}{how}."
    if row.sending_at:
        yield f"Sent {moment(from_unix(row.sending_at))}."
    if row.state not in ("planned", "approved"):
        yield clean(summary_receipt(row, SYSTEM_CLOCK.now()).message, 2 * MAX_SUMMARY_CHARACTERS)
    if row.delivery_id:
        yield f"Delivery {clean(row.delivery_id, MAX_SUMMARY_CHARACTERS)}"


def _folded(call: Call) -> str:
    whole = _text_of(call)
    size = "" if call.body is None else f", a body of {len(json.dumps(call.body, ensure_ascii=False).encode()):,} bytes"
    hidden = " with invisible characters" if reveal(whole) != whole else ""
    return f"{reveal(f'{call.method} {call.target}')}{size}{hidden} (--calls shows it)"


def _request(call: Call) -> str:
    return isolate_json(reveal(_text_of(call)))


def _text_of(call: Call) -> str:
    shown = "" if call.body is None else "\n" + json.dumps(body_without_secrets(call), indent=2, ensure_ascii=False)
    return f"{call.method} {call.target}{shown}"
