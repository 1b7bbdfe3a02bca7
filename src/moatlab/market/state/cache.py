"""Where machine code is kept: a folder of the user's, one that was made ready elsewhere, or a temporary one.

In the order of preference, each in a subfolder that is named by the digest of the source:

1. ``MOATLAB_CACHE`` where it is set, else ``XDG_CACHE_HOME``, else ``~/.cache``.  It need not be writable if it is
   complete: a container's image may bring it, and another user may own it;
2. a folder of this user's among the temporary files, which all processes of the user share;
3. none: every process compiles what it needs.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

#: Written into a folder when all that a version needs is in it.
COMPLETE = "complete"


def kernel_folder(digest: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that numba may read from and write to, made if need be; None where there can be none."""
    base = _chosen(environment)
    if base is not None:
        folder = base / "moatlab" / "kernels" / digest
        if _made(folder):
            return folder
        if is_complete(folder):
            return _linked(folder)
    temporary = _temporary(digest)
    return temporary if temporary is not None and _made(temporary) else None


def is_complete(folder: Path) -> bool:
    """Whether all that a version needs is in the folder; not where it may not even be looked at."""
    try:
        return (folder / COMPLETE).exists()
    except OSError:
        return False


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder while it is filled, so that processes that start together do not all compile."""
    try:
        import fcntl

        lock = (folder / "lock").open("a")
    except (ImportError, OSError):
        yield
        return
    with lock:
        # A file system without locks: the work may be done twice, and is right all the same.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _chosen(environment: Mapping[str, str]) -> Path | None:
    """The folder of caches that the environment names; None for a user without a home."""
    named = environment.get("MOATLAB_CACHE") or environment.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(named).expanduser().absolute()
    except (RuntimeError, OSError):
        # No HOME, and no entry in the list of users; or no current folder to start from.
        return None


def _made(folder: Path) -> bool:
    """Whether the folder is there, made if need be, and takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _temporary(digest: str) -> Path | None:
    """This user's folder among the temporary files: machine code that another user wrote there is not run."""
    who = str(os.getuid()) if hasattr(os, "getuid") else "user"
    try:
        own = Path(tempfile.gettempdir()) / f"moatlab-{who}"
        own.mkdir(mode=0o700, exist_ok=True)
        about = own.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(about.st_mode) or (hasattr(os, "getuid") and about.st_uid != os.getuid()):
        return None
    if about.st_mode & 0o022:
        return None
    return own / "kernels" / digest


def _linked(folder: Path) -> Path | None:
    """A folder of links to the files of a complete one, as numba wants to be able to write; gone when Python ends."""
    try:
        twin = Path(tempfile.mkdtemp(prefix="moatlab-links-"))
    except OSError:
        return None
    atexit.register(_remove, twin, os.getpid())
    try:
        for path in folder.rglob("*"):
            if path.is_dir():
                (twin / path.relative_to(folder)).mkdir(parents=True, exist_ok=True)
            else:
                (twin / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
                (twin / path.relative_to(folder)).symlink_to(path)
    except OSError:
        _remove(twin, os.getpid())
        return None
    return twin


def _remove(folder: Path, process: int) -> None:
    # A forked process ends too, and its parent still reads the links.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
