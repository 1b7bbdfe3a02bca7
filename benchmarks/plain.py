"""The plain per-agent version of the hot phases (tests/reference) against the compiled ones, over a whole run.

python benchmarks/plain.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.reference import compute, pricing, settlement, sourcing, users
from tests.reference.model import Reference

from moatlab import Market

MONTHS = 120
CODES = ("lab", "host", "app", "outside")


def main() -> None:
    Market("essay-2023", rng=1).run(3)
    market = Market("essay-2023", rng=1)
    plain = compiled = 0.0
    hot = {"users", "tokens", "compute", "settlement", "decisions"}
    for _ in range(MONTHS):
        state = market.state
        for name, run in market.walk():
            before = Reference(state) if name in hot else None
            start = time.perf_counter()
            run()
            compiled += (time.perf_counter() - start) * (name in hot)
            if before is None:
                continue
            buyers = [(CODES[int(b["kind"])], int(b["row"])) for b in state.buyers[: state.buyer_count]]
            start = time.perf_counter()
            if name == "users":
                users.choose(before)
            elif name == "tokens":
                sourcing.carry(before)
            elif name == "compute":
                compute.clear(before)
            elif name == "settlement":
                settlement.settle(before, state.matrices[2], state.matrices[3], buyers)
            else:
                sourcing.decide_routing(before)
                pricing.decide_prices(before)
            plain += time.perf_counter() - start
    print(f"plain agents: {1e3 * plain:.0f} ms; compiled: {1e3 * compiled:.1f} ms; ratio {plain / compiled:.0f}")


if __name__ == "__main__":
    main()
