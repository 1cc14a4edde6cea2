"""HTML read as a person reads it: its text, a line a block, and where links lead."""

import re
from html.parser import HTMLParser

_UNREAD = {"head", "style", "script", "title", "template"}
_BLOCKS = {
    "p", "div", "br", "hr", "tr", "table", "li", "ul", "ol", "section", "header", "footer", "article", "blockquote",
    "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip


def readable(html: str) -> str:
    """The text of a document, blank lines closed up; text without tags stays as it is."""
    if "<" not in html:
        return html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\v\u00a0]+", " ", line).strip() for line in "".join(reader.read).split("\n"))
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read: list[str] = []
        self._unread = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag in _UNREAD:
            self._unread += 1
        elif tag in _BLOCKS:
            self.read.append("\n")
        elif tag == "a":
            self._links.append((told.get("href") or "", len(self.read)))
        elif tag == "img" and told.get("alt"):
            self.read.append(f"[{told['alt']}]")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNREAD:
            super().handle_startendtag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(0, self._unread - 1)
        elif tag in _BLOCKS:
            self.read.append("\n")
        elif tag == "a" and self._links:
            link, start = self._links.pop()
            if link and link != "".join(self.read[start:]).strip():
                self.read.append(f" ({link})")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.read.append(data.replace("\n", " "))
