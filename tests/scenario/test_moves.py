"""Every declared parameter moves what it says, in the direction it says: the whole market, in paired arms.

One test per parameter.  Both arms share all luck (draws are keyed), so that a difference is the parameter's doing; a
metric that does not move at all fails, as does one of the wrong sign.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.scenario.registry import Parameter, Value
from moatlab.scenario.tables import REGISTRY

SEEDS = (1, 2, 3)


def values_compared(parameter: Parameter) -> tuple[Value, Value]:
    """The two values of the paired arms: as declared, or the default and half as much again inside the range."""
    moves = parameter.moves
    if moves.step is not None:
        return moves.step
    assert not (parameter.is_text or parameter.is_flag), f"{parameter.address} needs a step"
    assert isinstance(parameter.default, (int, float))
    higher = 1.5 * parameter.default
    assert higher != parameter.default, f"{parameter.address} needs a step: its default is 0"
    return parameter.default, min(higher, parameter.high)


@functools.cache
def outcome(settings: tuple[tuple[str, Value], ...], metric: str, months: tuple[int, int], seed: int) -> float:
    """Mean of the metric over the months, in one run of the essay's scenario with the settings."""
    scenario = Scenario("essay-2023").set(dict(settings))
    series = Market(scenario, rng=seed).run(months[1] + 1).series(metric)
    return float(np.nanmean(series.loc[months[0] : months[1]].to_numpy()))


def effects(parameter: Parameter) -> list[float]:
    """Paired differences of the declared metric, one per seed."""
    moves = parameter.moves
    address = f"{parameter.kind}.{moves.who}.{parameter.name}" if parameter.scope == "firm" else parameter.address
    low, high = values_compared(parameter)
    arms = [(*moves.given, (address, value)) for value in (low, high)]
    return [
        outcome(arms[1], moves.metric, moves.months, seed) - outcome(arms[0], moves.metric, moves.months, seed)
        for seed in SEEDS
    ]


@pytest.mark.parametrize("parameter", REGISTRY.values(), ids=lambda p: p.address)
def test_parameter_moves_what_it_declares(parameter: Parameter) -> None:
    found = effects(parameter)
    assert all(np.isfinite(found)), f"{parameter.moves.metric} is not a number in some arm: {found}"
    assert any(abs(x) > 0.0 for x in found), f"{parameter.address} moves nothing: {parameter.moves.metric} is the same"
    if parameter.moves.sign:
        mean = float(np.mean(found))
        assert np.sign(mean) == parameter.moves.sign, (
            f"{parameter.address} moves {parameter.moves.metric} by {found}, declared {parameter.moves.sign:+d}"
        )
