"""Warming up compiles every phase of the month for the very types that the market calls it with."""

from __future__ import annotations

from moatlab import Market
from moatlab.market import compilation
from moatlab.market.month import PHASES


def test_every_phase_is_compiled_once_for_the_types_of_a_market() -> None:
    _, parts = compilation._parts()
    compiled = [function for part in parts for function in part]
    assert {phase.rule for phase in PHASES} <= set(compiled)
    compilation.compile_part(0)
    compilation.compile_part(1)
    Market("tiny", rng=1).run(2)
    for function in compiled:
        # A market that handed over other types would have compiled a second version.
        assert len(function.overloads) == 1, function
