"""Tokens as OpenAI's o200k counts them."""

from functools import cache
from typing import Any


def count_tokens(text: str) -> int:
    """Count the tokens of a text."""
    return len(_encoding().encode(text))


@cache
def _encoding() -> Any:
    from bpe_openai import get_encoding  # noqa: PLC0415 - a second, which most processes of a test run don't need

    return get_encoding("o200k_base")
