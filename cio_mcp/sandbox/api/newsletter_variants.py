"""Variants of newsletters: languages, and the groups of an A/B test, each with languages of its own.

The first group has the content of the newsletter; each group that is added gets a copy of it.
"""

from dataclasses import replace
from typing import Any

from cio_mcp.sandbox.api.newsletters import NEWSLETTER, NEWSLETTERS, content_ids, newsletter_json
from cio_mcp.sandbox.api.routes import Handler, Route
from cio_mcp.sandbox.api.sources import sources_of
from cio_mcp.sandbox.http import ApiRequest, ApiResponse, app_error, require
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template
from cio_mcp.sandbox.world.texts import Key, Translation
from cio_mcp.sandbox.world.workspace import Workspace

# https://docs.customer.io/integrations/api/app/ (Newsletters)
TEXTS = ("body", "body_amp", "subject", "preheader_text", "recipient")


def _groups(workspace: Workspace, request: ApiRequest) -> Any:
    """One group for each content, if there are several."""
    source = NEWSLETTERS.find(workspace, request)
    groups = source.templates if len(source.templates) > 1 else ()
    return {
        "test_groups": [
            {
                "id": number, "name": f"Group {_letter(number)}", "label": _letter(number), "winner": False,
                "content_ids": list(content_ids(workspace, source, [template])),
            }
            for number, template in enumerate(groups, 1)
        ]
    }  # fmt: skip


def _letter(number: int) -> str:
    return chr(ord("A") + (number - 1) % 26)


def _add_group(workspace: Workspace, request: ApiRequest) -> Any:
    source = _unsent(workspace, request)
    copy = replace(source.templates[0], id=_next_content(workspace))
    source = workspace.sources["newsletter", source.id] = replace(source, templates=(*source.templates, copy))
    return {"newsletter": newsletter_json(workspace, source)}


def _unsent(workspace: Workspace, request: ApiRequest) -> Source:
    source = NEWSLETTERS.find(workspace, request)
    if source.state == "sent":
        raise app_error(400, "the newsletter has already been sent")
    return source


def _template(source: Source, request: ApiRequest) -> Template:
    """The content that a path is about: that of a group, or the first."""
    if "test_group_id" not in request.path:
        return source.templates[0]
    number = request.path["test_group_id"]
    if not number.isdecimal() or not 1 <= int(number) <= len(source.templates):
        raise app_error(400, "the test group does not exist")
    return source.templates[int(number) - 1]


def _add_language(workspace: Workspace, request: ApiRequest) -> Any:
    source, fields = _unsent(workspace, request), request.fields
    template = _template(source, request)
    language = fields.get("language")
    if not isinstance(language, str) or not language.strip():
        raise app_error(422, "language is missing")
    if workspace.texts.translation(_key(source, template), language):
        raise app_error(422, "the language variant already exists")
    needed = ("subject", "body") if template.channel == "email" else ("body",)
    texts = {name: fields[name] for name in TEXTS if fields.get(name) is not None}
    if not all(texts.get(name) for name in needed) or not all(isinstance(text, str) for text in texts.values()):
        raise app_error(422, f"{' and '.join(needed)} must be given, as text")
    translation = Translation(language, _next_content(workspace), texts)
    workspace.texts.translations.setdefault(_key(source, template), []).append(translation)
    return {"newsletter": newsletter_json(workspace, source)}


def _find(workspace: Workspace, request: ApiRequest) -> tuple[Source, Template, Translation]:
    source = NEWSLETTERS.find(workspace, request)
    template = _template(source, request)
    return source, template, require(workspace.texts.translation(_key(source, template), request.path["language"]))


def _get_language(workspace: Workspace, request: ApiRequest) -> Any:
    return {"content": NEWSLETTERS.part_json(workspace, *_find(workspace, request))}


def _update_language(workspace: Workspace, request: ApiRequest) -> Any:
    source, template, translation = _find(workspace, request)
    texts = {name: request.fields[name] for name in TEXTS if request.fields.get(name) is not None}
    if not all(isinstance(text, str) for text in texts.values()):
        raise app_error(400, f"{', '.join(texts)} must be text")
    translation.fields |= texts
    return {"content": NEWSLETTERS.part_json(workspace, source, template, translation)}


def _delete_language(workspace: Workspace, request: ApiRequest) -> Any:
    source, template, translation = _find(workspace, request)
    workspace.texts.translations[_key(source, template)].remove(translation)
    return ApiResponse(204)


def _key(source: Source, template: Template) -> Key:
    return source.kind, source.id, template.id


def _next_content(workspace: Workspace) -> int:
    """An ID that no content of a newsletter has."""
    newsletters = sources_of(workspace, "newsletter")
    used = (number for source in newsletters for number in content_ids(workspace, source, source.templates))
    return max(used, default=0) + 1


GROUP_LANGUAGES = f"{NEWSLETTER}/test_group/{{test_group_id}}/language"
LANGUAGE_ROUTES: tuple[tuple[str, Handler], ...] = (
    ("GET", _get_language), ("PUT", _update_language), ("DELETE", _delete_language),
)  # fmt: skip
ROUTES: tuple[Route, ...] = (
    ("GET", f"{NEWSLETTER}/test_groups", _groups),
    ("POST", f"{NEWSLETTER}/test_groups", _add_group),
    ("POST", f"{NEWSLETTER}/language", _add_language),
    ("DELETE", f"{NEWSLETTER}/language/{{language}}", _delete_language),
    ("POST", GROUP_LANGUAGES, _add_language),
    *((method, f"{GROUP_LANGUAGES}/{{language}}", handler) for method, handler in LANGUAGE_ROUTES),
)
