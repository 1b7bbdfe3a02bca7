"""`moatlab trace`: every number and draw behind one firm's decisions of a month, readable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from moatlab.errors import InputError
from moatlab.results.text.numbers import columns, short
from moatlab.scenario.months import read_month
from moatlab.scenario.reading import LONGEST
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.evidence.trace import Part, Read, Trace, Value

#: Characters of a line, and digits of numbers.
WIDTH, DIGITS = 118, 4


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    what: str
    month: str
    scenario: str = "essay-2023"
    seed: int = 1
    changes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    json: bool = False


def run(request: Request) -> str:
    """The trace as text or as JSON.  Raises `InputError` for firms, numbers and months that there are not."""
    scenario = Scenario(request.scenario).set_text(request.changes).with_events(*request.events)
    month = read_month(request.month, scenario.start, "--month")
    if month >= LONGEST:
        raise InputError(f"--month is a month from 0 to {LONGEST - 1}, not {request.month}")
    if not 0 <= request.seed < 2**63:
        raise InputError(f"--seed is a whole number from 0 to {2**63 - 1}, not {request.seed}")
    firm, number = _split(request.what, scenario)
    from moatlab.evidence.trace import trace

    found = trace(scenario, firm, month, request.seed)
    found = found.only(number) if number else found
    return json.dumps(found.as_data(), indent=2, allow_nan=True) if request.json else tell(found)


def _split(text: str, scenario: Scenario) -> tuple[str, str]:
    """Firm and number of ``apps.jasper.price``, ``Jasper/price``, or the firm alone."""
    from moatlab.cli.search import rows_called

    first, _, rest = text.partition("/")
    called = [name for name in rows_called(first, scenario) if not name.startswith("users.")]
    if len(called) == 1:
        return called[0], rest.strip()
    if len(called) > 1:
        raise InputError(f"{first.strip()!r} is the name of {' and of '.join(called)}: write one of them", "trace")
    parts = text.strip().replace("/", ".").split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise InputError(f"{text!r} is no firm and no number of one: write apps.jasper, or apps.jasper.price", "trace")
    return ".".join(parts[:2]), parts[2] if len(parts) == 3 else ""


def tell(found: Trace) -> str:
    """The trace as text."""
    lines = [f"{found.name} ({found.firm}) in {found.date}, month {found.month} of {found.scenario}, seed {found.seed}"]
    lines += [f"event: {event}" for event in found.events]
    lines += ["", *_parts(found), *_decisions(found), *_changes(found), *_draws(found), *_payments(found)]
    return "\n".join(lines).rstrip()


def _parts(found: Trace) -> list[str]:
    if not found.parts:
        return []
    rows = []
    for part in found.parts:
        rows.append([part.name, short(part.value, DIGITS), part.unit, f"= {_made_of(part)}"])
    return ["What the month's numbers are made of", *columns(rows, left=(0, 2, 3)), ""]


def _made_of(part: Part) -> str:
    """``16.2 marginal cost + 34.2 markup``, or a quotient."""
    terms = [f"{short(amount if part.by == '/' else abs(amount), DIGITS)} {what}" for amount, what in part.parts]
    signs = [part.by if part.by == "/" else "-" if amount < 0 else "+" for amount, _ in part.parts]
    told = " ".join(f"{sign} {term}" for sign, term in zip(signs, terms, strict=True))
    return told.removeprefix("+ ").removeprefix("/ ")


def _decisions(found: Trace) -> list[str]:
    lines = []
    for decision in found.decisions:
        lines += wrap(f"{decision.rule} ({decision.module}): {decision.meaning}", WIDTH)
        lines += _reads(decision.decided, "  -> ")
        lines += _reads(decision.reads, "     ")
        if decision.draws:
            lines.append(f"     draws: {', '.join(decision.draws)}")
        lines.append("")
    head = "Decisions (->), and below each the numbers that its rule reads, as they were when all decided"
    return [head, "", *lines] if lines else []


def _reads(reads: tuple[Read, ...], margin: str) -> list[str]:
    if not reads:
        return []
    rows = [[read.name, _said(read.value), read.unit, read.meaning] for read in reads]
    return [_cut(margin + line) for line in columns(rows, left=(0, 2, 3))]


def _changes(found: Trace) -> list[str]:
    if not found.changes:
        return []
    rows = [["phase", "number", "before", "after", "unit", "by"]]
    for change in found.changes:
        by = ", ".join(change.rules)
        rows.append([change.phase, change.name, _said(change.before), _said(change.after), change.unit, by])
    return ["What each phase changed", *(_cut(line) for line in columns(rows, left=(0, 1, 4, 5))), ""]


def _draws(found: Trace) -> list[str]:
    if not found.draws:
        return []
    rows = [[d.purpose, f"{d.value:.4f}", d.distribution, ", ".join(d.rules)] for d in found.draws]
    return ["Random draws keyed to it in this month (a rule does not always come to need one)",
            *columns(rows, left=(0, 2, 3)), ""]  # fmt: skip


def _payments(found: Trace) -> list[str]:
    if not found.payments:
        return []
    rows = [[p.kind, p.other, f"{'+' if p.amount > 0 else '-'}{short(abs(p.amount), DIGITS)}"] for p in found.payments]
    return ["Payments, M$ (+ received, - paid)", *columns(rows, left=(0, 1)), ""]


def _said(value: Value) -> str:
    return value if isinstance(value, str) else short(float(value), DIGITS)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 3].rstrip() + "..."
