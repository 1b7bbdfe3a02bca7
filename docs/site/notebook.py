"""Notebooks as Markdown: run from top to bottom when the site is built, so that what they show is what comes out."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor
from traitlets.config import Config


def executed(path: Path) -> tuple[str, dict[str, bytes]]:
    """The Markdown of a notebook with its outputs, and the pictures by file name; an exception in a cell is raised."""
    cells = nbformat.read(path, as_version=4)
    # The kernel of this environment, whatever the notebook names.
    with TemporaryDirectory() as folder:
        # It is spoken to through files instead of ports, which others on the machine could listen to.
        through = {} if sys.platform == "win32" else {"transport": "ipc", "ip": f"{folder}/kernel"}
        run = ExecutePreprocessor(timeout=600, kernel_name="python3", config=Config({"KernelManager": through}))
        run.preprocess(cells, {"metadata": {"path": path.parent}})
    text, resources = MarkdownExporter().from_notebook_node(cells)
    # Tables look as all others on the site.
    text = re.sub(r"<style scoped>.*?</style>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<table[^>]*>", '<div class="frame"><table>', text).replace("</table>", "</table></div>")
    outputs = {}
    for name, picture in resources.get("outputs", {}).items():
        own = f"{path.stem}-{name}"
        text = text.replace(f"({name})", f"({own})").replace("![png]", "![The figure that the cell above draws]")
        outputs[own] = picture
    download = f"[Download the notebook]({path.name}), or read on: it was run when this page was made.\n\n"
    title, _, rest = text.partition("\n\n")
    return f"{title}\n\n{download}{rest}", outputs
