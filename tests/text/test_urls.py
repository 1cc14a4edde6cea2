"""URLs as they may be shown: where they lead, never what is secret, and two of them never alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.text.urls import summarize_hidden, summarize_url

HOOK = "https://hooks.example.com/cio"

URLS = st.builds(
    lambda user, path, query, fragment: f"https://{user}hooks.example.com{path}{query}{fragment}",
    st.sampled_from(["", "ada:one@", "ada:two@", "eve:one@"]),
    st.sampled_from(["", "/", "/cio", "/c\tio", "/other"]),
    st.sampled_from(["", "?", "?token=one", "?token=two", "?one", "?two", "?a=1&token=one", "?token=one&a=1"]),
    st.sampled_from(["", "#", "#one", "#two"]),
) | st.sampled_from(["one", "two", "https://[", "", "mailto:ada@example.com"])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (HOOK, HOOK),
        (f"{HOOK}?token=secret&a=", f"{HOOK}?token=…&a (hidden: query values; SHA-256 begins"),
        (f"{HOOK}?secret", f"{HOOK}?… (hidden: query values; SHA-256 begins"),
        ("https://ada:secret@x.example/a", "https://…@x.example/a (hidden: credentials; SHA-256 begins"),
        (f"{HOOK}#secret", f"{HOOK} (hidden: fragment; SHA-256 begins"),
        ("https://x.example/a\tb", "https://x.example/ab (hidden: unusual characters; SHA-256 begins"),
        ("secret", "… (hidden; SHA-256 begins"),
    ],
)
def test_it_shows_host_path_and_names_and_says_what_is_hidden(url: str, shown: str) -> None:
    assert summarize_url(url).startswith(shown)
    assert "secret" not in summarize_url(url)


@given(URLS, URLS)
def test_two_urls_that_differ_never_look_the_same(one: str, other: str) -> None:
    assert (summarize_url(one) == summarize_url(other)) == (one == other)


def test_any_other_value_is_distinguished_by_its_digest_alone() -> None:
    assert summarize_hidden([{"authorization": "one"}]) != summarize_hidden([{"authorization": "two"}])
    assert "one" not in summarize_hidden(["one"])
