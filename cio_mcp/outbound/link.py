"""Links that Customer.io returned: which of them this server opens."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

import httpx

from cio_mcp.errors import Refused

MAX_LINK_CHARACTERS = 4_000
"""Chosen: signed links of cloud storage have about 1,500."""
UNSAFE = frozenset(' "<>\\^`{|}')
"""Characters that no URL has as they are."""
LOCAL = "it leads into a local network"
LOCAL_ENDINGS = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
"""Names that only a local network knows; `.internal` also names the metadata services of clouds."""


def read_link(link: str, own: str | None) -> httpx.URL:
    """Read a link that leads into the public internet over HTTPS, or to the host that the operator named.

    `own` is the URL of the App API where a setting names it, as for a sandbox. What is checked is the URL as the HTTP
    client reads it, so that the two cannot differ about its host.

    Raises:
        Refused: it leads elsewhere; the text does not repeat it.
    """
    url = _plain(link)
    if is_own(url, own):
        return url
    if url.scheme != "https":
        raise _refused("it doesn't start with https://")
    if url.port is not None:
        raise _refused("it names a port other than 443")
    host = url.host.rstrip(".")
    if ("." not in host and ":" not in host) or host.endswith(LOCAL_ENDINGS):
        raise _refused(LOCAL)
    if is_literal(host):
        check_addresses([host])
    return url


def is_own(url: httpx.URL, own: str | None) -> bool:
    """Whether a URL leads to the host that the operator named."""
    if own is None:
        return False
    mine = httpx.URL(own)
    return (url.scheme, url.host, url.port) == (mine.scheme, mine.host, mine.port)


def check_addresses(addresses: Iterable[str]) -> None:
    """Check the addresses that a name stands for.

    Raises:
        Refused: one of them is not a public one.
    """
    if not all(map(_is_public, addresses)):
        raise _refused(LOCAL)


def is_literal(host: str) -> bool:
    """Whether a host is an IP address, in any of the spellings that systems accept for one."""
    try:
        ip_address(host)
    except ValueError:
        # The last label of a name is never a number: systems read 0x7f.1 and 127.1 as addresses.
        return not host.rpartition(".")[2][:1].isalpha()
    return True


def _is_public(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


def _plain(link: str) -> httpx.URL:
    is_plain = len(link) <= MAX_LINK_CHARACTERS and link.isascii() and link.isprintable() and not UNSAFE & {*link}
    try:
        url = httpx.URL(link) if is_plain else httpx.URL()
    except httpx.InvalidURL:
        url = httpx.URL()
    if not url.host or url.userinfo or "%" in url.host:
        raise _refused("it isn't a plain URL")
    return url


def _refused(why: str) -> Refused:
    return Refused(f"This server doesn't open the link that Customer.io returned: {why}. Nothing was downloaded.")
