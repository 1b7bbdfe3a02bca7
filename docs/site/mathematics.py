"""Mathematics as MathML, so that a page needs neither a script nor another host, and a screen reader can read it."""

from __future__ import annotations

import html
import re
from importlib.util import find_spec
from pathlib import Path

from latex2mathml.converter import convert

_MATHEMATICS = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)

_THIN = '<mspace width="0.13em"></mspace>'


def with_mathml(page: str) -> str:
    """A page's HTML with its TeX between ``\\(`` and ``\\)`` or ``\\[`` and ``\\]`` as MathML."""
    return _MATHEMATICS.sub(_converted, page)


def font() -> bytes:
    """The font of formulas, STIX Two Math (SIL Open Font License), which ziamath brings along."""
    spec = find_spec("ziamath")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the extra docs has ziamath, whose font the site serves")
    return (Path(spec.submodule_search_locations[0]) / "fonts" / "STIXTwoMath-Regular.ttf").read_bytes()


def _converted(match: re.Match[str]) -> str:
    tex = html.unescape(match[3]).strip()
    block = match[2] == "["
    # The converter lays out align*, and does not know aligned, which is what GitHub shows.
    mathml = convert(tex.replace("{aligned}", "{align*}"), display="block" if block else "inline")
    if re.search(r">\s*(?:&(?:amp;)?|\\\w*)\s*<", mathml):
        raise ValueError(f"this TeX is not understood in full: {tex}")
    # Functions keep a distance from what is around them, as in TeX.
    mathml = re.sub(r"<mi>(ln|log|exp)</mi>", rf"<mrow>{_THIN}<mi>\1</mi>{_THIN}</mrow>", mathml)
    return f'<div class="formula">{mathml}</div>' if block else mathml
