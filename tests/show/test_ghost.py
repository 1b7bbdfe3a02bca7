"""The picture of a change with its ghost: legible at a phone's width, with the numbers that it shows."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from moatlab.results.frames import Array, dates_of
from moatlab.show.effects import Shown
from moatlab.show.ghost import GHOST, NARROW, Panel, found, ghost
from moatlab.show.numbers import numbers_of

from .legible import cut_off, overlapping

MONTHS, SEEDS = 60, 5
SHOWN = Shown(dates_of("2023-01", np.arange(MONTHS, dtype=np.float64)), "moatlab, a scenario, seeds 1 to 5")
RNG = np.random.default_rng(8)


def paths(level: float) -> Array:
    return level * (1.0 + 0.2 * RNG.random((SEEDS, MONTHS)))


def panels(count: int, unit: str = "share", changed: bool = True) -> list[Panel]:
    levels = [(0.1 + 0.1 * place, 0.12 + 0.08 * place) for place in range(count)]
    return [
        Panel(f"Firm with a name {place}", unit, paths(one), paths(other) if changed else None)
        for place, (one, other) in enumerate(levels)
    ]


def draw(given: list[Panel], width: float, titled: bool = False) -> Figure:
    return ghost(given, SHOWN, "What is found: much, as it happens, and at some length", "A note", width, titled)


@pytest.mark.parametrize("width", [3.0, 3.7, NARROW, 8.5, 14.0])
@pytest.mark.parametrize("count", [1, 2, 6, 9])
@pytest.mark.parametrize("titled", [False, True])
def test_it_is_legible_at_every_width(count: int, width: float, titled: bool) -> None:
    figure = draw(panels(count), width, titled)
    assert figure.get_size_inches()[0] == width
    if titled and width < NARROW:
        return  # What is saved is wide.
    assert not overlapping(figure)
    if titled:
        assert not cut_off(figure)


def test_bands_and_ghosts_are_the_quantiles_over_seeds() -> None:
    given = panels(2)
    table = numbers_of(draw(given, 8.0))
    assert set(table["name"]) == {"with the change", "without the change"}
    for panel in given:
        for name, values in (("with the change", panel.changed), ("without the change", panel.plain)):
            mine = table[(table["name"] == name) & table["panel"].str.startswith(panel.name)]
            assert list(mine["date"])[:2] == ["2023-01", "2023-02"] and set(mine["unit"]) == {"%"}
            for column, quantile in (("low", 0.05), ("median", 0.5), ("high", 0.95)):
                np.testing.assert_allclose(mine[column], 100 * np.quantile(np.asarray(values), quantile, axis=0))


def test_the_ghost_is_grey_and_dashed_and_not_there_without_a_change() -> None:
    with_ghost, alone = (draw(panels(1, changed=changed), 6.0).axes[0] for changed in (True, False))
    assert with_ghost.lines[0].get_color() == GHOST.colour
    assert with_ghost.lines[0].get_linestyle() == "--" and len(with_ghost.lines) == 2 and len(alone.lines) == 1


def test_shares_have_one_scale_and_amounts_their_own() -> None:
    shares, amounts = (draw(panels(3, unit), 8.0) for unit in ("share", "M$"))
    assert len({axes.get_ylim() for axes in shares.axes}) == 1
    assert len({axes.get_ylim() for axes in amounts.axes}) == 3


def test_months_without_a_firm_are_left_out() -> None:
    late = paths(0.3)
    late[:, :30] = np.nan
    table = numbers_of(draw([Panel("late", "share", late, paths(0.2))], 6.0))
    assert table[table["name"] == "with the change"]["date"].iloc[0] == "2025-07"
    nothing = Panel("never", "share", np.full((SEEDS, MONTHS), np.nan))
    draw([nothing], 6.0)
    assert found([nothing], "Share") == "Share"


def test_what_is_found_is_said() -> None:
    flat = np.ones((SEEDS, MONTHS))
    one = Panel("Rent", "$ per GPU-hour", 2.5 * flat, 3.0 * flat)
    assert found([one], "Rent") == "Rent: 2.5 $ per GPU-hour at the end, 3.0 $ per GPU-hour without the change"
    two = [Panel("A", "share", 0.4 * flat, 0.1 * flat), Panel("B", "share", 0.5 * flat, 0.55 * flat)]
    assert found(two, "Share by firm") == (
        "Share by firm: the change matters most to A, 40 % at the end instead of 10 %"
    )
    assert found([Panel("A", "share", flat), Panel("B", "share", 0.5 * flat)], "Share") == (
        "Share: most at the end for A, 100 %"
    )
    same = [Panel(name, "share", 0.4 * flat, 0.4 * flat) for name in "AB"]
    assert found(same, "Share") == "Share: about the same at the end with and without the change"
