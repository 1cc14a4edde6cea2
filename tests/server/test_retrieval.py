"""Clients that load tools on demand search for them by words: the right tool must be among the first three.

The sentences were committed before the descriptions. Search is plain BM25 over the name, the description, and the
arguments of each tool; words count in their singular.
"""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from cio_mcp.server.definitions import Definition, load
from cio_mcp.text.bm25 import Index
from tests.sentences import DEFAULT, OTHERS

STOP_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if",
    "in", "into", "is", "it", "no", "not", "of", "on", "or", "such", "that",
    "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
})  # fmt: skip
"""Lucene's stop words for English."""
FIRST = 3
OF_ALL, OF_DEFAULT = 0.90, 0.95
"""Shares of sentences for which the right tool must be among the first. Required by the design."""


def words(text: str) -> Iterator[str]:
    for word in re.findall(r"[a-z0-9]+", text.casefold()):
        if word in STOP_WORDS:
            continue
        yield word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def document(definition: Definition) -> Counter[str]:
    tool = definition.tool
    arguments = tool.input_schema["properties"].items()
    texts = [tool.name, tool.description or "", *(f"{name} {one.get('description', '')}" for name, one in arguments)]
    return Counter(word for text in texts for word in words(text.replace("_", " ")))


def rank(sentence: str, documents: dict[str, Counter[str]]) -> list[str]:
    """The tools by their score, the best first; a tool that scores nothing is not found."""
    scores = Index.of(documents).scores(words(sentence))
    return [name for name, _ in sorted(scores.items(), key=lambda item: (-item[1], item[0]))]


def missed(sentences: tuple[tuple[str, str], ...], toolsets: set[str]) -> list[tuple[str, str, list[str]]]:
    """The sentences whose tool is not among the first, with what is."""
    documents = {each.name: document(each) for each in load() if each.toolset in toolsets}
    found = [(tool, sentence, rank(sentence, documents)[:FIRST]) for tool, sentence in sentences]
    return [(tool, sentence, first) for tool, sentence, first in found if tool not in first]


def test_there_are_sentences_for_every_tool() -> None:
    assert {tool for tool, _ in (*DEFAULT, *OTHERS)} == {each.name for each in load()}
    assert len((*DEFAULT, *OTHERS)) >= 120


def test_the_right_tool_is_among_the_first_three_of_all_toolsets() -> None:
    sentences = (*DEFAULT, *OTHERS)
    misses = missed(sentences, {each.toolset for each in load()})
    assert len(misses) <= (1 - OF_ALL) * len(sentences), misses


def test_the_right_default_tool_is_among_the_first_three() -> None:
    misses = missed(DEFAULT, {"core"})
    assert len(misses) <= (1 - OF_DEFAULT) * len(DEFAULT), misses


@pytest.mark.parametrize("sentence", ["", "1234567 zzz"])
def test_words_that_no_tool_has_find_none(sentence: str) -> None:
    assert rank(sentence, {each.name: document(each) for each in load()}) == []
