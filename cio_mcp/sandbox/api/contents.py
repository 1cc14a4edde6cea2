"""Edits of actions and contents, and their translations."""

from collections.abc import Callable, Mapping
from typing import Any

from cio_mcp.sandbox.api.account import SENDERS
from cio_mcp.sandbox.api.broadcasts import BROADCASTS
from cio_mcp.sandbox.api.campaigns import CAMPAIGNS
from cio_mcp.sandbox.api.newsletters import NEWSLETTERS
from cio_mcp.sandbox.api.routes import Handler, Route
from cio_mcp.sandbox.api.sources import SourceRoutes
from cio_mcp.sandbox.api.transactional import MESSAGES
from cio_mcp.sandbox.http import ApiRequest, app_error, require
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.templates import Template
from cio_mcp.sandbox.world.texts import Key, Translation
from cio_mcp.sandbox.world.workspace import Workspace

TEXTS = ("body", "body_amp", "subject", "preheader_text", "recipient", "sending_state", "image_url", "url", "method")
SENDER_FIELDS = {"from_id": "from", "reply_to_id": "reply_to"}
SENDING_STATES = {"automatic", "draft", "off"}
OVERWRITTEN = {"body": "", "body_amp": "", "subject": "", "preheader_text": "", "reply_to_id": None, "headers": "[]"}
"""What a request that overwrites a transactional message resets unless it says otherwise."""


Edit = Callable[[Workspace, ApiRequest], tuple[Source, Template, Translation | None]]
"""Finds what a request is about: a message, or one of its translations."""


def _fields(body: Any) -> dict[str, Any]:
    """The fields of a body that can be edited; others are read-only, and ignored."""
    if not isinstance(body, dict):
        raise app_error(400, "the body must be a JSON object")
    fields = {name: body[name] for name in TEXTS if body.get(name) is not None}
    if wrong := [name for name, value in fields.items() if not isinstance(value, str)]:
        raise app_error(400, f"{', '.join(wrong)} must be text")
    if fields.get("sending_state", "off") not in SENDING_STATES:
        raise app_error(400, f"sending_state must be one of {', '.join(sorted(SENDING_STATES))}")
    if body.get("headers") is not None:
        fields["headers"] = body["headers"]
    addresses = {number: f"{name} <{email}>" for number, name, email in SENDERS}
    for name, address in SENDER_FIELDS.items():
        if name not in body or (body[name] is None and name == "from_id"):
            continue
        number = body[name]
        if number is not None and (not isinstance(number, int) or number not in addresses):
            raise app_error(400, f"{name} is not a sender identity")
        fields |= {name: number, address: addresses[number] if number is not None else ""}
    return fields


def _update(routes: SourceRoutes, find: Edit, *, overwrites: bool) -> Handler:
    def update(workspace: Workspace, request: ApiRequest) -> Any:
        source, template, translation = find(workspace, request)
        fields = {**(OVERWRITTEN if overwrites else {}), **_fields(request.body)}
        if routes.kind in {"campaign", "broadcast", "transactional"}:
            fields["updated"] = workspace.now
        if translation:
            translation.fields |= fields
        else:
            workspace.texts.edits.setdefault(_key(source, template), {}).update(fields)
        return _answer(workspace, routes, source, template, translation)

    return update


def _get(routes: SourceRoutes, find: Edit) -> Handler:
    return lambda workspace, request: _answer(workspace, routes, *find(workspace, request))


def _answer(
    workspace: Workspace, routes: SourceRoutes, source: Source, template: Template, translation: Translation | None
) -> Any:
    part = routes.part_json(workspace, source, template, translation)
    return {routes.part: [part] if routes.kind == "transactional" else part}


def _key(source: Source, template: Template) -> Key:
    return source.kind, source.id, template.id


def _part(routes: SourceRoutes) -> Edit:
    return routes.find_part


def _language(routes: SourceRoutes) -> Edit:
    """Finds a translation: of the message in the path, or of a source with one message."""

    def find(workspace: Workspace, request: ApiRequest) -> tuple[Source, Template, Translation | None]:
        language = request.path["language"]
        if f"{routes.part}_id" in request.path:
            source, template, _ = routes.find_part(workspace, request)
            return source, template, require(workspace.texts.translation(_key(source, template), language))
        source = routes.find(workspace, request)
        for template in source.templates:
            if translation := workspace.texts.translation(_key(source, template), language):
                return source, template, translation
        raise app_error(404, "not found")

    return find


def _routes(routes: SourceRoutes, part: str, language: str, *, overwrites: bool = False) -> Mapping[Any, Handler]:
    find_part, find_language = _part(routes), _language(routes)
    return {
        ("PUT", part): _update(routes, find_part, overwrites=overwrites),
        ("GET", language): _get(routes, find_language),
        ("PUT", language): _update(routes, find_language, overwrites=overwrites),
    }


def _all() -> Mapping[Any, Handler]:
    found: dict[Any, Handler] = {}
    for routes in (CAMPAIGNS, BROADCASTS):
        path = f"{routes.path}/actions/{{action_id}}"
        found |= _routes(routes, path, f"{path}/language/{{language}}")
    newsletter, message = NEWSLETTERS.path, MESSAGES.path
    found |= _routes(NEWSLETTERS, f"{newsletter}/contents/{{content_id}}", f"{newsletter}/language/{{language}}")
    found |= _routes(MESSAGES, f"{message}/content/{{content_id}}", f"{message}/language/{{language}}", overwrites=True)
    return found


ROUTES: tuple[Route, ...] = tuple((method, path, handler) for (method, path), handler in _all().items())
