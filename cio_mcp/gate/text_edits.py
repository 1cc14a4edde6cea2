"""Edits of long texts and of lists of rows as a question shows them: the difference instead of both values.

Each names the SHA-256 of the whole new value, so that two different requests never have the same question.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from cio_mcp.customerio.call import canonical
from cio_mcp.gate.plan import ValueEdit
from cio_mcp.text.difference import Hunk, hunks
from cio_mcp.text.lists import join_first
from cio_mcp.text.visible import MAX_VALUE_CHARACTERS, shorten, visible

MAX_HUNKS = 30
"""Differences that a question shows. Chosen: about as many as a person reads."""
MAX_DIFFERENCE_CHARACTERS = 3_000
"""Characters of the differences that a question shows; it has at most 4,000 in all."""
HASH_CHARACTERS = 32
"""Hexadecimal digits of a SHA-256 that are shown: 128 bits."""
EXCERPT_CHARACTERS = 200
"""Characters of a difference in a receipt."""
LINE_CHARACTERS, BEGINNING = 80, 40
"""Characters of a value that a line of a receipt shows, and of its beginning, by which two are compared."""
_CONTEXT = 20


def has_difference(edit: ValueEdit) -> bool:
    """Whether an edit is shown as a difference: it replaces one known text or list of rows by another long one."""
    match edit.before, edit.after:
        case str() as before, str() as after:
            return edit.known and bool(before) and max(len(before), len(after)) > MAX_VALUE_CHARACTERS
        case list() as before, list() as after:
            return edit.known and all(isinstance(row, dict) for row in (*before, *after))
        case _:
            return False


def describe_edit(edit: ValueEdit) -> tuple[str, bool]:
    """The difference that an edit makes, and whether that is all of it."""
    unit = "row" if isinstance(edit.after, list) else "line"
    before, after = _text(edit.before), _text(edit.after)
    size = _size(edit.before, edit.after)
    digest = hashlib.sha256(after.encode(errors="surrogatepass")).hexdigest()[:HASH_CHARACTERS]
    if before == after:
        return f"unchanged ({size}, SHA-256 {digest})", True
    found = hunks(before, after)
    lines: list[str] = []
    left, whole = MAX_DIFFERENCE_CHARACTERS, len(found) <= MAX_HUNKS
    for hunk in found[:MAX_HUNKS]:
        line, fits = _line(hunk, unit)
        left -= len(line)
        if left < 0 or not fits:
            whole = False
            lines += [line] if fits and not lines else []
            break
        lines.append(line)
    more = "" if whole else f"; {len(found) - len(lines):,} more are not shown"
    count = "1 change" if len(found) == 1 else f"{len(found):,} changes"
    head = f"{count}{more} ({size}, SHA-256 {digest})"
    return "\n  ".join([f"{head}:", *lines]), whole


def excerpt_rows(before: Sequence[JsonValue], after: Sequence[JsonValue]) -> tuple[str | None, str | None]:
    """The rows that only one of two lists has; None for none."""
    old, new = ([canonical(row) for row in rows] for rows in (before, after))
    gone, added = (list((Counter(one) - Counter(other)).elements()) for one, other in ((old, new), (new, old)))
    if not gone and not added:
        return f"{len(old):,} rows", "the same rows in another order"
    return _rows(gone), _rows(added)


def _rows(rows: Sequence[str]) -> str | None:
    """As many whole rows as fit, and how many more there are."""
    shown = list[str]()
    for row in rows:
        if shown and len(row) + sum(map(len, shown)) > EXCERPT_CHARACTERS:
            break
        shown.append(row if len(row) <= EXCERPT_CHARACTERS else f"{row[: EXCERPT_CHARACTERS - 1]}…")
    return join_first([*shown, *rows[len(shown) :]], len(shown)) or None


def begins_alike(before: str, after: str) -> bool:
    """Whether two texts are longer than a line of a receipt and differ only after its beginning."""
    return max(len(before), len(after)) > LINE_CHARACTERS and before[:BEGINNING] == after[:BEGINNING]


def excerpt(before: str, after: str) -> tuple[str, str]:
    """The parts in which two long texts differ, with a little of what is around them."""
    head, most = 0, min(len(before), len(after))
    while head < most and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < most - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    start = max(0, head - _CONTEXT)
    return tuple(_part(text, start, len(text) - max(0, tail - _CONTEXT)) for text in (before, after))  # type: ignore[return-value]


def _part(text: str, start: int, end: int) -> str:
    part = text[start:end]
    cut = part if len(part) <= EXCERPT_CHARACTERS else f"{part[:EXCERPT_CHARACTERS]}…"
    return f"{'…' if start else ''}{cut}{'…' if end < len(text) and not cut.endswith('…') else ''}"


def _text(value: JsonValue) -> str:
    """A text as it is, rows as a line of JSON each."""
    if isinstance(value, list):
        return "".join(f"{canonical(row)}\n" for row in value)
    return value if isinstance(value, str) else ""


def _size(before: JsonValue, after: JsonValue) -> str:
    one, other = (len(value) if isinstance(value, str | list) else 0 for value in (before, after))
    unit = "rows" if isinstance(after, list) else "characters"
    return f"{one:,} {unit}" if one == other else f"{one:,} → {other:,} {unit}"


def _line(hunk: Hunk, unit: str) -> tuple[str, bool]:
    """One difference on a line, and whether it is shown whole."""
    around = f" after {visible(hunk.before)}" if hunk.before else f" before {visible(hunk.after)}" if hunk.after else ""
    parts = list(_sides(hunk, unit))
    return f"{unit} {hunk.line}{around}: {' '.join(text for text, _ in parts)}", all(fits for _, fits in parts)


def _sides(hunk: Hunk, unit: str) -> Iterator[tuple[str, bool]]:
    for sign, text in (("-", hunk.removed), ("+", hunk.added)):
        if not text:
            continue
        text = text.removesuffix("\n") if unit == "row" else text  # noqa: PLW2901
        spelled, fits = (visible(text), True) if len(text) <= MAX_DIFFERENCE_CHARACTERS else shorten(text)
        yield f"{sign} {spelled}", fits
