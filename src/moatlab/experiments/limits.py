"""A time limit for one run, whatever it hangs in.

Python code of the main thread is interrupted by a signal, of another thread by an exception set from outside.  Neither
reaches into a compiled loop, so a worker process of ours is also ended from its C side a little later.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

#: Seconds after the limit at which a worker that did not react is ended.
GRACE = 2.0
#: Set in worker processes, which may be ended; the user's own process may not.
expendable = False


class TimeLimitError(Exception):
    """A run took longer than the experiment's time limit."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitError` inside the block after so many seconds."""
    if expendable:
        faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=_nowhere())
    try:
        with _by_signal(seconds) if _is_main() else _by_thread(seconds):
            yield
    finally:
        if expendable:
            faulthandler.cancel_dump_traceback_later()


@cache
def _nowhere() -> IO[str]:
    return open(os.devnull, "w")


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")


@contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: Any) -> None:
        raise TimeLimitError(f"took longer than the time limit of {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    target = ctypes.c_ulong(threading.get_ident())
    lock, over = threading.Lock(), False

    def ring() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(TimeLimitError))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()
