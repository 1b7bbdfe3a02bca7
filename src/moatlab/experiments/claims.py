"""Who is at work on what, so that several processes on one folder do not do the same runs.

Every session has one file, to which it adds the keys that it is about to do, and from which the others read what is new
to them.  Nothing but the order of work depends on claims: what they fail to say is at worst done twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from moatlab.experiments.host import Host

#: Digits of a key that a claim writes down.
DIGITS = 12
#: A session that has not touched its file for so many seconds is taken for dead, and touches it this often.
STALE, BEAT = 120.0, 5.0
#: Seconds between two looks for others by a session that is alone.
GLANCE = 0.01


@dataclass
class _Session:
    """What has been read of another session's file."""

    read: int = 0
    keys: set[str] = field(default_factory=set)


class Claims:
    """The claims of one session, and what it knows of others'."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host, self._folder = host, folder
        self._name = f"{host.name}~{host.process}~{host.unique()}.txt"
        self._others: dict[str, _Session] = {}
        self._beaten = host.monotonic()
        self._looked = -GLANCE

    def add(self, keys: Sequence[str]) -> set[str]:
        """Claim runs; returns those of them that another session has claimed as well and that it keeps.

        Two sessions that claim the same run at the same moment both see so, and the one whose name comes first does it.
        """
        lines = "".join(f"{key[:DIGITS]}\n" for key in keys).encode()
        with contextlib.suppress(OSError):
            self._host.append(self._folder / self._name, lines)
            self._beaten = self._host.monotonic()
        self.glance()
        ahead = [session.keys for name, session in self._others.items() if name < self._name]
        return {key for key in keys if any(key[:DIGITS] in taken for taken in ahead)}

    def taken(self, key: str) -> bool:
        """Whether another session that is at work has claimed a run."""
        short = key[:DIGITS]
        return any(short in session.keys for session in self._others.values())

    @property
    def alone(self) -> bool:
        """Whether no other session is at work."""
        return not self._others

    def glance(self) -> None:
        """`refresh`, but not every time by a session that is alone."""
        if self._others or self._host.monotonic() - self._looked >= GLANCE:
            self.refresh()

    def refresh(self) -> None:
        """Read what others have claimed since; forget those that are gone."""
        self._looked = self._host.monotonic()
        try:
            there = {name for name in self._host.names(self._folder) if name != self._name and self._lives(name)}
        except OSError:
            return
        for name in set(self._others) - there:
            del self._others[name]
        for name in there:
            with contextlib.suppress(OSError):
                self._read(name)

    def beat(self) -> None:
        """Show that this session is alive; costs nothing if it showed so a moment ago."""
        if self._host.monotonic() - self._beaten >= BEAT:
            self._beaten = self._host.monotonic()
            with contextlib.suppress(OSError):
                self._host.touch(self._folder / self._name)

    def close(self) -> None:
        """Claim nothing any more."""
        with contextlib.suppress(OSError):
            self._host.remove(self._folder / self._name)

    def tidy(self) -> None:
        """Remove the claims of sessions that are dead."""
        with contextlib.suppress(OSError):
            for name in self._host.names(self._folder):
                if name != self._name and not self._lives(name):
                    self._host.remove(self._folder / name)

    def _lives(self, name: str) -> bool:
        """Whether a session is at work: on this machine its process runs, and anywhere its file is young."""
        machine, _, rest = name.partition("~")
        number = rest.partition("~")[0]
        if machine == self._host.name and number.isdigit() and not self._host.runs(int(number)):
            return False
        try:
            return self._host.age(self._folder / name) < STALE
        except OSError:
            return False

    def _read(self, name: str) -> None:
        session, path = self._others.setdefault(name, _Session()), self._folder / name
        if self._host.size(path) <= session.read:
            return
        data = self._host.read(path, session.read)
        whole = data[: data.rfind(b"\n") + 1]  # its last line may be on its way
        session.read += len(whole)
        session.keys.update(_words(whole))


def _words(data: bytes) -> Iterable[str]:
    return data.decode("ascii", "replace").split()
