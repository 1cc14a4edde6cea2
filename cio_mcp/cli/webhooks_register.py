"""`cio-mcp webhooks register`: registers the receiver with Customer.io after a person approves."""

import signal
from urllib.parse import urlsplit

import anyio

from cio_mcp.cli.change_view import present
from cio_mcp.cli.common import check_key, with_database
from cio_mcp.cli.sockets import LOOPBACK
from cio_mcp.cli.terminal import Terminal, controlling_terminal
from cio_mcp.clock import SYSTEM_CLOCK
from cio_mcp.customerio.api.webhooks import Webhooks
from cio_mcp.errors import InvalidArgument, Refused, SettingError
from cio_mcp.gate.approvals import Approvals
from cio_mcp.gate.change import Change
from cio_mcp.gate.plan import Plan, arguments_digest
from cio_mcp.gate.receipt import Receipt
from cio_mcp.gate.service import Planner
from cio_mcp.identity.callers import local_caller
from cio_mcp.settings import WEBHOOK_PATH, Settings, load_settings
from cio_mcp.storage.changes import Journal
from cio_mcp.storage.engine import Database
from cio_mcp.tools.admin.receiver_webhook import plan_webhook
from cio_mcp.workspace import Workspace, open_workspace

COMMAND = "webhooks register"
NO_TERMINAL = "Registering a webhook requires a terminal, without redirected input or output. Nothing was registered."
CHANGED = "The webhook changed in Customer.io in the meantime. Nothing was sent. This is the updated change:"
KEY = (
    "Customer.io signs its webhooks: copy the webhook's signing key from Customer.io "
    "(Data & Integrations > Integrations > Reporting Webhooks) into CIO_WEBHOOK_SIGNING_KEYS of the receiver."
)


def register(url: str, *, calls: bool) -> None:
    """Create or update the reporting webhook, after a person at the terminal approves the change.

    Raises:
        InvalidArgument: Customer.io could not post to the URL.
        Refused: there is no person at a terminal, or the webhook was not registered.
        SettingError: nothing may be written, or the App API key is missing.
    """
    settings = load_settings(keys_needed=False)
    if settings.read_only:
        raise SettingError("CIO_READ_ONLY", "is set, so no webhook can be registered")
    check_key("CIO_APP_API_KEY", is_there=settings.has_app)
    check(url)
    with controlling_terminal(NO_TERMINAL) as terminal:
        receipt = _through_the_gate(settings, url, terminal, calls=calls)
        if receipt.status not in ("done", "already_done"):
            raise Refused(receipt.message)
        for line in (receipt.message, KEY):
            terminal.console.print(line, markup=False, highlight=False)


def check(url: str) -> None:
    """Refuse a URL that Customer.io can't post to.

    Raises:
        InvalidArgument: it is no https URL with a host; http will do on this machine, for a sandbox.
    """
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
    except ValueError:
        host, scheme = None, ""
    if not host or not (scheme == "https" or (scheme == "http" and host in LOOPBACK)):
        raise InvalidArgument(
            "--url", f"expected a URL at which Customer.io reaches the receiver, such as https://…{WEBHOOK_PATH}"
        )


def _through_the_gate(settings: Settings, url: str, terminal: Terminal, *, calls: bool) -> Receipt:
    """Propose it, have it decided, and execute it; what changed in the meantime is shown and decided again."""
    while isinstance(change := anyio.run(_propose, settings, url), Change):
        try:
            receipt = anyio.run(_settle, settings, url, change, _approved(terminal, change, calls=calls))
        except KeyboardInterrupt:
            _withdraw_interrupted(change, settings.local_principal)
            raise
        if receipt.status != "approval_required":
            return receipt
        terminal.console.print(CHANGED, markup=False, highlight=False)
    return change


def _approved(terminal: Terminal, change: Change, *, calls: bool) -> bool:
    """Ask, outside of any event loop, whose worker threads Ctrl-C does not reach; an approved change is not asked."""
    if change.state != "planned":
        return True
    present(terminal.console, change, calls=calls)
    return terminal.approval(change.plan).decision == "approve"


async def _propose(settings: Settings, url: str) -> Change | Receipt:
    by = settings.local_principal
    async with open_workspace(settings) as opened:
        return await opened.gate.propose(by, COMMAND, arguments_digest({"url": url}), _planner(opened, url))


async def _settle(settings: Settings, url: str, change: Change, approved: bool) -> Receipt:
    by = settings.local_principal
    async with open_workspace(settings) as opened:
        approvals = opened.gate.approvals
        if not approved:
            # The person is here, so no later call needs to report it.
            await approvals.withdraw(change, by=by, how="not approved on the terminal", acknowledged=True)
        elif change.state == "planned":
            await approvals.approve(change, by=by, how="on a terminal")
        return await opened.gate.make(change, _planner(opened, url), opened.acting(local_caller(by)).reader.work)


def _planner(opened: Workspace, url: str) -> Planner:
    async def plan() -> Plan:
        return plan_webhook(
            await Webhooks(opened.acting(local_caller(opened.settings.local_principal)).reader).all(), url
        )

    return plan


def _withdraw_interrupted(change: Change, by: str) -> None:
    # It ends now anyway, and a second Ctrl-C must not leave the change open.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def withdraw(database: Database) -> None:
        approvals = Approvals(Journal(database, change.row.workspace), SYSTEM_CLOCK)
        await approvals.withdraw(change, by=by, how="interrupted on the terminal", acknowledged=True)

    with_database(withdraw)
