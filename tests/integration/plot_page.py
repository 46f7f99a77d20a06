# SPDX-License-Identifier: Apache-2.0
"""Pages with plots, as a browser would read them."""

import html.parser


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags_that_stand_alone(file):
    """The names of the page's tags. Each must end where it may, and none may need anything from elsewhere."""
    page = _Reader()
    page.feed(file.read_text())
    assert page.open == []
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert not any({"src", "href", "xlink:href"} & set(attributes) for _, attributes in page.tags)
    return names
