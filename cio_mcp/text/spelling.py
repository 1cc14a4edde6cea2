"""Words that a model spells a little differently: matched to accepted ones, or suggested in an error."""

import re
from collections.abc import Collection
from difflib import SequenceMatcher, get_close_matches

MIN_TYPO_RATIO = 0.85
"""Similarity at which a misspelled word counts as the accepted one. Chosen: two wrong letters in ten pass."""

MIN_SUGGESTION_RATIO = 0.6
"""Similarity at which an error suggests a word; `difflib` calls this "close"."""
MAX_SUGGESTIONS = 3
"""Close names that an error lists. Chosen: what fits a sentence."""

MAX_CHARACTERS = 200
"""Characters of a text that are compared: as many as the longest name documented, 190, has; no word is longer."""

SYNONYMS = {
    "pending": "planned",
    "waiting": "planned",
    "rejected": "declined",
    "denied": "declined",
    "active": "running",
    "live": "running",
    "mail": "email",
}
"""Words that people and other parts of this server use for an accepted one."""

_ENDINGS = re.compile(r"(?:ied|ing|ed|ie|e|y)$")
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")


def same_word(text: str, accepted: Collection[str]) -> str | None:
    """Return the accepted word that differs in case, spaces, hyphens or underscores only."""
    return next((word for word in accepted if _plain(word) == _plain(text)), None)


def same_stem(text: str, accepted: Collection[str]) -> str | None:
    """Return the one accepted word that is another form of a word, as `opened` is of `opens`."""
    return _only(_same_stem(text, accepted))


def match_word(text: str, accepted: Collection[str]) -> str | None:
    """Return the one accepted word that is a synonym or another form of a word, or a typo away.

    The answer should say which. A typo never changes the first letter: `subscribed` must not become `unsubscribed`.
    """
    if text not in accepted and (synonym := SYNONYMS.get(_plain(text))) in accepted:
        return synonym
    first = _plain(text)[:1]
    typos = [word for word in accepted if first == _plain(word)[:1] and _ratio(text, word) >= MIN_TYPO_RATIO]
    return _only(_same_stem(text, accepted) or typos)


def closest_word(text: str, accepted: Collection[str]) -> str | None:
    """Return the most similar accepted word for "Did you mean …?", or None where none is similar."""
    if (matched := match_word(text, accepted)) is not None:
        return matched
    best = max(accepted, key=lambda word: _ratio(text, word), default=None)
    return best if best is not None and _ratio(text, best) >= MIN_SUGGESTION_RATIO else None


def closest_names(text: str, names: Collection[str]) -> list[str]:
    """Return up to `MAX_SUGGESTIONS` names that a text may stand for, the closest first; case does not count.

    These are names that people gave, so that a part of one is a good hint, but another form of a word is not.
    """
    key = text[:MAX_CHARACTERS].strip().casefold()
    by_key = {name.strip().casefold(): name for name in reversed(list(names))}
    alike = get_close_matches(key, by_key, n=MAX_SUGGESTIONS, cutoff=MIN_SUGGESTION_RATIO)
    containing = (each for each in by_key if len(key) >= MAX_SUGGESTIONS and key in each)
    return [by_key[each] for each in dict.fromkeys([*alike, *containing])][:MAX_SUGGESTIONS]


def _same_stem(text: str, accepted: Collection[str]) -> list[str]:
    if (same := same_word(text, accepted)) is not None:
        return [same]
    return [word for word in accepted if _stem(word) == _stem(text) != ""]


def _only(words: list[str]) -> str | None:
    return words[0] if len(words) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text[:MAX_CHARACTERS]).casefold()


def _stem(text: str) -> str:
    word = _plain(text)
    word = word[:-1] if word.endswith("s") and not word.endswith("ss") else word
    return _DOUBLED.sub(r"\1", _ENDINGS.sub("", word))


def _ratio(text: str, word: str) -> float:
    return SequenceMatcher(None, _plain(text)[:100], _plain(word)).ratio()
