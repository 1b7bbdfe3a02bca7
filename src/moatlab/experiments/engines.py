"""Engines: where chunks of runs are worked on.  The contract is `concurrent.futures.Executor`.

``local`` starts worker processes of our own, for three reasons.  When a worker is killed, it is known which chunk it
had, and the others go on.  When the parent is killed, the workers leave, in the middle of a call, too.  And the user's
main module is not run again in every worker, so a script needs no ``if __name__ == "__main__"``.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any

from moatlab.errors import InputError
from moatlab.scenario.addresses import nearest

ENGINES = ("local", "serial", "dask")
#: Seconds between a worker's looks at whether its parent is still there.
_LOOKS = 0.5


class WorkerDiedError(RuntimeError):
    """A worker process ended in the middle of its chunk, with this exit code (minus the signal that killed it)."""

    def __init__(self, code: int) -> None:
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        super().__init__(f"its worker process ended ({how})")
        self.code = code


class SerialExecutor(Executor):
    """Works in this process, when something is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call at once; the future is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


class _Worker:
    """A process and the pipe to it; it says when it is ready for work."""

    def __init__(self) -> None:
        self.pipe, theirs = Pipe()
        code = f"from moatlab.experiments.engines import serve; serve({theirs.fileno()})"
        path = os.pathsep.join([p or os.getcwd() for p in sys.path])
        # A session of its own: Ctrl-C in the terminal is the parent's business.
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        theirs.close()
        self.ready = False
        self.future: Future[Any] | None = None

    def end(self) -> int:
        """End the process if it has not ended by itself; returns its exit code."""
        self.pipe.close()
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()


class LocalExecutor(Executor):
    """Worker processes, each with a pipe of its own; a worker that dies is replaced."""

    def __init__(self, workers: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = Pipe()
        self._selector.register(self._ear, selectors.EVENT_READ, None)
        self._workers: set[_Worker] = set()
        self._idle: deque[_Worker] = deque()
        for _ in range(workers):
            self._hire()
        self._queue: deque[tuple[Future[Any], Any]] = deque()
        self._lock = threading.Lock()
        self._closing = False
        self._stillborn = 0
        self._problem: Exception = RuntimeError("the executor has been shut down")
        self._thread = threading.Thread(target=self._manage, daemon=True, name="moatlab-workers")
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call for the next worker that is free."""
        if kwargs:
            raise TypeError("takes positional arguments only")
        future: Future[Any] = Future()
        with self._lock:
            if self._closing:
                raise self._problem
            self._queue.append((future, (fn, args)))
        self._bell.send_bytes(b"!")
        return future

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [worker.process.pid for worker in self._workers]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers, at once: what has not come back by now is not waited for."""
        with self._lock:
            closed, self._closing = self._closing, True
        if not closed:
            self._bell.send_bytes(b"!")
        if wait:
            self._thread.join()

    def _hire(self) -> None:
        worker = _Worker()
        self._workers.add(worker)
        self._selector.register(worker.pipe, selectors.EVENT_READ, worker)

    def _dismiss(self, worker: _Worker) -> int:
        """Put another worker in the place of one that ended; returns its exit code."""
        self._selector.unregister(worker.pipe)
        self._workers.remove(worker)
        code = worker.end()
        self._hire()
        return code

    def _manage(self) -> None:
        """The life of the thread between the queue and the pipes."""
        try:
            while not self._closing:
                self._hand_out()
                for key, _ in self._selector.select():
                    if key.data is None:
                        self._ear.recv_bytes()
                    else:
                        self._take(key.data)
        except Exception as met:
            self._problem = met
        with self._lock:
            self._closing = True
            left = [future for future, _ in self._queue] + [w.future for w in self._workers if w.future]
        for worker in self._workers:
            worker.end()
        self._selector.close()
        for future in left:
            if future.running() or future.set_running_or_notify_cancel():
                future.set_exception(self._problem)

    def _hand_out(self) -> None:
        while self._idle:
            with self._lock:
                if not self._queue:
                    return
                future, call = self._queue.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            worker = self._idle.popleft()
            try:
                worker.pipe.send_bytes(pickle.dumps(call))
                worker.future = future
            except OSError:
                # It was killed while it had nothing to do.
                future.set_exception(WorkerDiedError(self._dismiss(worker)))
            except Exception as problem:
                self._idle.append(worker)
                future.set_exception(problem)

    def _take(self, worker: _Worker) -> None:
        try:
            fine, result = worker.pipe.recv()
        except (EOFError, OSError):
            if worker in self._idle:
                self._idle.remove(worker)
            future, worker.future = worker.future, None
            code = self._dismiss(worker)
            if future is not None:
                future.set_exception(WorkerDiedError(code))
            elif code > 0:
                self._stillborn += 1
                if self._stillborn > 3:
                    raise RuntimeError("worker processes cannot start: what they said is above") from None
            return
        except Exception as problem:
            fine, result = False, problem
        self._idle.append(worker)
        if not worker.ready:
            worker.ready = True
            return
        future, worker.future = worker.future, None
        assert future is not None
        if fine:
            future.set_result(result)
        else:
            future.set_exception(result)


def _leave_with(parent: int) -> None:
    """End this process once its parent has ended: what works on a call does not look at its pipe."""
    while os.getppid() == parent:
        time.sleep(_LOOKS)
    os._exit(1)


def serve(descriptor: int) -> None:
    """Life of a worker: calls come down the pipe until its other end is gone."""
    from moatlab.experiments import limits

    limits.expendable = True
    if hasattr(os, "fork"):  # elsewhere a process keeps the number of a parent that has ended
        threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    pipe = Connection(descriptor)
    pipe.send((True, os.getpid()))
    while True:
        try:
            call = pipe.recv_bytes()
        except (EOFError, OSError):
            return  # The parent is gone.
        try:
            fn, args = pickle.loads(call)
            reply: tuple[bool, Any] = (True, fn(*args))
        except Exception as problem:
            reply = (False, problem)
        with contextlib.suppress(OSError):
            try:
                pipe.send(reply)
            except (TypeError, AttributeError, pickle.PicklingError):
                pipe.send((False, RuntimeError(repr(reply[1]))))


def map_in_order(
    work: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]], workers: int, tell: Callable[[int, int], None]
) -> list[Any]:
    """The results of some calls in their order, by worker processes of our own; ``tell`` hears of done and of all."""
    engine: Executor = LocalExecutor(min(workers, len(work))) if workers > 1 and len(work) > 1 else SerialExecutor()
    with engine:
        futures = [engine.submit(function, *arguments) for function, arguments in work]
        found = []
        for future in futures:
            found.append(future.result())
            tell(len(found), len(work))
    return found


def workers_here() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_engine(engine: str | Executor, workers: int | None, scheduler: str | None) -> None:
    """Raises `InputError` for engines that do not exist and numbers of workers that cannot be."""
    if not isinstance(engine, Executor) and engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}; {nearest(str(engine), ENGINES)}")
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= 4096):
        raise InputError(f"workers is a whole number from 1 to 4096, not {workers}")
    if scheduler is not None and engine != "dask":
        raise InputError("a scheduler goes with the engine dask")
    if engine == "local" and sys.platform == "win32":
        raise InputError(
            "the engine local works on Linux and macOS only: on Windows, use the engine serial or dask, or WSL"
        )


@dataclass(frozen=True)
class Engine:
    """An executor, and how many workers it has at the moment."""

    executor: Executor
    workers: Callable[[], int]
    #: Whether it works in this process, when something is submitted.
    serial: bool = False


@contextlib.contextmanager
def open_engine(engine: str | Executor, workers: int | None = None, scheduler: str | None = None) -> Iterator[Engine]:
    """An engine by name, or an executor as it is; closed afterwards if opened here.

    Raises `InputError` for engines that do not exist and schedulers that do not answer.
    """
    check_engine(engine, workers, scheduler)
    count = workers or workers_here()
    if isinstance(engine, Executor):
        yield Engine(engine, lambda: workers or int(getattr(engine, "_max_workers", None) or count),
                     isinstance(engine, SerialExecutor))  # fmt: skip
    elif engine == "serial":
        yield Engine(SerialExecutor(), lambda: 1, True)
    elif engine == "local":
        with LocalExecutor(count) as local:
            yield Engine(local, lambda: count)
    else:
        with _dask(count if scheduler is None else None, scheduler) as found:
            yield found


#: Seconds for which the number of a scheduler's workers is believed.
COUNTED = 2.0


@contextlib.contextmanager
def _dask(workers: int | None, scheduler: str | None) -> Iterator[Engine]:
    """A dask scheduler at an address, or one started here with so many worker processes."""
    try:
        import distributed
    except ImportError:
        raise InputError("the engine dask needs dask: pip install 'moatlab[dask]'") from None
    cluster: Any = distributed.LocalCluster
    client_of: Any = distributed.Client
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            scheduler = stack.enter_context(
                cluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
            ).scheduler_address
        try:
            client = client_of(scheduler, timeout="10s")
        except (OSError, ValueError) as problem:
            raise InputError(f"no dask scheduler answers at {scheduler!r}: {problem}") from None
        stack.callback(_close, client)
        threads = sum(client.nthreads().values())
        if not threads:
            raise InputError(f"the dask scheduler at {scheduler} has no workers: start one with `dask worker`")
        known = [time.monotonic(), threads]

        def count() -> int:
            if time.monotonic() - known[0] > COUNTED and client.status == "running":
                with contextlib.suppress(Exception):
                    known[:] = time.monotonic(), sum(client.nthreads().values()) or known[1]
            return int(known[1])

        yield Engine(stack.enter_context(client.get_executor(pure=False)), count)


def _close(client: Any) -> None:
    """Leave a scheduler, which may be gone; what its client then says of it is said in one line elsewhere."""
    with contextlib.suppress(Exception):
        client.close(timeout=2 if client.status == "running" else 0)
