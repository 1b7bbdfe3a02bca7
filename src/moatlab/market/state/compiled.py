"""How kernels are compiled, and where the machine code is kept.

Numba notices an edited function but not an edited callee in another file, and would run old code.  So the cache lives
in the user's cache folder under a digest of the source of the market and of what it is declared by: an edit there is a
new folder.  This module is
imported before numba everywhere, because numba reads the folder's name when it is imported.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from moatlab.market.state.sources import kernel_digest

F = TypeVar("F", bound=Callable[..., Any])

#: Rows of a kind inside a kernel: a structured array.  Numba knows its fields, a type checker does not.
Rows = Any


def _cache_folder() -> str:
    base = Path(os.environ.get("MOATLAB_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser())
    folder = base / "moatlab" / "kernels" / kernel_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return tempfile.mkdtemp(prefix="moatlab-kernels-")
    return str(folder)


os.environ["NUMBA_CACHE_DIR"] = _cache_folder()

import numba  # noqa: E402  (the folder has to be named first)

_numba: Any = numba
_config: Any = numba.config
_config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]

#: Whether kernels run as plain Python (set NUMBA_DISABLE_JIT=1), to read them with a debugger or log their draws.
PLAIN_PYTHON = bool(_config.DISABLE_JIT)


def kernel(function: F) -> F:
    """Compile ``function`` at its first call: float64, no fastmath, one thread, cached."""
    return _compiled(function, forceinline=False)


def inlined(function: F) -> F:
    """A helper of kernels, compiled into its callers: a call would hand arrays over word by word, ten to each."""
    return _compiled(function, forceinline=True)


def _compiled(function: F, forceinline: bool) -> F:
    compiled: Any = numba.njit(cache=True, fastmath=False, error_model="numpy", forceinline=forceinline)(function)
    return compiled  # type: ignore[no-any-return]


def type_of(value: Any) -> Any:
    """Numba's type of a value."""
    return _numba.typeof(value)


def constant(number: int) -> int:
    """A whole number that kernels pass on, of numpy's type: numba compiles a callee anew for each Python integer."""
    import numpy as np

    return cast(int, np.int64(number))


def direct(function: F) -> F:
    """Call a compiled function without asking its arguments' types again.

    Working out the types of thirty structured arrays takes ten times as long as handing them over.  Only for functions
    that are always called with arguments of the same types, as the phases of the month are: after the first call the
    machine code is entered at once.
    """
    if PLAIN_PYTHON:
        return function
    dispatcher: Any = function
    entry: list[Callable[..., Any]] = []

    def call(*arguments: Any) -> Any:
        if entry:
            return entry[0](*arguments)
        result = dispatcher(*arguments)
        (compiled,) = dispatcher.overloads.values()
        entry.append(compiled.entry_point)
        return result

    call.__doc__ = function.__doc__
    call.dispatcher = dispatcher  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
