"""Which variables a Liquid template uses: enough to warn of data that is missing, not to render."""

import re

_MARKUP = re.compile(
    # Nothing may open inside markup, which keeps the search linear.
    r"\{\{-?(?P<output>(?:(?!\{\{|\{%|\}\}).)*)\}\}|\{%-?\s*(?P<tag>\w+)(?P<rest>(?:(?!\{\{|\{%|%\}).)*)%\}",
    re.DOTALL,
)
_KEY_IN_BRACKETS = re.compile(r"""\[\s*(?:"([\w-]+)"|'([\w-]+)')\s*\]""")
_LITERAL = re.compile(r'"[^"]*"|\'[^\']*\'')
_FILTER = re.compile(r"\|\s*\w+")
_NAMED_ARGUMENT = re.compile(r"(?<![\w.-])[A-Za-z_]\w*\s*:")
_PATH = re.compile(r"(?<![\w.-])[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*")
_LOOP = re.compile(r"^\s*([A-Za-z_][\w-]*)\s+in\s+(.*)$", re.DOTALL)
_ASSIGNMENT = re.compile(r"^\s*([A-Za-z_][\w-]*)\s*=(.*)$", re.DOTALL)

SILENT = frozenset({"raw", "comment"})
"""Tags between which nothing is read."""

WORDS = frozenset(
    {"and", "or", "not", "contains", "in", "with", "as", "true", "false", "nil", "null", "blank", "empty"}
    | {"reversed", "forloop", "tablerowloop"}
)
"""Words of the language itself: https://shopify.github.io/liquid/"""

SIZES = frozenset({"size", "first", "last"})
"""What Liquid lets one ask of any list or text; it is no key of the data."""


def variables(template: str) -> set[str]:
    """The dotted paths of every variable that is read, without those the template makes itself.

    `{{ trigger.items[0].name | upcase }}` uses `trigger.items`; `{% for item in trigger.items %}{{ item.name }}` too.
    """
    used: set[str] = set()
    made: set[str] = set()
    silent: str | None = None
    for markup in _MARKUP.finditer(template):
        tag, expression = markup["tag"], markup["output"]
        if silent or tag in SILENT:
            silent = None if silent and tag == f"end{silent}" else silent or tag
            continue
        if tag:
            name, expression = _of_tag(tag, markup["rest"])
            made |= {name} if name else set()
        used |= _paths(expression)
    return {path for path in used if path.split(".")[0] not in made}


def _of_tag(tag: str, rest: str) -> tuple[str | None, str]:
    """The name a tag makes, if any, and the expression it reads."""
    if tag in {"for", "tablerow"} and (loop := _LOOP.match(rest)):
        return loop[1], loop[2]
    if tag == "assign" and (assignment := _ASSIGNMENT.match(rest)):
        return assignment[1], assignment[2]
    if tag in {"capture", "increment", "decrement"}:
        return rest.strip() or None, ""
    return None, "" if tag.startswith("end") else rest


def _paths(expression: str) -> set[str]:
    dotted = _KEY_IN_BRACKETS.sub(lambda key: f".{key[1] or key[2]}", expression)
    bare = _NAMED_ARGUMENT.sub(" ", _FILTER.sub(" ", _LITERAL.sub(" ", dotted)))
    found = (path.split(".") for path in _PATH.findall(bare))
    kept = (path[:-1] if len(path) > 1 and path[-1] in SIZES else path for path in found)
    return {".".join(path) for path in kept if path[0] not in WORDS}
