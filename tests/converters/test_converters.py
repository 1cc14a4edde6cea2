"""Every tool's arguments through the converters that agent frameworks use, and what each of them drops.

`make clients` installs the frameworks; without them these tests are skipped.
"""

import copy
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp_types import Tool

from cio_mcp.server.definitions import load
from tests.examples import EXAMPLES

pytestmark = pytest.mark.filterwarnings("ignore")  # those that frameworks give about themselves

TOOLS: dict[str, Tool] = {each.name: each.tool for each in load()}
FREE_FORM = {(tool, argument) for tool, example in EXAMPLES.items() for argument in example.free_form}
"""What OpenAI's strict mode does not have."""

each_tool = pytest.mark.parametrize("name", TOOLS)


def installed(module: str, package: str) -> Any:
    """A framework's module; the test is skipped without its package."""
    return pytest.importorskip(module, reason=f"make clients installs {package}", exc_type=ImportError)


def schema_of(name: str) -> dict[str, Any]:
    return copy.deepcopy(TOOLS[name].input_schema)


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """A schema without references and null arms."""
    if "$ref" in schema:
        return resolved(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    arms = [arm for arm in schema.get("anyOf", []) if arm != {"type": "null"}]
    return resolved(arms[0], root) if len(arms) == 1 else schema


def shape(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """Types, names of members and enumerated values: what a converter must not lose."""
    schema = resolved(schema, root)
    if schema.get("type") == "object":
        members = schema.get("properties", {})
        return {name: shape(member, root) for name, member in members.items()}
    if schema.get("type") == "array":
        return [shape(schema["items"], root)]
    return (schema["type"], tuple(schema.get("enum", ())))


def gemini_shape(schema: Any) -> Any:
    """The same of a `google.genai.types.Schema`."""
    kind = schema.type.value.lower() if schema.type else None
    if kind is None and schema.any_of:
        [arm] = [arm for arm in schema.any_of if arm.type and arm.type.value != "NULL"]
        return gemini_shape(arm)
    if kind == "object":
        return {name: gemini_shape(member) for name, member in (schema.properties or {}).items()}
    if kind == "array":
        return [gemini_shape(schema.items)]
    return (kind, tuple(schema.enum or ()))


def with_free_form_as_text(members: dict[str, Any]) -> dict[str, Any]:
    """A shape with each member that is a free-form object as a text, at any depth."""
    return {
        name: (with_free_form_as_text(member) or ("string", ())) if isinstance(member, dict) else member
        for name, member in members.items()
    }


def open_objects(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    """Which arguments are objects that strict mode would refuse."""
    for name, argument in schema["properties"].items():
        pending = [argument]
        while pending:
            here = resolved(pending.pop(), root)
            members = here.get("properties", {})
            if here.get("type") == "object" and (
                here.get("additionalProperties") is not False or sorted(here.get("required", [])) != sorted(members)
            ):
                yield name
            pending += [*members.values(), *([here["items"]] if "items" in here else [])]


@pytest.fixture
def function_tool() -> Any:
    """The conversion of openai-agents, strict where it can be."""
    agents = installed("agents.mcp", "openai-agents")
    server = agents.MCPServerStdio({"command": "cio-mcp"})
    return lambda name: agents.MCPUtil.to_function_tool(TOOLS[name], server, convert_schemas_to_strict=True)


@pytest.fixture
def langchain_tool() -> Any:
    """A tool as langchain-mcp-adapters makes it: with the schema as it is. The package itself needs `mcp` 1."""
    tools = installed("langchain_core.tools", "langchain-openai")

    async def call(**_: Any) -> None:
        """Never called."""

    return lambda name: tools.StructuredTool(
        name=name, description=TOOLS[name].description or "", args_schema=schema_of(name), coroutine=call
    )


@each_tool
def test_openai_agents_makes_every_tool_strict_that_has_no_free_form_object(function_tool: Any, name: str) -> None:
    made = function_tool(name)
    schema = made.params_json_schema
    # A reference counts as open: openai-agents does not follow it.
    is_open = bool(EXAMPLES[name].free_form or EXAMPLES[name].open_parts or "$defs" in schema_of(name))
    assert made.strict_json_schema is not is_open
    assert shape(schema, schema) == shape(schema_of(name), schema_of(name))
    if made.strict_json_schema:
        assert list(open_objects(schema, schema)) == []
        assert sorted(schema["required"]) == sorted(schema["properties"])
        assert schema["additionalProperties"] is False


def test_fields_that_strict_mode_requires_can_be_left_blank_in_a_filter(function_tool: Any) -> None:
    schema = function_tool("find_customers").params_json_schema
    vip = {"segment": {"id": "2"}, "attribute": None}
    filters: list[dict[str, Any]] = [{"and": [vip], "or": [], "not": None}, {"and": [], "or": [], "not": None}]
    for filter_ in filters:
        given = {"email": "", "segment": "", "cursor": "", "limit": 20, "filter": filter_}
        Draft202012Validator(schema).validate(given)


@each_tool
def test_langchain_gives_openai_the_schema_as_it_is(langchain_tool: Any, name: str) -> None:
    openai = installed("langchain_openai", "langchain-openai")
    model = openai.ChatOpenAI(model="gpt-5", api_key="none")
    [bound] = model.bind_tools([langchain_tool(name)]).kwargs["tools"]
    assert shape(bound["function"]["parameters"], schema_of(name)) == shape(schema_of(name), schema_of(name))


@each_tool
def test_langchain_closes_free_form_objects_in_strict_mode_so_they_stay_empty(langchain_tool: Any, name: str) -> None:
    openai = installed("langchain_openai", "langchain-openai")
    model = openai.ChatOpenAI(model="gpt-5", api_key="none")
    [bound] = model.bind_tools([langchain_tool(name)], strict=True).kwargs["tools"]
    schema = bound["function"]["parameters"]
    assert bound["function"]["strict"] is True
    assert list(open_objects(schema, schema)) == []
    closed = {
        argument
        for argument, given in schema_of(name)["properties"].items()
        if given.get("additionalProperties") == {} and schema["properties"][argument]["additionalProperties"] is False
    }
    assert {(name, argument) for argument in closed} == {pair for pair in FREE_FORM if pair[0] == name}


@each_tool
def test_google_genai_keeps_types_members_and_values_in_the_old_field(name: str) -> None:
    [declared] = (
        installed("google.genai._mcp_utils", "google-genai").mcp_to_gemini_tool(TOOLS[name]).function_declarations
    )
    assert gemini_shape(declared.parameters) == shape(schema_of(name), schema_of(name))
    assert sorted(declared.parameters.required or []) == sorted(schema_of(name).get("required", []))


@each_tool
def test_google_adk_keeps_types_members_and_values_in_either_field(name: str) -> None:
    converter = installed("google.adk.tools._gemini_schema_util", "google-adk")
    assert gemini_shape(converter._to_gemini_schema(schema_of(name))) == shape(schema_of(name), schema_of(name))


@each_tool
def test_langchain_gives_gemini_everything_and_makes_a_free_form_object_a_text_of_json(
    langchain_tool: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    utilities = installed("langchain_google_genai._function_utils", "langchain-google-genai")
    with caplog.at_level(logging.WARNING):
        [tool] = utilities.convert_to_genai_function_declarations([langchain_tool(name)])
    [declared] = tool.function_declarations
    assert gemini_shape(declared.parameters) == with_free_form_as_text(shape(schema_of(name), schema_of(name)))
    ignored = {record.getMessage() for record in caplog.records}
    assert ignored <= {"Key '$defs' is not supported in schema, ignoring"}  # its references were resolved before


@each_tool
def test_gemini_has_no_object_without_members_but_free_form_ones(name: str) -> None:
    [declared] = (
        installed("google.genai._mcp_utils", "google-genai").mcp_to_gemini_tool(TOOLS[name]).function_declarations
    )
    empty = {argument for argument, kept in gemini_shape(declared.parameters).items() if kept == {}}
    assert {(name, argument) for argument in empty} == {pair for pair in FREE_FORM if pair[0] == name}
