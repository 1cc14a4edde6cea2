"""Every public method of Customer.io's Python clients succeeds in the sandbox, unless the specification refuses it.

`make clients` installs async-customerio; without it, only those of customerio are called.
"""

import inspect
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from cio_mcp.sandbox.server import Address
from tests.official_clients.conftest import COUNTS
from tests.official_clients.prepared import Workspace
from tests.official_clients.python_calls import CALLS, DISAGREEMENTS, HELPERS, NEW

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

METHODS = [(client, method) for client, methods in CALLS.items() for method in methods]


def package_of(client: str) -> Any:
    """The package of a client; the test is skipped without it."""
    name = client.partition(".")[0]
    return pytest.importorskip(name, reason=f"make clients installs {name.replace('_', '-')}")


def client_of(client: str, where: Address) -> tuple[Any, Any]:
    """The client to close in the end, and the object that has the methods."""
    _, kind, part = (*client.split("."), "")[:3]
    address = urlsplit(where.url)
    made = (
        getattr(package_of(client), kind)("sandbox-app-key", url=where.url)
        if "APIClient" in kind
        else getattr(package_of(client), kind)(
            "sandbox-site", "sandbox-track-key", host=address.hostname, port=address.port
        )
    )
    return made, getattr(made, part) if part else made


def methods_of(client: str, where: Address) -> set[str]:
    _, holder = client_of(client, where)
    names = {name for name, _ in inspect.getmembers(type(holder), callable) if not name.startswith("_")}
    return names - HELPERS


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize("client", CALLS)
def test_arguments_are_known_for_every_public_method(client: str, secure: Address) -> None:
    assert methods_of(client, secure) == set(CALLS[client])


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize(("client", "method"), METHODS, ids=[f"{client}.{method}" for client, method in METHODS])
async def test_a_method_succeeds(client: str, method: str, secure: Address, secure_workspace: Workspace) -> None:
    package = package_of(client)
    secure_workspace.reset()
    args, named = CALLS[client][method]
    filled = [made(package, one) for one in secure_workspace.fill(args)]
    secure_workspace.pause()
    expected, _ = DISAGREEMENTS.get(f"{client}.{method}", (0, ""))
    status = await call(client, method, secure, filled, secure_workspace.fill(named))
    assert status == expected
    COUNTS.setdefault(client, Counter())["disagree" if expected else "succeeds"] += 1


def made(package: Any, argument: Any) -> Any:
    if not isinstance(argument, dict) or NEW not in argument:
        return argument
    fields = dict(argument)
    return getattr(package, fields.pop(NEW))(**fields)


async def call(client: str, method: str, where: Address, args: list[Any], named: dict[str, Any]) -> int:
    """0 when a method succeeds, else the status that its error names."""
    opened, holder = client_of(client, where)
    result: Any = None
    try:
        result = getattr(holder, method)(*args, **named)
        if inspect.isawaitable(result):
            result = await result
    except package_of(client).__dict__.get("CustomerIOException", ()) as error:
        return status_in(error)
    except package_of(client).__dict__.get("AsyncCustomerIOError", ()) as error:
        return status_in(error)
    finally:
        closed = opened.close()
        if inspect.isawaitable(closed):
            await closed
    return 0


def status_in(error: Exception) -> int:
    """Both packages name the status in the text of their errors."""
    words = str(error).replace(":", " ").split()
    found = [int(word) for word in words if word.isdecimal() and 400 <= int(word) < 600]
    assert found, error
    return found[0]
