"""Digests of a scenario at the many points of a design, without making a scenario for each.

The digest is over columns, the values of one parameter in all rows of its kind: every column has a hash, and their sum
enters the digest.  A point changes a few columns, so only those are hashed again, and a value that a design uses at
many points is hashed once.  What a scenario cannot say at a point is found by the checks that read a changed column.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moatlab.errors import InputError
from moatlab.experiments.digests import digest
from moatlab.scenario.addresses import ALL, Address, parse, resolve
from moatlab.scenario.contradictions import CHECKS, refuse
from moatlab.scenario.registry import KINDS, RULES_ONLY, Value
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import parameters_of
from moatlab.scenario.values import check_value

#: Kind and parameter.
Column = tuple[str, str]
#: Sums of hashes are taken modulo this.
_MODULUS = 1 << 256
#: Points between two calls of ``progress``.
STEP = 1000


def at_points(
    scenario: Scenario, points: Sequence[Mapping[str, Any]], own: Sequence[str] = (),
    progress: Callable[[int], None] | None = None, what: str = "point {} of the design: ",
) -> list[str]:  # fmt: skip
    """For each point, which all set the same addresses, the digest of the resolved scenario there.

    ``own`` stands for agents of one's own, ``what`` names a point.  Raises `InputError` for the first point
    with a value that is not valid, or at which the scenario contradicts itself.
    """
    base = _View(scenario)
    head = _head(scenario, own)
    total = sum(_hash(column, texts) for column, texts in base.texts().items())
    if not points:
        return []
    changes = [_Change(base, column, addresses) for column, addresses in _columns(scenario, points[0]).items()]
    checks = [_Check(check, base, changes) for check in CHECKS]
    checks = [check for check in checks if check.depends]
    found = []
    for first in range(0, len(points), STEP):
        block = points[first : first + STEP]
        try:
            sums = [change.differences(block) for change in changes]
        except InputError:
            sums = []  # which point it is, is found below
        for index, point in enumerate(block):
            try:
                if not sums:
                    _ = [change.differences([point]) for change in changes]
                for check in checks:
                    check.refuse(point)
            except InputError as problem:
                raise InputError(f"{what.format(first + index)}{problem}") from None
        for moved in zip(*sums, strict=True) if changes else [()] * len(block):
            found.append(digest(head, (sum(moved, total) % _MODULUS).to_bytes(32, "big")))
        if progress is not None:
            progress(len(found))
    return found


def _head(scenario: Scenario, own: Sequence[str]) -> str:
    """What no point changes."""
    tables = scenario.resolved()
    rows = {kind: scenario.slugs(kind) for kind in KINDS if kind not in RULES_ONLY}
    told = {key: tables.get(key) for key in ("start", "months", "events", "graph", "overrides")}
    return json.dumps([told, rows, list(own)], allow_nan=False)


def _columns(scenario: Scenario, point: Mapping[str, Any]) -> dict[Column, list[Address]]:
    """The addresses that a point sets by column, those of all rows first."""
    slugs, columns = scenario.all_slugs, dict[Column, list[Address]]()
    for address in sorted((resolve(name, slugs, "set") for name in point), key=lambda a: a.slug != ALL):
        columns.setdefault((address.kind, address.parameter), []).append(address)
    return columns


def _text(value: Value) -> str:
    return repr(value) if type(value) in (float, int) else json.dumps(value)


def _hash(column: Column, texts: Sequence[str]) -> int:
    data = f"{column[0]}.{column[1]}\x00" + "\x00".join(texts)
    return int.from_bytes(hashlib.sha256(data.encode()).digest(), "big")


class _View:
    """A scenario's values, some of them changed; reads as a `Scenario` does, and knows which columns were read."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.name, self.graph, self.events = scenario.name, scenario.graph, scenario.events
        self.base: dict[Column, dict[str | None, Value]] = {}
        for kind in KINDS:
            for p in parameters_of(kind, "kind"):
                self.base[kind, p.name] = {None: scenario.at(Address(kind, None, p.name))}
            if kind not in RULES_ONLY:
                for p in parameters_of(kind, "firm"):
                    rows = (ALL, *scenario.slugs(kind))
                    self.base[kind, p.name] = {slug: scenario.at(Address(kind, slug, p.name)) for slug in rows}
        self.columns = dict(self.base)
        self.read: set[Column] = set()
        self._slugs = {kind: scenario.slugs(kind) for kind in KINDS}

    def texts(self) -> dict[Column, list[str]]:
        """Every column as texts."""
        return {column: [_text(value) for value in rows.values()] for column, rows in self.base.items()}

    def reads(self, check: Any) -> set[Column]:
        """The columns on which a check depends; with other values in other columns it goes the same way."""
        self.read = set()
        for _ in check(self):
            pass
        return self.read

    def move(self, changed: Any) -> None:
        """Go to a point: ``changed`` are columns with their rows."""
        self.columns.update(changed)

    # As a scenario has them -----------------------------------------------------------------------------------------

    def slugs(self, kind: str) -> tuple[str, ...]:
        return self._slugs[kind]

    def kind_value(self, kind: str, name: str) -> Value:
        return self._at(kind, None, name)

    def value(self, kind: str, slug: str, name: str) -> Value:
        return self._at(kind, slug, name)

    def at(self, address: Address) -> Value:
        return self._at(address.kind, address.slug, address.parameter)

    def _at(self, kind: str, slug: str | None, name: str) -> Value:
        self.read.add((kind, name))
        return self.columns[kind, name][slug]


class _Check:
    """A check of contradictions, made once for all points that give the same values to what it reads.

    What a check reads next follows from what it has read, so points that agree in the columns that it has ever read
    agree in its answer.
    """

    def __init__(self, check: Any, view: _View, changes: Sequence[_Change]) -> None:
        self._check, self._view, self._changes = check, view, changes
        self._known: set[tuple[str, ...]] = set()
        self._spelt: list[str] = []
        self.depends: set[Column] = set()
        self._reads(view.reads(check))

    def _reads(self, columns: set[Column]) -> None:
        """Note what it has read of the changed columns."""
        read = self.depends | (columns & {change.column for change in self._changes})
        if read != self.depends:
            self.depends = read
            self._known.clear()
            self._spelt = []

    def refuse(self, point: Mapping[str, Any]) -> None:
        """Raises `InputError` if there is a contradiction at a point."""
        if not self._spelt:
            mine = [change for change in self._changes if change.column in self.depends]
            self._spelt = [name for change in mine for name in change.spelt(point)]
        given = tuple([repr(point[name]) for name in self._spelt])
        if given in self._known:
            return
        self._view.move(change.rows(point) for change in self._changes)
        self._view.read = set()
        refuse(self._check, self._view, self._view.name)
        self._reads(self._view.read)
        if self._spelt:
            self._known.add(given)


class _Change:
    """What the points of a design do to one column."""

    def __init__(self, view: _View, column: Column, addresses: Sequence[Address]) -> None:
        self.column, self._addresses = column, addresses
        self._rows = view.base[column]
        self._texts = [_text(value) for value in self._rows.values()]
        self._before = _hash(column, self._texts)
        self._places = {slug: place for place, slug in enumerate(self._rows)}
        self._slugs = view.scenario.all_slugs
        self._names = [str(address) for address in addresses]
        self._known: dict[Any, int] = {}
        self._checked: dict[tuple[int, Any], Value] = {}

    def _value(self, at: int, value: Any) -> Value:
        # True, 1 and 1.0 are one key of a dictionary and not one value.
        known = self._checked.get((at, value)) if type(value) is float else None
        if known is None:
            known = check_value(self._addresses[at], value, self._slugs, "set")
            if type(value) is float:
                self._checked[at, value] = known
        return known

    def rows(self, point: Mapping[str, Any]) -> tuple[Column, dict[str | None, Value]]:
        """The column at a point."""
        rows = dict(self._rows)
        for at, address in enumerate(self._addresses):
            value = self._value(at, point[_spelling(point, self._names[at], address)])
            if address.slug == ALL:
                rows = dict.fromkeys(rows, value)
            else:
                rows[address.slug] = value
        return self.column, rows

    def differences(self, points: Sequence[Mapping[str, Any]]) -> list[int]:
        """How much the sum of hashes changes at each point."""
        given = list(zip(*([point[name] for point in points] for name in self.spelt(points[0])), strict=True))
        known = self._known
        if all(type(value) is float for values in given for value in values):
            for values in set(given) - known.keys():
                known[values] = self._difference(values)
            return [known[values] for values in given]
        return [self._difference(values) for values in given]  # True, 1 and 1.0 would be one key

    def spelt(self, point: Mapping[str, Any]) -> list[str]:
        """The addresses of the column as the design spells them."""
        return [_spelling(point, name, address)
                for name, address in zip(self._names, self._addresses, strict=True)]  # fmt: skip

    def _difference(self, given: Sequence[Any]) -> int:
        texts = list(self._texts)
        for at, (value, address) in enumerate(zip(given, self._addresses, strict=True)):
            text = _text(self._value(at, value))
            if address.slug == ALL:
                texts = [text] * len(texts)
            else:
                texts[self._places[address.slug]] = text
        return _hash(self.column, texts) - self._before


def _spelling(point: Mapping[str, Any], name: str, address: Address) -> str:
    """An address as the design spells it, which may be with spaces."""
    return name if name in point else next(text for text in point if parse(text) == address)
