"""Time around a run of essay-2023: reading and checking a scenario, changing it, and the state of month 0.

python benchmarks/around.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from moatlab import Market, Scenario

REPEATS, MONTHS = 400, 120
NAME = "essay-2023"
SCENARIO = Scenario(NAME)
#: What a line may cost, ms: a market by the name of its scenario, and a changed scenario with its market.
BY_NAME, CHANGED = 1.0, 0.5


def ms(work: Callable[[int], object], repeats: int = REPEATS) -> list[float]:
    """Milliseconds of each repetition, sorted; ``work`` is given its number."""
    times = []
    for number in range(repeats):
        start = time.perf_counter()
        work(number)
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times)


def changed(number: int, address: str = "labs.openai.markup") -> Scenario:
    """A scenario that no other repetition has made."""
    return SCENARIO.set({address: 0.3 + 1e-6 * number})


def main() -> None:
    Market(SCENARIO, rng=1).run(MONTHS)
    lines: list[tuple[str, Callable[[int], object], float | None]] = [
        (f'Scenario("{NAME}")', lambda _: Scenario(NAME), None),
        ("Scenario.set, one value", changed, None),
        (f'Market("{NAME}")', lambda number: Market(NAME, rng=number), BY_NAME),
        ("Market(scenario)", lambda number: Market(SCENARIO, rng=number), None),
        ("Scenario.set with its market, of a lab", lambda number: Market(changed(number), rng=1), CHANGED),
        ("the same, of all labs", lambda number: Market(changed(number, "labs.*.markup"), rng=1), CHANGED),
        ("the same, of a cloud", lambda number: Market(changed(number, "clouds.azure.markup"), rng=1), CHANGED),
    ]
    for what, work, most in lines:
        times = ms(work)
        asked = "" if most is None else f", asked: below {most:g} ms"
        print(f"{what:40s} least {times[0]:.3f} ms, median {statistics.median(times):.3f} ms{asked}")
    times = ms(lambda number: Market(SCENARIO, rng=number).run(MONTHS), 15)
    print(f"{f'and {MONTHS} months':40s} least {times[0]:.1f} ms, median {statistics.median(times):.1f} ms")


if __name__ == "__main__":
    main()
