import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.api import tracking
from cio_mcp.customerio.api.base import Reference
from cio_mcp.customerio.call import Call, read
from cio_mcp.customerio.outcome import Answered, Lost, Outcome, Unsent
from cio_mcp.customerio.responses import json_object, problem, rejection
from cio_mcp.errors import BadAnswer, NotFound, RateLimited, Rejected, SettingError, Unavailable

SEND = Call(
    operation="send_email",
    body={"to": "ada@example.com", "identifiers": {"email": "ada@example.com"}, "message_data": {"name": "Ada"}},
)
ONE = read("get_customer_attributes", customer_id="ada@example.com")


def test_an_object_is_read() -> None:
    assert json_object(Answered(200, b'{"results": [1], "new_key": null}')) == {"results": [1], "new_key": None}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answered(200, b""), "empty"),
        (Answered(200, b" \n"), "empty"),
        (Answered(200, b"<html><body>ada@example.com</body></html>"), "not JSON"),
        (Answered(200, b'[{"email": "ada@example.com"}]'), "not an object"),
        (Answered(200, b'{"cut": "of'), "not JSON"),
        (Answered(200, b"[" * 100_000), "not JSON"),
        (Answered(200, b"\xff\xfe"), "not JSON"),
        (Answered(200, flaw="larger than 16 MiB"), "larger than 16 MiB"),
    ],
)
def test_a_response_that_is_not_a_json_object_is_a_bad_answer(answer: Answered, message: str) -> None:
    with pytest.raises(BadAnswer, match=message) as caught:
        json_object(answer)
    assert "ada" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with suppress(BadAnswer):
        assert isinstance(json_object(Answered(200, body)), dict)


@pytest.mark.parametrize(
    ("outcome", "kind", "message"),
    [
        (Unsent("could not be reached"), Unavailable, "nothing was sent. Try again in 5 s."),
        (Lost("broke the connection"), Unavailable, "broke the connection. Try again in 5 s."),
        (Answered(404), NotFound, "/v1/customers/{customer_id}/attributes"),
        (Answered(429, retry_after=2.0), RateLimited, "Try again in 2 s"),
        (Answered(429), RateLimited, "Try again in 1 s"),
        (Answered(400), Rejected, "did not accept the request (400)"),
        (Answered(409), Rejected, "conflict"),
        (Answered(413), Rejected, "too large (413)"),
        (Answered(301), SettingError, "CIO_APP_URL"),
        (Answered(503), Unavailable, "answered 503. Try again in 5 s."),
        (Answered(503, retry_after=30.0), Unavailable, "Try again in 30 s."),
    ],
)
def test_every_outcome_is_a_sentence_for_who_must_act(outcome: Outcome, kind: type[Exception], message: str) -> None:
    error = problem(ONE, outcome)
    assert type(error) is kind
    assert message in str(error)
    assert "ada" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"field": "message_data", "reason": "required", "message": "ada@example.com"}]},
        {"errors": [{"source": {"pointer": "/message_data"}, "detail": "ada@example.com", "status": "422"}]},
        {"errors": [{"field": "ada@example.com"}, {"field": "message_data.secret_value"}]},
    ],
)
def test_a_rejection_names_the_fields_that_we_sent_and_nothing_else(body: object) -> None:
    text = rejection(SEND, Answered(422, json.dumps(body).encode()))
    assert text == "Customer.io did not accept the request (422). It names `message_data`. Check the arguments."


EVENT = tracking.event(Reference("ada"), "x" * 101, {"plan": "pro", "bio": "secret"}, ulid="01HZ", at=None)
IDENTIFY = tracking.identify(Reference("ada"), {"bio": "secret", "plan": "y", "be": 1}, at=1_800_000_000, create=False)


@pytest.mark.parametrize(
    ("call", "meta", "named"),
    [
        (EVENT, {"error": "event name cannot be longer than 100 bytes"}, "`name`"),
        (EVENT, {"errors": ["event name cannot be longer than 100 bytes"]}, "`name`"),
        (EVENT, {"error": "data.bio is too long"}, "`bio`, `data`"),
        (IDENTIFY, {"errors": ["value for attribute 'bio' cannot be longer than 1000 bytes"]}, "`bio`"),
        (
            IDENTIFY,
            {"errors": ['attribute "bio" is too long', 7, None, "attribute `plan` is too long"]},
            "`bio`, `plan`",
        ),
        (IDENTIFY, {"errors": [{"field": "bio"}], "error": "plan is unknown"}, "`bio`, `plan`"),
        (IDENTIFY, {"errors": ["value for attribute cannot be longer"]}, None),
        (IDENTIFY, {"error": "ada@example.com"}, None),
        (IDENTIFY, {"error": ["bio"]}, "`bio`"),
        (IDENTIFY, {"error": "'elsewhere' is no value for bio"}, "`bio`"),
        (IDENTIFY, {"error": "'bio' is no plan"}, "`bio`"),
        (IDENTIFY, "bio", None),
    ],
)
def test_both_error_shapes_of_track_name_the_fields_that_we_sent(call: Call, meta: object, named: str | None) -> None:
    about = f" It names {named}." if named else ""
    text = rejection(call, Answered(400, json.dumps({"meta": meta}).encode()))
    assert text == f"Customer.io did not accept the request (400).{about} Check the arguments."


def test_one_odd_error_does_not_hide_the_fields_of_the_others() -> None:
    body = json.dumps({"errors": [3, None, {"field": 4}, {"field": "to"}]}).encode()
    assert "It names `to`." in rejection(SEND, Answered(422, body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>ada@example.com</html>",
        b"[]",
        b"null",
        b'{"meta": {"error": "ada@example.com"}}',
        b'{"meta": {"errors": ["ada@example.com"]}}',
        b'{"errors": "ada@example.com"}',
        b'{"errors": ["ada@example.com", 3, null]}',
        b'{"errors": [{"field": 3, "source": "to"}]}',
        b'{"errors": [{"field": null, "source": null}]}',
        b'{"errors": {"detail": "ada@example.com"}}',
    ],
)
def test_odd_error_bodies_are_accepted_and_not_quoted(body: bytes) -> None:
    assert rejection(SEND, Answered(400, body)) == "Customer.io did not accept the request (400). Check the arguments."


@given(body=st.binary(max_size=300), status=st.integers(300, 599))
def test_no_part_of_a_body_or_an_argument_reaches_an_error(body: bytes, status: int) -> None:
    plain = str(problem(SEND, Answered(status)))
    assert str(problem(SEND, Answered(status, b"ada@example.com" + body))) == plain
    assert "ada" not in plain
