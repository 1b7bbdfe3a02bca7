"""From a slider to its picture: what `moatlab dash essay-2023` takes for a value that nobody has asked for yet.

python benchmarks/dash.py

Runs of 16 seeds of ten years in worker processes, and the picture; the runs of the preset are stored by then, as on a
page.  Also what a new picture of stored runs takes (another measure, layer, firm), and each diagram.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time

from moatlab.dash.laboratory import Laboratory
from moatlab.dash.state import Presets, State, read
from moatlab.scenario.reading import packaged

REPEATS, PIXELS = 12, 850.0
#: Seconds that a reader waits at the most.
ASKED = 1.0


def states(presets: Presets, *more: tuple[str, str], fresh: bool = True) -> list[State]:
    """As many states as repetitions, each with a value of its own where ``fresh``."""
    values = [f"{0.06 + 0.001 * at:.3f}" if fresh else "0.06" for at in range(REPEATS)]
    return [read([("set", f"users.*.adoption_q={value}"), *more], presets) for value in values]


async def main() -> None:
    presets = Presets.of("essay-2023", packaged())
    start = time.perf_counter()
    laboratory = Laboratory(presets)
    print(f"workers ready after {time.perf_counter() - start:.1f} s; load of the machine {os.getloadavg()[0]:.1f}")
    try:
        await laboratory.draw(read([], presets), PIXELS)
        years = [str(2023 + at % 10) for at in range(REPEATS)]
        lines = [
            ("slider to picture, every layer", states(presets)),
            ("slider to picture, one line", states(presets, ("layer", "market"), ("months", "119"))),
            ("another picture of stored runs", states(presets, ("layer", "labs"), fresh=False)),
            ("year to flow diagram", [read([("view", "flow"), ("year", year)], presets) for year in years]),
            ("year to trade graph", [read([("view", "graph"), ("year", year)], presets) for year in years]),
        ]
        for what, asked in lines:
            times = []
            # The first also makes the runs of the preset, for its horizon.
            await laboratory.draw(asked[0], PIXELS)
            for state in asked[1:]:
                start = time.perf_counter()
                await laboratory.draw(state, PIXELS)
                times.append(time.perf_counter() - start)
            told = f"least {min(times):.2f} s, median {statistics.median(times):.2f} s, most {max(times):.2f} s"
            print(f"{what:34s} {told}; asked: below {ASKED:g} s")
    finally:
        laboratory.close()


if __name__ == "__main__":
    asyncio.run(main())
