"""Hooks of MkDocs: pages that are generated, links out of docs, mathematics, the notebook, the gallery."""

from __future__ import annotations

import posixpath
import sys
from pathlib import Path
from typing import Any

SITE = Path(__file__).parent
ROOT = SITE.parent.parent
sys.path[:0] = [str(SITE), str(ROOT / "src")]

# After the path is set.
import commands  # noqa: E402
import gallery  # noqa: E402
import mathematics  # noqa: E402
import notebook  # noqa: E402
import repository  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402
from pymdownx.arithmatex import arithmatex_fenced_format  # noqa: E402
from pymdownx.slugs import slugify  # noqa: E402

import reference  # noqa: E402


def on_config(config: Any) -> Any:
    """Anchors as GitHub makes them, and its blocks of mathematics, so that the pages read the same there."""
    config.mdx_configs["toc"] = {**config.mdx_configs.get("toc", {}), "slugify": slugify(case="lower")}
    config.mdx_configs["pymdownx.superfences"] = {
        "custom_fences": [
            {"name": "math", "class": "arithmatex", "format": arithmatex_fenced_format(mode="generic", tag="div")}
        ]
    }
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what is not a file of docs: reference, gallery, pages of the repository, style and the font."""

    def add(path: str, content: str | bytes) -> None:
        existing = files.get_file_from_path(path)
        if existing is not None:
            files.remove(existing)
        files.append(File.generated(config, path, content=content))

    for path, text in {**reference.pages(), "reference/commands.md": commands.page()}.items():
        add(path, text)
    add("gallery.md", gallery.page())
    for path, picture in gallery.pictures(ROOT / "build" / "gallery").items():
        add(path, picture.read_bytes())
    for source in [file for file in files if file.src_uri.endswith(".ipynb")]:
        files.remove(source)
        text, outputs = notebook.executed(Path(str(source.abs_src_path)))
        target = source.src_uri.removesuffix(".ipynb")
        for name, output in outputs.items():
            add(posixpath.join(posixpath.dirname(target), name), output)
        add(f"{target}.md", text)
    for path, text in repository.pages(ROOT).items():
        add(path, text)
    add("assets/site.css", (SITE / "site.css").read_text(encoding="utf-8"))
    add("assets/STIXTwoMath-Regular.ttf", mathematics.font())
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links to files of the repository lead to their pages on the site; a tab of one page has no list of pages."""
    if page.file.src_uri in ("index.md", "gallery.md"):
        page.meta["hide"] = ["navigation"]
    return repository.relinked(markdown, page.file.src_uri)


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Mathematics as MathML."""
    return mathematics.with_mathml(html)
