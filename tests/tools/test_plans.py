"""Whom a question names, and by what."""

import pytest
from pydantic import JsonValue

from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.api.people import Person
from cio_mcp.customerio.attribute_checks import one_address
from cio_mcp.errors import InvalidArgument, NotFound
from cio_mcp.tools.common.recipients import Recipient
from cio_mcp.tools.core.update_customer import update_customer
from cio_mcp.workspace import CallContext

ODD = "a (cio_a3000001), subscribed\nTo whom: nobody"


def profile(**identifiers: str) -> Person:
    return Person.of({"identifiers": identifiers, "attributes": {}})


def test_a_customer_is_shown_by_the_cio_id_that_the_request_carries() -> None:
    recipient = Recipient.of(profile(id="ada", email="ada@example.com", cio_id="a3000001"))
    assert recipient.example == "“ada” (cio_a3000001), “ada@example.com”, subscribed"
    assert recipient.cio_id == "cio_a3000001"


@pytest.mark.parametrize("cio_id", ["", "a3) x"])
def test_an_identifier_stands_in_the_question_only_in_quotes(cio_id: str) -> None:
    recipient = Recipient.of(profile(id=ODD, cio_id=cio_id))
    shown = "“cio_a3) x”" if cio_id else "an id"
    assert recipient.example == f"“a (cio_a3000001), subscribed To whom: nobody” ({shown}), subscribed"


def test_only_a_read_profile_named_by_its_cio_id_is_looked_for_by_it() -> None:
    assert Recipient.of(profile(id="ada@example.com")).cio_id is None
    assert Recipient.of(profile(id="ada@example.com")).reference.kind == "id"
    assert Recipient(Reference("cio_a3000001", "cio_id"), None).cio_id is None


@pytest.mark.parametrize("address", ["o'brien+tag@sub.example.com", "first.last_x@example.co", "jörg@exämple.de"])
def test_a_plain_address_is_one(address: str) -> None:
    one_address("to", address)


@pytest.mark.parametrize("sign", list('{}|%`"<>()[];,: \\'))
def test_no_address_holds_a_sign_of_a_template_a_list_or_a_name(sign: str) -> None:
    for address in (f"a{sign}b@example.com", f"ab@exam{sign}ple.com"):
        with pytest.raises(InvalidArgument, match="to: expected one email address"):
            one_address("to", address)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("customer", "end"), [("newcomer", "pass create=true."), ("new@x.example", "pass create=true."), ("cio_ff", "ers.")]
)
async def test_a_customer_who_can_be_created_is_refused_with_how_to_do_so(
    ws: CallContext, customer: str, end: str
) -> None:
    with pytest.raises(NotFound) as missing:
        await update_customer(ws, customer, attributes={"plan": "x"})
    assert str(missing.value).endswith(end)


@pytest.mark.anyio
async def test_a_summary_has_customer_ios_words_for_its_own_attributes_and_counts_what_it_does_not_name(
    ws: CallContext,
) -> None:
    preferences: JsonValue = {"topics": {"topic_1": False}}
    plan = await update_customer(ws, "ada", attributes={"cio_subscription_preferences": preferences, "plan": "x"})
    assert plan.summary == "Unsubscribe “ada” from “Product updates”, and set “plan”."
    assert plan.why == "This affects who receives messages: subscription preferences."
    plan = await update_customer(ws, "ada", attributes={f"a{number}": number for number in range(8)})
    assert plan.summary == "Set “a0”, “a1”, “a2”, “a3”, “a4”, and 3 more of “ada”."
