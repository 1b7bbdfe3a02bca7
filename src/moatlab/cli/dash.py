"""`moatlab dash`: a page on this machine with sliders, events and pictures."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from moatlab.errors import InputError
from moatlab.scenario.reading import packaged


def dash(scenario: str, port: int | None, browser: bool) -> None:
    """Serve the page until Ctrl-C.

    Raises `InputError` for a scenario that does not read, a port that cannot be had, and a missing extra.
    """
    lacking = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if lacking:
        raise InputError(f"moatlab dash needs {' and '.join(lacking)}: pip install 'moatlab[viz]'")
    if port is not None and not 0 <= port <= 65535:
        raise InputError(f"--port is a whole number from 0 (any that is free) to 65535, not {port}")
    from moatlab.dash.state import Presets

    presets = Presets.of(scenario, packaged())
    from moatlab.dash.server import serve
    from moatlab.market.compilation import warm_up

    # Compiling says so in this terminal, and not in each worker.
    warm_up()
    print("moatlab: starting ...", file=sys.stderr, flush=True)
    serve(presets, port, browser, lambda line: print(line, flush=True))
