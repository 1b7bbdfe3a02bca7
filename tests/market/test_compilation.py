"""Warming up compiles every entry of the month for the very types that the market calls it with."""

from __future__ import annotations

from moatlab import Market
from moatlab.market import compilation, month, record


def test_every_entry_is_compiled_once_for_the_types_of_a_market() -> None:
    entries = {function for part in compilation._parts() for function, _ in part}
    direct = {f for module in (month, record) for f in vars(module).values() if hasattr(f, "dispatcher")}
    assert direct <= entries
    compilation.compile_part(0)
    compilation.compile_part(1)
    Market("tiny", rng=1).run(2)
    for function in entries:
        dispatcher = getattr(function, "dispatcher", function)
        # A market that handed over other types would have compiled a second version.
        assert len(dispatcher.overloads) == 1, dispatcher
