"""Bounds on a foreign Liquid template: what its parsing, its loops, its filters, and its output may cost."""

import re
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from liquid import BoundTemplate, RenderContext
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import ResourceLimitError, StopRender
from liquid.expression import Expression
from liquid.limits import to_int
from liquid.token import Token

MAX_CHARACTERS = 500_000
"""Of a template. Chosen: five times the length at which mail clients clip a message."""

MAX_MARKUPS = 2_000
"""Tags and outputs of a template. Chosen: several times those of a long message."""

MAX_SCAN_STEPS = 10_000_000
"""Sum of the squared lengths of a template's markups, which the library's expressions may cost. Chosen."""

MAX_OUTPUT_CHARACTERS = 200_000
"""Characters after which rendering stops. Chosen: its beginning is what is read."""

MAX_STEPS = 500_000
"""What loops and filters of one rendering may cost, in nodes and characters. Chosen: about a second."""

MAX_RANGE = 10_000
"""Numbers of a range such as `(1..5)`. Chosen."""

_MARKUP = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_CLOSINGS = [
    (re.compile(r"\{\{"), re.compile(r"\}\}")),
    (re.compile(r"\{%"), re.compile(r"%\}")),
    (re.compile(r"\{%-?\s*raw\b"), re.compile(r"\{%-?\s*endraw\b")),
    (re.compile(r"\{%-?\s*doc\b"), re.compile(r"\{%-?\s*enddoc\b")),
]


def within_bounds(source: str) -> bool:
    """Whether a template can be parsed in time: short, and all that opens in it closes.

    The library looks for the end of each opening, which is quadratic where there is none.
    """
    if len(source) > MAX_CHARACTERS or not all(_closes(source, *pair) for pair in _CLOSINGS):
        return False
    lengths = [len(markup[0]) for markup in _MARKUP.finditer(source)]
    return len(lengths) <= MAX_MARKUPS and sum(length * length for length in lengths) <= MAX_SCAN_STEPS


def _closes(source: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> bool:
    opens = max((tag.start() for tag in opening.finditer(source)), default=-1)
    return opens < max((tag.start() for tag in closing.finditer(source)), default=0)


class _Beginning(StringIO):
    """Keeps the first `MAX_OUTPUT_CHARACTERS` characters, and stops the rendering there."""

    def write(self, text: str, /) -> int:
        room = MAX_OUTPUT_CHARACTERS - self.tell()
        written = super().write(text[:room])
        if len(text) > room:
            raise StopRender
        return written


class BoundedContext(RenderContext):
    """Counts what loops and filters cost, and stops at `MAX_STEPS`."""

    __slots__ = ("_markups", "_steps")

    def __init__(self, template: "BoundedTemplate", **options: Any) -> None:
        super().__init__(template, **options)
        self._markups = template.markups
        self._steps = MAX_STEPS

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Pay for a loop as if each round went through the whole template."""
        self._pay(length * self._markups)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Find a filter; each use pays for what it may make out of its input and arguments."""
        function = super().filter(name, token)

        def paid(value: object, *arguments: object, **options: object) -> object:
            self._pay((1 + _size(value)) * (1 + _size([*arguments, *options.values()])))
            return function(value, *arguments, **options)

        return paid

    def _pay(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ResourceLimitError("the template costs too much", token=None)


class BoundedTemplate(BoundTemplate):
    """A parsed template; `markups` counts its tags and outputs."""

    context_class = BoundedContext
    markups = 1

    def _get_buffer(self) -> StringIO:
        return _Beginning()


class BoundedStop(Expression):
    """The end of a range, which may not lie far from its start: the library makes lists of some."""

    __slots__ = ("start", "stop")

    def __init__(self, bounded: RangeLiteral) -> None:
        super().__init__(bounded.token)
        self.start, self.stop = bounded.start, bounded.stop

    def evaluate(self, context: RenderContext) -> object:
        """Evaluate the end.

        Raises:
            ResourceLimitError: the range is longer than `MAX_RANGE`.
        """
        start, stop = (part.evaluate(context) for part in (self.start, self.stop))
        if _whole(stop) - _whole(start) >= MAX_RANGE:
            raise ResourceLimitError("the range is too long", token=self.token)
        return stop

    def children(self) -> list[Expression]:
        """Return the expression that this one stands for."""
        return [self.stop]


def _whole(value: object) -> int:
    try:
        return to_int(value)
    except (ValueError, TypeError):
        return 0


def _size(value: object) -> int:
    match value:
        case str() | range():
            return len(value)
        case int():
            return value.bit_length() // 8
        case Mapping():
            return sum(_size(key) + _size(item) for key, item in value.items())
        case list() | tuple():
            return len(value) + sum(map(_size, value))
        case _:
            return 1
