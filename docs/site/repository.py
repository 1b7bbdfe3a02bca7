"""What the pages link to outside docs: README and its neighbours, examples, notebooks, as pages of the site."""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path

#: Documents outside docs by their page on the site.
ROOT_PAGES = {
    "project/readme.md": "README.md",
    "project/changelog.md": "CHANGELOG.md",
    "project/contributing.md": "CONTRIBUTING.md",
    "project/notebooks.md": "notebooks/README.md",
}
#: Files and folders that the documents link to: each is a page below this folder of the site.
FOLDER = "repository"
#: What is shown of a linked folder, with the language for its colours.
SHOWN = {".py": "python", ".toml": "toml", ".md": ""}

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_REPOSITORY = Path(__file__).parent.parent.parent


def _origin(page: str) -> str:
    """Where in the repository a page of the site comes from."""
    return ROOT_PAGES.get(page) or page.removeprefix(f"{FOLDER}/") if page.startswith((FOLDER, "project")) else (
        f"docs/{page}"
    )  # fmt: skip


def _target(origin: str, link: str) -> str | None:
    """The path in the repository that a link leads to; None of addresses elsewhere and of what is not there."""
    name = link.partition("#")[0]
    if not name or re.match(r"[a-z]+:", name):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), name))
    return path if not path.startswith("..") and (_REPOSITORY / path).exists() else None


def _page(path: str) -> str:
    """The page or file on the site of a path in the repository."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/").replace(".ipynb", ".md")
    for page, origin in ROOT_PAGES.items():
        if origin == path:
            return page
    return f"{FOLDER}/{path.removesuffix('.md')}.md"


def relinked(markdown: str, page: str) -> str:
    """A page's Markdown, with links to the repository's files as links to their pages on the site."""
    origin = _origin(page)

    def replaced(match: re.Match[str]) -> str:
        path = _target(origin, match[1])
        if path is None:
            return match[0]
        anchor = match[1].partition("#")[2]
        link = posixpath.relpath(_page(path), posixpath.dirname(page) or ".")
        return f"]({link}{'#' + anchor if anchor else ''})"

    return _LINK.sub(replaced, markdown)


def pages(root: Path) -> dict[str, str]:
    """Markdown of the documents at the root, and of every file and folder outside docs that a document links to."""
    found = {page: (root / origin).read_text(encoding="utf-8") for page, origin in ROOT_PAGES.items()}
    documents = {origin: found[page] for page, origin in ROOT_PAGES.items()}
    for path in sorted((root / "docs").rglob("*.md")):
        documents[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    for origin, text in documents.items():
        for link in _LINK.findall(text):
            path = _target(origin, link)
            if path is not None and not path.startswith("docs/") and path not in ROOT_PAGES.values():
                found[_page(path)] = _shown(root / path, path)
    return found


def _shown(path: Path, name: str) -> str:
    """A file as a page: Markdown as it is, others as code; a folder as its files one below the other."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return _kept(path)
    if path.is_file():
        return f"# `{name}`\n\n{_code(path)}"
    files = sorted(p for p in path.iterdir() if p.suffix in SHOWN and p.name != "__init__.py")
    below = [f"## `{p.name}`\n\n{_code(p)}" for p in files]
    return "\n\n".join([f"# `{name}/`", *below]) + "\n"


def _kept(path: Path) -> str:
    """A notebook with the outputs that it was kept with."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                picture = "".join(data["image/png"]).replace("\n", "")
                parts.append(f'<img alt="The figure that the cell above draws" src="data:image/png;base64,{picture}">')
            elif "text/html" in data:
                # Tables look as all others on the site.
                table = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
                parts.append(f'<div class="frame">{" ".join(table.split())}</div>')
            else:
                text = "".join(output.get("text", data.get("text/plain", ""))).rstrip()
                parts.append(f"```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _code(path: Path) -> str:
    text = path.read_text(encoding="utf-8").rstrip()
    return f"````{SHOWN.get(path.suffix, '')}\n{text}\n````\n"
