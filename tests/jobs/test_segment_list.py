"""Comparing a segment with a list: who joins, who leaves, and that nobody does both."""

from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api.base import Reference
from cio_mcp.jobs.segment_list import Comparison, Lookup, Members, PersonKey, compare, to_look_up

ADA = PersonKey(id="ada", email="Ada@example.com", cio_id="a1")
BOB = PersonKey(id="bob", email="bob@example.com", cio_id="b1")
EVE = PersonKey(id=None, email="eve@example.com", cio_id="e1")
TWINS = tuple(PersonKey(id=f"two-{one}", email="two@example.com", cio_id=f"t{one}") for one in (1, 2))


def by_email(value: str) -> Reference:
    return Reference(value, "email")


def by_cio_id(value: str) -> Reference:
    return Reference(f"cio_{value}", "cio_id")


def test_members_are_found_by_any_identifier_without_a_lookup() -> None:
    members = Members([ADA, EVE])
    references = [Reference("ada"), by_email("ADA@EXAMPLE.COM"), by_cio_id("e1"), Reference("ADA"), Reference("bob")]
    assert to_look_up(members, references) == [Reference("ADA"), Reference("bob")]


def test_a_list_says_who_joins_who_leaves_and_whom_it_names_in_vain() -> None:
    found: dict[Reference, Lookup] = {Reference("bob"): BOB, Reference("x"): "no customer has it"}
    result = compare(Members([ADA, EVE]), [Reference("ada"), Reference("bob"), Reference("x")], found)
    assert result == Comparison(
        members=2,
        unchanged=1,
        added={Reference("bob"): BOB},
        removed=(EVE,),
        unknown=((Reference("x"), "no customer has it"),),
        repeated=0,
    )
    assert result.known == 2


def test_two_identifiers_of_one_person_count_once() -> None:
    found: dict[Reference, Lookup] = {Reference("bob"): BOB, by_email("bob@example.com"): BOB}
    names = [Reference("ada"), by_cio_id("a1"), Reference("bob"), by_email("bob@example.com")]
    result = compare(Members([ADA]), names, found)
    assert (result.unchanged, [*result.added.values()], result.removed, result.repeated) == (1, [BOB], (), 2)


def test_a_member_whom_only_a_lookup_recognizes_is_unchanged() -> None:
    old = PersonKey(id="bob", cio_id="b1")  # the membership does not have every identifier
    result = compare(Members([old]), [by_email("bob@example.com")], {by_email("bob@example.com"): BOB})
    assert (result.unchanged, result.added, result.removed) == (1, {}, ())


def test_members_who_share_an_address_neither_join_nor_leave() -> None:
    result = compare(Members([*TWINS, ADA]), [by_email("two@example.com")], {})
    assert (result.unchanged, result.removed) == (0, (ADA,))
    [(reference, reason)] = result.unknown
    assert (reference, reason) == (
        by_email("two@example.com"),
        "2 customers share it (cio_t1, cio_t2); specify one by cio_id",
    )


def test_the_digest_of_members_ignores_their_order() -> None:
    assert Members([ADA, BOB]).digest == Members([BOB, ADA]).digest != Members([ADA]).digest


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[PersonKey], set[int], list[Reference]]:
    """Customers, who of them are members, and a list that names some of them in any way, and strangers."""
    people = [
        PersonKey(
            id=f"id{number}" if has_id else None,
            email=f"p{number}@example.com" if has_email else None,
            cio_id=f"c{number}",
        )
        for number, (has_id, has_email) in enumerate(
            draw(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8))
        )
    ]
    members = draw(st.sets(st.sampled_from(range(len(people))))) if people else set()
    names = [Reference(person.id) for person in people if person.id]
    names += [by_cio_id(person.cio_id) for person in people if person.cio_id]
    names += [
        by_email(spelling) for person in people if person.email for spelling in (person.email, person.email.upper())
    ]
    names += [Reference("stranger"), by_email("stranger@example.com")]
    return people, members, draw(st.lists(st.sampled_from(names), max_size=20))


@given(worlds())
def test_afterwards_exactly_the_people_of_the_list_are_in(
    world: tuple[list[PersonKey], set[int], list[Reference]],
) -> None:
    people, numbers, references = world
    everyone, members = Members(people), Members(people[number] for number in numbers)
    found: dict[Reference, Lookup] = {
        one: next(iter(everyone.holders(one)), "no customer has it") for one in to_look_up(members, references)
    }
    result = compare(members, references, found)
    before = {people[number].cio_id for number in numbers}
    added, removed = ({one.cio_id for one in group} for group in (result.added.values(), result.removed))
    assert not added & removed
    assert not added & before
    assert removed <= before
    wanted = {holder.cio_id for one in references for holder in everyone.holders(one)}
    assert (before | added) - removed == wanted
    assert len(result.added) == len(added)
    assert result.known == len(wanted)
