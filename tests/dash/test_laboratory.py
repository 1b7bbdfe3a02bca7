"""Runs behind pages: what is drawn is what the command beside it makes, and no page meets another's runs."""

from __future__ import annotations

import asyncio
import io
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest

from moatlab import Market, Scenario
from moatlab.cli.main import run_cli
from moatlab.dash.laboratory import KEPT, Drawn, Laboratory
from moatlab.dash.state import Presets, Recipe, command, read
from moatlab.scenario.reading import packaged

PRESETS = Presets.of("tiny", packaged())
TINY = Scenario("tiny")
SMALL = "seeds=3&months=30"
CHANGE = "set=users.*.switching_cost=1.0&event=2023-07: set apps.entry_rate 2"


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    """One that works in this process."""
    made = Laboratory(PRESETS, workers=0)
    yield made
    made.close()


def state_of(text: str):  # type: ignore[no-untyped-def]
    return read(parse_qsl(f"{SMALL}&{text}"), PRESETS)


def drawn_of(laboratory: Laboratory, text: str) -> Drawn:
    return asyncio.run(Fresh(laboratory).draw(text))


class Fresh:
    """A laboratory without stored runs: its tasks belong to one event loop, and each test has its own."""

    def __init__(self, laboratory: Laboratory) -> None:
        laboratory._runs.clear()
        self.laboratory = laboratory

    async def draw(self, text: str) -> Drawn:
        return await self.laboratory.draw(state_of(text))


def numbers(drawn: Drawn) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(drawn.picture.csv))


def run_line(text: str, drawn: Drawn, out: Path) -> None:
    """Run the command of a state, into a folder."""
    words = shlex.split(command(state_of(text), "tiny", drawn.metrics))
    assert words[0] == "moatlab"
    assert run_cli([*words[1:], "--out", str(out)]) == 0


@pytest.mark.parametrize(
    "choice", ["layer=every&measure=revenue", "layer=market", "layer=labs&firm=each&measure=price"]
)
def test_the_command_of_a_change_records_the_paths_that_are_drawn(
    laboratory: Laboratory, choice: str, tmp_path: Path
) -> None:
    text = f"{CHANGE}&{choice}"
    drawn = drawn_of(laboratory, text)
    run_line(text, drawn, tmp_path / "out")
    paths = pd.read_parquet(tmp_path / "out" / "paths.parquet")
    shown = numbers(drawn)
    assert len(drawn.metrics) >= 1
    for place, metric in enumerate(drawn.metrics):
        mine = paths[paths["metric"] == metric]
        for arm, name in (("with", "with the change"), ("without", "without the change")):
            by_month = mine.pivot_table(index="month", columns="seed", values=arm)
            assert set(mine["seed"]) == {1, 2, 3}
            panels = list(dict.fromkeys(shown["panel"]))
            lines = shown[(shown["name"] == name) & (shown["panel"] == panels[place])]
            middle = by_month.median(axis=1)
            scale = lines["median"].max() / middle.max() if middle.max() else 1.0
            assert min(abs(scale / factor - 1) for factor in (1.0, 1e-3, 100.0)) < 1e-5
            for column, quantile in (("low", 0.05), ("median", 0.5), ("high", 0.95)):
                wanted = by_month.quantile(quantile, axis=1).to_numpy() * scale
                np.testing.assert_allclose(lines[column], wanted, rtol=2e-5, err_msg=f"{metric}, {arm}, {column}")


@pytest.mark.parametrize("what", ["view=flow&year=2024", "view=graph&year=2024", "view=flow&year=2024&arm=without"])
def test_the_command_of_a_diagram_writes_the_numbers_that_are_drawn(
    laboratory: Laboratory, what: str, tmp_path: Path
) -> None:
    text = f"{CHANGE}&{what}"
    drawn = drawn_of(laboratory, text)
    run_line(text, drawn, tmp_path / "out")
    name = "flow" if "flow" in what else "graph"
    assert (tmp_path / "out" / "pictures" / f"{name}.csv").read_text() == drawn.picture.csv


def test_the_command_of_a_preset_records_the_medians_that_are_drawn(laboratory: Laboratory, tmp_path: Path) -> None:
    drawn = drawn_of(laboratory, "layer=labs&measure=hhi")
    run_line("layer=labs&measure=hhi", drawn, tmp_path / "out")
    layers = pd.read_csv(tmp_path / "out" / "layers.csv")
    np.testing.assert_allclose(numbers(drawn)["median"], layers[layers["layer"] == "labs"]["hhi"], rtol=1e-5)


def test_a_change_changes_the_line_and_not_the_ghost(laboratory: Laboratory) -> None:
    plain = numbers(drawn_of(laboratory, "layer=market"))
    changed = numbers(drawn_of(laboratory, f"{CHANGE}&layer=market"))
    ghost = changed[changed["name"] == "without the change"].reset_index(drop=True)
    line = changed[changed["name"] == "with the change"].reset_index(drop=True)
    assert set(plain["name"]) == {"median"}
    for column in ("median", "low", "high"):
        assert ghost[column].equals(plain[column]) and not line[column].equals(plain[column])


def test_two_pages_at_once_get_their_own_runs_and_share_what_is_the_same(laboratory: Laboratory) -> None:
    texts = ["layer=market", f"{CHANGE}&layer=market", "set=users.*.switching_cost=3&layer=market"]
    alone = [drawn_of(laboratory, text).picture.csv for text in texts]
    made: list[Recipe] = []
    make = laboratory._make

    async def counted(recipe: Recipe, seeds: range) -> list[object]:
        made.append(recipe)
        return await make(recipe, seeds)  # type: ignore[return-value]

    async def together() -> list[Drawn]:
        fresh = Fresh(laboratory)
        return await asyncio.gather(*(fresh.draw(text) for text in texts * 2))

    laboratory._make = counted  # type: ignore[method-assign, assignment]
    try:
        both = [drawn.picture.csv for drawn in asyncio.run(together())]
    finally:
        laboratory._make = make  # type: ignore[method-assign]
    assert both == alone * 2 and len(set(alone)) == 3
    # Three recipes for six pages, of which each is run once.
    assert len(made) == len(set(made)) == 3


def test_what_is_stored_is_bounded_and_failures_are_not_stored(laboratory: Laboratory) -> None:
    async def many() -> None:
        laboratory._runs.clear()
        for seed in range(KEPT + 3):
            await laboratory.runs(Recipe("tiny", months=1), seed, 1)
        assert len(laboratory._runs) == KEPT
        with pytest.raises(KeyError):
            await laboratory.runs(Recipe("nothing", months=1), 1, 1)
        assert (Recipe("nothing", months=1), 1, 1) not in laboratory._runs
        laboratory._runs.clear()

    asyncio.run(many())


def test_workers_make_the_same_bytes_as_this_process() -> None:
    async def both() -> tuple[list[object], list[object]]:
        workers, here = Laboratory(PRESETS, workers=2), Laboratory(PRESETS, workers=0)
        try:
            recipe = Recipe("tiny", (("users.*.switching_cost", "1.0"),), months=6)
            return await workers.runs(recipe, 5, 3), await here.runs(recipe, 5, 3)  # type: ignore[return-value]
        finally:
            workers.close()
            here.close()

    one, other = asyncio.run(both())
    assert [run.about["seed"] for run in one] == [5, 6, 7]  # type: ignore[attr-defined]
    assert all(a.equals(b) for a, b in zip(one, other, strict=True))  # type: ignore[attr-defined]


def test_runs_with_the_named_firms_only_have_the_same_paths() -> None:
    whole = Market(TINY, rng=2).run(18)
    named = whole.named()
    for address in ("labs.share", "market.rent", "apps.revenue", f"labs.{TINY.slugs('labs')[0]}.share"):
        if address != "labs.share":
            assert np.array_equal(whole.path(address), named.path(address), equal_nan=True)
    assert len(named.ledger) == 0 and 0 < len(named.firms) < len(whole.firms)
    assert named.payments.to_pandas().equals(whole.payments.to_pandas())
