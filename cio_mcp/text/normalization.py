"""Unicode normalization that takes time in proportion to the text, whatever the text."""

import re
import unicodedata
from typing import Literal

MAX_MARKS = 30
"""Marks in a row that are sorted: as many as Unicode's Stream-Safe Text Format allows (UAX #15, section 13)."""
JOINER = "\u034f"
"""The combining grapheme joiner, across which no marks are sorted."""

_MARKS = re.compile(rf"(?:[^\w\x00-\u02ff]|[\uff9e\uff9f]){{{MAX_MARKS}}}")
"""As many characters that may be marks or decompose to some: of no word, or one of two letters that stand for marks."""


def normalize(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Normalize a text; after every 30 marks in a row it gets a joiner, which no language needs.

    Python sorts the marks in a row in quadratic time: 160 kB of them take 15 s, in which nothing else runs.
    """
    return text if text.isascii() else unicodedata.normalize(form, break_runs(text))


def break_runs(text: str) -> str:
    """Put a joiner after every `MAX_MARKS` marks in a row."""
    return _MARKS.sub(rf"\g<0>{JOINER}", text)
