"""What a Liquid template reads, and what it renders to: an approximation, for Customer.io renders what it sends.

No template makes these functions raise: one that is malformed, or costs too much, is unknown (None).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from liquid import BoundTemplate
from liquid.ast import ConditionalBlockNode, Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.exceptions import LiquidError
from liquid.expression import Expression
from pydantic import JsonValue

from cio_mcp.text import liquid_environment
from cio_mcp.text.liquid_bounds import within_bounds
from cio_mcp.text.liquid_environment import inner, nodes

TESTS = (IfNode, UnlessNode, CaseNode, ConditionalBlockNode, MultiExpressionBlockNode)
"""Nodes whose expressions decide what is rendered."""

SIZES = frozenset({"size", "first", "last"})
"""What Liquid offers of any list or text; below the second level of a path it is no key of the data."""

MAX_CACHED_TEMPLATES = 32
"""Parsed templates that are reused. Chosen: the variants of one message."""


def variables(template: str) -> frozenset[str] | None:
    """The dotted paths that a template reads and does not make itself; None where it cannot be parsed.

    `{{ trigger.items[0].name | upcase }}` reads `trigger.items`; `{% for item in trigger.items %}{{ item.name }}` too.
    """
    if (parsed := _parse(template)) is None:
        return None
    try:
        names = parsed.analyze(include_partials=False).globals
    except (LiquidError, RecursionError):
        return None
    return frozenset(_dotted(variable.segments) for variables in names.values() for variable in variables)


def required_variables(template: str) -> frozenset[str] | None:
    """Those of `variables` that leave a gap where they are missing: they have no default, and no `if` tests them."""
    read, parsed = variables(template), _parse(template)
    if read is None or parsed is None:
        return None
    optional = {
        _dotted(path.path) for node in nodes(parsed) for path in inner(_optional(node)) if isinstance(path, Path)
    }
    return read - optional


def render(template: str, values: Mapping[str, JsonValue], now: datetime) -> str | None:
    """Render the beginning of a template at a moment, at most 200,000 characters; None if unknown.

    What `values` lack is empty, and what only Customer.io knows is "…".
    """
    if (parsed := _parse(template)) is None:
        return None
    try:
        return parsed.render({**values, **liquid_environment.clock_of(now)})
    except Exception:  # noqa: BLE001 - filters raise whatever Python does with a foreign value
        return None


@lru_cache(MAX_CACHED_TEMPLATES)
def _parse(template: str) -> BoundTemplate | None:
    if not within_bounds(template):
        return None
    try:
        return liquid_environment.parse(template)
    except (LiquidError, RecursionError):
        return None


def _optional(node: Node) -> Iterable[Expression]:
    """The expressions that may come to nothing: what is tested, and what has a default."""
    for expression in node.expressions():
        if isinstance(node, TESTS):
            yield expression
        elif isinstance(expression, FilteredExpression) and _has_default(expression):
            yield expression.left


def _has_default(expression: FilteredExpression) -> bool:
    return any(each.name == "default" for each in expression.filters or ())


def _dotted(segments: Iterable[object]) -> str:
    names: list[str] = []
    for segment in segments:
        if not isinstance(segment, str) or "." in segment or (len(names) > 1 and segment in SIZES):
            break
        names.append(segment)
    return ".".join(names)
