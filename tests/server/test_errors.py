"""The sentences about failures: what a model reads, what the operator reads, and what no one does."""

import logging

import pytest
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ValidationError

from cio_mcp.errors import InvalidAnswer, NotFound, RateLimited, SettingError
from cio_mcp.server.errors import INVALID_ANSWER, sentence, where

ADDRESS = "ada@example.com"


def fail(address: str) -> None:
    known: dict[str, int] = {}
    try:
        known[address] += 1
    except KeyError as missing:
        raise RuntimeError(f"no such thing: {address}") from missing


def test_an_unexpected_failure_is_logged_by_its_place_and_kind_without_the_values_it_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(RuntimeError) as failure, caplog.at_level(logging.ERROR):
        fail(ADDRESS)
    message = sentence("send_event", failure.value)
    assert message == (
        "send_event failed unexpectedly. Check list_changes for what was sent; details are in the server log."
    )
    assert ADDRESS not in message + caplog.text
    assert "KeyError" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "in fail" in caplog.text


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (NotFound("customer: no customer has the ID x"), "customer: no customer has the ID x."),
        (NotFound("There is none. See list_segments."), "There is none. See list_segments."),
        (
            SettingError("CIO_REGION", "expected us or eu"),
            "CIO_REGION: expected us or eu. The server operator must fix this. Retrying won't help.",
        ),
        (RateLimited(5), "Customer.io's rate limit (lane app) has no room in time. Try again in 5 s."),
    ],
)
def test_an_error_of_ours_is_shown_in_its_own_words_with_advice_for_the_operator(
    failure: Exception, expected: str
) -> None:
    wrapped = ToolError("Error executing tool x")
    wrapped.__cause__ = failure
    assert sentence("get_customer", wrapped) == expected


class Number(BaseModel):
    number: int


def test_a_model_that_fails_inside_a_tool_is_not_blamed_on_the_arguments(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValidationError) as failure:
        Number.model_validate({"number": ADDRESS})
    assert sentence("get_customer", failure.value).startswith("get_customer failed unexpectedly.")
    assert ADDRESS not in caplog.text


def wrap(failure: Exception) -> ToolError:
    """The error that the SDK makes of a failure in a tool."""
    wrapped = ToolError(f"Error executing tool send_event: {failure}")
    wrapped.__cause__ = failure
    return wrapped


@pytest.mark.parametrize(
    "failure",
    [InvalidAnswer(INVALID_ANSWER), ToolError("Resolver 'send_event.approval' received a non-elicitation response")],
    ids=["of ours", "of the SDK"],
)
def test_an_unusable_approval_response_says_that_nothing_was_sent(failure: Exception) -> None:
    assert sentence("send_event", wrap(failure)) == (
        "The approval response was invalid. Nothing was sent. Call the tool again."
    )


def test_a_failure_whose_text_contains_the_words_of_an_invalid_answer_is_not_one() -> None:
    assert sentence("send_event", wrap(ToolError("customer: Resolver Street"))).startswith("send_event failed")


def test_failures_that_caused_each_other_have_a_sentence_and_a_place() -> None:
    first, second = ToolError("first"), ToolError("second")
    first.__cause__, second.__cause__ = second, first
    assert sentence("send_event", first).startswith("send_event failed unexpectedly.")
    assert where(first).count("ToolError") == 2
