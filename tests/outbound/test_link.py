"""Which links this server opens: those into the public internet over HTTPS, and those to the host of a setting."""

import pytest

from cio_mcp.errors import Refused
from cio_mcp.outbound.link import check_addresses, read_link

SANDBOX = "http://127.0.0.1:8025"


@pytest.mark.parametrize(
    "link",
    [
        "https://storage.googleapis.com/customerio-exports/1.csv?X-Goog-Signature=abc%2F%3D",
        "https://files.customer.io:443/exports/1.csv",
        "https://8.8.8.8/1.csv",
        "https://[2606:4700:4700::1111]/1.csv",
    ],
)
def test_a_link_into_the_public_internet_is_opened(link: str) -> None:
    read_link(link, None)
    read_link(link, SANDBOX)


def test_a_link_to_the_host_that_a_setting_names_is_opened() -> None:
    read_link(f"{SANDBOX}/exports/1/x.csv", SANDBOX)
    read_link("HTTP://127.0.0.1:8025/exports/1/x.csv", SANDBOX)


@pytest.mark.parametrize(
    "link",
    [
        "http://files.customer.io/1.csv",
        "file:///etc/passwd",
        "ftp://files.customer.io/1.csv",
        "//files.customer.io/1.csv",
        "",
        "https://",
        "https://files.customer.io:8443/1.csv",
        "https://user:secret@files.customer.io/1.csv",
        "https://files.customer.io@10.0.0.1/1.csv",
        "https://localhost/1.csv",
        "https://LOCALHOST./1.csv",
        "https://intranet/1.csv",
        "https://printer.local/1.csv",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/1.csv",
        "https://127.1/1.csv",
        "https://2130706433/1.csv",
        "https://0x7f.0.0.1/1.csv",
        "https://0.0.0.0/1.csv",
        "https://10.1.2.3/1.csv",
        "https://192.168.0.1/1.csv",
        "https://100.64.0.1/1.csv",
        "https://[::1]/1.csv",
        "https://[::ffff:10.0.0.1]/1.csv",
        "https://[fe80::1]/1.csv",
        "https://[fd00::1]/1.csv",
        "https://[2002:7f00:1::]/1.csv",
        "https://files.customer.io/1.csv\nhost: x",
        "https://files.customer.io/a b.csv",
        "https://files.customer.io/\u202e.csv",
        "https://files.customer.io\\@10.0.0.1/1.csv",
        "https://files.customer.io:port/1.csv",
        "https://files.customer.io/" + "x" * 4_000,
        "http://127.0.0.1:8026/1.csv",
        "https://127.0.0.1:8025/1.csv",
    ],
)
def test_any_other_link_is_refused_without_being_repeated(link: str) -> None:
    with pytest.raises(Refused, match="This server doesn't open the link that Customer") as refused:
        read_link(link, SANDBOX)
    assert not link or link not in str(refused.value)


def test_a_name_that_stands_for_one_private_address_is_refused() -> None:
    check_addresses(["8.8.8.8", "2606:4700:4700::1111"])
    for private in ("10.0.0.1", "fe80::1%eth0", "::", "no address"):
        with pytest.raises(Refused, match="local network"):
            check_addresses(["8.8.8.8", private])
