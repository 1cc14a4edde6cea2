"""Why a Liquid template does not parse: the line, and what is expected there."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from liquid.exceptions import LiquidError

from cio_mcp.text import liquid_environment
from cio_mcp.text.liquid_bounds import MAX_CHARACTERS, MAX_MARKUPS, within_bounds
from cio_mcp.text.sanitize import quoted

_MARKUP = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_OPENING = re.compile(r"\{\{|\{%")
_TAG = re.compile(r"\{%-?\s*(\w+)")
_CLOSINGS = {"{{": "}}", "{%": "%}"}
_BRANCHES = {"elsif": ("{% if a %}", "{% endif %}"), "when": ("{% case a %}", "{% endcase %}")}
"""Tags that parse only inside of a block, with the ends of one."""
_LITERAL = frozenset({"raw", "comment", "doc"})
"""Blocks whose content is not parsed."""
_EXCERPT_CHARACTERS = 60


class Fault(NamedTuple):
    """The first line at which a template does not parse, counted from 1, and a sentence without its full stop."""

    line: int
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}"


class _Markup(NamedTuple):
    text: str
    start: int

    @property
    def tag(self) -> str:
        """The name of a tag; empty for an output."""
        match = _TAG.match(self.text)
        return match[1] if match else ""


def find_fault(template: str) -> Fault | None:
    """The first fault of a template; None where it parses."""
    if within_bounds(template):
        try:
            liquid_environment.parse(template)
        except (LiquidError, RecursionError) as failure:
            message = failure.message if isinstance(failure, LiquidError) else "too deeply nested"
            return _fault_in_markup(template) or _unclosed_block(template) or Fault(1, quoted(str(message)))
        return None
    if opening := _unclosed_markup(template):
        expected = _CLOSINGS[template[opening : opening + 2]]
        return Fault(_line(template, opening), f"expected {quoted(expected)} after {_excerpt(template[opening:])}")
    if block := _unclosed_block(template):
        return block
    return Fault(1, f"too large to check: at most {MAX_CHARACTERS:,} characters and {MAX_MARKUPS:,} tags and outputs")


def _fault_in_markup(template: str) -> Fault | None:
    """The first tag or output that does not parse on its own."""
    tags = liquid_environment.tags()
    for markup in _markups(template):
        before, after = _BRANCHES.get(markup.tag, ("", ""))
        if not before and (markup.tag in {"else", "break", "continue"} or markup.tag.startswith("end")):
            continue
        if tags.get(markup.tag):
            after = f"{{% end{markup.tag} %}}"
        if markup.tag == "case":
            after = "{% when 1 %}{% endcase %}"
        try:
            liquid_environment.parse(f"{before}{markup.text}{after}")
        except (LiquidError, RecursionError) as failure:
            problem = str(failure.message) if isinstance(failure, LiquidError) else "too deeply nested"
            return Fault(_line(template, markup.start), f"{_excerpt(problem)} in {_excerpt(markup.text)}")
    return None


def _unclosed_block(template: str) -> Fault | None:
    """The first end of a block that is not open, else the last block that is never closed."""
    tags = liquid_environment.tags()
    open_blocks: list[_Markup] = []
    for markup in _markups(template):
        name = markup.tag
        if tags.get(name):
            open_blocks.append(markup)
            continue
        ends = name.removeprefix("end") if name.startswith("end") else ""
        if ends and ends in tags:
            if not open_blocks:
                return Fault(_line(template, markup.start), f"{_excerpt(markup.text)} closes no block")
            opened = open_blocks.pop()
            if opened.tag != ends:
                expected = quoted(f"{{% end{opened.tag} %}}")
                where = f"{_excerpt(opened.text)} of line {_line(template, opened.start)}"
                return Fault(
                    _line(template, markup.start), f"expected {expected} for {where}, found {_excerpt(markup.text)}"
                )
        elif name in {"else", "elsif", "when"} and not open_blocks:
            return Fault(_line(template, markup.start), f"{_excerpt(markup.text)} is outside of a block")
    if not open_blocks:
        return None
    last = open_blocks[-1]
    return Fault(
        _line(template, last.start), f"expected {quoted(f'{{% end{last.tag} %}}')} after {_excerpt(last.text)}"
    )


def _markups(template: str) -> Iterator[_Markup]:
    """The tags and outputs of a template in order, without those in blocks of literal text."""
    literal = ""
    for match in _MARKUP.finditer(template):
        markup = _Markup(match[0], match.start())
        if literal:
            if markup.tag == f"end{literal}":
                literal = ""
                yield markup
            continue
        if markup.tag in _LITERAL:
            literal = markup.tag
        yield markup


def _unclosed_markup(template: str) -> int | None:
    """Where the last opening is that nothing closes."""
    last: dict[str, int] = {match[0]: match.start() for match in _OPENING.finditer(template)}
    unclosed = [start for sign, start in last.items() if template.find(_CLOSINGS[sign], start) < 0]
    return min(unclosed, default=None)


def _line(template: str, position: int) -> int:
    return template.count("\n", 0, position) + 1


def _excerpt(text: str) -> str:
    return quoted(text, _EXCERPT_CHARACTERS)
