"""Proxies and certificate authorities as the environment sets them; read at the start, so httpx stays unloaded.

The variables are those of curl, pip and httpx: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY (each also in lower case,
which wins), SSL_CERT_FILE and SSL_CERT_DIR. httpx's own reading of them fails on spellings of NO_PROXY that other
tools accept, and only when the first request is made.
"""

import importlib.util
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

ANY_CUSTOMERIO_URL = "https://customer.io"
SCHEMES = ("http", "https", "socks5", "socks5h")
PORTS = {"http": 80, "https": 443}
_BRACKETED = re.compile(r"\[([^\]]*)\](/\d+)?(?::(\d+))?")
_UNUSABLE = re.compile(r"[\x00-\x20\x7f]")


class NetworkFault(NamedTuple):
    """An environment variable that cannot be used, and what to do about it; never its value."""

    variable: str
    problem: str


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the environment variable that names it."""

    variable: str
    url: str

    def fault(self) -> NetworkFault | None:
        """Why the proxy cannot be used."""
        scheme = self.url.partition("://")[0].lower()
        if scheme not in SCHEMES:
            return NetworkFault(self.variable, f"expected a proxy URL that starts with {', '.join(SCHEMES)}")
        try:
            parts = urlsplit(self.url)
            usable = bool(parts.hostname) and parts.port != 0 and not _UNUSABLE.search(self.url)
        except ValueError:
            usable = False
        if not usable:
            return NetworkFault(
                self.variable,
                "is not a valid proxy URL; expected scheme://host:port, with special characters of a user name or "
                "password percent-encoded",
            )
        if scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
            return NetworkFault(
                self.variable, "names a SOCKS proxy; install cio-mcp[socks], or use an HTTP proxy instead"
            )
        return None


@dataclass(frozen=True, slots=True)
class Bypass:
    """One entry of NO_PROXY: a network or a domain ("*" is every host), on one port or on all."""

    network: IPv4Network | IPv6Network | None
    domain: str
    port: int | None

    @classmethod
    def parse(cls, entry: str) -> "Bypass":
        """Read an entry: a domain with or without a leading dot, an address, a network, each with or without a port."""
        text = entry.partition("://")[2] or entry
        if match := _BRACKETED.fullmatch(text):
            host, port = f"{match[1]}{match[2] or ''}", match[3]
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        else:
            host, port = text, ""
        number = int(port[:6]) if port and port.isdecimal() else None
        try:
            return cls(ip_network(host, strict=False), "", number)
        except ValueError:
            return cls(None, host if host == "*" else host.removeprefix("*").strip(".").lower(), number)

    def matches(self, host: str, port: int | None) -> bool:
        """Whether a host is reached without a proxy."""
        if self.port is not None and self.port != port:
            return False
        if self.network is None:
            return self.domain in ("*", host) or (self.domain != "" and host.endswith(f".{self.domain}"))
        try:
            return ip_address(host) in self.network
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy a URL is reached through."""

    by_scheme: Mapping[str, Proxy]
    bypasses: tuple[Bypass, ...] = ()

    @classmethod
    def read(cls, environ: Mapping[str, str], system: Mapping[str, str] | None = None) -> "Proxies":
        """Read the environment; `system` are the operating system's proxies by scheme, used where it names none."""
        proxies: dict[str, Proxy] = {}
        for scheme in PORTS:
            for name in (f"{scheme}_proxy", "all_proxy"):
                variable, value = _variable(environ, name)
                if value:
                    proxies.setdefault(scheme, Proxy(variable, _with_scheme(value)))
        if not proxies:
            known = {scheme: url for scheme, url in (system or {}).items() if scheme in PORTS and url}
            proxies = {scheme: Proxy("system proxy", _with_scheme(url)) for scheme, url in known.items()}
        entries = re.split(r"[\s,]+", _variable(environ, "no_proxy")[1])
        return cls(proxies, tuple(Bypass.parse(entry) for entry in entries if entry))

    def route(self, url: str) -> Proxy | None:
        """The proxy for a URL; None where it is reached directly, as this machine always is."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port or PORTS.get(parts.scheme)
        except ValueError:
            return None
        if not host or _is_loopback(host) or any(bypass.matches(host, port) for bypass in self.bypasses):
            return None
        return self.by_scheme.get(parts.scheme)


def check_network(environ: Mapping[str, str], urls: Iterable[str] = (ANY_CUSTOMERIO_URL,)) -> str | None:
    """The sentence that names a proxy or certificate variable that cannot be used; None if all can.

    Only proxies that one of `urls` would be reached through count.
    """
    proxies = Proxies.read(environ)
    routes = [proxy for url in urls if (proxy := proxies.route(url))]
    faults = [certificate_fault(environ), *(proxy.fault() for proxy in routes)]
    return next((f"{fault.variable}: {fault.problem}." for fault in faults if fault), None)


def certificate_fault(environ: Mapping[str, str]) -> NetworkFault | None:
    """Why the certificate authorities that the environment names cannot be read."""
    if file := environ.get("SSL_CERT_FILE"):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            return NetworkFault("SSL_CERT_FILE", "cannot be read; expected the path of a PEM file with CA certificates")
    directories = environ.get("SSL_CERT_DIR", "")
    if directories and not any(Path(each).is_dir() for each in directories.split(os.pathsep) if each):
        return NetworkFault("SSL_CERT_DIR", "cannot be read; expected the path of a directory of CA certificates")
    return None


def trusted_authorities(environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """The certificate authorities that the environment names; None where it leaves the choice to the HTTP client.

    Raises:
        OSError: they cannot be read; `certificate_fault` says which.
    """
    file, directory = environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None
    return ssl.create_default_context(cafile=file, capath=directory) if file or directory else None


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Name and value; in lower case it wins, even if it is empty."""
    variable = name if name in environ else name.upper()
    return variable, environ.get(variable, "").strip()


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
