"""`cio-mcp webhooks register`: Customer.io is told where to post what happened, after a person agreed to it."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from cio_mcp.api import webhooks
from cio_mcp.api.webhooks import Webhook, Webhooks
from cio_mcp.cli.showing import present
from cio_mcp.cli.terminal import Terminal, controlling_terminal
from cio_mcp.errors import InvalidArgument, Refused, SettingError
from cio_mcp.gate.plan import Before, Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.http.call import canonical
from cio_mcp.settings import WHERE, Settings, load_settings
from cio_mcp.text.endpoint import without_credentials
from cio_mcp.text.foreign import quoted
from cio_mcp.workspace import OpenWorkspace, open_workspace

if TYPE_CHECKING:
    from cio_mcp.storage.journal import ChangeRow

NAME = "cio-mcp"
"""What the webhook is called in Customer.io."""
COMMAND = "webhooks register"
ON_A_TERMINAL, SAID_NO = "on a terminal", "a person said no on a terminal"
PATH = "/webhooks/customerio"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
LISTED = 6
"""Names of events that a question shows."""
KEY = (
    "Customer.io signs what it posts: copy the webhook's signing key, which only its UI shows "
    "(Data & Integrations > Integrations > Reporting Webhooks), into CIO_WEBHOOK_SIGNING_KEYS of the receiver."
)


def register(url: str) -> None:
    """Create the reporting webhook, or mend it, after a person at the terminal saw what changes.

    Raises:
        InvalidArgument: Customer.io could not post to the URL.
        Refused: there is nobody at a terminal, or something else was typed than asked for.
        SettingError: the App API key is missing.
    """
    settings = load_settings()
    if not settings.has_app:
        raise SettingError("CIO_APP_API_KEY", f"is missing; it is {WHERE['CIO_APP_API_KEY']}")
    check(url)
    with controlling_terminal() as terminal:
        anyio.run(_register, settings, url, terminal)


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


async def _register(settings: Settings, url: str, terminal: Terminal) -> None:
    async with open_workspace(settings) as opened:
        receipt = await _through_the_gate(opened, url, terminal)
    if receipt.is_error or receipt.status == "declined":
        raise Refused(receipt.message)
    terminal.console.print(receipt.message, markup=False, highlight=False)
    terminal.console.print(KEY, markup=False, highlight=False)


async def _through_the_gate(opened: OpenWorkspace, url: str, terminal: Terminal) -> Receipt:
    who, gate = opened.settings.local_principal, opened.gate

    async def plan() -> Plan:
        return registration(await Webhooks(opened.acting(who).reader).all(), url)

    row = await gate.propose(who, COMMAND, arguments_digest({"url": url}), plan)
    if isinstance(row, Receipt):
        return row
    if row.state == "planned":
        agreed = await anyio.to_thread.run_sync(_agrees, terminal, row)
        await gate.decide(row, approve=agreed, by=who, how=ON_A_TERMINAL if agreed else SAID_NO)
    return await gate.make(row, plan, opened.acting(who).reader.asker)


def _agrees(terminal: Terminal, row: "ChangeRow") -> bool:
    present(terminal.console, row)
    return terminal.approved()


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
        yield Before(name="events", before=f"{len(then.events)} kinds", after=f"{len(now.events)} kinds")
    if then.disabled:
        yield Before(name="disabled", before=True, after=False)


def _warnings(url: str) -> tuple[str, ...]:
    path = urlsplit(url).path
    return () if path.endswith(PATH) else (f"The receiver answers at {PATH}, and this leads to {quoted(path)}.",)
