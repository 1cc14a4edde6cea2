"""The callers on this machine: their names, owners and scopes."""

import pytest

from cio_mcp.identity.callers import local_caller, loopback_caller
from cio_mcp.identity.scopes import EVERY_TOOL

OWNER = "local:ada"


@pytest.mark.parametrize(
    "name",
    [
        "good",
        "good\u200b",
        "\ufeffgood",
        "go\u00adod",
        " good\n",
        "\uff47\uff4f\uff4f\uff44",
        "good\u3164",
    ],
)
def test_names_that_look_the_same_are_one_caller(name: str) -> None:
    assert loopback_caller(name, owner=OWNER) == loopback_caller("good", owner=OWNER)


@pytest.mark.parametrize("name", ["good two", "good\u00a0two", "good \t\u200b two"])
def test_spaces_of_a_name_are_all_the_same(name: str) -> None:
    assert loopback_caller(name, owner=OWNER).id == "loopback:good two"


@pytest.mark.parametrize("name", [None, "", " ", "\u200b", "\n\u2060"])
def test_a_client_without_a_visible_name_is_unnamed(name: str | None) -> None:
    assert loopback_caller(name, owner=OWNER).id == "loopback:unnamed"


def test_a_name_is_bounded() -> None:
    assert len(loopback_caller("x" * 10_000, owner=OWNER).id) == len("loopback:") + 80


def test_no_name_makes_a_client_over_http_the_local_user_or_lets_it_ask() -> None:
    caller = loopback_caller(OWNER, owner=OWNER)
    assert caller.id != local_caller(OWNER).id
    assert not caller.may_be_asked


def test_clients_over_http_belong_to_the_user_whose_server_it_is() -> None:
    assert {loopback_caller(name, owner=OWNER).owner for name in ("a client", "another", None)} == {OWNER}


def test_callers_on_this_machine_can_use_every_tool() -> None:
    assert local_caller(OWNER).may_be_asked
    assert local_caller(OWNER).scopes == loopback_caller("x", owner=OWNER).scopes == EVERY_TOOL


def test_a_name_of_very_many_marks_is_cut_in_time() -> None:
    assert len(loopback_caller("a" + "\u0301\u0323" * 250_000, owner=OWNER).id) == len("loopback:") + 80
