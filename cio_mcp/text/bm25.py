"""Okapi BM25: how well documents match the words of a query."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

K1, B = 1.2, 0.75
"""The usual constants of BM25: how fast a repeated word stops counting, and how much a long text weighs less."""


@dataclass(frozen=True, slots=True)
class Index:
    """The words of documents by name, and how rare each word is."""

    words: Mapping[str, Counter[str]]
    rarity: Mapping[str, float]
    mean_length: float

    @classmethod
    def of(cls, words: Mapping[str, Counter[str]]) -> "Index":
        """Index documents by their words."""
        count = len(words)
        holders = Counter(word for counts in words.values() for word in counts)
        rarity = {word: math.log(1 + (count - each + 0.5) / (each + 0.5)) for word, each in holders.items()}
        return cls(words, rarity, sum(counts.total() for counts in words.values()) / count)

    def scores(self, query: Iterable[str]) -> dict[str, float]:
        """The score of each document that has a word of the query; a repeated word counts once."""
        scores = defaultdict[str, float](float)
        for word in dict.fromkeys(query):
            for name, counts in self.words.items():
                if count := counts[word]:
                    length = counts.total() / self.mean_length
                    scores[name] += self.rarity[word] * count * (K1 + 1) / (count + K1 * (1 - B + B * length))
        return dict(scores)
