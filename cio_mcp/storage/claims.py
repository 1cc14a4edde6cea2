"""The use of an approval: checked and recorded in one transaction, so that only one process can send."""

from typing import Any

from sqlalchemy import Connection, Integer, Row, and_, cast, select, update
from sqlalchemy.sql.elements import ColumnElement

from cio_mcp.storage.effects import same_effect, same_target
from cio_mcp.storage.pauses import pause_in_force
from cio_mcp.storage.rows import ClaimResult, ClaimTerms
from cio_mcp.storage.schema import InJson, changes

HOUR_SECONDS = 3600.0
CLOCK_SKEW_SECONDS = 60.0
"""How far ahead of this clock an approval may lie. Chosen: hosts with synchronized clocks differ by far less."""


def claim(db: Connection, workspace: str, change: str, terms: ClaimTerms) -> ClaimResult:
    """Use an approval for the request that follows, or return what prevents it."""
    if obstacle := _obstacle(db, workspace, change, terms):
        return obstacle
    approved = and_(_is(workspace, change), changes.c.state == "approved", changes.c.digest == terms.digest)
    sending = {
        "state": "sending",
        "sending_at": terms.now,
        "settle_at": terms.until,  # from then on, this process counts as dead and the outcome is looked for
        "baseline": terms.baseline,
        "unread": terms.unread,
    }
    claimed = db.execute(update(changes).where(approved).values(**sending)).rowcount == 1
    return "claimed" if claimed else "not approved"


def _obstacle(db: Connection, workspace: str, change: str, terms: ClaimTerms) -> ClaimResult | None:
    if pause_in_force(db, workspace):
        return "paused"
    columns = changes.c["state", "digest", "decided_at", "effect", "target", "repeat", "planned_at"]
    row = db.execute(select(*columns).where(_is(workspace, change))).one_or_none()
    if row is None or row.state != "approved" or row.digest != terms.digest:
        return "not approved"
    if not terms.decided_since <= row.decided_at <= terms.now + CLOCK_SKEW_SECONDS:
        # Where the clock was set back, an approval of ten minutes would be valid for hours.
        return "too old" if row.decided_at < terms.decided_since else "in the future"
    if repeats := _repeats(db, workspace, change, row, terms):
        return repeats
    if terms.sends_an_hour is not None:
        sends = _sends(db, workspace, terms.now - HOUR_SECONDS, terms.sends_an_hour)
        reached = terms.people + sum(count for _, count in sends)
        return "cap reached" if reached > terms.sends_an_hour else None
    return None


def _repeats(db: Connection, workspace: str, change: str, row: Row[Any], terms: ClaimTerms) -> ClaimResult | None:
    if row.effect and _was_sent(db, workspace, change, row, terms):
        return "same effect"
    if row.target and terms.near_since is not None:
        near = same_target(workspace, row.target, terms.near_since)
        another = select(changes.c.id).where(near, changes.c.id != change).limit(1)
        return "same target" if db.execute(another).first() else None
    return None


def _was_sent(db: Connection, workspace: str, change: str, row: Row[Any], terms: ClaimTerms) -> bool:
    # Its question named what was sent until then; of what came later the person knew nothing.
    since = min(terms.effect_since, row.planned_at)
    same = same_effect(workspace, row.effect, since, terms.now)
    if row.repeat:
        same = and_(same, changes.c.sending_at > row.planned_at)
    return db.execute(select(changes.c.id).where(same, changes.c.id != change).limit(1)).first() is not None


def next_send_at(db: Connection, workspace: str, cap: int, now: float, people: int) -> float:
    """When a cap of so many people an hour has room for a send to `people`; `now` where it does already."""
    reached = people
    for sending_at, count in _sends(db, workspace, now - HOUR_SECONDS, cap):
        reached += count
        if reached > cap:
            return sending_at + HOUR_SECONDS
    return now


def _sends(db: Connection, workspace: str, since: float, most: int) -> list[tuple[float, int]]:
    """When sends left and how many people each counts for, newest first, whatever their outcomes; at most `most`.

    An unknown number of people, as of a broadcast, counts as one.
    """
    sends = (changes.c.workspace == workspace, changes.c.risk == "send", changes.c.sending_at > since)
    people = cast(InJson(changes.c.plan, "affected"), Integer)
    newest = select(changes.c.sending_at, people).where(*sends).order_by(changes.c.sending_at.desc()).limit(most)
    return [(sending_at, max(1, count or 1)) for sending_at, count in db.execute(newest)]


def _is(workspace: str, change: str) -> ColumnElement[bool]:
    return and_(changes.c.id == change, changes.c.workspace == workspace)
