"""What pictures are drawn with: matplotlib without regard to the environment's backend and the user's style."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from typing import Any


def _import_matplotlib() -> Any:
    """Matplotlib.  Jupyter hands its backend to what it starts, where it may not be had: then the import would fail."""
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    return matplotlib


_matplotlib = _import_matplotlib()

from matplotlib.figure import Figure  # noqa: E402  (the environment's backend has to be out of the way)
from matplotlib.font_manager import FontProperties, fontManager  # noqa: E402
from matplotlib.ft2font import FT2Font  # noqa: E402

#: The font of all text, which comes with matplotlib, and fonts of other scripts, used where they are there.
FONT = "DejaVu Sans"
OTHERS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "PingFang SC",
    "Hiragino Sans GB", "Hiragino Sans", "Heiti SC", "Microsoft YaHei", "SimHei", "Yu Gothic", "Malgun Gothic",
    "Apple SD Gothic Neo", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai",
    "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Emoji", "Symbola", "Segoe UI Symbol", "Arial Unicode MS",
    "Unifont",
)  # fmt: skip
#: What belongs to a program rather than to a picture.
_NOT_OURS = ("backend", "backend_fallback", "interactive", "toolbar", "webagg.", "tk.", "keymap.", "macosx.")


@cache
def families() -> list[str]:
    """The fonts of text, in the order in which a letter is looked for."""
    there = {font.name for font in fontManager.ttflist}
    return [FONT, *(name for name in OTHERS if name in there)]


@cache
def _letters() -> frozenset[int]:
    """The code points that a font of ours has."""
    found: set[int] = set()
    for family in families():
        path = fontManager.findfont(FontProperties(family=[family]))
        found.update(FT2Font(path).get_charmap())
    return frozenset(found)


def drawable(text: str) -> str:
    """``text`` without what no font has a picture of: an empty box says nothing."""
    letters = _letters()
    if all(ord(character) in letters for character in text if character != "\n"):
        return text
    kept = "".join(c for c in text if c == "\n" or ord(c) in letters)
    return "\n".join(" ".join(line.split()) for line in kept.split("\n"))


@cache
def _own() -> dict[str, Any]:
    plain = {
        key: value for key, value in _matplotlib.rcParamsDefault.items()
        if not key.startswith(_NOT_OURS)
    }  # fmt: skip
    # Names in an SVG file are random otherwise; type 42 keeps the text of a PDF file text.
    files = {"svg.hashsalt": "moatlab", "pdf.fonttype": 42}
    return plain | files | {"font.family": families(), "font.sans-serif": families()}


@contextmanager
def own_settings(more: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Matplotlib's own defaults and our fonts within the block, whatever the user has set; as before after it.

    ``more`` are further settings.
    """
    with _matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        _matplotlib.rcParams.update({**_own(), **(more or {})})
        yield


class Sheet(Figure):
    """A figure that is drawn with our settings, whenever that is: a notebook draws it after the picture was made.

    ``drawn`` has what it shows (see `moatlab.show.numbers`): panel or figure, table, unit.  ``settings`` are
    matplotlib's settings beyond ours.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.drawn: list[tuple[Any, Any, str]] = []
        self.settings: dict[str, Any] = {}

    def draw(self, renderer: Any) -> None:
        """Draw, with our settings."""
        with own_settings(self.settings):
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        # A notebook learns to show figures when pyplot is imported, which moatlab never does.
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()
