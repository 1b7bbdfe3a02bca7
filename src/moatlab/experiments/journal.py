"""A file that only grows: one line an entry, each with its time and a digest of the line before it.

What was written once stays, so that a reader can see in which order things were said and done; a line that was changed
afterwards no longer has the digest that a later line holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.experiments.host import HOST, Host, in_one_move
from moatlab.experiments.provenance import now


class Journal:
    """The journal in a file, which need not be there yet."""

    def __init__(self, path: Path, host: Host = HOST) -> None:
        self.path, self._host = path, host

    def _data(self) -> bytes:
        try:
            return self._host.read(self.path)
        except FileNotFoundError:
            return b""

    def _lines(self) -> list[bytes]:
        try:
            # What follows the last end of a line was not written to its end.
            return [line for line in self._data().split(b"\n")[:-1] if line]
        except OSError as problem:
            raise InputError(f"{self.path} cannot be read: {problem.strerror}") from None

    def entries(self) -> list[dict[str, Any]]:
        """All entries in order.  A last line that a killed process left unfinished does not count.

        Raises `InputError` for a file that is no journal.
        """
        found = []
        for at, line in enumerate(self._lines()):
            try:
                entry = json.loads(line)
                if not isinstance(entry, dict) or "time" not in entry:
                    raise ValueError("no entry")
            except (ValueError, RecursionError):
                raise InputError(f"{self.path}: line {at + 1} is damaged") from None
            found.append(entry)
        return found

    def altered(self) -> list[int]:
        """Numbers of the lines, from 1, after which a line stands that was written after another one."""
        lines = self._lines()
        digests = {"", *map(_digest, lines)}
        return [at for at, entry in enumerate(self.entries()) if entry.get("after", "") not in digests]

    def append(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Add an entry and return it with its time.  Raises `OSError` where it cannot be written."""
        lines = self._lines()
        whole = {"time": now(), "after": _digest(lines[-1]) if lines else "", **entry}
        text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
        # Added at the end, whoever else writes there; what a killed process left unfinished goes first, and so does
        # what a full disk took of this entry.
        data = self._data()
        whole_lines = data[: data.rfind(b"\n") + 1]
        if whole_lines != data:
            in_one_move(self._host, self.path, whole_lines)
        try:
            self._host.append(self.path, text + b"\n")
            self._host.flush(self.path)
            self._host.flush(self.path.parent)
        except OSError as problem:
            with contextlib.suppress(OSError):
                in_one_move(self._host, self.path, whole_lines)
            raise OSError(problem.errno, problem.strerror, str(self.path)) from None
        return whole


def _digest(line: bytes) -> str:
    return hashlib.blake2b(line, digest_size=8).hexdigest()
