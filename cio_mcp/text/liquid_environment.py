"""The Liquid that Customer.io understands, within bounds: its own tags and filters, and a budget for foreign templates.

https://docs.customer.io/messaging/liquid/tag-list/ lists both.
Unknown tags count as text, unknown filters change nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import TextIO
from zoneinfo import ZoneInfo

from liquid import BoundTemplate, Environment, RenderContext, Undefined, is_undefined
from liquid.ast import Node
from liquid.builtin.expressions.logical import EqExpression, NeExpression
from liquid.builtin.expressions.primitive import Blank, RangeLiteral
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.filter import with_context
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION, TOKEN_ILLEGAL, TOKEN_TAG, Token

from cio_mcp.text.liquid_bounds import MAX_OUTPUT_CHARACTERS, BoundedStop, BoundedTemplate
from cio_mcp.text.timestamps import from_unix

UNKNOWN = "…"
"""Stands for a value that only Customer.io knows: a link of its own, a snippet, a random number."""

FILLED_IN = frozenset(
    {"campaign", "content", "delivery_id", "event_id", "event_name", "event_timestamp", "journey", "layout", "message"}
    | {"objects", "snippets", "workspace"}
)
"""Variables that Customer.io fills in from outside the profile and the data."""

MOMENT = "the moment of the rendering"
"""The variable with the moment that `'now'` means."""

MAX_DATE_FORMAT_CHARACTERS = 100
"""Characters of a date's format. Chosen."""


_UNIX_SECONDS = re.compile(r"(?<!%)((?:%%)*)%s")
"""`%s` in the format of a date, which Python takes for a moment in the host's own time zone."""
_LITERAL_OR_WORD = re.compile(
    r"""("[^"]*"|'[^']*')|\.(and|as|blank|cols|contains|continue|else|empty|false|for|if|in|limit|nil|not|null|offset"""
    r"""|or|required|reversed|true|with)(?![\w-])"""
)


class UnknownNode(Node):
    """A tag whose output only Customer.io knows."""

    def __init__(self, token: Token) -> None:
        super().__init__(token)
        self.blank = False

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:  # noqa: ARG002 - the library's signature
        """Write the sign for an unknown value."""
        return buffer.write(UNKNOWN)


class UnknownTag(Tag):
    """Takes the place of the library's refusal: Customer.io's own tags, and those added since."""

    name = TOKEN_ILLEGAL
    block = False

    def parse(self, stream: TokenStream) -> Node:
        """Pass over the tag.

        Raises:
            LiquidSyntaxError: it is a part of a block that is not open, such as `endif`.
        """
        token = stream.expect(TOKEN_TAG)
        if token.value in {"else", "elsif", "when", "endraw"} or token.value.removeprefix("end") in self.env.tags:
            raise LiquidSyntaxError("unexpected part of a block", token=token)
        if stream.peek.kind == TOKEN_EXPRESSION:
            next(stream)
        return UnknownNode(token)


class _Undefined(Undefined):
    def __str__(self) -> str:
        return UNKNOWN if self.name in FILLED_IN else ""


class _BlankOperand(Expression):
    """What is compared with `blank`: to Customer.io, what is missing, null, or false is blank too."""

    __slots__ = ("operand",)

    def __init__(self, operand: Expression) -> None:
        super().__init__(operand.token)
        self.operand = operand

    def evaluate(self, context: RenderContext) -> object:
        """Evaluate the operand, nothing as an empty text."""
        value = self.operand.evaluate(context)
        return "" if value is None or value is False or is_undefined(value) else value

    def children(self) -> list[Expression]:
        """Return the operand."""
        return [self.operand]


def clock_of(now: datetime) -> dict[str, object]:
    """What a rendering needs to know of the time; the library would read the host's clock for `now` and `today`."""
    return {MOMENT: now, "now": None, "today": None}


@with_context
def _date(value: object, form: object = "", zone: object = None, *, context: RenderContext) -> str:
    """Write a Unix time, or `'now'`, as Customer.io does; any other value stays as it is."""
    try:
        at = _moment(context) if value in ("now", "today") else from_unix(float(str(value)))
        form = _UNIX_SECONDS.sub(rf"\g<1>{int(at.timestamp())}", str(form)[:MAX_DATE_FORMAT_CHARACTERS])
        return at.astimezone(_zone(zone)).strftime(form)
    except (ValueError, OverflowError, OSError):
        return "" if value is None else str(value)


def _moment(context: RenderContext) -> datetime:
    at = context.globals[MOMENT]
    assert isinstance(at, datetime)  # noqa: S101 - as `clock_of` says
    return at


def _zone(name: object) -> tzinfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else UTC
    except (ValueError, KeyError, OSError):
        return UTC


def _with_keys(token: Token) -> Token:
    if token.kind != TOKEN_EXPRESSION:
        return token
    return token._replace(value=_LITERAL_OR_WORD.sub(lambda match: match[1] or f'["{match[2]}"]', token.value))


class _Environment(Environment):
    """Parses strictly and renders leniently: what is undefined is empty."""

    template_class = BoundedTemplate
    output_stream_limit = MAX_OUTPUT_CHARACTERS

    def __init__(self) -> None:
        super().__init__(undefined=_Undefined, strict_filters=False)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        """Return the library's tokenizer, for which a word of the language can be a key of the data too."""
        tokenize = super().tokenizer()
        return lambda source: map(_with_keys, tokenize(source))

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Register the library's tags and filters but those that load files, then Customer.io's."""
        super().setup_tags_and_filters(extra=extra)
        del self.tags["include"], self.tags["render"]
        self.add_tag(UnknownTag)
        self.add_filter("date", _date)


_ENVIRONMENT = _Environment()


def parse(source: str) -> BoundTemplate:
    """Parse a template that is `within_bounds`.

    Raises:
        LiquidError: it is malformed.
    """
    template = _ENVIRONMENT.from_string(source)
    assert isinstance(template, BoundedTemplate)  # noqa: S101 - as its environment says
    template.markups = 1 + source.count("{{") + source.count("{%")
    for expression in expressions(template):
        if isinstance(expression, RangeLiteral):
            expression.stop = BoundedStop(expression)
        elif isinstance(expression, EqExpression | NeExpression):
            if isinstance(expression.right, Blank):
                expression.left = _BlankOperand(expression.left)
            elif isinstance(expression.left, Blank):
                expression.right = _BlankOperand(expression.right)
    return template


def tags() -> dict[str, bool]:
    """The names of the tags that are understood, each with whether it begins a block."""
    return {name: tag.block for name, tag in _ENVIRONMENT.tags.items() if name != UnknownTag.name}


def nodes(template: BoundTemplate) -> Iterator[Node]:
    """Iterate over all nodes of a template, those in blocks too."""
    context = RenderContext(template)
    waiting = list(template.nodes)
    while waiting:
        yield (node := waiting.pop())
        waiting.extend(node.children(context, include_partials=False))


def expressions(template: BoundTemplate) -> Iterator[Expression]:
    """Iterate over all expressions of a template, those inside of others too."""
    for node in nodes(template):
        yield from inner(node.expressions())


def inner(outer: Iterable[Expression]) -> Iterator[Expression]:
    """Iterate over expressions and those inside of them."""
    waiting = list(outer)
    while waiting:
        yield (expression := waiting.pop())
        waiting.extend(expression.children())
