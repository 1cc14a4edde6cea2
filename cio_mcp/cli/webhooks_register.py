"""`cio-mcp webhooks register`: Customer.io is told where to post what happened, after a person agreed to it."""

import hashlib
import signal
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import anyio

from cio_mcp.cli.change_view import present
from cio_mcp.cli.common import with_database
from cio_mcp.cli.sockets import LOOPBACK
from cio_mcp.cli.terminal import Terminal, controlling_terminal
from cio_mcp.customerio.api import webhooks
from cio_mcp.customerio.api.webhooks import Webhook, Webhooks
from cio_mcp.customerio.call import canonical
from cio_mcp.errors import InvalidArgument, Refused, SettingError
from cio_mcp.gate.plan import Before, Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Planner
from cio_mcp.identity.callers import local_caller
from cio_mcp.settings import WHERE, Settings, load_settings
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.storage.rows import ChangeRow
from cio_mcp.text.sanitize import quoted
from cio_mcp.text.urls import without_credentials
from cio_mcp.workspace import Workspace, open_workspace

NAME = "cio-mcp"
"""What the webhook is called in Customer.io."""
COMMAND = "webhooks register"
ON_A_TERMINAL = "on a terminal"
NOT_APPROVED, INTERRUPTED = "it was not approved on the terminal", "it was interrupted on the terminal"
PATH = "/webhooks/customerio"
LISTED = 6
"""Names of events that a question shows."""
CHANGED = "It has changed in Customer.io meanwhile, so nothing was sent. This is how it stands now:"
KEY = (
    "Customer.io signs what it posts: copy the webhook's signing key, which only its UI shows "
    "(Data & Integrations > Integrations > Reporting Webhooks), into CIO_WEBHOOK_SIGNING_KEYS of the receiver."
)


def register(url: str, *, calls: bool) -> None:
    """Create the reporting webhook, or mend it, after a person at the terminal saw what changes.

    Raises:
        InvalidArgument: Customer.io could not post to the URL.
        Refused: there is nobody at a terminal, or it was not made.
        SettingError: nothing may be written, or the App API key is missing.
    """
    settings = load_settings()
    if settings.read_only:
        raise SettingError(
            "CIO_READ_ONLY", "is set, so nothing is written to Customer.io, and no webhook is registered"
        )
    if not settings.has_app:
        raise SettingError("CIO_APP_API_KEY", f"is missing; it is {WHERE['CIO_APP_API_KEY']}")
    check(url)
    with controlling_terminal() as terminal:
        receipt = _through_the_gate(settings, url, terminal, calls=calls)
        if receipt.status not in ("done", "already_done"):
            raise Refused(receipt.message)
        for said in (receipt.message, KEY):
            terminal.console.print(said, markup=False, highlight=False)


def check(url: str) -> None:
    """Refuse what Customer.io could not post to.

    Raises:
        InvalidArgument: it is no https URL with a host; http will do on this machine, for a sandbox.
    """
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
    except ValueError:
        host, scheme = None, ""
    if not host or not (scheme == "https" or (scheme == "http" and host in LOOPBACK)):
        raise InvalidArgument("--url", f"expected where Customer.io reaches the receiver, such as https://…{PATH}")


def registration(existing: Iterable[Webhook], url: str) -> Plan:
    """Plan what makes a webhook at `url` report everything; the one that is ours, or leads there, is mended."""
    found = _ours(existing, url)
    if found is None:
        return Plan(
            risk="data",
            summary=f"Create the reporting webhook {quoted(NAME)} to {quoted(without_credentials(url))}.",
            contents=(
                f"It reports all {len(webhooks.NAMES)} kinds of events, first opens and clicks only.",
                "Addresses and subjects go there, the content of messages does not.",
            ),
            affected=0,
            warnings=_warnings(url),
            calls=(webhooks.create(NAME, url, webhooks.NAMES),),
            rests_on={"webhook": None},
            once=True,
        )
    events = (*found.events, *(name for name in webhooks.NAMES if name not in found.events))
    wanted = found.model_copy(update={"endpoint": url, "events": events, "disabled": False})
    return Plan(
        risk="data",
        summary=f"Mend the reporting webhook {found.id} {quoted(found.name)}.",
        contents=tuple(_contents(found, wanted)),
        edits=tuple(_edits(found, wanted)),
        affected=0,
        warnings=_warnings(url),
        calls=() if wanted == found else (webhooks.update(wanted),),
        rests_on={"webhook": hashlib.sha256(canonical(found.model_dump(mode="json")).encode()).hexdigest()},
    )


def _through_the_gate(settings: Settings, url: str, terminal: Terminal, *, calls: bool) -> Receipt:
    """Have it proposed, decided and made; what changed in the meantime is shown anew and asked about again."""
    while isinstance(row := anyio.run(_proposed, settings, url), ChangeRow):
        try:
            receipt = anyio.run(_settled, settings, url, row, _agreed(terminal, row, calls=calls))
        except KeyboardInterrupt:
            _interrupted(row, settings.local_principal)
            raise
        if receipt.status != "approval_required":
            return receipt
        terminal.console.print(CHANGED, markup=False, highlight=False)
    return row


def _agreed(terminal: Terminal, row: ChangeRow, *, calls: bool) -> bool:
    """Ask, outside of any event loop, whose worker threads Ctrl-C does not reach; what is approved is not asked."""
    if row.state != "planned":
        return True
    present(terminal.console, row, calls=calls)
    return terminal.approved()


async def _proposed(settings: Settings, url: str) -> ChangeRow | Receipt:
    who = settings.local_principal
    async with open_workspace(settings) as opened:
        return await opened.gate.propose(who, COMMAND, arguments_digest({"url": url}), _planner(opened, url))


async def _settled(settings: Settings, url: str, row: ChangeRow, agreed: bool) -> Receipt:
    who = settings.local_principal
    async with open_workspace(settings) as opened:
        if not agreed:
            await _withdraw(opened.gate.journal, row, who, NOT_APPROVED)
        elif row.state == "planned":
            await opened.gate.decide(row, approve=True, by=who, how=ON_A_TERMINAL)
        return await opened.gate.make(row, _planner(opened, url), opened.acting(local_caller(who)).reader.work)


def _planner(opened: Workspace, url: str) -> Planner:
    async def plan() -> Plan:
        return registration(
            await Webhooks(opened.acting(local_caller(opened.settings.local_principal)).reader).all(), url
        )

    return plan


def _interrupted(row: ChangeRow, by: str) -> None:
    # It ends now anyway, and who presses Ctrl-C twice shall not leave the change open.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def withdraw(database: Database) -> None:
        await _withdraw(Journal(database, row.workspace), row, by, INTERRUPTED)

    with_database(withdraw)


async def _withdraw(journal: Journal, row: ChangeRow, by: str, how: str) -> None:
    """Decline it, whoever may have approved it elsewhere; the person is here, so nobody needs to be told later."""
    await journal.withdraw(row.id, by=by, how=how, now=time.time(), acknowledged=True)


def _ours(existing: Iterable[Webhook], url: str) -> Webhook | None:
    """The webhook that leads to the same place; else the one of our name."""
    all_ = list(existing)
    there = [webhook for webhook in all_ if _place(webhook.endpoint) == _place(url)]
    return next(iter([*there, *(webhook for webhook in all_ if webhook.name == NAME)]), None)


def _place(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        return parts.netloc.rpartition("@")[2].lower(), parts.path
    except ValueError:
        return None


def _contents(then: Webhook, now: Webhook) -> Iterable[str]:
    if more := [name for name in now.events if name not in then.events]:
        named = ", ".join(more[:LISTED]) + (f" and {len(more) - LISTED} more" if len(more) > LISTED else "")
        yield f"It will also report {named}."


def _edits(then: Webhook, now: Webhook) -> Iterable[Before]:
    if then.endpoint != now.endpoint:
        before, after = without_credentials(then.endpoint), without_credentials(now.endpoint)
        same = before == after
        yield Before(name="endpoint", before=before, after=f"{after} (other credentials)" if same else after)
    if then.events != now.events:
        yield Before(name="events", before=_kinds(then), after=_kinds(now))
    if then.disabled:
        yield Before(name="disabled", before=True, after=False)


def _kinds(webhook: Webhook) -> str:
    return "1 kind" if len(webhook.events) == 1 else f"{len(webhook.events)} kinds"


def _warnings(url: str) -> tuple[str, ...]:
    path = urlsplit(url).path
    return () if path.endswith(PATH) else (f"The receiver answers at {PATH}, and this leads to {quoted(path)}.",)
