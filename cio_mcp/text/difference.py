"""The difference of two texts as hunks: what is removed and added, with where it stands.

The shortest difference is found by Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations"), whose
cost grows with the number of differences; beyond a bound, everything between the first and the last is one hunk.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MAX_DIFFERENCES = 400
"""Removed and added lines, or pieces of a long line, that are listed one by one; a question has room for fewer."""
MAX_STEPS = 4_000_000
"""Comparisons that finding a difference may cost. Chosen: about a second."""
LONG_LINE_CHARACTERS = 160
"""A line that is longer is compared by its pieces, since HTML often stands on one line."""
CONTEXT_CHARACTERS = 30
"""Characters before and after a change within a long line that are shown."""
MIN_GAP_CHARACTERS = 20
"""Equal text between two changes of a line that is shorter belongs to them."""

_PIECE = re.compile(r"<[^<>\n]*>|\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}|\s+|[^\s<{]+|[<{]")


class Hunk(NamedTuple):
    """A difference: the line (from 1) of the old text where it begins, and the text around it within the line."""

    line: int
    removed: str
    added: str
    before: str = ""
    after: str = ""


Span = tuple[int, int, int, int]
"""Ranges of the old and the new sequence that differ: start and end in one, start and end in the other."""


def hunks(old: str, new: str) -> list[Hunk]:
    """The differences in order; every character in which the texts differ is in one of them."""
    old_lines, new_lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found: list[Hunk] = []
    for start, end, new_start, new_end in spans(old_lines, new_lines):
        removed, added = "".join(old_lines[start:end]), "".join(new_lines[new_start:new_end])
        if removed and added and max(map(len, old_lines[start:end])) > LONG_LINE_CHARACTERS:
            found += _within(removed, added, start + 1)
        else:
            found.append(Hunk(start + 1, removed, added))
    return found


def spans(old: Sequence[str], new: Sequence[str]) -> list[Span]:
    """The ranges in which two sequences differ."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    old_end, new_end = len(old) - tail, len(new) - tail
    if head == old_end and head == new_end:
        return []
    path = _shortest(old[head:old_end], new[head:new_end])
    if path is None:
        return [(head, old_end, head, new_end)]
    return [(a + head, b + head, c + head, d + head) for a, b, c, d in path]


def _within(removed: str, added: str, line: int) -> Iterator[Hunk]:
    """The differences of two long passages by their pieces, close ones as one."""
    old, new = _PIECE.findall(removed), _PIECE.findall(added)
    merged: list[Span] = []
    for span in spans(old, new):
        if merged and len("".join(old[merged[-1][1] : span[0]])) < MIN_GAP_CHARACTERS:
            last = merged.pop()
            span = (last[0], span[1], last[2], span[3])  # noqa: PLW2901 - the merged one
        merged.append(span)
    for start, end, new_start, new_end in merged:
        before, after = "".join(old[:start]), "".join(old[end:])
        yield Hunk(
            line + before.count("\n"),
            "".join(old[start:end]),
            "".join(new[new_start:new_end]),
            before.rpartition("\n")[2][-CONTEXT_CHARACTERS:],
            after.partition("\n")[0][:CONTEXT_CHARACTERS],
        )


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items both sequences begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _shortest(old: Sequence[str], new: Sequence[str]) -> list[Span] | None:
    """The shortest difference as spans; None where it costs too much."""
    ends: dict[int, int] = {1: 0}
    trace: list[dict[int, int]] = []
    left = MAX_STEPS
    for distance in range(min(len(old) + len(new), MAX_DIFFERENCES) + 1):
        trace.append(dict(ends))
        for diagonal in range(-distance, distance + 1, 2):
            down = diagonal == -distance or (
                diagonal != distance and ends.get(diagonal - 1, -1) < ends.get(diagonal + 1, -1)
            )
            x = ends[diagonal + 1] if down else ends[diagonal - 1] + 1
            y, start = x - diagonal, x
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x, y = x + 1, y + 1
            left -= 1 + x - start
            ends[diagonal] = x
            if x >= len(old) and y >= len(new):
                return _spans_of(trace, len(old), len(new))
        if left < 0:
            return None
    return None


def _spans_of(trace: list[dict[int, int]], x: int, y: int) -> list[Span]:
    """Walk a trace back from the ends of both sequences, and join its steps to spans."""
    steps: list[Span] = []
    for distance in range(len(trace) - 1, 0, -1):
        ends, diagonal = trace[distance], x - y
        down = diagonal == -distance or (
            diagonal != distance and ends.get(diagonal - 1, -1) < ends.get(diagonal + 1, -1)
        )
        start = ends[diagonal + 1] if down else ends[diagonal - 1]
        new_start = start - (diagonal + 1 if down else diagonal - 1)
        steps.append((start, start, new_start, new_start + 1) if down else (start, start + 1, new_start, new_start))
        x, y = start, new_start
    joined: list[Span] = []
    for step in reversed(steps):
        if joined and joined[-1][1] == step[0] and joined[-1][3] == step[2]:
            last = joined.pop()
            step = (last[0], step[1], last[2], step[3])  # noqa: PLW2901 - the joined one
        joined.append(step)
    return joined
