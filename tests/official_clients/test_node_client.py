"""Every public method of customerio-node succeeds in the sandbox, unless the specification refuses it.

`make clients` installs the package where Node.js is installed; without it, these tests are skipped.
"""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cio_mcp.sandbox.server import Address
from tests.official_clients.conftest import COUNTS
from tests.official_clients.node_calls import CALLS, DISAGREEMENTS, HELPERS
from tests.official_clients.prepared import Workspace

PACKAGES = Path(sys.prefix) / "node_modules"
SCRIPT = Path(__file__).with_name("call.cjs")
METHODS = [(client, method) for client, methods in CALLS.items() for method in methods]


class Node:
    """A process that calls methods of the client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def node(plain: Address) -> Iterator[Node]:
    program = shutil.which("node")
    if program is None or not (PACKAGES / "customerio-node").exists():
        pytest.skip("make clients installs customerio-node, where Node.js is installed")
    with subprocess.Popen(
        [program, str(SCRIPT), plain.url],
        env={"NODE_PATH": str(PACKAGES)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Node(process)
        process.kill()


def test_arguments_are_known_for_every_public_method(node: Node) -> None:
    published = {f"{client}.{method}" for client, methods in node.ask()["methods"].items() for method in methods}
    assert published - HELPERS == {f"{client}.{method}" for client, method in METHODS}


@pytest.mark.parametrize(("client", "method"), METHODS, ids=[f"{client}.{method}" for client, method in METHODS])
def test_a_method_succeeds(client: str, method: str, node: Node, plain_workspace: Workspace) -> None:
    plain_workspace.reset()
    args = plain_workspace.fill(CALLS[client][method])
    plain_workspace.pause()
    answer = node.ask(client=client, method=method, args=args)
    expected, _ = DISAGREEMENTS.get(f"{client}.{method}", (None, ""))
    assert answer.get("status") == expected, answer
    assert ("error" in answer) == (expected is not None), answer
    COUNTS.setdefault(f"customerio-node.{client}", Counter())["disagree" if expected else "succeeds"] += 1
