#!/usr/bin/env python3
"""Writes the static site from README, docs/ and the manual pages (python3-markdown, mandoc), with runs of NIKA as pages and pictures.

Usage: make.py OUT [NIKA]     from the root of the tree
"""

import html
import json
import os
import re
import shutil
import subprocess
import sys

import markdown

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import picture  # noqa: E402

HERE = "docs/site"
ASSETS = (".png", ".svg", ".json", ".txt")


def slug(text, separator):
    """Anchors as code forges make them."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", separator)


def where(source):
    """Where the page of a source file is in the site."""
    if source == "README.md":
        return "index.html"
    if source.startswith("docs/man/"):
        return "man/" + os.path.basename(source)[:-2] + ".html"
    return os.path.basename(source)[:-3].lower() + ".html"


def sections():
    """[(section, [source])]; pages that nobody placed come last."""
    found, named = [], set()
    with open(f"{HERE}/pages.txt", encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("= "):
                found.append((line[2:], []))
            elif line and not line.startswith("#"):
                found[-1][1].append(line)
                named.add(line)
    rest = sorted(f"docs/{n}" for n in os.listdir("docs") if n.endswith(".md") and f"docs/{n}" not in named)
    return found + ([("More", rest)] if rest else [])


def prepared(text):
    """What forges understand and python-markdown does not: names of files on fences, lists without an empty line before them."""
    lines, fenced = [], False
    for line in text.splitlines():
        fence = re.match(r"^```(\w*)[ ]?(\S*)$", line)
        if fence:
            fenced = not fenced
            if fence.group(2):
                lines += [f'<p class="file"><code>{html.escape(fence.group(2))}</code></p>', "", f"```{fence.group(1)}"]
                continue
        item = re.match(r"^([-*]|\d+\.) ", line)
        if item and not fenced and lines and lines[-1].strip() and not re.match(r"^(\s+|[-*] |\d+\. )", lines[-1]):
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def rewritten(body, source, out):
    """Links between files of the tree become links between pages; files that a page links to come along."""
    here = os.path.dirname(source)

    def change(match):
        link = match.group(2)
        path, _, fragment = link.partition("#")
        if not path or "://" in link or link.startswith("mailto:"):
            return match.group(0)
        real = os.path.normpath(os.path.join(here, path))
        if real.endswith(".md") and os.path.isfile(real):
            link = where(real)
        elif real.endswith(ASSETS) and os.path.isfile(real):
            os.makedirs(os.path.join(out, "files"), exist_ok=True)
            link = "files/" + os.path.basename(real)
            shutil.copyfile(real, os.path.join(out, link))
        return f'{match.group(1)}="{link}{"#" + fragment if fragment else ""}"'

    return re.sub(r'\b(href|src)="([^"]*)"', change, body)


class Site:
    def __init__(self, out):
        self.out, self.index, self.menu = out, [], []
        with open(f"{HERE}/page.html", encoding="utf-8") as file:
            self.template = file.read()

    def write(self, path, title, body):
        base = "../" * path.count("/")
        menu = ""
        for section, pages in self.menu:
            menu += f"<h2>{html.escape(section)}</h2><ul>"
            for to, name in pages:
                current = ' aria-current="page"' if to == path else ""
                menu += f'<li><a href="{base}{to}"{current}>{html.escape(name)}</a></li>'
            menu += "</ul>"
        page = self.template
        for key, value in (("base", base), ("title", html.escape(title)), ("menu", menu), ("body", body)):
            page = page.replace("{{" + key + "}}", value)
        os.makedirs(os.path.dirname(os.path.join(self.out, path)), exist_ok=True)
        with open(os.path.join(self.out, path), "w", encoding="utf-8") as file:
            file.write(page)
        # A search hit is a section of a page.
        for number, part in enumerate(re.split(r'(?=<h[12][ >])', body)):
            heading = re.match(r'<h[12][^>]*?(?: id="([^"]*)")?[^>]*>(.*?)</h[12]>', part, re.DOTALL)
            text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", part))).strip()
            if not text:
                continue
            anchor = "#" + heading.group(1) if heading and heading.group(1) and number > 1 else ""
            name = html.unescape(re.sub(r"<[^>]+>", "", heading.group(2)).replace("#", "")).strip() if heading else title
            self.index.append([path + anchor, title if name == title else f"{title}: {name}", text[:1500]])


def convert(source, out):
    """(title, HTML) of a Markdown file."""
    with open(source, encoding="utf-8") as file:
        text = file.read()
    toc = {"slugify": slug, "permalink": "#", "permalink_class": "anchor", "permalink_title": "this place"}
    body = markdown.markdown(prepared(text), extensions=["tables", "fenced_code", "toc"], extension_configs={"toc": toc})
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    return (title.group(1) if title else source), rewritten(body, source, out)


def manual(source):
    text = subprocess.run(["mandoc", "-T", "html", "-O", "fragment,man=%N.html", source], check=True, stdout=subprocess.PIPE, text=True).stdout
    text = text.replace('<h1 class="Sh"', '<h2 class="Sh"').replace("</h1>", "</h2>").replace("<br/>\n", "")
    name = os.path.basename(source)[:-2]
    # Names of commands in the list lead to their pages.
    return f"<h1>{name}(1)</h1>" + re.sub(r"<b>(nika-[a-z]+)</b>\(1\)", r'<a href="\1.html">\1</a>(1)', text)


def runs(out, nika):
    """The page of runs: a picture of each, and its own page as `nika report` writes it."""
    body = ["<h1>Runs</h1><p>Real runs, each written by <code>nika report</code>. The pictures are the first milliseconds of virtual time; "
            "a red lane lies. The pages hold the whole run, work offline, and any of them can be made again, bit for bit, from its line.</p>"]
    os.makedirs(os.path.join(out, "runs"))
    with open(f"{HERE}/runs.txt", encoding="utf-8") as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    for name, seed, milliseconds in lines:
        to = os.path.join(out, "runs", name)
        for end in (".html", ".trace.json", ".json"):
            subprocess.run([nika, "report", name, "--seed", seed, "-o", to + end], check=True)
        with open(to + ".json", encoding="utf-8") as file:
            run = json.load(file)["run"]
        with open(to + ".trace.json", encoding="utf-8") as file:
            liars = {f"replica {replica}" for replica in (run["accountability"] or {}).get("culprits", ())}
            svg = picture.draw(file.read(), int(milliseconds), liars)
        os.remove(to + ".trace.json")
        os.remove(to + ".json")
        body.append(f'<h2 id="{name}">{name}</h2><figure>{svg}<figcaption>{html.escape(run["sentence"])}<br><code>nika report {name} --seed {seed} -o run.html</code>: '
                    f'<a href="runs/{name}.html">the page of this run</a></figcaption></figure>')
    return "\n".join(body)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out, nika = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else None
    if os.path.isdir(out):
        shutil.rmtree(out)
    os.makedirs(out)
    for name in ("style.css", "search.js"):
        shutil.copyfile(f"{HERE}/{name}", os.path.join(out, name))
    site = Site(out)
    pages = [(where(s), *convert(s, out)) for _, sources in sections() for s in sources]
    titles = {path: title for path, title, _ in pages}
    site.menu = [(name, [(where(s), titles[where(s)]) for s in sources]) for name, sources in sections()]
    manuals = sorted(f"docs/man/{n}" for n in os.listdir("docs/man") if n.endswith(".1"))
    if nika:
        site.menu.insert(1, ("See", [("runs.html", "Runs")]))
    site.menu.append(("Manual", [(where(m), os.path.basename(m)[:-2].replace("-", " ")) for m in manuals]))
    for path, title, body in pages:
        site.write(path, title, body)
    for source in manuals:
        site.write(where(source), os.path.basename(source)[:-2] + "(1)", manual(source))
    if nika:
        site.write("runs.html", "Runs", runs(out, nika))
    with open(os.path.join(out, "search-index.js"), "w", encoding="utf-8") as file:
        file.write("window.NIKA_INDEX=" + json.dumps(site.index, ensure_ascii=False) + ";\n")
    print(f"{len(pages) + len(manuals) + bool(nika)} pages in {out}")


if __name__ == "__main__":
    main()
