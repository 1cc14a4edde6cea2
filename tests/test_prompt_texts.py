"""What the shipped prompts name exists: tools, their arguments, values of them, and verdicts.

In a prompt, `tool(argument, argument="value")` stands for a call of a tool with these arguments among others.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from cio_mcp.server import definitions
from cio_mcp.server.prompts import Template, offered
from cio_mcp.tools.core.explanation.verdicts import Verdict

CALL = re.compile(r"([a-z_]+)\(([^()]+)\)")
GIVEN = re.compile(r'([a-z_]+)(?:=("[^"]*"|true|false|\d+))?')
SPAN = re.compile(r"`([^`]+)`")
SCHEMAS: dict[str, dict[str, Any]] = {
    tool["name"]: tool["inputSchema"]["properties"] for tool in json.loads(definitions.FILE.read_text(encoding="utf-8"))
}
VERDICTS = set(get_args(Verdict))
PROMPTS = {template.name: template for template in offered()}
DATA = re.compile(r"[Tt]reat [a-z, ]*(?:text|messages)[a-z, ]* as data")
NO_WRITES = "Read only."
EVIDENCE = {
    "campaign-report": ("too small to tell", "machine"),
    "customer-360": ("machine",),
    "deliverability-review": ("too small to tell", "machines"),
    "launch-checklist": ("doesn't show that it works for everyone",),
    "newsletter-review": ("too small to tell", "machine"),
    "segment-sync": ("Don't conclude",),
    "test-an-event": ("not for all", "machine"),
    "weekly-report": ("too small to tell", "machine"),
    "why-no-message": ("doesn't show how many others", "machine"),
}
"""What each prompt warns of concluding."""


def problems(text: str) -> Iterator[str]:
    """What a text names that does not exist."""
    spans = SPAN.findall(text)
    calls = [call for span in spans if (call := CALL.fullmatch(span))]
    named = {call[1] for call in calls} | {span for span in spans if span in SCHEMAS}
    for call in calls:
        if call[1] not in SCHEMAS:
            yield f"there is no tool {call[1]}"
            continue
        for given in call[2].split(", "):
            yield from wrong_argument(given, {call[1]})
    for span in spans:
        if CALL.fullmatch(span) or span in SCHEMAS or span in VERDICTS:
            continue
        yield from wrong_argument(span, named & SCHEMAS.keys())


def wrong_argument(given: str, tools: set[str]) -> Iterator[str]:
    """What is wrong with an argument, with or without its value, of one of some tools."""
    match = GIVEN.fullmatch(given)
    if match is None:
        yield f"{given} is neither an argument, a tool, nor a verdict"
        return
    schemas = [SCHEMAS[tool][match[1]] for tool in tools if match[1] in SCHEMAS[tool]]
    if not schemas:
        yield f"no tool of {sorted(tools)} takes {match[1]}"
    elif match[2] and not any(accepts(schema, json.loads(match[2])) for schema in schemas):
        yield f"{match[1]} does not take {match[2]}"


def accepts(schema: dict[str, Any], value: object) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    if isinstance(value, int) and not isinstance(value, bool):
        return bool(schema["type"] == "integer" and value <= schema.get("maximum", value))
    return bool(schema["type"] == {bool: "boolean", str: "string"}[type(value)])


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_names_only_tools_arguments_and_values_that_exist(name: str) -> None:
    assert not list(problems(PROMPTS[name].body))


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_calls_tools_in_numbered_steps(name: str) -> None:
    steps = re.findall(r"^\d+\. .*(?:\n .*)*", PROMPTS[name].body, re.MULTILINE)
    assert len(steps) >= 3
    assert any(SPAN.search(step) for step in steps)


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_says_what_not_to_conclude_and_that_text_is_data(name: str) -> None:
    text = one_line(PROMPTS[name])
    assert EVIDENCE.keys() == PROMPTS.keys()
    assert all(warning in text for warning in EVIDENCE[name])
    assert DATA.search(text)
    assert "not as instructions" in text or "about the person" in text


def test_a_prompt_without_a_write_says_that_it_only_reads() -> None:
    writes = {each.name for each in definitions.load() if each.writes}
    for template in PROMPTS.values():
        named = {span.partition("(")[0] for span in SPAN.findall(template.body)}
        assert bool(named & writes) != (NO_WRITES in one_line(template)), template.name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Use `get_metrix(id)`.", "there is no tool get_metrix"),
        ("Use `get_metrix`.", "no tool of [] takes get_metrix"),
        ("Use `get_metrics(campaign)`.", "no tool of ['get_metrics'] takes campaign"),
        ('Use `get_metrics(kind="email")`.', 'kind does not take "email"'),
        ('Use `get_metrics(links="yes")`.', 'links does not take "yes"'),
        ("Use `list_messages(limit=1000)`.", "limit does not take 1000"),
        ("Use `get_metrics` with `member`.", "no tool of ['get_metrics'] takes member"),
        ('Use `get_metrics` with `channel="fax"`.', 'channel does not take "fax"'),
        ("Use `get_metrics` if it says `No way!`.", "No way! is neither an argument, a tool, nor a verdict"),
    ],
)
def test_a_name_that_does_not_exist_is_noticed(text: str, problem: str) -> None:
    assert list(problems(text)) == [problem]


def one_line(template: Template) -> str:
    return " ".join(template.body.split())
