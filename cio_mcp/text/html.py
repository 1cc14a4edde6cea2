"""Converts HTML to text: one line per block, with the targets of links."""

import re
from html import unescape
from html.parser import HTMLParser

_UNREAD = {"head", "style", "script", "title", "template"}
_BLOCKS = {
    "p", "div", "br", "hr", "tr", "table", "li", "ul", "ol", "section", "header", "footer", "article", "blockquote",
    "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip
_UNCLOSED = re.compile(r"<[a-zA-Z/!?]")


def readable(html: str, *, links: bool = True) -> str:
    """The text of a document, blank lines closed up; text without tags stays as it is.

    With `links`, where a link leads follows its text. A tag or comment that never closes ends the document.
    """
    if "<" not in html:
        return html
    reader = _Reader(links=links)
    reader.feed(html)
    reader.finish()
    lines = (re.sub(r"[ \t\r\f\v\u00a0]+", " ", line).strip() for line in "".join(reader.read).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self, *, links: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._shows_links = links
        self.read: list[str] = []
        self._unread = 0
        self._link: tuple[str, int] | None = None

    def finish(self) -> None:
        """Read the text after the last tag.

        Not `close`, which takes every tag that never closes for text and looks for the end of each: quadratic.
        """
        if not _UNCLOSED.match(self.rawdata):
            self.handle_data(unescape(self.rawdata))

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: ARG002 - its signature
        """Skip a section such as `<![if mso]>`, as a browser does: up to the next `>`.

        Python's own parser fails for a section that it does not know.
        """
        return self.rawdata.find(">", i) + 1 or -1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in _UNREAD:
            self._unread += 1
        elif tag in _BLOCKS:
            self.read.append("\n")
        elif tag == "a":
            # A link closes the one before it, as in a browser: their texts never overlap.
            self._link = attributes.get("href") or "", len(self.read)
        elif tag == "img" and attributes.get("alt"):
            self.read.append(f"[{attributes['alt']}]")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNREAD:
            super().handle_startendtag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(0, self._unread - 1)
        elif tag in _BLOCKS:
            self.read.append("\n")
        elif tag == "a" and self._link:
            (link, start), self._link = self._link, None
            if self._shows_links and link and link != "".join(self.read[start:]).strip():
                self.read.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.read.append(data.replace("\n", " "))
