"""Checking a value against its declaration: type, range, choices, references."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

from moatlab.errors import InputError, shown
from moatlab.scenario.addresses import SLUG, Address, Slugs, nearest
from moatlab.scenario.registry import Parameter, Value

_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def check_value(address: Address, value: object, slugs: Slugs, where: str = "") -> Value:
    """``value`` as the declared type, if the parameter accepts it; ``slugs`` are the rows that it may refer to."""
    parameter = address.declared
    # A design drawn with numpy hands over numpy scalars; scenarios hold plain Python values only.
    plain = value.item() if hasattr(value, "item") else value
    if parameter.choices:
        return _choice(address, plain, where)
    if parameter.refers:
        return _reference(address, plain, slugs, where)
    if parameter.word:
        if not isinstance(plain, str) or (plain and not SLUG.fullmatch(plain)):
            raise _refused(address, plain, where)
        return plain
    if parameter.is_flag:
        if not isinstance(plain, bool):
            raise _refused(address, plain, where)
        return plain
    return _number(address, plain, where)


def read_value(address: Address, text: str, slugs: Slugs, where: str = "") -> Value:
    """The same for a value written as text, as on the command line and in events."""
    parameter, word = address.declared, text.strip().strip("\"'")
    value: object = word
    if parameter.is_flag:
        value = _WORDS.get(word.lower(), word)
    elif not parameter.is_text:
        value = read_number(word, f"{address}", where)
    return check_value(address, value, slugs, where)


def read_number(text: str, what: str, where: str = "") -> float:
    """A finite number written as text."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{what} needs a number, not {text.strip()!r}", where)
    return number


def whole_number(value: Any) -> int | None:
    """``value`` as a plain whole number; None for what is none.  Truth is no number; 3.0, as a slider gives it, is."""
    if isinstance(plain(value), bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    try:
        return operator.index(value)
    except TypeError:
        return None


def plain(value: object) -> object:
    """``value`` with numpy's scalars in its tables and lists as plain Python values."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([plain(each) for each in value]) if type(value) in (list, tuple) else value
    # Scalars of numpy know their plain value; arrays do not become one.
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def show(value: Value) -> str:
    """A value as it is written on the command line: the inverse of `read_value`."""
    if isinstance(value, bool):
        return str(value).lower()
    return (value or '""') if isinstance(value, str) else repr(value)


def _number(address: Address, value: object, where: str) -> Value:
    parameter = address.declared
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(address, value, where)
    # A whole number of any length can be compared with the range, but not asked whether it is finite.
    if isinstance(value, float) and not math.isfinite(value):
        raise _refused(address, value, where)
    if not parameter.low <= value <= parameter.high:
        raise _refused(address, value, where)
    if parameter.is_integer:
        if not float(value).is_integer():
            raise _refused(address, value, where)
        return int(value)
    return float(value)


def _choice(address: Address, value: object, where: str) -> str:
    choices = address.declared.choices
    if not isinstance(value, str):
        raise _refused(address, value, where)
    if value not in choices:
        raise InputError(f"{address} is one of {', '.join(choices)}, not {shown(value)}", where)
    return value


def _reference(address: Address, value: object, slugs: Slugs, where: str) -> str:
    parameter = address.declared
    if not isinstance(value, str):
        raise _refused(address, value, where)
    if not value and parameter.needed:
        raise InputError(f"{address} is needed: {_valid(parameter)}", where)
    rows = slugs.get(parameter.refers, ())
    if value and value not in rows:
        raise InputError(
            f"{address} refers to {parameter.refers}.{value}, which does not exist; {nearest(value, rows)}", where
        )
    return value


def _valid(parameter: Parameter) -> str:
    """The accepted values in words, with the unit of a number."""
    if parameter.refers:
        return f"the slug of one of {parameter.refers}" + ("" if parameter.needed else ", or empty")
    return parameter.valid


def _refused(address: Address, value: object, where: str) -> InputError:
    parameter = address.declared
    unit = "" if parameter.is_text or parameter.is_flag else f" ({parameter.unit})"
    return InputError(f"{address} takes {_valid(parameter)}{unit}, not {shown(value)}", where)
