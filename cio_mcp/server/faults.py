"""Reports all invalid arguments of a call in one answer, each with the accepted values."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cio_mcp.errors import expectation
from cio_mcp.server.input import Schema, schema_for
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.spelling import closest_word

NOW = re.compile(r" It is now [0-9TZ:-]+\.$")
"""What an error about a time ends with, which says the present one."""
MAX_FAULTS = 8
"""Maximum faults in an answer. Chosen: a call with more is likely meant for another tool."""


def refusal(
    tool: str,
    schema: Schema,
    arguments: Mapping[str, Any],
    faults: Mapping[str, str],
    invalid: ValidationError | None,
    *,
    writes: bool,
) -> str | None:
    """The sentences that refuse a call, or None where nothing is wrong with its arguments.

    `faults` by argument were found while reading it, `invalid` by validation afterwards.
    """
    accepted = list(schema["properties"])
    unknown = [name for name in arguments if name not in accepted]
    sentences = chain(
        _unknown(unknown, f"for {tool}", accepted),
        _missing(tool, schema, arguments),
        (f"{fault}." for fault in faults.values()),
        _invalid(invalid, schema, known={*faults, *_absent(schema, arguments)}),
    )
    if not (listed := list(islice(sentences, MAX_FAULTS))):
        return None
    more = ["More arguments are invalid."] if next(sentences, None) else []
    return " ".join([*_once(listed), *more, *(["Nothing was sent."] if writes else [])])


def _once(sentences: Sequence[str]) -> list[str]:
    """The sentences, with the present time only in the last of those that say it."""
    saying = [number for number, sentence in enumerate(sentences) if NOW.search(sentence)]
    return [NOW.sub("", each) if number in saying[:-1] else each for number, each in enumerate(sentences)]


def _unknown(names: Sequence[str], where: str, accepted: list[str]) -> Iterator[str]:
    """A sentence for each name; the last one that is shown lists what is accepted."""
    for number, name in enumerate(names, 1):
        closest = closest_word(name, accepted)
        hint = f" Did you mean {closest}?" if closest else ""
        is_last = number == min(len(names), MAX_FAULTS)
        list_all = f" Accepted: {', '.join(accepted) or 'none'}." if is_last else ""
        yield f"Unknown argument {quoted(name, 40)} {where}.{hint}{list_all}"


def _absent(schema: Schema, arguments: Mapping[str, Any]) -> list[str]:
    return [name for name in schema.get("required", ()) if arguments.get(name) in (None, "")]


def _missing(tool: str, schema: Schema, arguments: Mapping[str, Any]) -> Iterator[str]:
    for name in _absent(schema, arguments):
        declared = schema["properties"][name]
        description = declared.get("description", "")
        choices = schema_for(None, declared, schema.get("$defs", {})).get("enum", ())
        accepted = f" Expected {', '.join(choices[:-1])} or {choices[-1]}." if len(choices) > 1 else ""
        yield f"Missing argument {name} for {tool}{f': {description}' if description else ''}.{accepted}"


def _invalid(error: ValidationError | None, schema: Schema, known: set[str]) -> Iterator[str]:
    """What validation refused, once for each place that is not `known` to be wrong."""
    undeclared: dict[str, list[str]] = {}
    members: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False) if error else ():
        path, here = _place(detail, schema)
        if path in known or path.split(".")[0] in known:
            continue
        if detail["type"] == "extra_forbidden":
            undeclared.setdefault(path, []).append(str(detail["loc"][-1]))
            members[path] = list(here.get("properties", {}))
            continue
        known.add(path)
        yield f"{path}: {_expected(detail)}{_several(path, detail, schema)}"
    for path, names in undeclared.items():
        yield from _unknown(names, f"in {path}", members[path])


def _place(detail: ErrorDetails, schema: Schema) -> tuple[str, Schema]:
    """The dotted path of what is wrong, and its schema; indexes and the names of a union's arms are no part of it."""
    path, here = [], schema
    for part in detail["loc"]:
        if part in here.get("properties", {}):
            path.append(str(part))
            here = schema_for(None, here["properties"][part], schema.get("$defs", {}))
    return ".".join(path) or "arguments", here


def _several(path: str, detail: ErrorDetails, schema: Schema) -> str:
    """A hint at the argument for several values where they were passed to the one for a single value."""
    plural = f"{path}s"
    return (
        f" For several, use {plural}." if isinstance(detail["input"], list) and plural in schema["properties"] else ""
    )


def _expected(detail: ErrorDetails) -> str:
    if detail["type"] != "literal_error":
        return f"{expectation(detail)}."
    plain = expectation(detail).replace("'", "")
    accepted = plain.removeprefix("expected ").replace(" or ", ", ").split(", ")
    closest = closest_word(detail["input"], accepted) if isinstance(detail["input"], str) else None
    return f"{plain}. Did you mean {closest}?" if closest else f"{plain}."
