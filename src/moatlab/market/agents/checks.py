"""What may be written into a firm's row from outside, and what a class of one's own may define."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from moatlab.errors import InputError, shown
from moatlab.market.state.fields import STATE_FIELDS, dtype_of
from moatlab.scenario.addresses import nearest
from moatlab.scenario.registry import Parameter
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.values import plain

#: Units of fields that cannot be below zero, by what they start with; a decision on orders may cancel some.
_FROM_ZERO = ("$ per", "k$ per", "M customers", "Ttok", "Mtok", "Mh", "kGPU", "kpackages", "firms", "share")
_SIGNED = ("next_order",)


def stored(kind: str, name: str, value: object, slugs: Mapping[str, tuple[str, ...]], who: str) -> float:
    """The number that a field holds for ``value``: a parameter's word, slug, truth or number, or its code.

    Raises `InputError` for what the field cannot hold; ``who`` is the firm's address.
    """
    given = plain(value)
    parameter = REGISTRY.get((kind, name))
    where = f"{who}.{name}"
    if parameter is not None and parameter.scope == "firm":
        return _of_parameter(parameter, given, slugs, where)
    field = next(field for field in STATE_FIELDS[kind] if field.name == name)
    if dtype_of(kind)[name] == np.int64:
        raise InputError(f"{where} is kept by the market ({field.meaning}); it cannot be set")
    low = 0.0 if field.unit.startswith(_FROM_ZERO) and name not in _SIGNED else -np.inf
    number = _number(given)
    if number is None or not low <= number:
        kind_of = "a number from 0" if low == 0.0 else "a finite number"
        raise InputError(f"{where} takes {kind_of} ({field.unit}), not {shown(given)}")
    return number


def _of_parameter(parameter: Parameter, value: Any, slugs: Mapping[str, tuple[str, ...]], where: str) -> float:
    """The stored number of a parameter's value; what is stored already, such as a code, is taken as it is."""
    if parameter.refers:
        rows = slugs[parameter.refers]
        none = [] if parameter.needed else [-1]
        if isinstance(value, str) and (value in rows or (value == "" and none)):
            return float(rows.index(value)) if value else -1.0
        code = _number(value)
        if code is None or code not in (*none, *range(len(rows))):
            raise InputError(
                f"{where} takes the slug of one of {parameter.refers} ({', '.join(rows[:12])}) or its row, "
                f"{none[0] if none else 0} to {len(rows) - 1}, not {shown(value)}"
            )
        return code
    if parameter.choices:
        if isinstance(value, str) and value in parameter.choices:
            return parameter.encode(value)
        code = _number(value)
        if code is None or code not in range(len(parameter.choices)):
            words = ", ".join(f"{word} ({place})" for place, word in enumerate(parameter.choices))
            raise InputError(f"{where} is one of {words}, not {shown(value)}")
        return code
    if parameter.word:
        code = parameter.encode(value) if isinstance(value, str) else _number(value)
        if code is None or not code.is_integer() or not 0 <= code < 2**48:
            raise InputError(f"{where} takes {parameter.valid}, not {shown(value)}")
        return code
    if parameter.is_flag:
        if value not in (True, False):
            raise InputError(f"{where} takes true or false, not {shown(value)}")
        return float(value)
    number = _number(value)
    low, high = sorted((parameter.encode(parameter.low), parameter.encode(parameter.high)))
    if number is None or not low <= number <= high or (parameter.is_integer and not number.is_integer()):
        whole = "whole numbers from " if parameter.is_integer else ""
        raise InputError(f"{where} takes {whole}{low:g} to {high:g} ({parameter.unit}), not {shown(value)}")
    return number


def _number(value: object) -> float | None:
    """A finite number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if np.isfinite(number) else None


class Checked:
    """An agent whose attributes are those of its class: what is misspelt does not become a new one.

    A class of one's own may keep further attributes, unless their names are almost those of fields.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if (
            not (name.startswith("_") or name in self.__dict__ or hasattr(type(self), name))
            and "_made" in self.__dict__
        ):
            known = [each for each in dir(type(self)) if not each.startswith("_")]
            ours = type(self).__module__.startswith("moatlab.")
            if ours or difflib.get_close_matches(name, known, n=1, cutoff=0.8):
                raise InputError(f"{type(self).__name__} has no attribute {name!r}; {nearest(name, known)}")
        super().__setattr__(name, value)


def check_class(cls: type, decisions: Iterable[str]) -> None:
    """Refuse methods that nothing would ever call: a misspelt decision, or a ``step``."""
    known = sorted(decisions)
    base = next(each for each in cls.__mro__ if "kind" in vars(each))
    for each in cls.__mro__[: cls.__mro__.index(base)]:
        for name, value in vars(each).items():
            if name in ("step", "advance"):
                acts = ", ".join(known)
                raise InputError(f"{cls.__name__}.{name} would never be called: a firm acts by its decisions, {acts}")
            if name.startswith("_") or hasattr(base, name) or not callable(value):
                continue
            if name.startswith("set_") or difflib.get_close_matches(name, known, 1, 0.8):
                raise InputError(f"{cls.__name__}: {base.__name__} has no decision {name!r}; {nearest(name, known)}")
