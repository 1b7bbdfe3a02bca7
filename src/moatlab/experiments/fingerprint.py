"""Digests of all that decides a run's numbers: the model's source, versions, and code of one's own.

What cannot be hashed is refused, since a run could otherwise be taken for another one.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import sysconfig
import types
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.experiments.digests import digest
from moatlab.market.state.sources import model_digest

#: Sources of classes that cells of a notebook define.
_cells: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


@cache
def model_version() -> dict[str, str]:
    """What two equal runs must share beside their inputs: the model's source, and the versions of numpy and numba.

    Pictures, texts, the command line, batches and the statistics of effects do not count.
    """
    return {"model": model_digest(), "numpy": version("numpy"), "numba": version("numba")}


def class_source(cls: type, where: str = "") -> str:
    """Digest of a class of one's own: its source, that of its bases outside moatlab, and what its methods refer to.

    Raises `InputError` where the source cannot be read or something that it refers to cannot be hashed.
    """
    return digest(*_of_class(cls, where or cls.__qualname__, set()))


def function_source(function: Callable[..., Any], where: str = "") -> str:
    """The same of a function."""
    return digest(*_of_value(function, where or getattr(function, "__qualname__", repr(function)), set()))


@cache
def _of_python() -> frozenset[Path]:
    """The folders of Python's modules and of the packages installed for it."""
    return frozenset(
        Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib", "platstdlib")
    )


@cache
def _is_installed(module: str) -> bool:
    """Whether a module is Python's, moatlab's or an installed package's, and so known by name and version."""
    top = module.split(".")[0]
    if top == "moatlab" or top in sys.stdlib_module_names:
        return top != "__main__"
    # A namespace package has no file of its own; its modules have.
    place = getattr(sys.modules.get(top), "__file__", None) or getattr(sys.modules.get(module), "__file__", None)
    if place is None:
        return False
    # Packages also lie in folders of other environments: of the user, of the system, of one that this one extends.
    around = Path(place).resolve().parents
    return not _of_python().isdisjoint(around) or any(
        folder.name in ("site-packages", "dist-packages") for folder in around
    )


def own_modules() -> list[types.ModuleType]:
    """The modules loaded here that are neither Python's, moatlab's nor an installed package's: the user's files."""
    found = []
    for name, module in list(sys.modules.items()):
        of_file = isinstance(module, types.ModuleType) and module.__name__ == name and getattr(module, "__file__", None)
        if of_file and name != "__main__" and not _is_installed(name):
            found.append(module)
    return found


def _named(module: str) -> str:
    """A module with its version, where it states one."""
    return f"{module} {getattr(sys.modules.get(module.split('.')[0]), '__version__', '')}".rstrip()


def _text(thing: Any, where: str) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        found = _of_cell(thing) if isinstance(thing, type) else None
        if found is None:
            raise InputError(f"{where}: its source cannot be read; put it into a module's file") from None
        return found


def _of_cell(cls: type) -> str | None:
    """The source of a class that a cell of a notebook defines, which Python finds for functions only.

    It is kept: a class that is unpickled where it was pickled has its methods replaced by ones without source.
    """
    if cls in _cells:
        return _cells[cls]
    for function in vars(cls).values():
        if not isinstance(function, types.FunctionType):
            continue
        text = "".join(linecache.getlines(function.__code__.co_filename))
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ClassDef) or node.name != cls.__name__:
                continue
            if node.lineno <= function.__code__.co_firstlineno <= (node.end_lineno or 0):
                _cells[cls] = ast.get_source_segment(text, node) or ""
                return _cells[cls]
    return None


def _of_class(cls: type, where: str, seen: set[int]) -> Iterator[str]:
    for base in cls.__mro__:
        if _is_installed(base.__module__) or id(base) in seen:
            yield f"{_named(base.__module__)}.{base.__qualname__}"
            continue
        seen.add(id(base))
        yield _text(base, where)
        for name, value in sorted(vars(base).items()):
            value = getattr(value, "__func__", value)
            value = value.fget if isinstance(value, property) else value
            if isinstance(value, types.FunctionType):
                yield from _of_references(value, f"{where}.{name}", seen)
            elif not name.startswith("__") and not isinstance(value, types.MemberDescriptorType):
                yield name
                yield from _of_value(value, f"{where}.{name}", seen)


def _of_references(function: types.FunctionType, where: str, seen: set[int]) -> Iterator[str]:
    """What a function takes from outside: defaults, captured variables, and globals of its module."""
    found = inspect.getclosurevars(function)
    outside = {**found.globals, **found.nonlocals}
    yield from _of_value(function.__defaults__, where, seen)
    yield from _of_value(function.__kwdefaults__, where, seen)
    for name, value in sorted(outside.items()):
        if name == "__class__":
            continue
        yield name
        yield from _of_value(value, f"{where}: {name}", seen)


def _of_value(value: Any, where: str, seen: set[int]) -> Iterator[str]:
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, tuple | list | frozenset | set):
        parts = [list(_of_value(v, where, seen)) for v in value]
        yield f"{type(value).__name__} of {len(parts)}"
        for part in sorted(parts) if isinstance(value, frozenset | set) else parts:
            yield from part
    elif isinstance(value, dict):
        yield f"dict of {len(value)}"
        for key, item in value.items():
            yield from _of_value(key, where, seen)
            yield from _of_value(item, where, seen)
    elif isinstance(value, types.ModuleType):
        yield f"module {_named(value.__name__)}"
    elif isinstance(value, type):
        yield from _of_class(value, where, seen)
    elif isinstance(value, types.FunctionType):
        module = str(value.__module__)
        yield f"function {_named(module)}.{value.__qualname__}"
        if not _is_installed(module) and id(value) not in seen:
            seen.add(id(value))
            yield _text(value, where)
            yield from _of_references(value, where, seen)
    elif isinstance(value, types.BuiltinFunctionType) or (type(value).__module__ == "numpy" and callable(value)):
        yield f"builtin {getattr(value, '__name__', value)}"
    else:
        raise InputError(
            f"{where} is {type(value).__name__}, which cannot be hashed, so runs with it could not be told apart; "
            "use numbers, text, lists and functions"
        )
