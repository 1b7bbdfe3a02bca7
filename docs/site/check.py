"""Check a built site, without a network: links and anchors lead somewhere, and pages load nothing from other hosts.

python docs/site/check.py build/site
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What a browser fetches by itself; a link (`a`) may lead to another host, since only the reader follows it.
LOADED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "audio": "src",
    "video": "src",
}
#: Kinds of `link` that name an address without fetching it.
NAMED_ONLY = {"canonical", "alternate", "prev", "next", "author", "license"}
_STYLE_ADDRESS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """The anchors of a page, where its links lead, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element's id and address."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADED and given.get(LOADED[tag]) and not NAMED_ONLY & set(given.get("rel", "").split()):
            self.loads.append(given[LOADED[tag]])


def problems(site: Path) -> list[str]:
    """A line for each link that leads nowhere and each address that a page would load from another host."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site}: no pages"]
    for path, page in pages.items():
        # The page of an address that is not there is shown at any address, so its links start at the root.
        base = site if path.name == "404.html" else path.parent
        for address in [*page.links, *page.loads]:
            said = _problem(address, base, path, site, pages, loaded=address in page.loads)
            if said:
                found.append(f"{path.relative_to(site)}: {said}")
    for path in site.rglob("*.css"):
        for match in _STYLE_ADDRESS.findall(path.read_text(encoding="utf-8")):
            address = match[0] or match[1]
            if not address.startswith(("data:", "#")):
                said = _problem(address, path.parent, path, site, pages, loaded=True)
                if said:
                    found.append(f"{path.relative_to(site)}: {said}")
    return found


def _problem(address: str, base: Path, here: Path, site: Path, pages: dict[Path, Page], loaded: bool) -> str:
    parts = urlsplit(address)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        return f"loads {address}" if loaded else ""
    target = here
    if parts.path:
        target = (site / parts.path.lstrip("/")) if parts.path.startswith("/") else base / unquote(parts.path)
        target = target.resolve()
        if target.is_dir():
            target /= "index.html"
        if not target.is_file() or not target.is_relative_to(site):
            return f"{address} leads nowhere"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return f"{address} has no such anchor"
    return ""


if __name__ == "__main__":
    built = Path(sys.argv[1]).resolve()
    lines = problems(built)
    print("\n".join(lines) if lines else f"{built}: every link leads somewhere, and nothing is loaded from elsewhere")
    sys.exit(bool(lines))
