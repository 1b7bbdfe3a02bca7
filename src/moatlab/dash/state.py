"""What a reader has chosen: all of it stands in the address of the page, and nothing of it on the server.

An address gives a state, a state gives a scenario, an address and a command line.  Nothing here runs a market.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args
from urllib.parse import quote, urlencode

from moatlab.dash.choices import Line, lines, settled
from moatlab.errors import InputError
from moatlab.scenario.addresses import nearest
from moatlab.scenario.events import Event
from moatlab.scenario.months import month_name
from moatlab.scenario.reading import LONGEST
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.values import show as as_text

#: Paths over time with the change and without, the trade graph, and the diagram of payments.
View = Literal["time", "graph", "flow"]
#: What an address may hold at the most: a page serves one reader on the same machine, yet links come from anywhere.
MOST_SEEDS, MOST_CHANGES = 64, 40
SEEDS, FIRST_SEED = 16, 1
_ONCE = ("scenario", "seeds", "seed", "months", "view", "layer", "firm", "measure", "year", "arm")


@dataclass(frozen=True)
class Presets:
    """The scenarios that a page offers: by the name in its address, and as a command line names them."""

    scenarios: Mapping[str, Scenario]
    arguments: Mapping[str, str]
    first: str

    @classmethod
    def of(cls, given: str, packaged: Iterable[str]) -> Presets:
        """The packaged ones and the one given, by name or by path.  Raises `InputError` for one that does not read."""
        opened = Scenario(given)
        scenarios = {name: Scenario(name) for name in packaged}
        if given in scenarios:
            return cls(scenarios, {name: name for name in scenarios}, given)
        # A file may have the name of a packaged scenario, and is another one.
        name = opened.name if opened.name not in scenarios else f"{opened.name} (file)"
        arguments = {packed: packed for packed in scenarios} | {name: given}
        return cls({name: opened, **scenarios}, arguments, name)

    def __getitem__(self, name: str) -> Scenario:
        if name not in self.scenarios:
            raise InputError(f"there is no preset {name!r}; {nearest(name, self.scenarios)}", "address")
        return self.scenarios[name]


@dataclass(frozen=True)
class Recipe:
    """What decides the numbers of runs beside their seeds: a preset, changes by address, events, months."""

    preset: str
    changes: tuple[tuple[str, str], ...] = ()
    events: tuple[str, ...] = ()
    months: int = 0

    def scenario(self, presets: Mapping[str, Scenario]) -> Scenario:
        """The scenario to run.  Raises `InputError` for what the preset does not accept."""
        changed = presets[self.preset].set_text(f"{address}={value}" for address, value in self.changes)
        return changed.with_events(*self.events) if self.events else changed


@dataclass(frozen=True)
class State:
    """One page, as `read` makes it: checked, and spelt in one way only.

    ``changes`` are addresses with values as text, in the order of the addresses; ``events`` texts with their months by
    the calendar.  ``layer``, ``firm`` and ``measure`` say what the view over time shows (`moatlab.dash.choices`),
    ``year`` that of the two diagrams, and ``plain`` that they are drawn without the change.
    """

    preset: str
    changes: tuple[tuple[str, str], ...] = ()
    events: tuple[str, ...] = ()
    seeds: int = SEEDS
    seed: int = FIRST_SEED
    months: int = 0
    view: View = "time"
    layer: str = "every"
    firm: str = ""
    measure: str = ""
    year: int = 0
    plain: bool = False
    scenario: Scenario = field(compare=False, repr=False, kw_only=True)
    base: Scenario = field(compare=False, repr=False, kw_only=True)

    @property
    def changed(self) -> bool:
        """Whether anything differs from the preset."""
        return bool(self.changes or self.events)

    @property
    def with_change(self) -> Recipe:
        """The runs with the change."""
        return Recipe(self.preset, self.changes, self.events, self.months)

    @property
    def without(self) -> Recipe:
        """The runs of the preset as it is."""
        return Recipe(self.preset, months=self.months)

    @property
    def drawn(self) -> Recipe:
        """The runs of which a diagram is drawn."""
        return self.without if self.plain else self.with_change

    @property
    def told(self) -> list[str]:
        """The changes in words."""
        return [*(f"{address} = {value}" for address, value in self.changes), *self.events]

    @property
    def lines(self) -> list[Line]:
        """What the view over time may show; of many firms there are more than a picture takes."""
        return lines(self.base, self.layer, self.firm, self.measure)

    @property
    def years(self) -> tuple[int, int]:
        """First and last calendar year of the run."""
        first = self.base.start
        return int(first[:4]), int(month_name(self.months - 1, first)[:4])

    @property
    def last_month(self) -> int:
        """The last month of the state's year, from 0, or of the run if that ends earlier."""
        first, month = (int(part) for part in self.base.start.split("-"))
        return min(12 * (self.year - first) + 12 - month, self.months - 1)


def read(query: Iterable[tuple[str, str]], presets: Presets) -> State:
    """The state of an address, from its pairs of names and values.

    Raises `InputError` for names that there are not, and for values that the scenario does not accept.
    """
    once, changes, events = _sorted_out(query)
    preset = once.get("scenario", presets.first)
    base = presets[preset]
    months = _whole(once, "months", base.months, 1, LONGEST)
    recipe = Recipe(preset, _changes(base, changes), _events(base, events, months), months)
    state = State(
        preset, recipe.changes, recipe.events,
        _whole(once, "seeds", SEEDS, 1, MOST_SEEDS), _whole(once, "seed", FIRST_SEED, 0, 2**63 - 1 - MOST_SEEDS),
        months, _view(once.get("view", "time")), once.get("layer", "every"), once.get("firm", ""),
        once.get("measure", ""), plain=once.get("arm") == "without",
        scenario=recipe.scenario(presets.scenarios), base=base,
    )  # fmt: skip
    first, last = state.years
    # The last full year, unless there is none.
    full = last if state.base.start.endswith("-01") and months % 12 == 0 else max(first, last - 1)
    state = replace(state, year=_whole(once, "year", full, first, last))
    firm, measure = settled(base, state.layer, state.firm, state.measure)
    return replace(state, firm=firm, measure=measure)


def query(state: State) -> str:
    """The address of a state, without what needs not be said; `read` gives the state back."""
    pairs = [("scenario", state.preset)]
    pairs += [("set", f"{address}={value}") for address, value in state.changes]
    pairs += [("event", event) for event in state.events]
    plain = State(state.preset, scenario=state.base, base=state.base)
    pairs += [(name, str(getattr(state, name))) for name in ("seeds", "seed", "view", "layer", "firm", "measure")
              if getattr(state, name) != getattr(plain, name)]  # fmt: skip
    if state.months != state.base.months:
        pairs.append(("months", str(state.months)))
    if state.view != "time":
        pairs.append(("year", str(state.year)))
        if state.plain:
            pairs.append(("arm", "without"))
    # Characters that a query may hold as they are, so that people can read it.
    return urlencode(pairs, quote_via=lambda text, *_: quote(text, safe="*:,.=-"))


def command(state: State, argument: str, metrics: Sequence[str]) -> str:
    """A line for the shell that makes the same numbers: ``argument`` is the preset's name or path, ``metrics`` those
    shown over time.

    The view over time of a change is `moatlab whatif`, which records the paths of the metrics in both arms; everything
    else is `moatlab simulate`.
    """
    compared = state.view == "time" and state.changed
    months = state.last_month + 1 if state.view == "graph" else state.months
    words = ["moatlab", "whatif" if compared else "simulate", argument]
    recipe = state.with_change if state.view == "time" else state.drawn
    for address, value in recipe.changes:
        words += ["--set", f"{address}={value}"]
    for event in state.scenario.events[len(state.base.events) :] if recipe.events else ():
        # What comes after the month of the graph has not happened yet, and `simulate` would refuse it.
        if event.month < months:
            words += ["--event", event.dated(state.base.start)]
    if compared:
        words += [word for metric in metrics for word in ("--metric", metric)]
    seeds = 1 if state.view == "graph" else state.seeds
    words += ["--seeds", str(seeds)] if compared or seeds != 1 else []
    words += ["--seed", str(state.seed)] if state.seed != FIRST_SEED else []
    words += ["--months", str(months)] if months != state.base.months else []
    if state.view == "flow":
        words += ["--year", str(state.year)]
    return shlex.join(words)


def toml(state: State) -> str:
    """The scenario as a file; if it was changed, its name and title say so, which changes no number."""
    text = state.scenario.to_toml()
    if not state.changed:
        return text
    import tomlkit

    document = tomlkit.parse(text)
    document["name"] = f"{state.base.name}-changed"
    document["title"] = f"{state.base.title}, changed"
    return tomlkit.dumps(document)


def _sorted_out(query: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str], list[str]]:
    once: dict[str, str] = {}
    changes: list[str] = []
    events: list[str] = []
    for name, value in query:
        if name == "set":
            changes.append(value)
        elif name == "event":
            events.append(value)
        elif name not in _ONCE:
            raise InputError(f"an address has no {name!r}; {nearest(name, [*_ONCE, 'set', 'event'])}", "address")
        elif value:
            once[name] = value
    if len(changes) + len(events) > MOST_CHANGES:
        raise InputError(f"at most {MOST_CHANGES} changes, not {len(changes) + len(events)}", "address")
    return once, changes, events


def _changes(base: Scenario, texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The changes that change something, by address; of two at one address the later holds."""
    wanted: dict[str, str] = {}
    for text in texts:
        address = text.partition("=")[0].strip()
        given = base.set_text([text]).given()
        wanted[address] = as_text(next(value for a, value in given.items() if str(a) == address))

    def digest(changes: Mapping[str, str]) -> str:
        return base.set_text(f"{address}={value}" for address, value in changes.items()).digest()

    whole = digest(wanted)
    idle = {a for a in wanted if digest({other: v for other, v in wanted.items() if other != a}) == whole}
    return tuple(sorted((address, value) for address, value in wanted.items() if address not in idle))


def _events(base: Scenario, texts: Iterable[str], months: int) -> tuple[str, ...]:
    found: list[Event] = []
    for text in texts:
        event = base.with_events(text).events[-1]
        if event.month >= months:
            raise InputError(f"event {event.dated(base.start)!r} comes after the run of {months} months", "address")
        if event not in found:
            found.append(event)
    return tuple(event.dated(base.start) for event in found)


def _whole(once: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = once.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise InputError(f"{name} is a whole number from {low} to {high}, not {text!r}", "address")
    return int(text)


def _view(text: str) -> View:
    for view in get_args(View):
        if text == view:
            return view  # type: ignore[no-any-return]
    raise InputError(f"there is no view {text!r}; {nearest(text, get_args(View))}", "address")
