"""What a batch asks of its machine: files, a clock, and a name for the process.

Everything that a store reads or writes goes through here, so that tests can put a machine in its place of which any
single operation fails, or one that is simulated.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path


class Host:
    """The machine as it is; every method raises `OSError` where the system does."""

    # Files ----------------------------------------------------------------------------------------------------------

    def read(self, path: Path, start: int = 0) -> bytes:
        """The bytes of a file, from ``start`` on."""
        with open(path, "rb") as file:
            if start:
                file.seek(start)
            return file.read()

    def write(self, path: Path, data: bytes) -> None:
        """Write a file whose name is not in use."""
        with open(path, "wb") as file:
            file.write(data)

    def append(self, path: Path, data: bytes) -> None:
        """Add to the end of a file, which is made if need be."""
        with open(path, "ab") as file:
            file.write(data)

    def flush(self, path: Path) -> None:
        """Return when a file's contents, or a folder's list of names, would survive a power cut."""
        if os.name == "nt" and path.is_dir():
            return  # folders cannot be opened there
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, path: Path, to: Path) -> None:
        """Give a file another name in one step, in place of a file that has it."""
        os.replace(path, to)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def make(self, folder: Path) -> None:
        """Make a folder and those above it, as far as they are missing."""
        folder.mkdir(parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        """The sorted names of what lies in a folder; none if there is no such folder."""
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    def exists(self, path: Path) -> bool:
        """Whether there is a file or folder of this name."""
        return path.exists()

    def is_folder(self, path: Path) -> bool:
        """Whether there is a folder of this name."""
        return path.is_dir()

    def age(self, path: Path) -> float:
        """Seconds since a file was written or touched."""
        return time.time() - path.stat().st_mtime

    def size(self, path: Path) -> int:
        """Bytes in a file."""
        return path.stat().st_size

    def touch(self, path: Path) -> None:
        """Make a file's age 0."""
        os.utime(path)

    # Process and time -----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The machine's name."""
        return socket.gethostname()

    @property
    def process(self) -> int:
        """The number of this process."""
        return os.getpid()

    def runs(self, process: int) -> bool:
        """Whether a process of this number runs on this machine."""
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # somebody else's
        return True

    def unique(self) -> str:
        """A name that nobody else uses."""
        return uuid.uuid4().hex

    def monotonic(self) -> float:
        """Seconds on a clock that only moves forward."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long."""
        time.sleep(seconds)


#: The machine that stores use unless they are given another.
HOST = Host()


def in_one_move(host: Host, path: Path, data: bytes) -> None:
    """Write a file so that whoever looks sees all of it or none, power cut included; an earlier one is replaced.

    Raises `OSError` that names the file; nothing half-written stays.
    """
    temporary = path.with_name(f".{path.name}.{host.unique()}")
    try:
        host.write(temporary, data)
        host.flush(temporary)
        host.rename(temporary, path)
        host.flush(path.parent)
    except OSError as problem:
        quietly(host.remove, temporary)
        raise OSError(problem.errno, problem.strerror, str(path)) from None


def quietly(call: Callable[[Path], object], path: Path) -> None:
    """Do something that may as well be left undone."""
    with contextlib.suppress(OSError):
        call(path)
