"""Parameters as factors: a planted outcome in place of the market, and designs that stay whole."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Scenario
from moatlab.errors import InputError
from moatlab.evidence.drivers import factors
from moatlab.evidence.drivers.outcomes import names, run
from moatlab.evidence.fit.prior import assumed, at
from moatlab.results.payments import LAYERS

TINY = Scenario("tiny")
PARAMETERS = factors.parameters_of(TINY)
MONTHS = (24,)


def planted(rows: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """Parameter 3 has eight times the variance of parameter 7; luck has as much as the latter; nothing else counts."""
    values = []
    for point, seed in rows:
        luck = seed / (factors.SEEDS - 1)
        values.append([np.sqrt(8.0) * point[3] + point[7] + luck, 1.0, 0.0, 0.0, 0.0, point[5] * point[6]])
    return np.array(values)


def test_the_screening_finds_what_matters() -> None:
    rows = factors.screening_rows(TINY, 4, seed=1)
    assert len(rows) == 4 * (len(PARAMETERS) + 1)
    found = factors.screen(TINY, rows, planted(rows))
    assert set(found.top(4)) == {3, 5, 6, 7} and found.parameters == PARAMETERS
    assert found.sizes[0, 1] == 0.0


def test_the_variance_is_shared_out_as_planted() -> None:
    """Over the whole prior and the random draws: shares .8, .1 and .1, the others nothing; interactions in total."""
    top = [3, 5, 6, 7]
    rows = factors.sobol_rows(TINY, top, 1024, seed=2)
    assert len(rows) == 1024 * (len(top) + 2 + 2)
    table = factors.indices(TINY, top, planted(rows), MONTHS)
    of = table[table["layer"] == LAYERS[0]].set_index("factor")
    want = {PARAMETERS[3]: 0.8, PARAMETERS[7]: 0.1, factors.LUCK: 0.1, factors.OTHERS: 0.0, PARAMETERS[5]: 0.0}
    for factor, share in want.items():
        assert of.loc[factor, "first"] == pytest.approx(share, abs=0.03), factor
        assert of.loc[factor, "total"] == pytest.approx(share, abs=0.03), factor
    product = table[table["layer"] == LAYERS[5]].set_index("factor")
    # Of a product of two uniform variables each has 3/7 alone and 4/7 with the interaction.
    assert product.loc[PARAMETERS[5], "first"] == pytest.approx(3 / 7, abs=0.05)
    assert product.loc[PARAMETERS[5], "total"] == pytest.approx(4 / 7, abs=0.05)
    constant = table[table["layer"] == LAYERS[1]]
    assert (constant["total"] == 0.0).all() and (constant["sd"] == 0.0).all()


def test_an_index_that_the_design_says_nothing_of_is_not_told() -> None:
    top = [0]
    rows = factors.sobol_rows(TINY, top, 16, seed=3)
    values = np.zeros((len(rows), 6))
    values[1, 0], values[5, 0] = 10.0, 0.1  # an outcome that is something else twice
    table = factors.indices(TINY, top, values, MONTHS)
    assert table[table["layer"] == LAYERS[0]]["total"].isna().any()


def test_random_draws_are_a_factor() -> None:
    rows = factors.sobol_rows(TINY, [0, 1], 8, seed=4)
    seeds = {seed for _, seed in rows}
    assert len(seeds) > 8 and all(0 <= seed < factors.SEEDS for seed in seeds)
    assert {len(point) for point, _ in rows} == {len(PARAMETERS)}


def test_a_point_that_contradicts_itself_moves_towards_the_middle() -> None:
    essay = Scenario("essay-2023")
    names_ = factors.parameters_of(essay)
    point = np.full(len(names_), 0.5)
    for name in ("apps.rnd_share", "apps.marketing_share"):
        point[names_.index(name)] = 1.0
    with pytest.raises(InputError):
        at(essay, point)
    found = factors.point_of(essay, point)
    shares = [float(found.kind_value("apps", name)) for name in ("rnd_share", "marketing_share")]
    middle = [float(essay.kind_value("apps", name)) for name in ("rnd_share", "marketing_share")]
    assert sum(middle) < sum(shares) <= 1.0


def test_the_middle_of_the_cube_is_the_scenario() -> None:
    found = at(TINY, np.full(len(assumed(TINY)), 0.5))
    for parameter, addresses in assumed(TINY):
        for address in addresses:
            slug = address.split(".")[1] if address.count(".") == 2 else None
            if slug is None:
                assert float(found.kind_value(parameter.kind, parameter.name)) == pytest.approx(
                    float(TINY.kind_value(parameter.kind, parameter.name))
                )


def test_outcomes_are_shares() -> None:
    found = run(TINY, 1, (12, 24))
    assert len(found) == len(names((12, 24))) == 12
    for year in (found[:6], found[6:]):
        assert (year >= 0.0).all() and (year.sum() == pytest.approx(1.0) or not year.any())


def test_rows_are_run_with_their_own_point_and_seed() -> None:
    middle = np.full(len(PARAMETERS), 0.5)
    found = factors.run_rows(TINY, (12,), [(middle, 1), (middle, 2), (np.full(len(PARAMETERS), 0.9), 1)])
    assert found[0] == pytest.approx(run(at(TINY, middle), 1, (12,)))
    assert not np.array_equal(found[0], found[2])
