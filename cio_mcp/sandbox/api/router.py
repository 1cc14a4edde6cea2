"""All routes of the simulated APIs."""

from cio_mcp.sandbox.api import (
    account,
    activities,
    broadcasts,
    campaigns,
    customers,
    messages,
    newsletters,
    objects,
    pipelines,
    reporting_webhooks,
    segments,
    sends,
    track,
    track_events,
    track_reports,
    track_v2,
    transactional,
)
from cio_mcp.sandbox.api.routes import Handler
from cio_mcp.sandbox.http import Router

MODULES = (
    track, track_events, track_v2, customers, activities, messages, segments, campaigns, broadcasts, newsletters,
    transactional, sends, objects, account, reporting_webhooks, track_reports, pipelines,
)  # fmt: skip
ROUTER: Router[Handler] = Router([route for module in MODULES for route in module.ROUTES])
