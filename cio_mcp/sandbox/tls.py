"""A temporary certificate for clients that require https."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of one certificate; clients must trust `authority`."""

    authority: Path
    chain_and_key: Path


def create_certificate(host: str, folder: Path) -> Certificate:
    """Create a certificate for `host` and the loopback names in `folder`, which must be private to this user."""
    certificate = Certificate(folder / "ca.pem", folder / "server.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificate.authority))
    issued = authority.issue_cert(*dict.fromkeys((host, "127.0.0.1", "localhost")))
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate.chain_and_key))
    return certificate
