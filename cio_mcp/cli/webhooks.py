"""`cio-mcp webhooks serve` and `status`: receive webhooks, and show the receiver's status."""

import gc
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial

import anyio
import typer

from cio_mcp.cli.common import settings_of_workspace, storage_place
from cio_mcp.cli.logs import log_to_stderr
from cio_mcp.cli.sockets import LOOPBACK, authority, listen
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.errors import SettingError
from cio_mcp.events.log import EventLog
from cio_mcp.settings import WEBHOOK_PATH, WHERE, Settings
from cio_mcp.storage.engine import Database
from cio_mcp.storage.webhook_stats import WebhookStats, webhook_stats
from cio_mcp.text.sanitize import clean
from cio_mcp.text.timestamps import ago, from_unix, moment
from cio_mcp.web.app import web_app
from cio_mcp.web.server import http_server
from cio_mcp.web.webhooks import Receiver

MAX_NAME_CHARACTERS = 60

log = logging.getLogger(__name__)


def serve(host: str, port: int) -> None:
    """Receive webhooks into the database that the server of the same workspace reads, until stopped.

    Raises:
        SettingError: it would take unsigned events from other machines, does not know its workspace, or cannot listen.
        StorageFailed: its database cannot be used.
    """
    log_to_stderr()
    settings = settings_of_workspace()
    if not settings.signing_keys and host not in LOOPBACK:
        raise SettingError(
            "CIO_WEBHOOK_SIGNING_KEYS",
            f"is missing. Without it, webhooks are received only on {', '.join(LOOPBACK)}. "
            f"It is {WHERE['CIO_WEBHOOK_SIGNING_KEYS']}",
        )
    with listen(host, port) as listening:
        anyio.run(_receive, settings, listening)


def status(*, as_json: bool) -> None:
    """Print the workspace, the last event, delays, gaps, and refusals."""
    settings = settings_of_workspace()
    stats = anyio.run(_webhook_stats, settings)
    workspace, place = settings.workspace_key, storage_place()
    if as_json:
        lag = {"last": asdict(stats.last) | {"lag": stats.last.lag}} if stats.last else {}
        typer.echo(json.dumps({"workspace": workspace, "storage": place} | asdict(stats) | lag, indent=2))
        return
    typer.echo(f"Workspace {clean(workspace, MAX_NAME_CHARACTERS)} in {place}")
    for line in _lines(stats, from_unix(SYSTEM_CLOCK.now())):
        typer.echo(line)


async def _receive(settings: Settings, listening: socket.socket) -> None:
    database = Database(settings.storage_url)
    # What cannot be opened is reported now, not when the first event is lost.
    await database.read(lambda _: None)
    feed = EventLog(database, settings.workspace_key, SYSTEM_CLOCK)

    async def its_feed() -> EventLog:
        return feed

    receiver = Receiver(settings.signing_keys, its_feed, SYSTEM_CLOCK)
    server = http_server(web_app(receiver, partial(_keep, feed, settings)))
    log.info("Receiving webhooks at http://%s%s", authority(listening), WEBHOOK_PATH)
    await server.serve([listening])


@asynccontextmanager
async def _keep(feed: EventLog, settings: Settings) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(feed.keep, settings.event_days, settings.event_rows)
        # Otherwise every look for garbage goes through all that was loaded, and answers wait for it: some 40 ms.
        gc.collect()
        gc.freeze()
        yield
        tasks.cancel_scope.cancel()
    await feed.close()
    await feed.database.close()


async def _webhook_stats(settings: Settings) -> WebhookStats:
    database = Database(settings.storage_url)
    try:
        return await webhook_stats(database, settings.workspace_key, SYSTEM_CLOCK.now())
    finally:
        await database.close()


def _lines(stats: WebhookStats, now: datetime) -> Iterator[str]:
    if stats.last is None:
        yield "No events have been received yet."
    else:
        came = from_unix(stats.last.received_at)
        event = clean(f"{stats.last.object_type} {stats.last.metric}", MAX_NAME_CHARACTERS)
        lag = f"{stats.last.lag:.0f} s after it happened"
        yield f"Last event: {event}, received {moment(came)} ({ago(came, now)}), {lag}"
        late = f"{stats.late} of them over a minute late"
        yield f"Stored: {stats.stored} events, {stats.day} in the last 24 hours, {late}"
    for refused in stats.refused:
        reason = clean(refused.reason, MAX_NAME_CHARACTERS)
        yield f"Refused: {refused.count} ({reason}), last {moment(from_unix(refused.last_at))}"
    for gap in stats.gaps:
        until = moment(from_unix(gap.until)) if gap.until else "now"
        yield f"No events were received from {moment(from_unix(gap.since))} to {until}"
