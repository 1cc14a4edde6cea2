"""Campaigns: a list, their trigger, and journeys."""

from typing import Any

from cio_mcp.sandbox.api.metrics import journeys
from cio_mcp.sandbox.api.routes import Route
from cio_mcp.sandbox.api.sources import SourceRoutes, action, sources_of, summary, template_refs
from cio_mcp.sandbox.http import ApiRequest
from cio_mcp.sandbox.world.sources import Source
from cio_mcp.sandbox.world.workspace import Workspace


def _campaign(source: Source) -> dict[str, Any]:
    trigger: dict[str, Any] = (
        {"type": "event", "event_name": source.event_name}
        if source.event_name
        else {"type": "segment", "trigger_segment_ids": list(source.trigger_segments)}
    )
    common = {"filter_segment_ids": [], "msg_templates": template_refs(source)}
    return {**summary(source), **trigger, **common}


def _list(workspace: Workspace, _: ApiRequest) -> Any:
    return {"campaigns": [_campaign(source) for source in sources_of(workspace, "campaign")]}


def _journeys(workspace: Workspace, request: ApiRequest) -> Any:
    return journeys(workspace, request, CAMPAIGNS.find(workspace, request))


CAMPAIGN = "/v1/campaigns/{campaign_id}"
CAMPAIGNS = SourceRoutes(
    "campaign", CAMPAIGN, "campaign", _campaign, "action", action, parts_per_page=10, has_version_2=True
)
ROUTES: tuple[Route, ...] = (
    ("GET", "/v1/campaigns", _list),
    ("GET", f"{CAMPAIGN}/journey_metrics", _journeys),
    *CAMPAIGNS.of_sources,
    *CAMPAIGNS.of_parts,
)
