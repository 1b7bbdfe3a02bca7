"""`moatlab report`: claims and batches as one page."""

from __future__ import annotations

from pathlib import Path


def write(folders: tuple[Path, ...], out: Path) -> str:
    """Write the page and its Markdown; returns what to print."""
    from moatlab.evidence.page.write import write as write_page

    page, beside, size = write_page(folders, out)
    return f"{page} ({size / 1e6:.1f} MB, loads nothing from the network) and {beside}"
