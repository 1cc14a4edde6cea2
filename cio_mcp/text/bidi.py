"""Right-to-left text in our sentences: isolated, so that it reorders nothing around it.

Between two Hebrew values even an arrow turns, and what was old reads as new (Unicode Standard Annex #9).
"""

import re
import unicodedata

_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
"""Bidirectional classes of letters and digits that run from right to left."""
_QUOTED = re.compile("“([^“”]*)”")
_JSON_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_ISOLATES = str.maketrans("", "", _FIRST_STRONG_ISOLATE + _POP_ISOLATE)


def isolate(text: str) -> str:
    """Isolate each quoted part of a finished text that holds right-to-left letters; foreign text must be quoted."""
    return _isolate(_QUOTED, text)


def isolate_json(text: str) -> str:
    """Isolate each string of JSON that holds right-to-left letters."""
    return _isolate(_JSON_STRING, text)


def without_isolates(text: str) -> str:
    """A text without the isolates that `isolate` wrote."""
    return text.translate(_ISOLATES)


def _isolate(part: re.Pattern[str], text: str) -> str:
    return text if text.isascii() else part.sub(_wrap, text)


def _wrap(match: re.Match[str]) -> str:
    inner = match[1]
    if inner.isascii() or not any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in inner):
        return match[0]
    return f"{match[0][0]}{_FIRST_STRONG_ISOLATE}{without_isolates(inner)}{_POP_ISOLATE}{match[0][-1]}"
