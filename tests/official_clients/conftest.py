"""The sandbox that official clients call, and how many of their methods succeed."""

import ssl
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from cio_mcp.sandbox import Sandbox, StillClock
from cio_mcp.sandbox.server import Address, serve_in_background
from tests.official_clients.prepared import Workspace

COUNTS: dict[str, Counter[str]] = {}


@pytest.fixture(scope="session")
def secure() -> Iterator[Address]:
    """Over https, which the Python clients always use for the Track API."""
    with serve_in_background(Sandbox(people=5, clock=StillClock()), tls=True) as address:
        yield address


@pytest.fixture(scope="session")
def plain() -> Iterator[Address]:
    with serve_in_background(Sandbox(people=5, clock=StillClock())) as address:
        yield address


@pytest.fixture
def trust(secure: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients accept the sandbox's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.authority))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure.authority))


@pytest.fixture(scope="session")
def secure_workspace(secure: Address) -> Iterator[Workspace]:
    context = ssl.create_default_context(cafile=str(secure.authority))
    with httpx.Client(base_url=secure.url, verify=context) as http:
        yield Workspace(http)


@pytest.fixture(scope="session")
def plain_workspace(plain: Address) -> Iterator[Workspace]:
    with httpx.Client(base_url=plain.url) as http:
        yield Workspace(http)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for client, counts in COUNTS.items():
        disagree = counts["disagree"]
        text = f"{client}: {counts['succeeds']} methods succeed"
        terminalreporter.write_line(f"{text}, {disagree} disagree with the specification" if disagree else text)
