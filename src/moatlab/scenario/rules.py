"""Rules from outside that a scenario carries: which class, after which phase of the month, with which values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moatlab.errors import InputError
from moatlab.scenario.addresses import nearest
from moatlab.scenario.registry import KINDS, Parameter, Value


@dataclass(frozen=True, slots=True)
class RuleUse:
    """A rule in a scenario: a subclass of `moatlab.Rule`, the phase that it follows, and its parameters' values."""

    rule: Any
    after: str
    values: tuple[tuple[str, Value], ...]

    @property
    def name(self) -> str:
        """The rule's name, which is the first part of the addresses of its parameters and metrics."""
        return str(self.rule.name)

    def changed(self, changes: Mapping[str, object], where: str) -> RuleUse:
        """The same rule with other values, checked against its declarations.

        Raises `InputError` for a parameter that it does not declare or a value out of range.
        """
        declared = declarations(self.rule)
        values = dict(self.values)
        for name, value in changes.items():
            if name not in declared:
                raise InputError(f"the rule {self.name} has no parameter {name!r}; {nearest(name, declared)}", where)
            values[name] = _accepted(declared[name], value, where)
        return dataclasses.replace(self, values=tuple(values.items()))

    def resolved(self) -> dict[str, Any]:
        """What of it decides numbers, beside its source."""
        place = f"{self.rule.__module__}.{self.rule.__qualname__}"
        return {"name": self.name, "class": place, "after": self.after, "values": dict(self.values)}


def declarations(rule: Any) -> dict[str, Parameter]:
    """The parameters that a rule declares, by name."""
    return {parameter.name: parameter for parameter in rule.parameters}


def _accepted(parameter: Parameter, value: object, where: str) -> Value:
    """``value`` as the declared type: a number in range, true or false, or one of the choices."""
    plain: Any = value.item() if hasattr(value, "item") else value
    fits: bool
    if parameter.choices:
        fits = plain in parameter.choices
    elif parameter.is_flag:
        fits = isinstance(plain, bool)
    else:
        number = isinstance(plain, int | float) and not isinstance(plain, bool)
        fits = number and parameter.low <= plain <= parameter.high
        fits = fits and (not parameter.is_integer or float(plain).is_integer())
    if not fits:
        raise InputError(f"{parameter.address} takes {parameter.valid}, not {value!r}", where)
    if parameter.is_integer:
        return int(plain)
    accepted: Value = plain if parameter.choices or parameter.is_flag else float(plain)
    return accepted


def use(rule: Any, after: str, values: Mapping[str, object], known: tuple[RuleUse, ...]) -> RuleUse:
    """A rule as a scenario takes it up, at its declared defaults but for ``values``.

    Raises `InputError` for what is no rule, for a name that is taken, and for values that it does not accept.
    """
    where = "with_rule"
    if not isinstance(rule, type) or not hasattr(rule, "parameters") or not callable(getattr(rule, "run", None)):
        raise InputError(f"{rule!r} is no rule: give a subclass of moatlab.Rule with a method run", where)
    name = getattr(rule, "name", "")
    if not isinstance(name, str) or not name.isidentifier() or not name.islower():
        raise InputError(f"{rule.__name__} needs a name of lower-case letters, digits and underscores: {name!r}", where)
    if name in KINDS or name == "market" or name in {other.name for other in known}:
        raise InputError(f"the name {name!r} is taken; call the rule {rule.__name__} something else", where)
    for parameter in declarations(rule).values():
        if parameter.kind != name or parameter.scope != "kind":
            raise InputError(f"{parameter.address}: a rule's parameters are declared as {name}.<name>", where)
    defaults = tuple((p.name, p.default) for p in declarations(rule).values())
    return RuleUse(rule, after, defaults).changed(values, where)


def split_changes(
    changes: Mapping[str, object], rules: tuple[RuleUse, ...], where: str
) -> tuple[dict[str, object], tuple[RuleUse, ...]]:
    """Changes of the market's own parameters, and the rules with those that address them (``name.parameter``)."""
    by_name = {rule.name: rule for rule in rules}
    rest: dict[str, object] = {}
    for text, value in changes.items():
        kind, _, parameter = text.strip().partition(".")
        if kind in by_name:
            by_name[kind] = by_name[kind].changed({parameter: value}, where)
        else:
            rest[text] = value
    return rest, tuple(by_name.values())
