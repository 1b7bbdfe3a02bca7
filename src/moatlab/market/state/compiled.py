"""How kernels are compiled, and where the machine code is kept.

Numba notices an edited function but not an edited callee in another file, and would run old code.  So the cache lives
in a folder under a digest of the source of the market and of what it is declared by: an edit there is a
new folder (`moatlab.market.state.cache` finds it).  This module is imported before numba everywhere, because numba
reads the folder's name when it is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any, TypeVar, cast

from moatlab.market.state.cache import kernel_folder
from moatlab.market.state.sources import kernel_digest

F = TypeVar("F", bound=Callable[..., Any])

#: Rows of a kind inside a kernel: a structured array.  Numba knows its fields, a type checker does not.
Rows = Any


#: The folder of the machine code of this version; None where it is not kept.
FOLDER = kernel_folder(kernel_digest())
if FOLDER is not None:
    os.environ["NUMBA_CACHE_DIR"] = str(FOLDER)

import numba  # noqa: E402  (the folder has to be named first)
from llvmlite import ir  # noqa: E402
from numba import extending  # noqa: E402

_numba: Any = numba
_ir: Any = ir
_config: Any = numba.config
if FOLDER is not None:
    # Numba may have been imported before.
    _config.CACHE_DIR = str(FOLDER)

#: Whether kernels run as plain Python (set NUMBA_DISABLE_JIT=1), to read them with a debugger or log their draws.
PLAIN_PYTHON = bool(_config.DISABLE_JIT)


def kernel(function: F) -> F:
    """Compile ``function`` at its first call: float64, no fastmath, one thread, cached."""
    compiled: Any = numba.njit(cache=FOLDER is not None, fastmath=False, error_model="numpy")(function)
    return compiled  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """A helper of kernels, compiled into its callers: a call would hand arrays over word by word, ten to each."""
    return function if PLAIN_PYTHON else cast(F, _Inlined(function))


class _Inlined:
    """A helper as kernels and as Python call it.

    In kernels it has no way in from Python, which would take as long to compile as the helper itself; Python's calls,
    which are few, go to a kernel of their own.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self._in_kernels: Any = _numba.njit(
            fastmath=False, error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
        )(function)
        #: What numba takes this object for when a kernel names it.
        self._numba_type_ = _numba.types.Dispatcher(self._in_kernels)
        self._from_python: Any = None

    @property
    def dispatcher(self) -> Any:
        """The kernel that Python's calls go to."""
        if self._from_python is None:
            self._from_python = kernel(self.py_func)
        return self._from_python

    def __call__(self, *arguments: Any) -> Any:
        return self.dispatcher(*arguments)


def type_of(value: Any) -> Any:
    """Numba's type of a value."""
    return _numba.typeof(value)


def constant(number: int) -> int:
    """A whole number that kernels pass on, of numpy's type: numba compiles a callee for each Python integer."""
    import numpy as np

    return cast(int, np.int64(number))


def direct(function: F) -> F:
    """Call a compiled function without asking its arguments' types again.

    Working out the types of thirty structured arrays takes ten times as long as handing them over.  Only for functions
    that are always called with arguments of the same types: after the first call the machine code is entered at once.
    """
    if PLAIN_PYTHON:
        return function
    dispatcher: Any = getattr(function, "dispatcher", function)
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


def _write_call(context: Any, address: Any, arrays: Any) -> Any:
    """Machine code that calls a compiled function of ``arrays`` at ``address``, which returns a whole number."""

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result, of = context.get_value_type(signature.return_type), context.get_value_type(signature.args[1])
        pointer = builder.inttoptr(arguments[0], _ir.FunctionType(result, [of]).as_pointer())
        return builder.call(pointer, [arguments[1]])

    return _numba.types.int64(address, arrays), write


_call_at: Any = extending.intrinsic(_write_call)


@kernel
def _run_stretch(addresses: Rows, arrays: Rows, first: int, last: int) -> tuple[int, int]:
    for place in range(first, last):
        code = _call_at(addresses[place], arrays)
        if code != 0:
            return place, code
    return last, 0


class Chain:
    """Compiled functions of one tuple of arrays, run one after the other without a way back into Python between them.

    Each is compiled by itself, so that a change to one, or one more, leaves the machine code of the others alone.
    """

    def __init__(self, functions: Sequence[Any]) -> None:
        self._functions = tuple(functions)
        self._addresses: Any = None
        self._enter: Any = direct(_run_stretch) if not PLAIN_PYTHON else None

    def run(self, arrays: Rows, first: int, last: int) -> tuple[int, int]:
        """Run those from place ``first`` up to ``last``; a function that returns other than 0 stops the chain.

        Returns the place at which it stopped, ``last`` if it came to the end, and what the function there returned.
        """
        if PLAIN_PYTHON:
            for place in range(first, last):
                code = self._functions[place](arrays)
                if code != 0:
                    return place, code
            return last, 0
        if self._addresses is None:
            self.compile(arrays)
        stopped: tuple[int, int] = self._enter(self._addresses, arrays, first, last)
        return stopped

    def compile(self, arrays: Rows) -> None:
        """Compile, or load from the cache, all functions for the types of ``arrays``."""
        import numpy as np

        self._addresses = np.array([machine_code(function, arrays) for function in self._functions], np.int64)


def machine_code(function: Any, arrays: Rows) -> int:
    """Address of the compiled code of a function of ``arrays``, by C's calling convention."""
    dispatcher = getattr(function, "dispatcher", function)
    signature = (type_of(arrays),)
    dispatcher.compile(signature)
    compiled = dispatcher.overloads[signature]
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
    return address
