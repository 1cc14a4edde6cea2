"""Segments: who is in them, and the App API's routes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cio_mcp.sandbox.http import Answer, Asked, Route, app_error, not_found, page
from cio_mcp.sandbox.world.people import Person

if TYPE_CHECKING:
    from cio_mcp.sandbox.world.workspace import Workspace


@dataclass(slots=True)
class Segment:
    """A segment; `holds` tells who is in a dynamic one and is None for a manual one."""

    id: int
    name: str
    description: str
    created: int
    holds: Callable[[Person], bool] | None = None

    def has(self, person: Person) -> bool:
        """Whether a person is in it."""
        return self.holds(person) if self.holds else self.id in person.manual_segments

    @property
    def shown(self) -> dict[str, Any]:
        """As the App API lists it."""
        return {
            "id": self.id,
            "deduplicate_id": f"{self.id}:{self.created}",
            "name": self.name,
            "description": self.description,
            "state": "finished",
            "progress": None,
            "type": "dynamic" if self.holds else "manual",
            "tags": None,
            "created_at": self.created,
            "updated_at": self.created,
        }


def first_segments(now: int) -> dict[int, Segment]:
    """The segments that are always there."""
    made = now - 600 * 86_400
    segments = (
        Segment(1, "Everyone", "All people", made, lambda _: True),
        Segment(2, "VIP", "People on the vip plan", made, lambda person: person.attributes.get("plan") == "vip"),
        Segment(3, "Beta testers", "Picked by hand", made),
        Segment(4, "Subscribers", "People who have not unsubscribed", made, lambda person: not person.unsubscribed),
    )
    return {segment.id: segment for segment in segments}


def _one(workspace: "Workspace", asked: Asked) -> Segment:
    segment = workspace.segments.get(asked.whole("segment_id"))
    if segment is None:
        raise not_found()
    return segment


def _list(workspace: "Workspace", _: Asked) -> Any:
    return {"segments": [segment.shown for segment in workspace.segments.values()]}


def _get(workspace: "Workspace", asked: Asked) -> Any:
    return {"segment": _one(workspace, asked).shown}


def _create(workspace: "Workspace", asked: Asked) -> Any:
    told = asked.body.get("segment") if isinstance(asked.body, dict) else None
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(name, str) or not name.strip():
        raise app_error(400, "segment.name is required")
    number = max(workspace.segments, default=0) + 1
    made = Segment(number, name.strip(), str(told.get("description") or ""), workspace.now)
    workspace.segments[number] = made
    return {"segment": made.shown}


def _delete(workspace: "Workspace", asked: Asked) -> Any:
    segment = _one(workspace, asked)
    if segment.holds:
        raise app_error(400, "only manual segments can be deleted")
    if any(_uses(workspace, segment.id).values()):
        raise app_error(400, "the segment is in use")
    del workspace.segments[segment.id]
    for person in workspace.people:
        person.manual_segments.discard(segment.id)
    return Answer(204)


def _count(workspace: "Workspace", asked: Asked) -> Any:
    segment = _one(workspace, asked)
    return {"segment_id": segment.id, "count": sum(map(segment.has, workspace.people))}


def _membership(workspace: "Workspace", asked: Asked) -> Any:
    segment = _one(workspace, asked)
    members, following = page([person for person in workspace.people if segment.has(person)], asked, 1000, 30_000)
    return {
        "segment_id": segment.id,
        "ids": [person.id or "" for person in members],
        "identifiers": [person.identifiers for person in members],
        "next": following,
    }


def _uses(workspace: "Workspace", number: int) -> dict[str, list[int]]:
    users = [parent for parent in workspace.parents.values() if number in parent.trigger_segments]
    return {
        "campaigns": [parent.id for parent in users if parent.kind in {"campaign", "broadcast"}],
        "sent_newsletters": [parent.id for parent in users if parent.kind == "newsletter"],
        "draft_newsletters": [],
    }


def _used_by(workspace: "Workspace", asked: Asked) -> Any:
    segment = _one(workspace, asked)
    return {"segment_id": segment.id, "used_by": _uses(workspace, segment.id)}


ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/segments", _list),
    ("POST", "/v1/segments", _create),
    ("GET", "/v1/segments/{segment_id}", _get),
    ("DELETE", "/v1/segments/{segment_id}", _delete),
    ("GET", "/v1/segments/{segment_id}/customer_count", _count),
    ("GET", "/v1/segments/{segment_id}/membership", _membership),
    ("GET", "/v1/segments/{segment_id}/used_by", _used_by),
)
