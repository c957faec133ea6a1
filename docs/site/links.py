#!/usr/bin/env python3
"""Checks a folder of HTML pages: every link inside it leads to a file and an anchor that are there, no id occurs twice, every page can be
reached from index.html, and every docs/NAME.md that a page's text names exists. Links to other hosts are not followed.

Usage: links.py FOLDER [TREE]     exits 1 with a line for each problem
"""

import os
import re
import sys
import urllib.parse
from html.parser import HTMLParser


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.problems, self.words = set(), [], [], []
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name = attrs.get("id")
        if name:
            if name in self.ids:
                self.problems.append(f'id "{name}" occurs twice')
            self.ids.add(name)
        if tag == "img" and not attrs.get("alt"):
            self.problems.append(f'an image without a description: {attrs.get("src")}')
        for key in ("href", "src"):
            if attrs.get(key) is not None:
                self.links.append(attrs[key])

    def handle_data(self, data):
        self.words += re.findall(r"\bdocs/[a-z][a-z0-9-]*\.md\b", data)


def pages_of(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".html"):
                yield os.path.relpath(os.path.join(where, name), folder)


def check(folder, tree):
    # What `nika report` wrote is its own page, tested elsewhere.
    pages = {name: Page(os.path.join(folder, name)) for name in sorted(pages_of(folder)) if not name.startswith("runs/")}
    problems, reached, queue = [], set(), ["index.html"]
    if "index.html" not in pages:
        return ["no index.html"]
    targets = {name: set() for name in pages}
    for name, page in pages.items():
        problems += [f"{name}: {problem}" for problem in page.problems]
        for word in page.words:
            if tree and not os.path.exists(os.path.join(tree, word)):
                problems.append(f"{name}: names {word}, which is not there")
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme in ("http", "https", "mailto") or link.startswith("data:"):
                continue
            path = urllib.parse.unquote(parts.path)
            to = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if parts.scheme or to.startswith("..") or not os.path.isfile(os.path.join(folder, to)):
                problems.append(f"{name}: dead link {link}")
            elif parts.fragment and to in pages and urllib.parse.unquote(parts.fragment) not in pages[to].ids:
                problems.append(f"{name}: no place {link}")
            else:
                targets[name].add(to)
    while queue:
        name = queue.pop()
        if name not in reached:
            reached.add(name)
            queue += [to for to in targets.get(name, ()) if to in pages]
    problems += [f"{name}: no page leads here" for name in sorted(pages.keys() - reached)]
    return problems


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    problems = check(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
