"""A folder of results that is there whole or not at all, and holds nothing of an earlier run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from moatlab.errors import InputError

#: Names under "files" what a run wrote; a later run removes those that it does not write again, and nothing else.
MANIFEST = "manifest.json"


def check_folder(out: Path) -> None:
    """Refuse a folder that cannot be written, before anything is simulated."""
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file, not a folder")
    place = _nearest(out)
    if not place.is_dir():
        raise InputError(f"--out {out}: {place} is not a folder")
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".moatlab-"):
            pass
    except OSError as problem:
        raise InputError(f"--out {out}: cannot write in {place}: {problem.strerror}") from None


@contextmanager
def replacing(out: Path, manifest: str = MANIFEST) -> Iterator[Path]:
    """A hidden folder to write into; its files take their places in ``out`` when the block ends without an error.

    ``manifest`` is the file whose "files" are what the same command wrote before.
    """
    out = out.absolute()
    parts = _nearest(out) / f".moatlab-{os.getpid()}"
    parts.mkdir()
    try:
        yield parts
        with _uninterrupted():
            if out.exists():
                _move(parts, out, manifest)
            else:
                out.parent.mkdir(parents=True, exist_ok=True)
                parts.rename(out)
    finally:
        shutil.rmtree(parts, ignore_errors=True)


@contextmanager
def adding(out: Path) -> Iterator[Path]:
    """A hidden folder to write into; its files join those in ``out`` when the block ends without an error."""
    parts = out / f".moatlab-{os.getpid()}"
    parts.mkdir()
    try:
        yield parts
        with _uninterrupted():
            for name in files_of(parts):
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(parts / name, out / name)
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def files_of(folder: Path) -> list[str]:
    """The files in a folder and below it, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _nearest(path: Path) -> Path:
    """The path itself or the nearest folder above it that exists."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return place


def _move(parts: Path, out: Path, manifest: str) -> None:
    new, former = files_of(parts), _former(out, manifest)
    for name in new:
        target = out / name
        if target.is_dir() or (target.parent.exists() and not target.parent.is_dir()):
            raise InputError(f"--out {out}: something that is not a result of a run stands at {target}")
    for name in new:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(parts / name, out / name)
    for name in former - set(new):
        (out / name).unlink(missing_ok=True)
        with suppress(OSError):  # a folder that holds something else stays
            (out / name).parent.rmdir()


def _former(out: Path, manifest: str) -> set[str]:
    """What the manifest of an earlier run says that it wrote, as far as that lies inside the folder."""
    try:
        names = json.loads((out / manifest).read_text(encoding="utf-8"))["files"]
        inside = {str(name) for name in names}
    except (OSError, ValueError, TypeError, KeyError):
        return set()
    return {name for name in inside if (out / name).is_file() and (out / name).resolve().is_relative_to(out.resolve())}


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for the moment in which files take their places."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
