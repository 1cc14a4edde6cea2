"""What campaigns, broadcasts, newsletters, and transactional messages share: routes, and parts of their JSON."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from cio_mcp.sandbox.api import metrics
from cio_mcp.sandbox.api.messages import CHANNELS, list_messages
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.http import ApiRequest, not_found, page, require
from cio_mcp.sandbox.world.deliveries import Delivery
from cio_mcp.sandbox.world.sources import Kind, Source
from cio_mcp.sandbox.world.templates import SENDER, TEMPLATE_ID_OFFSET, Template
from cio_mcp.sandbox.world.texts import Translation
from cio_mcp.sandbox.world.workspace import Workspace

RECIPIENTS = {"email": "{{customer.email}}", "twilio": "{{customer.phone}}", "whatsapp": "{{customer.phone}}"}
"""Where messages of a channel go; the other channels have no such field in their settings."""


@dataclass(frozen=True, slots=True)
class SourceRoutes:
    """The routes of one kind of source: a source, its actions or contents, metrics, and deliveries.

    `key` is the name of a source in JSON, `parts_per_page` None where all actions or contents come at once.
    """

    kind: Kind
    path: str
    key: str
    as_json: Callable[[Source], dict[str, Any]]
    part: Literal["action", "content"]
    part_as_json: Callable[[Source, Template], dict[str, Any]]
    parts_per_page: int | None = None
    channels: Collection[str] = CHANNELS
    has_version_2: bool = False

    @property
    def of_sources(self) -> tuple[Route, ...]:
        """The routes of a source, and those that read its actions or contents."""
        return (
            ("GET", self.path, self._get),
            ("GET", f"{self.path}/metrics", self._metrics),
            ("GET", f"{self.path}/metrics/links", self._links),
            ("GET", f"{self.path}/messages", self._messages),
            ("GET", f"{self.path}/{self.part}s", self._parts),
            ("GET", self._part_path, self._part),
        )

    @property
    def of_parts(self) -> tuple[Route, ...]:
        """The metrics of an action or content."""
        return (
            ("GET", f"{self._part_path}/metrics", self._metrics),
            ("GET", f"{self._part_path}/metrics/links", self._links),
        )

    def find(self, workspace: Workspace, request: ApiRequest) -> Source:
        """The source in the path, or 404."""
        return require(workspace.sources.get((self.kind, request.path_id(f"{self.kind}_id"))))

    @property
    def _part_path(self) -> str:
        return f"{self.path}/{self.part}s/{{{self.part}_id}}"

    def find_part(self, workspace: Workspace, request: ApiRequest) -> tuple[Source, Template, Translation | None]:
        """The action or content in the path, or 404; a translation that has an ID of its own is one, too."""
        source, number = self.find(workspace, request), request.path_id(f"{self.part}_id")
        for template, translation in self._listed(workspace, source):
            if number == (translation.id if translation else template.id):
                return source, template, translation
        raise not_found()

    def part_json(
        self, workspace: Workspace, source: Source, template: Template, translation: Translation | None = None
    ) -> dict[str, Any]:
        """An action or content as it is now, or a translation of it."""
        fields = self.part_as_json(source, template)
        if translation is None:
            return fields | dict(workspace.texts.edited((source.kind, source.id, template.id)))
        own = {} if self.part == "action" else {"id": translation.id}
        return {**fields, **own, "language": translation.language, **translation.fields}

    def _listed(self, workspace: Workspace, source: Source) -> Iterator[tuple[Template, Translation | None]]:
        """What the API lists: actions, or contents in all languages."""
        for template in source.templates:
            yield template, None
            if self.part == "content":
                for translation in workspace.texts.translations.get((source.kind, source.id, template.id), ()):
                    yield template, translation

    def _deliveries(self, workspace: Workspace, request: ApiRequest) -> list[Delivery]:
        """The deliveries of the source in the path, or of its action or content if the path has one."""
        source = self.find(workspace, request)
        deliveries = workspace.deliveries.of(self.kind, source.id)
        if f"{self.part}_id" not in request.path:
            return deliveries
        _, template, _ = self.find_part(workspace, request)
        return [delivery for delivery in deliveries if delivery.template is template]

    def _get(self, workspace: Workspace, request: ApiRequest) -> Any:
        return {self.key: self.as_json(self.find(workspace, request))}

    def _parts(self, workspace: Workspace, request: ApiRequest) -> Any:
        source = self.find(workspace, request)
        if self.parts_per_page is None:
            return {f"{self.part}s": self._parts_json(workspace, source)}
        rows, token = page(self._parts_json(workspace, source), request, self.parts_per_page, self.parts_per_page)
        return {f"{self.part}s": rows, "next": token}

    def _part(self, workspace: Workspace, request: ApiRequest) -> Any:
        return {self.part: self.part_json(workspace, *self.find_part(workspace, request))}

    def _parts_json(self, workspace: Workspace, source: Source) -> list[dict[str, Any]]:
        return [self.part_json(workspace, source, *each) for each in self._listed(workspace, source)]

    def _metrics(self, workspace: Workspace, request: ApiRequest) -> Any:
        deliveries = self._deliveries(workspace, request)
        return metrics.metrics(workspace, request, deliveries, has_version_2=self.has_version_2, channels=self.channels)

    def _links(self, workspace: Workspace, request: ApiRequest) -> Any:
        return metrics.links(workspace, request, self._deliveries(workspace, request), self.channels)

    def _messages(self, workspace: Workspace, request: ApiRequest) -> Any:
        return list_messages(workspace, request, self._deliveries(workspace, request), self.channels)


def sources_of(workspace: Workspace, kind: Kind) -> list[Source]:
    """All sources of a kind."""
    return [source for source in workspace.sources.values() if source.kind == kind]


def summary(source: Source) -> dict[str, Any]:
    """The fields that campaigns and broadcasts share in lists."""
    return {
        "id": source.id,
        "deduplicate_id": source.deduplicate_id,
        "name": source.name,
        "created": source.created,
        "updated": max(source.created, source.stopped_at),
        "active": source.state == "running",
        "state": source.state,
        "actions": [{"id": template.id, "type": template.channel} for template in source.templates],
        "first_started": source.created,
        "tags": list(source.tags),
    }


def template_refs(source: Source) -> list[dict[str, Any]]:
    """References to message templates, as lists contain them."""
    return [{"id": template.id + TEMPLATE_ID_OFFSET, "type": template.channel} for template in source.templates]


def contents(source: Source, template: Template) -> dict[str, Any]:
    """The fields that actions and contents share; emails have all of them, other channels a few."""
    fields: dict[str, Any] = {
        "id": template.id,
        "name": template.name,
        "created": source.created,
        "updated": source.created,
        "body": template.body,
        "type": template.channel,
        "language": template.language,
        "recipient": RECIPIENTS.get(template.channel, ""),
    }
    if template.channel == "push":
        fields["subject"] = template.subject
    if template.channel == "email":
        fields |= {
            "layout": "",
            "from": SENDER,
            "from_id": 1,
            "reply_to": "",
            "reply_to_id": None,
            "preprocessor": "premailer",
            "subject": template.subject,
            "bcc": "",
            "fake_bcc": False,
            "preheader_text": "",
            "body_amp": "",
            "headers": "[]",
        }
    return fields


def action(source: Source, template: Template) -> dict[str, Any]:
    """An action of a campaign or broadcast; its id is a string here, an integer in lists of campaigns."""
    fields = {
        **contents(source, template),
        "id": str(template.id),
        f"{source.kind}_id": source.id,
        "deduplicate_id": f"{template.id}:{source.created}",
        "sending_state": "automatic",
    }
    return fields if template.parent is None else {**fields, "parent_action_id": template.parent}
