"""Why two runs are the same: a change that the scenario does not read, or that changes nothing.

The registry says of every parameter in which circumstances it moves something (`moatlab.scenario.registry.Moves`): with
which rule chosen, or with which taste above zero.  A change whose circumstances are not there is named with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moatlab.scenario.addresses import ALL, Address, parse
from moatlab.scenario.events import Event
from moatlab.scenario.registry import Value
from moatlab.scenario.values import show

if TYPE_CHECKING:
    from moatlab.evidence.verdicts import Verdict
    from moatlab.experiments import Batch
    from moatlab.scenario.scenario import Scenario


def reasons(base: Scenario, changed: Scenario) -> list[str]:
    """Why a changed scenario may run as its base does, a line for each change; empty where nothing is known."""
    before, after = base.given(), changed.given()
    moved = [a for a in after if before.get(a) != after[a]]
    found = [text for address in moved if (text := _unread(address, changed))]
    for event in (Counter(changed.events) - Counter(base.events)).elements():
        text = _idle(event, changed) or (_unread(event.address, changed) if event.address is not None else "")
        if text:
            found.append(text)
    return list(dict.fromkeys(found))


def _unread(address: Address, scenario: Scenario) -> str:
    """That nothing reads a parameter, with what would have to be otherwise."""
    for given, needed in address.declared.moves.given:
        condition = parse(given)
        switch = condition.declared.is_text or condition.declared.is_flag
        actual = _values(condition, address, scenario)
        off = bool(actual) and (needed not in actual if switch else bool(needed) and set(actual) == {0.0})
        # What has a slug of the packaged scenario is no rule, but an example, unless it is the changed firm's own.
        if off and (switch or condition.slug in (None, ALL)):
            told = " or ".join(dict.fromkeys(show(value) or "empty" for value in actual))
            return (f"no rule of this scenario uses {address.kind}.{address.parameter} "
                    f"({condition.parameter} is {told})")  # fmt: skip
    return ""


def _values(condition: Address, changed: Address, scenario: Scenario) -> list[Value]:
    """What a condition's parameter is where a change applies: in the rows that it changes, or in all of its kind."""
    if condition.slug is None:
        return [scenario.at(condition)]
    slugs = scenario.slugs(condition.kind)
    if condition.kind == changed.kind and changed.slug not in (None, ALL):
        rows: Sequence[str] = (str(changed.slug),)
    elif condition.kind == changed.kind or condition.slug == ALL:
        rows = slugs
    else:
        rows = [s for s in slugs if s == condition.slug]
    return [scenario.at(Address(condition.kind, slug, condition.parameter)) for slug in rows]


def _idle(event: Event, scenario: Scenario) -> str:
    """That an event leaves everything as it is."""
    if event.action == "scale" and event.value == 1.0:
        return f"the event {str(event)!r} multiplies by 1"
    if event.action != "set" or event.address is None or event.address.declared.state:
        return ""
    address = event.address
    rows = scenario.slugs(address.kind) if address.slug == ALL else (address.slug,)
    if all(scenario.at(Address(address.kind, slug, address.parameter)) == event.value for slug in rows):
        return f"the event {str(event)!r} sets a value that is already in force"
    return ""


def sentence(who: str, why: Sequence[str]) -> str:
    """That runs are the same, and why as far as it is known."""
    return f"{who}: {'; '.join(why)}" if why else who


def why_the_same(batch: Batch, verdicts: Sequence[Verdict]) -> dict[str, str]:
    """A line for every arm whose runs are those of the control in all that was recorded, by arm."""
    experiment, lines = batch.experiment, {}
    for at, arm in enumerate(experiment.arms):
        mine = [v for v in verdicts if set(v.effect.weights) == {arm, experiment.control}]
        if arm == experiment.control or not mine or any(v.finding != "same" for v in mine) or not _equal(batch, arm):
            continue
        why: list[str] = []
        if experiment.scenario is not None:
            control = list(experiment.arms).index(experiment.control)
            why = reasons(experiment.worlds[control], experiment.worlds[at])
            # What the arm alone changes; both may lack a change that the other has.
            why += [text for text in reasons(experiment.worlds[at], experiment.worlds[control]) if text not in why]
        who = f"the runs of {arm} and {experiment.control} are identical in everything that was recorded"
        lines[arm] = sentence(who, why)
    return lines


def _equal(batch: Batch, arm: str) -> bool:
    """Whether an arm's recorded paths are the control's in every pair."""
    differ = " or ".join(f"a.{batch.quoted(m)} is distinct from b.{batch.quoted(m)}" for m in batch.metrics)
    control = batch.experiment.control
    found = batch.sql(
        f"select count(*) as n from monthly a join monthly b using (point, replication, month) "
        f"where a.arm = '{arm}' and b.arm = '{control}' and ({differ})"
    )
    return int(found["n"].iloc[0]) == 0
