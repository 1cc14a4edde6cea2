"""Sent counts of newsletters: one request each, so only for a few, and only if they arrive soon."""

from collections.abc import Sequence
from functools import partial
from zoneinfo import ZoneInfo

from cio_mcp.customerio.api.metrics import Metrics
from cio_mcp.customerio.api.newsletters import Newsletter
from cio_mcp.customerio.api.periods import EASTERN, steps
from cio_mcp.tools.common.gather import Read, in_time
from cio_mcp.workspace import CallContext

MAX_COUNTED = 10
"""Newsletters counted for one list. Chosen: a second of the lane."""
COUNT_SECONDS = 3.0
"""How long a list waits for the counts. Chosen."""
CACHE_SECONDS = 300.0
"""How old a count may be: it grows for minutes after the sending, and hardly ever later. No source."""


async def sent_counts(ws: CallContext, newsletters: Sequence[Newsletter]) -> dict[str, int]:
    """Messages that each of the first `MAX_COUNTED` sent newsletters sent, by id; those that come late are left out."""
    metrics, now, zone = Metrics(ws.reader), ws.now, ZoneInfo(EASTERN)
    reads: dict[str, Read] = {}
    for newsletter in [each for each in newsletters if each.sent_at][:MAX_COUNTED]:
        if newsletter.sent_at and (count := steps(newsletter.sent_at, now, "months", zone)):
            reads[newsletter.id] = partial(
                metrics.back, "newsletter", newsletter.id, "months", count, cache=CACHE_SECONDS
            )
    counts = await in_time(ws.tasks, ws.clock, reads, COUNT_SECONDS)
    return {id_: metric.totals["sent"] for id_, metric in counts.items()}
