"""The first compilation of a version: every kernel of the month, shared between two processes, announced.

Numba compiles a function when it is first called, one after the other.  A cold cache is filled here instead, before
the first market is made: a second process compiles about half of the phases at the same time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from moatlab.market.state.compiled import PLAIN_PYTHON, type_of

#: Written into the cache folder of a version when all of it is compiled.
_MARK = Path(os.environ["NUMBA_CACHE_DIR"]) / "complete"
_ready = PLAIN_PYTHON

Entry = tuple[Any, tuple[Any, ...]]


def warm_up() -> None:
    """Compile what this version's cache lacks, once per process at most; says so on standard error."""
    global _ready
    if _ready:
        return
    _ready = True
    if _MARK.exists():
        return
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
        _MARK.touch()


def compile_part(part: int) -> None:
    """Compile the kernels of one part for the types of their arguments; those in the cache are loaded."""
    for function, arguments in _parts()[part]:
        dispatcher: Any = getattr(function, "dispatcher", function)
        dispatcher.compile(tuple(type_of(argument) for argument in arguments))


def _parts() -> tuple[list[Entry], list[Entry]]:
    """Two parts that take about as long; kernels that share callees are together."""
    import numpy as np

    from moatlab.market import month, record
    from moatlab.market.rules import apps, sourcing, training, turnover
    from moatlab.market.state.fields import STATE_FIELDS
    from moatlab.market.state.ledger import Ledger
    from moatlab.market.state.state import State, rows

    state = State(dict.fromkeys(STATE_FIELDS, 1), 1)
    ledger = Ledger()
    s, book, totals = state.arrays, ledger.book, ledger.totals
    market, layers = rows(record.MARKET_DTYPE, 1), rows(record.LAYER_DTYPE, 1)
    categories, firms = rows(record.CATEGORY_DTYPE, 1), rows(record.FIRM_DTYPE, 1)
    first: list[Entry] = [
        (training.publish, (s.labs, s.now)),
        (sourcing.post_offers, (s.offers, s.labs, s.hosts, s.shared, s.now)),
        (sourcing.grade_offers, (s.grades, s.offers, s.labs, s.specialisation)),
        (turnover.populate, (s.users, s.apps, s.live, s.sellers, s.routing, s.offers, s.grades, s.labs, s.hosts, s.cash,
                             s.shared, s.now)),
        (apps.refresh_apps, (s.users, s.apps, s.live, s.routing, s.offers, s.grades, s.shared, s.now)),
        (month._enter, (s, 0, 0, 0, book, totals)),
        (month._act, (s, book, totals, market, layers, categories, firms, 0, True)),
        (month._enter_leave, (s, book, totals)),
    ]  # fmt: skip
    second: list[Entry] = [
        (record.record_turnover, (layers, 0, np.zeros(1), totals, s.now)),
        (month._trade, (s, book, totals)),
        (month._enter_compute, (s,)),
        (month._enter_settle, (s, 0, book, totals)),
    ]
    return first, second


if __name__ == "__main__":
    compile_part(1)
