"""Common keys: two arms that differ in who enters share the luck of all that they have in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys
from moatlab.market.state import draws
log = {}
plain = draws.uniform
def logged(seed, purpose, month, identity):
    value = plain(seed, purpose, month, identity)
    key = f"{int(purpose)}/{int(month)}/{int(identity)}"
    assert log.setdefault(key, value) == value
    return value
draws.uniform = logged
from moatlab import Market, Scenario
arms = []
for rate in (0.5, 30.0):
    log.clear()
    market = Market(Scenario("tiny").set({"apps.entry_rate": rate, "clouds.running_cost": 1.0 - 0.01 * rate}), rng=3)
    market.run(18)
    arms.append(({k: float(v) for k, v in log.items()}, int(market.state.count)))
json.dump(arms, sys.stdout)
"""


def test_arms_share_their_luck(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "MOATLAB_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    (one, apps), (other, others) = json.loads(done.stdout)
    assert apps != others, "the arms have the same entrants: the test tests nothing"
    common = one.keys() & other.keys()
    assert all(one[key] == other[key] for key in common)
    assert len(common) > 0.9 * min(len(one), len(other))
    assert len(common) < max(len(one), len(other))
