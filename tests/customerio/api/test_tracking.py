"""Writes of the Track API: an identifier reaches whom it names, and what a call does is read back from it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import IDENTIFIER_KINDS, Reference
from cio_mcp.customerio.call import Call
from cio_mcp.errors import InvalidArgument

ULID = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
identifiers = st.builds(
    Reference,
    st.sampled_from(["ada", "ada@example.com", "cio_a3000001", "+14155552671", "cio_@", "@cio_", "CIO_1"]),
    st.sampled_from([*IDENTIFIER_KINDS, None]),
)


def read_as(call: Call) -> tuple[str, str]:
    """Whom Customer.io takes a request to be about, as its reference documents it."""
    if isinstance(call.body, dict) and (named := call.body.get("identifiers")):
        assert isinstance(named, dict)
        [(kind, value)] = named.items()
        return kind, str(value)
    value = call.path["identifier"]
    if value.startswith("cio_"):
        return "cio_id", value
    return ("email" if "@" in value else "id"), value


@given(identifiers, st.booleans())
def test_a_write_is_about_exactly_the_identifier_it_was_given(person: Reference, create: bool) -> None:
    for call in (
        tracking.identify(person, {"plan": "pro"}, at=1_800_000_000, create=create),
        tracking.event(person, "x", {"plan": "pro"}, ulid=ULID, at=datetime(2026, 1, 1, tzinfo=UTC)),
    ):
        assert read_as(call) == (person.kind, person.value)


def test_the_time_of_a_write_and_the_id_of_an_event_do_not_count_in_either_version() -> None:
    for person in (Reference("ada"), Reference("ada@example.com")):
        then, now = (tracking.identify(person, {"a": 1}, at=at, create=True) for at in (1, 2))
        one, other = (tracking.event(person, "x", {}, ulid=ulid, at=None) for ulid in ("1", "2"))
        assert then.comparable() == now.comparable()
        assert one.comparable() == other.comparable()


def test_a_value_too_large_for_one_operation_is_refused_by_its_argument() -> None:
    person, large = Reference("ada@example.com"), {f"a{number}": "x" * 900 for number in range(40)}
    with pytest.raises(InvalidArgument, match=r"attributes: .*32,768"):
        tracking.identify(person, dict(large), at=1, create=True)
    with pytest.raises(InvalidArgument, match=r"data: .*32,768"):
        tracking.event(person, "x", dict(large), ulid=ULID, at=None)


def test_a_relationship_is_not_written_in_the_shape_of_the_other_version() -> None:
    with pytest.raises(InvalidArgument, match=r"cio_relationships: [^@]*$"):
        tracking.identify(Reference("ada@example.com"), {"cio_relationships": {}}, at=1, create=True)
