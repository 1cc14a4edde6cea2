"""A throw-away certificate for clients that insist on https."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of one certificate; a client is told to trust `authority`."""

    authority: Path
    chain_and_key: Path


def throw_away(host: str) -> Certificate:
    """Make a certificate for `host` and the loopback names, in a new folder that only this user can read."""
    folder = Path(tempfile.mkdtemp(prefix="cio-sandbox-"))
    made = Certificate(folder / "ca.pem", folder / "server.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(made.authority))
    issued = authority.issue_cert(*dict.fromkeys((host, "127.0.0.1", "localhost")))
    issued.private_key_and_cert_chain_pem.write_to_path(str(made.chain_and_key))
    return made
