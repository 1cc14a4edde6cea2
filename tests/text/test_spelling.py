"""Words that models spell a little differently."""

import pytest

from cio_mcp.text.spelling import closest_names, closest_word, match_word, same_stem, same_word

METRICS = (
    "attempted", "sent", "delivered", "opened", "clicked", "converted",
    "bounced", "spammed", "unsubscribed", "dropped", "failed", "undeliverable",
)  # fmt: skip
KINDS = ("campaign", "broadcast", "newsletter", "transactional")
UNITS = ("hours", "days", "weeks", "months")
STATES = ("planned", "approved", "declined", "sending", "sent", "failed", "unknown", "verified", "expired")
CHANNELS = ("email", "sms", "push", "in_app", "whatsapp", "webhook", "slack")


@pytest.mark.parametrize(
    ("text", "accepted", "expected"),
    [("Newsletter", KINDS, "newsletter"), ("In-App", CHANNELS, "in_app"), ("e mail", CHANNELS, "email")],
)
def test_case_and_separators_make_no_other_word(text: str, accepted: tuple[str, ...], expected: str) -> None:
    assert same_word(text, accepted) == expected


@pytest.mark.parametrize(
    ("text", "accepted", "expected"),
    [
        ("newsletters", KINDS, "newsletter"),
        ("day", UNITS, "days"),
        ("opens", METRICS, "opened"),
        ("click", METRICS, "clicked"),
        ("bounces", METRICS, "bounced"),
        ("drops", METRICS, "dropped"),
        ("spam", METRICS, "spammed"),
        ("deliveries", METRICS, "delivered"),
        ("delivred", METRICS, "delivered"),
        ("campain", KINDS, "campaign"),
    ],
)
def test_a_plural_another_form_or_a_typo_is_matched(text: str, accepted: tuple[str, ...], expected: str) -> None:
    assert match_word(text, accepted) == expected


@pytest.mark.parametrize(
    ("text", "accepted", "expected"),
    [
        ("pending", STATES, "planned"),
        ("Rejected", STATES, "declined"),
        ("active", ("running", "draft", "stopped"), "running"),
        ("mail", CHANNELS, "email"),
        ("pending", ("pending", "planned"), "pending"),
        ("pending", KINDS, None),
    ],
)
def test_a_synonym_is_matched_where_its_word_is_accepted(
    text: str, accepted: tuple[str, ...], expected: str | None
) -> None:
    assert match_word(text, accepted) == expected


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("subscribed", METRICS),
        ("undelivered", METRICS),
        ("automation", KINDS),
        ("", KINDS),
        ("  ", KINDS),
        ("remove", ("add", "removed_all", "remove_one")),
        ("drop", ("dropped", "drops")),
    ],
)
def test_a_word_that_may_mean_the_opposite_or_several_things_is_not_matched(
    text: str, accepted: tuple[str, ...]
) -> None:
    assert match_word(text, accepted) is None


def test_a_similar_word_is_suggested_and_a_different_one_is_not() -> None:
    assert closest_word("segmnt", ("email", "filter", "segment")) == "segment"
    assert closest_word("subscribed", METRICS) == "unsubscribed"
    assert closest_word("xyz", METRICS) is None
    assert closest_word("xyz", ()) is None


def test_a_typo_is_not_matched_where_the_assumption_cannot_be_stated() -> None:
    assert same_stem("opens", METRICS) == "opened"
    assert same_stem("deliverd", METRICS) is None


def test_no_more_of_a_text_is_compared_than_the_longest_name_has() -> None:
    assert closest_word("opened" + "x" * 1_000_000, ["opened", "clicked"]) is None
    assert closest_names("VIP" + "x" * 1_000_000, ["VIP"]) == []
    assert closest_word("x" * 200 + "opened", ["opened"]) == closest_word("x" * 200, ["opened"])
    assert closest_names("x" * 190, ["x" * 190]) == ["x" * 190]
