"""Which proxy a URL is reached through, and how unusable variables are reported."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.customerio.proxies import Proxies, check_network

PROXY = "http://proxy.test:3128"
APP = "https://api.customer.io/v1/segments"


def route(url: str, **environ: str) -> str | None:
    proxy = Proxies.read(environ).route(url)
    return proxy.variable if proxy else None


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.test"}, "https_proxy"),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, None),
        ({"HTTP_PROXY": PROXY}, None),
        ({"ALL_PROXY": PROXY}, "ALL_PROXY"),
        ({"ALL_PROXY": PROXY, "HTTPS_PROXY": "http://other.test"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "  "}, None),
        ({}, None),
    ],
)
def test_the_proxy_of_the_scheme_comes_before_the_proxy_of_all(environ: dict[str, str], variable: str | None) -> None:
    assert route(APP, **environ) == variable


def test_a_proxy_without_a_scheme_is_an_http_proxy() -> None:
    proxy = Proxies.read({"HTTPS_PROXY": "proxy.test:3128"}).route(APP)
    assert proxy
    assert proxy.url == PROXY


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("*", APP, True),
        ("customer.io", APP, True),
        (".customer.io", APP, True),
        ("*.customer.io", APP, True),
        ("API.customer.io", APP, True),
        ("api.customer.io:443", APP, True),
        ("api.customer.io:8443", APP, False),
        ("https://api.customer.io", APP, True),
        ("mer.io", APP, False),
        ("localhost, 127.0.0.1 ,customer.io", APP, True),
        ("localhost 127.0.0.1 customer.io", APP, True),
        ("localhost,127.0.0.1,::1,[::1]", APP, False),
        ("localhost,10.0.0.0/8,fd00::/8", APP, False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.1.2.3/8", "https://10.9.9.9/", True),
        ("10.1.2.3", "https://10.1.2.3:8443/", True),
        ("10.1.2.3:8443", "https://10.1.2.3/", False),
        ("fd00::/8", "https://[fd00::7]/", True),
        ("[fd00::]/8", "https://[fd00::7]/", True),
        ("fd00::7", "https://[fd00::7]/", True),
        ("[fd00::7]", "https://[FD00::7]/", True),
        ("[fd00::7]:443", "https://[fd00::7]/", True),
        ("[fd00::7]:8443", "https://[fd00::7]/", False),
        ("fd00::/8", "https://10.0.0.1/", False),
        ("<local>,[,],:,/,999.0.0.0/8", APP, False),
    ],
)
def test_no_proxy_is_read_as_other_tools_read_it(no_proxy: str, url: str, direct: bool) -> None:
    assert (route(url, HTTPS_PROXY=PROXY, NO_PROXY=no_proxy) is None) is direct


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_values_can_be_read(no_proxy: str, proxy: str) -> None:
    environ = {"HTTPS_PROXY": proxy, "NO_PROXY": no_proxy}
    Proxies.read(environ).route(APP)
    check_network(environ)


@pytest.mark.parametrize("host", ["localhost", "api.localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_this_machine_is_never_reached_through_a_proxy(host: str) -> None:
    assert route(f"http://{host}:8000/", ALL_PROXY=PROXY) is None


@pytest.mark.parametrize(
    "proxy",
    [
        "ftp://proxy.test",
        "socks4://proxy.test",
        "http://",
        "http://proxy.test:port",
        "http://proxy.test:99999",
        "http://user:s3cr#t@proxy.test:3128",
        "http://[fd00::7",
        "http://pro xy.test",
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_value(proxy: str) -> None:
    sentence = check_network({"HTTPS_PROXY": proxy})
    assert sentence
    assert sentence.startswith("HTTPS_PROXY: ")
    assert proxy not in sentence
    assert "s3cr" not in sentence
    assert "proxy.test" not in sentence


def test_a_proxy_that_nothing_goes_through_need_not_be_usable() -> None:
    environ = {"ALL_PROXY": "ftp://proxy.test"}
    assert check_network(environ, ["http://127.0.0.1:8000"]) is None
    assert check_network(environ | {"NO_PROXY": "customer.io"}) is None
    assert check_network(environ | {"HTTPS_PROXY": PROXY}) is None


def test_a_socks_proxy_without_the_extra_names_the_variable_and_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    sentence = check_network({"ALL_PROXY": "socks5://127.0.0.1:7890"})
    assert sentence == "ALL_PROXY: names a SOCKS proxy; install cio-mcp[socks], or use an HTTP proxy instead."


@pytest.mark.parametrize("text", [None, "", "not a certificate"])
def test_a_certificate_file_that_cannot_be_read_is_named(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    sentence = check_network({"SSL_CERT_FILE": str(file)})
    assert sentence == "SSL_CERT_FILE: cannot be read; expected the path of a PEM file with CA certificates."


def test_a_certificate_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    assert (check_network({"SSL_CERT_DIR": str(tmp_path / "none")}) or "").startswith("SSL_CERT_DIR: cannot be read")
    assert check_network({"SSL_CERT_DIR": str(tmp_path)}) is None


def test_certificates_that_can_be_read_are_accepted(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    assert check_network({"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "HTTPS_PROXY": PROXY}) is None


def test_the_operating_systems_proxy_is_used_where_the_environment_names_none() -> None:
    system = {"https": "proxy.test:3128", "ftp": "other.test"}
    assert Proxies.read({}, system).by_scheme["https"].url == PROXY
    assert Proxies.read({"HTTPS_PROXY": "http://mine.test"}, system).by_scheme["https"].url == "http://mine.test"


def test_the_check_at_the_start_does_not_load_httpx() -> None:
    script = "import sys, cio_mcp.customerio.proxies; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
