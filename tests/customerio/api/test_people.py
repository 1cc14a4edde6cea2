"""How a person is identified, and what a profile holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api.base import Identifiers, Reference
from cio_mcp.customerio.api.people import Person, SeveralPeople
from cio_mcp.customerio.references import reference_of
from cio_mcp.errors import InvalidArgument


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        ("ada", Reference("ada")),
        (" 42 ", Reference("42")),
        ("ada+test@example.com", Reference("ada+test@example.com", "email")),
        ("cio_a3000001", Reference("cio_a3000001", "cio_id")),
        ("+14155552671", Reference("+14155552671", "phone")),
        ("+1", Reference("+1")),
    ],
)
def test_the_type_of_an_identifier_is_inferred_from_its_shape(customer: str, expected: Reference) -> None:
    assert reference_of(customer) == expected


def test_an_id_that_looks_like_an_address_is_an_id_when_declared_so() -> None:
    assert reference_of("ada@example.com", "id") == Reference("ada@example.com")


def test_a_cio_id_may_come_without_its_prefix_when_declared_so() -> None:
    assert reference_of("a3000001", "cio_id") == Reference("cio_a3000001", "cio_id")


@pytest.mark.parametrize(
    "phone",
    [
        "+1\u0664\u0661\u0665\u0665\u0665\u0665\u0662\u0666\u0667\u0661",
        "415 555 2671",
        "4155552671",
        "+0155552671",
        "ada",
    ],
)
def test_a_phone_number_is_refused_unless_it_is_e164(phone: str) -> None:
    with pytest.raises(InvalidArgument, match=r"customer: .*E\.164"):
        reference_of(phone, "phone")


@pytest.mark.parametrize("customer", ["bob", "cio_a3000001", "+14155552671"])
def test_an_email_address_has_an_at_sign(customer: str) -> None:
    with pytest.raises(InvalidArgument, match="customer: expected an email address"):
        reference_of(customer, "email")


@pytest.mark.parametrize("blank", ["", "   "])
def test_an_empty_customer_is_refused(blank: str) -> None:
    with pytest.raises(InvalidArgument, match=r"customer: expected an ID"):
        reference_of(blank)


@given(st.text())
def test_any_text_names_somebody_or_is_refused(customer: str) -> None:
    try:
        reference = reference_of(customer)
    except InvalidArgument:
        value = customer.strip()
        is_path = value in {".", ".."} or "/" in value or "\\" in value
        assert not value or is_path or not value.isprintable() or len(value.encode()) > 150
    else:
        assert reference.value == customer.strip()


def test_a_person_is_referred_to_by_what_never_changes() -> None:
    assert Identifiers(id="ada", email="ada@example.com", cio_id="a3").reference == Reference("cio_a3", "cio_id")
    assert Identifiers(id="ada", email="ada@example.com").reference == Reference("ada")
    assert Identifiers(email="ada@example.com").reference == Reference("ada@example.com", "email")


@pytest.mark.parametrize("created_at", ["yesterday", "", "1e9", "99999999999999999999", "²", -1, None, True])
def test_an_invalid_creation_time_is_left_out(created_at: str | None) -> None:
    assert Person.of({"attributes": {"created_at": created_at}}).created is None


def test_identifiers_come_from_the_attributes_where_they_come_from_nowhere_else() -> None:
    person = Person.of(
        {"attributes": {"id": "ada", "email": "ada@example.com", "cio_id": "a3", "phone": "+15551234567"}}
    )
    assert (person.id, person.email, person.cio_id, person.phone) == ("ada", "ada@example.com", "a3", "+15551234567")


def test_nulls_and_missing_parts_of_a_profile_are_empty() -> None:
    person = Person.of({"attributes": None, "devices": None, "unsubscribed": None, "timestamps": None})
    assert not person.attributes
    assert person.devices == ()
    assert person.unsubscribed is False


def test_several_people_are_distinguished_without_their_address() -> None:
    people = [
        Person.of({"identifiers": {"id": f"two-{n}", "email": "two@example.com", "cio_id": f"a{n}"}, "attributes": {}})
        for n in (1, 2)
    ]
    message = str(SeveralPeople(people, 3))
    assert "3 customers" in message
    assert "cio_a1" in message
    assert "two-2" in message
    assert "1 more" in message
    assert "@" not in message


def test_an_id_that_is_an_address_stays_out_of_the_sentence() -> None:
    person = Person.of({"identifiers": {"id": "two@example.com", "cio_id": "a1"}, "attributes": {}})
    assert "@" not in str(SeveralPeople([person, person], 2))
