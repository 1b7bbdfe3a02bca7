"""The first compilation of a version: every kernel of the month, shared between two processes, announced.

Numba compiles a function when it is first called, one after the other.  A cold cache is filled here instead, before
the first market is made: a second process compiles about half of the phases at the same time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from moatlab.market.state.cache import COMPLETE, alone, is_complete
from moatlab.market.state.compiled import FOLDER, PLAIN_PYTHON, machine_code

_ready = PLAIN_PYTHON


def warm_up() -> None:
    """Compile what this version's cache lacks, once per process at most; says so on standard error."""
    global _ready
    if _ready:
        return
    _ready = True
    if FOLDER is None:
        print(
            "moatlab: no folder to keep compiled rules in, so they are compiled at each start, in about a minute "
            "(MOATLAB_CACHE names one)",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        return
    if is_complete(FOLDER):
        return
    with alone(FOLDER):
        # Another process may have done it meanwhile.
        if not is_complete(FOLDER):
            _fill(FOLDER)


def _fill(folder: Path) -> None:
    """Compile all, half of it in a second process, and mark the folder as complete."""
    print(
        "moatlab: compiling the market's rules, once per version: less than a minute ...", file=sys.stderr, flush=True
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        helper = subprocess.Popen([sys.executable, "-m", "moatlab.market.compilation"], env=environment)
    except OSError:
        # No second process to be had: the kernels of its part are compiled when they are first called.
        return
    with helper:
        compile_part(0)
    if helper.returncode == 0:
        with suppress(OSError):
            (folder / COMPLETE).touch()


def compile_part(part: int) -> None:
    """Compile the kernels of one part for the types of a market's arrays; those in the cache are loaded."""
    arrays, parts = _parts()
    for function in parts[part]:
        machine_code(function, arrays)


def _parts() -> tuple[Any, tuple[list[Any], list[Any]]]:
    """The arrays of a market, and two parts of what is called with them that take about as long."""
    from moatlab.market.month import PHASES
    from moatlab.market.rules import apps, offers, training, turnover
    from moatlab.market.state.fields import STATE_FIELDS
    from moatlab.market.state.state import State

    state = State(dict.fromkeys(STATE_FIELDS, 1), 1)
    rules = {phase.name: phase.rule for phase in PHASES}
    first = [rules.pop(name) for name in ("decisions", "record")]
    second = [*rules.values(), training.publish, offers.post_offers, offers.grade_offers, turnover.populate,
              apps.refresh_apps]  # fmt: skip
    return state.arrays, (first, second)


if __name__ == "__main__":
    compile_part(1)
