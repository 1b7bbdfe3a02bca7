"""What worker processes do for a page: runs, and pictures of them.  Each call is complete in itself."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from moatlab.dash.state import Recipe
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from moatlab.results.frames import Frames
    from moatlab.results.results import Results
    from moatlab.show.effects import Shown
    from moatlab.show.ghost import Panel

Form = Literal["svg", "png"]


@dataclass(frozen=True)
class Picture:
    """A picture in one form, and what it shows as CSV."""

    image: bytes
    csv: str


#: The scenarios of the page, in this process.
_presets: dict[str, Scenario] = {}
_known: list[bytes] = []


def call(presets: bytes, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call a function of this module where the scenarios are known, which come pickled.

    A worker may have begun after the page, so they come with each call, and are read once.
    """
    if _known != [presets]:
        _known[:] = [presets]
        _presets.clear()
        _presets.update(pickle.loads(presets))
        _scenario.cache_clear()
    return function(*arguments)


def ready() -> bool:
    """Load what runs and pictures need, so that the first reader need not wait for it."""
    from moatlab.market.market import Market

    Market("tiny", rng=1).run(2)
    _drawn(_blank(), "svg")
    return True


def simulate(recipe: Recipe, seeds: Sequence[int]) -> list[Results]:
    """A run for each seed, with the named firms only."""
    from moatlab.market.market import Market

    return [Market(_scenario(recipe), rng=seed).run(recipe.months).named() for seed in seeds]


def draw_lines(panels: Sequence[Panel], shown: Shown, heading: str, note: str, width: float, form: Form,
               titled: bool) -> Picture:  # fmt: skip
    """The view over time, in a sheet of ``width`` inches."""
    from moatlab.show.ghost import ghost

    return _drawn(ghost(panels, shown, heading, note, width, titled), form)


def draw_flow(runs: Sequence[Results], year: int, form: Form) -> Picture:
    """The payments of a year, mean over runs."""
    from moatlab import show

    return _drawn(show.flow(_tables(runs, "payments"), year), form)


def _tables(runs: Sequence[Results], name: str, graph: Any = None) -> Frames:
    """What a diagram is drawn from, of which it needs one table: to make all of them takes ten times as long."""
    import pandas as pd

    from moatlab.results.frames import Frames

    stacked = pd.concat([getattr(run, name).to_pandas().assign(seed=run.about["seed"]) for run in runs])
    nothing, about = pd.DataFrame(), runs[0].about
    months = stacked[["seed", "month"]].drop_duplicates()
    given: dict[str, Any] = dict.fromkeys(("layers", "categories", "firms", "payments", "retention"), nothing)
    given[name] = stacked.reset_index(drop=True)
    return Frames(months, **given, title=about["title"], start=about["start"], graph=graph, events=about["events"])


def draw_graph(recipe: Recipe, seed: int, month: int, form: Form) -> Picture:
    """Who bought from whom in a month of the run of one seed, which is run again up to there."""
    from moatlab import show
    from moatlab.market.market import Market

    market = Market(_scenario(recipe), rng=seed)
    run = market.run(month + 1)
    return _drawn(show.graph(_tables([run], "firms", market.graph)), form)


@lru_cache(maxsize=64)
def _scenario(recipe: Recipe) -> Scenario:
    return recipe.scenario(_presets)


def _drawn(figure: Figure, form: Form) -> Picture:
    from moatlab.show.numbers import as_csv, numbers_of
    from moatlab.show.settings import own_settings
    from moatlab.show.style import DPI, FORMATS

    with own_settings(), io.BytesIO() as file:
        figure.savefig(file, format=form, dpi=DPI, metadata=FORMATS[form])
        return Picture(file.getvalue(), as_csv(numbers_of(figure)))


def _blank() -> Figure:
    import numpy as np

    from moatlab.show.effects import Shown
    from moatlab.show.ghost import Panel, ghost

    return ghost([Panel("", "share", np.zeros((2, 3)))], Shown(np.arange(3.0), ""), "", "", 4.0)
