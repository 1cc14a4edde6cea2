"""The prompts as skills, as a client that loads skills reads them, in both protocol eras."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS, PaginatedRequestParams, Request, Result, TextResourceContents
from pydantic import ConfigDict

from cio_mcp.server.app import build_server
from cio_mcp.server.prompts import parse
from cio_mcp.server.skills import MAX_DESCRIPTION_CHARACTERS, Skills, UriParams, text_of
from cio_mcp.settings import Settings
from tests.eras import Era

pytestmark = pytest.mark.anyio

EXTENSION = "io.modelcontextprotocol/skills"
PROMPTS = Path(__file__).parents[2] / "prompts"
HEAD = '+++\ntitle = "A title"\ndescription = {description}\n+++\nDo it.\n'


class AnyResult(Result):
    """A result of any members."""

    model_config = ConfigDict(extra="allow")


class ListSkills(Request[PaginatedRequestParams, Literal["skills/list"]]):
    method: Literal["skills/list"] = "skills/list"


class GetSkill(Request[UriParams, Literal["skills/get"]]):
    method: Literal["skills/get"] = "skills/get"


ALL = ListSkills(params=PaginatedRequestParams())


def one(uri: str) -> GetSkill:
    return GetSkill(params=UriParams(uri=uri))


async def ask(client: Client, request: ListSkills | GetSkill) -> dict[str, Any]:
    return (await client.session.send_request(request, AnyResult)).model_dump(by_alias=True, exclude_none=True)


async def entries(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(client, ALL))["skills"]
    return found


async def content(client: Client, uri: str) -> TextResourceContents:
    (read,) = (await client.read_resource(uri)).contents
    assert isinstance(read, TextResourceContents)
    return read


def front_matter(text: str) -> dict[str, str]:
    """What a YAML reader finds, of values that are JSON strings."""
    start, head, _ = text.split("---\n", 2)
    assert start == ""
    return {key: json.loads(value) for key, _, value in (line.partition(": ") for line in head.splitlines())}


async def test_the_extension_is_announced_in_every_era(era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        announced = client.server_capabilities
    assert announced is not None
    assert announced.extensions == {EXTENSION: {}}
    assert announced.resources


async def test_every_shipped_prompt_is_a_skill_whose_entry_describes_its_file(era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        listed = await entries(client)
        files = {entry["uri"]: await content(client, entry["uri"]) for entry in listed}
    assert [entry["frontmatter"]["name"] for entry in listed] == sorted(path.stem for path in PROMPTS.glob("*.md"))
    for entry in listed:
        uri = entry["uri"]
        assert uri == f"skill://{entry['frontmatter']['name']}/SKILL.md"
        assert files[uri].mime_type == "text/markdown"
        assert front_matter(files[uri].text) == entry["frontmatter"]
        assert set(entry["frontmatter"]) == {"name", "description"}
        raw = files[uri].text.encode()
        assert entry["resources"] == [{"uri": uri, "digest": f"sha256:{sha256(raw).hexdigest()}", "size": len(raw)}]


async def test_results_state_that_they_are_complete_and_how_long_they_are_fresh(era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        listed = await ask(client, ALL)
        got = await ask(client, one(listed["skills"][0]["uri"]))
    assert got["skill"] == listed["skills"][0]
    for result in (listed, got):
        assert (result["resultType"], result["ttlMs"], result["cacheScope"]) == ("complete", 300_000, "private")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("uri", ["skill://campaign-report", "skill://no-such/SKILL.md", "cio://segments", "x" * 9_000])
async def test_any_other_uri_is_no_skill(uri: str, era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        with pytest.raises(MCPError, match=r"^No skill has the URI “.{1,200}”\. Call skills/list") as refused:
            await ask(client, one(uri))
        with pytest.raises(MCPError):
            await client.read_resource(f"{uri}/no-such")
    assert refused.value.code == INVALID_PARAMS


async def test_there_is_no_second_page(era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        with pytest.raises(MCPError, match=r"^cursor: expected none"):
            await ask(client, ListSkills(params=PaginatedRequestParams(cursor="2")))


async def test_skills_are_listed_as_resources_for_clients_without_the_extension(era: Era, settings: Settings) -> None:
    async with Client(build_server(settings), mode=era) as client:
        listed = await entries(client)
        resources = {str(each.uri): each for each in (await client.list_resources()).resources}
    for entry in listed:
        resource = resources[entry["uri"]]
        assert (resource.name, resource.description) == (
            entry["frontmatter"]["name"],
            entry["frontmatter"]["description"],
        )


async def test_a_skill_asks_for_its_inputs_and_keeps_their_places_in_its_text(settings: Settings) -> None:
    async with Client(build_server(settings)) as client:
        text = (await content(client, "skill://campaign-report/SKILL.md")).text
    assert "- `{campaign}`: ID or exact name\n" in text
    assert "- `{period}`: Time range (default: the last 30 days)\n" in text
    assert "Write a report on {campaign} for {period}" in text


async def test_an_operators_prompts_are_the_skills_except_those_whose_names_a_skill_may_not_have(
    tmp_path: Path, settings: Settings
) -> None:
    for name in ("my-report", "my_report", "a--b", "a-"):
        (tmp_path / f"{name}.md").write_text(HEAD.format(description='"Für die Öffnungen"'), encoding="utf-8")
    server = build_server(settings.model_copy(update={"prompts_dir": tmp_path}))
    async with Client(server) as client:
        (entry,) = await entries(client)
        raw = (await content(client, entry["uri"])).text.encode()
        assert len((await client.list_prompts()).prompts) == 4
    assert entry["uri"] == "skill://my-report/SKILL.md"
    assert "Für die Öffnungen" in raw.decode()  # YAML has no pairs of surrogates.
    assert entry["frontmatter"] == {"name": "my-report", "description": "Für die Öffnungen"}
    assert [(file["size"], file["digest"]) for file in entry["resources"]] == [
        (len(raw), f"sha256:{sha256(raw).hexdigest()}")
    ]


@pytest.mark.parametrize(
    "description",
    [
        '"a\\n---\\nname: other"',
        '"tab\\tand \\"quotes\\""',
        '"#: {no} [yaml]"',
        "'''\u2028\u0085--- x'''",
        '"' + "x" * 5_000 + '"',
    ],
)
def test_no_description_leaves_its_value(description: str) -> None:
    template = parse("good", HEAD.format(description=description))
    text = text_of(template)
    (resource,) = Skills([template]).resources()
    found = front_matter(text)
    assert text.splitlines()[:1] == ["---"]
    assert text.splitlines()[3] == "---"
    assert found == {"name": "good", "description": resource.resource.description}
    assert len(found["description"]) <= MAX_DESCRIPTION_CHARACTERS
    assert text.endswith("\n# A title\n\nDo it.\n")
