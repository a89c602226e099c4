"""A page as a browser takes it apart, and that it is complete in itself."""

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr", "use", "path"}


class Page(HTMLParser):
    """Open elements, the text of the page, and everything that refers to something."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.references, self.words = [], [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        names = ("src", "href", "xlink:href", "action", "poster", "srcset", "data")
        self.references += [value for name, value in attributes if name in names]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def complete(source, scripts=False):
    """The `Page`, which must ask no address for anything; `scripts`: whether it may have any."""
    page = Page(source)
    assert not page.open  # every element is closed
    assert all(ref.startswith(("data:image/", "#")) for ref in page.references)
    bare = re.sub(r'"data:image/[^"]*"', "", source)  # base64 may hold any letters, and slashes
    for sign in ("http:", "https:", "//", "@import", *([] if scripts else ["<script"])):
        assert sign not in bare, sign
    # url(#id) refers to an element of the page's own charts.
    assert source.count("url(") == source.count("url(#")
    return page
