"""Names of attributes and event data, compared as Customer.io might compare them.

Customer.io does not document whether case, outer spaces, other forms of a letter, or invisible characters matter.
In doubt a name counts as the reserved one that it resembles.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from pydantic import JsonValue

from cio_mcp.text.normalization import normalize
from cio_mcp.text.sanitize import STACKED_MARKS, has_unseen, without_unseen

_SEPARATORS = re.compile(r"[.\[\]]")
_QUOTES = " \"'"
_WRAPPERS = frozenset({"data", "attributes"})
"""Names that a path may begin with and still mean what follows, as in `data.recipient`."""

_COMPUTED = "_cio_subscription_preferences"
"""What Customer.io computes from `cio_subscription_preferences` begins so."""


def fold(name: str) -> str:
    """A name as it is compared: NFKC, no unseen characters, no case, no outer spaces."""
    seen = without_unseen(normalize("NFKC", without_unseen(name)))
    return normalize("NFKC", seen.casefold()).strip()


def normalized_name(name: str) -> str:
    """The reserved name that Customer.io may take this for.

    A dot or a bracket leads inside, as in `cio_relationships.action` or `recipient[0]`.
    """
    parts = [part for raw in _SEPARATORS.split(fold(name)) if (part := raw.strip(_QUOTES))]
    while len(parts) > 1 and parts[0] in _WRAPPERS:
        del parts[0]
    head = parts[0] if parts else ""
    return _COMPUTED.removeprefix("_") if head.startswith(_COMPUTED) else head


def meanings(name: str, value: JsonValue) -> frozenset[str]:
    """The reserved names that a value may set: by its own name, and by those inside a wrapper such as `data`."""
    names, pending = set[str](), [(name, value)]
    while pending:
        key, inner = pending.pop()
        names.add(taken := normalized_name(key))
        if taken in _WRAPPERS and isinstance(inner, dict):
            pending += inner.items()
    return frozenset(names)


def names_in(value: JsonValue) -> Iterator[str]:
    """Every name in a JSON value, however deep."""
    pending = [value]
    while pending:
        match pending.pop():
            case dict() as inner:
                yield from inner
                pending += inner.values()
            case list() as inner:
                pending += inner


def hidden_characters(name: str) -> tuple[str, ...]:
    """The characters of a name that a person cannot see, as `U+200B`; line breaks, tabs, and stacked marks count."""
    if name.isprintable() and not has_unseen(name) and not STACKED_MARKS.search(name):
        return ()
    unseen = (character for character in name if has_unseen(character) or not character.isprintable())
    hidden = dict.fromkeys([*unseen, *"".join(STACKED_MARKS.findall(name))])
    return tuple(f"U+{ord(character):04X}" for character in hidden)


_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})
"""Scripts with letters that look like those of another."""
_WORD = re.compile(r"[^\W\d_]+")


def mixes_scripts(text: str) -> bool:
    """Whether a word holds letters of two scripts that look alike, as `\u0435ve` with a Cyrillic first letter does."""
    return not text.isascii() and any(len(_scripts(word)) > 1 for word in _WORD.findall(text))


def _scripts(word: str) -> frozenset[str]:
    return _SCRIPTS & set(map(_script, set(word)))


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]
