"""Names that an error suggests."""

import pytest

from cio_mcp.text.spelling import closest_names

NAMES = ("Onboarding", "Order follow-up", "Win-back", "Newsletter January", "Newsletter February", "Newsletter March")


@pytest.mark.parametrize(
    ("wanted", "close"),
    [
        ("Onbording", ["Onboarding"]),
        (" onboarding ", ["Onboarding"]),
        ("winback", ["Win-back"]),
        ("follow-up", ["Order follow-up"]),
        ("newsletter", ["Newsletter January", "Newsletter February", "Newsletter March"]),
        ("Q", []),
        ("something else", []),
    ],
)
def test_names_that_somebody_may_have_meant_are_suggested(wanted: str, close: list[str]) -> None:
    assert sorted(closest_names(wanted, NAMES)) == sorted(close)


def test_no_more_than_three_names_are_suggested() -> None:
    assert len(closest_names("name 1", [f"name {number}" for number in range(50)])) == 3
