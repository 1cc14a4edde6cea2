"""All routes of the simulated APIs."""

from cio_mcp.sandbox.api import (
    account,
    activities,
    broadcasts,
    campaigns,
    contents,
    customers,
    data_index,
    design_studio,
    exports,
    imports,
    library,
    live_notifications,
    messages,
    newsletter_variants,
    newsletter_writes,
    newsletters,
    objects,
    pipelines,
    reporting_webhooks,
    segments,
    sends,
    subscriptions,
    suppressions,
    track,
    track_events,
    track_reports,
    track_v2,
    transactional,
)
from cio_mcp.sandbox.api.generic import generic_routes
from cio_mcp.sandbox.api.routes import Handler
from cio_mcp.sandbox.http import Router

MODULES = (
    track, track_events, track_v2, customers, activities, messages, segments, campaigns, broadcasts, newsletters,
    newsletter_writes, newsletter_variants, transactional, contents, library, sends, objects, account, suppressions,
    reporting_webhooks, track_reports, pipelines, exports, imports, data_index, subscriptions, live_notifications,
    design_studio,
)  # fmt: skip
MODELLED = [route for module in MODULES for route in module.ROUTES]
ROUTER: Router[Handler] = Router([*MODELLED, *generic_routes({(method, route) for method, route, _ in MODELLED})])
