"""Docstrings as Markdown: lines of a Python session become a block of code instead of quotations."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SESSION = re.compile(r"(?:^|(?<=\n))(>>> .*(?:\n(?!\n).*)*)")


class Sessions(griffe.Extension):
    """Fences the lines from ``>>>`` to the next empty line."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for each object that has been read."""
        if obj.docstring is not None and ">>> " in obj.docstring.value:
            obj.docstring.value = _SESSION.sub(r"```pycon\n\1\n```", obj.docstring.value)
