"""A file that only grows: one line an entry, each with its time and a digest of the line before it.

What was written once stays, so that a reader can see in which order things were said and done; a line that was changed
afterwards no longer has the digest that a later line holds.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.experiments.provenance import now


class Journal:
    """The journal in a file, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _lines(self) -> list[bytes]:
        try:
            # What follows the last end of a line was not written to its end.
            return [line for line in self.path.read_bytes().split(b"\n")[:-1] if line]
        except FileNotFoundError:
            return []
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
        # One write, at the end of the file whoever else writes there; what a killed process left unfinished goes first,
        # and so does what a full disk took of this entry.
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = self._closed()
            if size != os.fstat(handle).st_size:
                os.ftruncate(handle, size)
            data = text + b"\n"
            try:
                if os.write(handle, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            except OSError as problem:
                os.ftruncate(handle, size)
                raise OSError(problem.errno, problem.strerror, str(self.path)) from None
        finally:
            os.close(handle)
        return whole

    def _closed(self) -> int:
        """Bytes of the file up to the end of its last whole line."""
        return self.path.read_bytes().rfind(b"\n") + 1


def _digest(line: bytes) -> str:
    return hashlib.blake2b(line, digest_size=8).hexdigest()
