"""Contrasts: paired, by draw, exactly zero where nothing differs; and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from moatlab.errors import InputError
from moatlab.evidence.effects import against_control, contrast, difference, effects_table, interaction

RNG = np.random.default_rng(8)


def table(arms: dict[str, np.ndarray], outcome: str = "rent") -> pd.DataFrame:
    """Outcomes of arms given as [points, replications]."""
    rows = [
        (f"{arm}-{p}-{r}", arm, p, r, outcome, values[p, r])
        for arm, values in arms.items()
        for p, r in itertools.product(*map(range, values.shape))
    ]
    frame = pd.DataFrame(rows, columns=["key", "arm", "point", "replication", "outcome", "value"])
    return frame.sample(frac=1.0, random_state=1)  # no order may be relied on


LUCK = RNG.normal(10.0, 3.0, (1, 12))
ARMS = {"control": LUCK, "treated": LUCK + RNG.normal(0.5, 0.2, LUCK.shape)}


def test_a_difference_is_the_paired_t_test() -> None:
    effect = difference(table(ARMS), "rent", "treated", "control")
    known = stats.ttest_rel(ARMS["treated"][0], ARMS["control"][0])
    interval = known.confidence_interval(0.95)
    assert effect.p == pytest.approx(known.pvalue) and effect.interval == pytest.approx((interval.low, interval.high))
    apart = stats.ttest_ind(ARMS["treated"][0], ARMS["control"][0])
    assert effect.p < 1e-3 < 0.5 < apart.pvalue  # the unpaired test sees nothing here
    assert (effect.unit, effect.values.shape, effect.name) == ("seed", (1, 12), "treated - control")
    assert effect.baseline == pytest.approx(LUCK.mean()) and effect.relative == pytest.approx(
        effect.estimate / LUCK.mean()
    )
    d = (ARMS["treated"] - LUCK)[0]
    assert effect.dz == pytest.approx(d.mean() / d.std(ddof=1))


def test_the_variance_ratio_counts_the_runs_that_pairing_saves() -> None:
    a, b = ARMS["treated"][0], ARMS["control"][0]
    effect = difference(table(ARMS), "rent", "treated", "control")
    assert effect.pairing == pytest.approx((a.var(ddof=1) + b.var(ddof=1)) / (a - b).var(ddof=1))
    # Variances are related through the covariance: what pairing buys is what the arms share.
    assert (a - b).var(ddof=1) == pytest.approx(a.var(ddof=1) + b.var(ddof=1) - 2 * np.cov(a, b)[0, 1])


def test_identical_arms_differ_by_exactly_zero() -> None:
    values = RNG.lognormal(0.0, 5.0, (3, 9)) / 7.0
    outcomes = table({"control": values, "same": values, "x": values * 1.1, "y": values * 1.1})
    effect = difference(outcomes, "rent", "same", "control")
    assert (effect.units == 0.0).all() and effect.interval == (0.0, 0.0) and effect.p == 1.0 and effect.dz == 0.0
    cross = interaction(outcomes, "rent", both="x", first="y", second="same", neither="control")
    assert (cross.units == 0.0).all()


def test_seeds_of_the_same_draws_are_no_further_units() -> None:
    """Draws differ in their effect; a thousand seeds of five draws are five units, with four degrees of freedom."""
    true = np.array([1.0, -1.0, 3.0, 0.5, 2.0])
    control = RNG.normal(0.0, 1.0, (5, 200))
    effect = difference(table({"c": control, "t": control + true[:, None]}), "rent", "t", "c")
    low, high = effect.interval
    assert (effect.unit, effect.units.size, effect.values.shape) == ("draw", 5, (5, 200))
    assert high - effect.estimate == pytest.approx(stats.t.ppf(0.975, 4) * true.std(ddof=1) / np.sqrt(5))
    assert low < 0.0  # 1,000 independent pairs would have excluded zero


def test_draws_that_share_a_seed_are_no_independent_units() -> None:
    """The effect is luck of the seed alone, the same at every draw: 200 draws of four seeds are four units."""
    luck = np.array([2.0, -0.5, 1.0, 0.7])
    control = RNG.normal(0.0, 1.0, (200, 4))
    effect = difference(table({"c": control, "t": control + luck}), "rent", "t", "c")
    low, high = effect.interval
    assert high - effect.estimate == pytest.approx(stats.t.ppf(0.975, 3) * luck.std(ddof=1) / 2.0)
    assert low < 0.0  # 200 independent draws would have excluded zero


def test_crossed_draws_and_seeds_are_the_analysis_of_variance() -> None:
    """The mean squares of statsmodels' two-way table give the variance of the mean."""
    api = pytest.importorskip("statsmodels.formula.api")
    anova = pytest.importorskip("statsmodels.stats.anova")
    d = RNG.normal(size=(6, 1)) + 0.7 * RNG.normal(size=(1, 5)) + 0.4 * RNG.normal(size=(6, 5))
    effect = difference(table({"c": np.zeros_like(d), "t": d}), "rent", "t", "c")
    rows = pd.DataFrame([(p, r, d[p, r]) for p in range(6) for r in range(5)], columns=["p", "r", "y"])
    squares = anova.anova_lm(api.ols("y ~ C(p) + C(r)", rows).fit())["mean_sq"]
    draws, seeds, rest = squares["C(p)"], squares["C(r)"], squares["Residual"]
    total = draws + seeds - rest
    assert effect.mean.error == pytest.approx(np.sqrt(total / 30))
    assert effect.mean.freedom == pytest.approx(total**2 / (draws**2 / 5 + seeds**2 / 4 + rest**2 / 20))


def test_chosen_points_are_averaged_and_leave_the_seeds() -> None:
    """Points of a grid are what is asked about: the spread between them is no uncertainty of their mean."""
    control = RNG.normal(0.0, 1.0, (3, 20))
    treated = control + np.array([[1.0], [5.0], [9.0]]) + 0.1 * RNG.normal(size=(1, 20))
    outcomes = table({"c": control, "t": treated})
    fixed = difference(outcomes, "rent", "t", "c", points="chosen")
    known = stats.ttest_1samp((treated - control).mean(axis=0), 0.0).confidence_interval(0.95)
    assert fixed.unit == "seed" and fixed.interval == pytest.approx((known.low, known.high))
    drawn = difference(outcomes, "rent", "t", "c")
    assert drawn.interval[0] < 0.0 < fixed.interval[0] and drawn.estimate == pytest.approx(fixed.estimate)


def test_an_interaction_is_the_difference_of_differences() -> None:
    base, first, second, both = (RNG.normal(m, 1.0, (1, 30)) for m in (0.0, 1.0, 2.0, 4.5))
    outcomes = table({"base": base, "a": first, "b": second, "ab": both})
    effect = interaction(outcomes, "rent", "ab", "a", "b", "base")
    by_hand = (both - first) - (second - base)
    assert effect.estimate == pytest.approx(by_hand.mean())
    assert effect.p == pytest.approx(stats.ttest_1samp(by_hand[0], 0.0).pvalue)
    assert effect.name == "ab + base - a - b"


def test_pairs_without_a_value_are_left_out_and_counted() -> None:
    outcomes = table(ARMS)
    outcomes.loc[(outcomes["arm"] == "treated") & (outcomes["replication"] == 4), "value"] = np.nan
    outcomes = outcomes[~((outcomes["arm"] == "control") & (outcomes["replication"] == 7))]
    effect = difference(outcomes, "rent", "treated", "control")
    assert set(effect.lost) == {(0, 4), (0, 7)} and effect.values.shape == (1, 10)
    keep = [r for r in range(12) if r not in (4, 7)]
    assert effect.estimate == pytest.approx((ARMS["treated"] - LUCK)[0, keep].mean())


def test_gaps_in_crossed_draws_take_the_emptiest_with_them() -> None:
    """One seed that failed at most draws goes; one draw that failed at another seed goes: the rest stays crossed."""
    control = RNG.normal(size=(6, 5))
    treated = control + 1.0
    treated[:5, 2] = np.nan
    treated[1, 4] = np.nan
    effect = difference(table({"c": control, "t": treated}), "rent", "t", "c")
    assert effect.values.shape == (5, 4) and len(effect.lost) == 10
    assert {p for p, r in effect.lost if r != 2} == {1}


def test_a_gap_at_a_chosen_point_costs_the_seed_and_not_the_point() -> None:
    control = RNG.normal(size=(3, 6))
    treated = control + np.array([[0.0], [3.0], [6.0]])
    treated[0, 4] = np.nan
    outcomes = table({"c": control, "t": treated})
    effect = difference(outcomes, "rent", "t", "c", "chosen")
    assert effect.estimate == pytest.approx(3.0) and effect.lost == ((0, 4), (1, 4), (2, 4)) and effect.pairs == 15
    late = difference(outcomes, "rent", "t", "c", (0.0, -1.0, 1.0))
    assert late.estimate == pytest.approx(3.0) and late.values.shape == (1, 6) and late.lost == ()
    with pytest.raises(InputError, match="2 weights for 3 points"):
        difference(outcomes, "rent", "t", "c", (1.0, -1.0))


def test_the_table_has_a_row_an_effect_and_holm_over_all() -> None:
    arms = {**ARMS, "other": LUCK + RNG.normal(0.05, 0.2, LUCK.shape)}
    outcomes = pd.concat([table(arms), table(arms, "price")])
    effects = against_control(outcomes, "control")
    rows = effects_table(effects)
    assert len(rows) == 4 and set(rows["contrast"]) == {"treated - control", "other - control"}
    assert (rows["p_holm"] >= rows["p"]).all() and rows["p_holm"].max() <= 1.0
    assert effects_table([]).empty


def test_effects_that_sit_in_a_few_seeds_say_so() -> None:
    control = np.zeros((1, 40))
    few = control.copy()
    few[0, :3] = (1.0, -0.5, 2.0)
    assert "3 of 40 seeds differ" in difference(table({"c": control, "t": few}), "rent", "t", "c").caution
    tail = RNG.lognormal(0.0, 1.5, (1, 40))
    assert "skewness" in difference(table({"c": control, "t": tail}), "rent", "t", "c").caution
    assert difference(table(ARMS), "rent", "treated", "control").caution == ""
    assert difference(table({"c": control, "t": control}), "rent", "t", "c").caution == ""


@pytest.mark.parametrize(
    ("outcome", "treatment", "control", "clue"),
    [("rant", "treated", "control", "rent"), ("rent", "treatd", "control", "treated"),
     ("rent", "control", "control", "itself")],
)  # fmt: skip
def test_mistakes_are_named(outcome: str, treatment: str, control: str, clue: str) -> None:
    with pytest.raises(InputError, match=clue):
        difference(table(ARMS), outcome, treatment, control)


def test_a_run_that_stands_there_twice_and_no_pair_at_all() -> None:
    outcomes = table(ARMS)
    with pytest.raises(InputError, match="twice"):
        difference(pd.concat([outcomes, outcomes.iloc[:1]]), "rent", "treated", "control")
    apart = outcomes[(outcomes["arm"] == "treated") == (outcomes["replication"] < 6)]
    with pytest.raises(InputError, match="no point and replication"):
        contrast(apart, "rent", {"treated": 1.0, "control": -1.0})
