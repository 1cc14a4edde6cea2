"""HTML as a person reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cio_mcp.text.html import readable


def test_styles_and_scripts_are_not_read() -> None:
    html = "<html><head><title>T</title><style>p{}</style></head><body><script>x()</script><p>Hello</p></body></html>"
    assert readable(html) == "Hello"


def test_blocks_are_lines_and_links_say_where_they_lead() -> None:
    html = '<h1>Hi&nbsp;Ada</h1><p>Your <b>order</b>\n is <a href="https://x.test/o?a=1&amp;b=2">here</a>.<br>Bye</p>'
    assert readable(html) == "Hi Ada\nYour order is here (https://x.test/o?a=1&b=2).\nBye"


def test_a_picture_is_its_description() -> None:
    assert readable('<p><img src="a.png" alt="Logo"> <img src="b.png"></p>') == "[Logo]"


def test_text_without_tags_stays_as_it_is() -> None:
    assert readable("Your code is 1234\n\nBye") == "Your code is 1234\n\nBye"


PIECES = [
    "<!",
    "<![",
    "]",
    ">",
    "]>",
    "]]>",
    "<?",
    "<!--",
    "-->",
    "if mso",
    "CDATA[",
    "<a",
    "</",
    "<p>",
    "x",
    " ",
    "=",
    "&#",
]


@given(st.text(alphabet="<>/=\"' abp&;!-\n", max_size=60) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_broken_html_is_read_without_a_failure(html: str) -> None:
    assert isinstance(readable(html), str)


def test_without_links_only_their_texts_are_read() -> None:
    assert readable('<p>Follow <a href="https://acme.example/x">order 7</a></p>', links=False) == "Follow order 7"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Research & development", "Research & development"),
        ("<p>Fish &amp; chips &lt;", "Fish & chips <"),
        ("<p>one <", "one <"),
        ("<p>one <b class='two", "one"),
        ("<p>one <!-- two", "one"),
        ("<p>one <![x]>two<![endif]>", "one two"),
        ("<p>one <!doctype [<!a", "one"),
        ('<a href="x">one <a href="y">two</a> three</a>', "one two (y) three"),
    ],
)
def test_the_end_of_a_document_is_read_as_in_a_browser(html: str, text: str) -> None:
    assert readable(html) == text


@pytest.mark.parametrize("piece", ["<a", "<!--", "<![CDATA[", "</", "<a href='", "<!", "<?", "<a b", "<style></", "<"])
@pytest.mark.parametrize("end", ["", ">", "'>", "-->"])
def test_tags_that_never_close_are_read_in_time(piece: str, end: str) -> None:
    assert len(readable(piece * 30_000 + end)) <= len(piece * 30_000 + end)


def test_links_in_links_are_read_in_time() -> None:
    assert readable('<a href="x">y' * 20_000 + "</a>" * 20_000) == "y" * 20_000 + " (x)"
