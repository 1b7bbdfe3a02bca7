"""Machines in the place of the real one: one of which any single operation fails, and one that is simulated.

The simulated machine has a disk of which a power cut takes what was not flushed, a clock of its own, and processes that
run one operation at a time in an order drawn from a seed, and are killed between two operations.
"""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable
from pathlib import Path

from moatlab.experiments.host import Host

OPERATIONS = ("read", "write", "append", "flush", "rename", "remove", "make", "names", "touch", "size", "age")


class FaultyHost(Host):
    """The real machine, of which one operation fails, the ``fails``-th of those counted (none if it is negative)."""

    def __init__(self, fails: int = -1) -> None:
        self.fails = fails
        self.done: list[str] = []

    def _count(self, operation: str) -> None:
        self.done.append(operation)
        if len(self.done) - 1 == self.fails:
            raise OSError(errno.EIO, "Input/output error", operation)

    def read(self, path: Path, start: int = 0) -> bytes:
        self._count("read")
        return super().read(path, start)

    def write(self, path: Path, data: bytes) -> None:
        if len(self.done) == self.fails:
            super().write(path, data[: len(data) // 2])
        self._count("write")
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        self._count("append")
        super().append(path, data)

    def flush(self, path: Path) -> None:
        self._count("flush")  # no power is cut here, and a real flush takes milliseconds

    def rename(self, path: Path, to: Path) -> None:
        self._count("rename")
        super().rename(path, to)

    def remove(self, path: Path) -> None:
        self._count("remove")
        super().remove(path)

    def make(self, folder: Path) -> None:
        self._count("make")
        super().make(folder)

    def names(self, folder: Path) -> list[str]:
        self._count("names")
        return super().names(folder)

    def size(self, path: Path) -> int:
        self._count("size")
        return super().size(path)


class Killed(BaseException):
    """The simulated process is no more."""


class File:
    """Contents, the part of them that would survive a power cut, and when they were written."""

    def __init__(self, data: bytes, time: float) -> None:
        self.data, self.safe, self.time = data, b"", time


def _closed() -> threading.Lock:
    """A gate that one thread waits at and another opens; a lock is the fastest of them."""
    gate = threading.Lock()
    gate.acquire()
    return gate


class Process:
    """One simulated process: a thread that runs when it is let."""

    def __init__(self, number: int, body: Callable[[], None], machine: SimulatedHost) -> None:
        self.number, self.killed, self.over = number, False, False
        self.go = _closed()
        self.problem: BaseException | None = None
        self._body, self._machine = body, machine
        self.thread = threading.Thread(target=self._live, daemon=True, name=f"process-{number}")
        machine.processes[self.thread.name] = self
        self.thread.start()

    def _live(self) -> None:
        self.go.acquire()
        try:
            if not self.killed:
                self._body()
        except Killed:
            pass
        except BaseException as problem:
            self.problem = problem
        self.over = True
        self._machine.back.release()

    def pause(self) -> None:
        """Let the scheduler decide who goes on."""
        if self.killed:
            raise Killed
        self._machine.back.release()
        self.go.acquire()
        if self.killed:
            raise Killed


class SimulatedHost(Host):
    """Files in memory, a clock, and processes in an order drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.clock = 1000.0
        self.files: dict[Path, File] = {}
        #: The names that a power cut would leave.
        self.safe: dict[Path, File] = {}
        self.folders: set[Path] = set()
        self.processes: dict[str, Process] = {}
        self.back = _closed()
        self.trace: list[str] = []

    # Schedule -------------------------------------------------------------------------------------------------------

    def start(self, body: Callable[[], None]) -> Process:
        """A process that is about to begin."""
        return Process(len(self.processes) + 1, body, self)

    def run(self, alive: list[Process], kill: float = 0.0, cut: float = 0.0) -> None:
        """Until all processes are over; at each operation one is killed, or all by a power cut, with these chances."""
        while alive:
            process = self.draw.choice(alive)
            self.clock += self.draw.expovariate(20.0)
            chance = self.draw.random()
            if chance < cut:
                for doomed in alive:
                    doomed.killed = True
                self._cut()
            elif chance < cut + kill:
                process.killed = True
            for moved in list(alive) if chance < cut else [process]:
                moved.go.release()
                self.back.acquire()
                if moved.over:
                    moved.thread.join()
                    alive.remove(moved)

    def _cut(self) -> None:
        """Power is gone: names and contents that were not flushed are, each as chance has it."""
        left = {}
        for path in {**self.safe, **self.files}:
            now, before = self.files.get(path), self.safe.get(path)
            file = now if now is before or self.draw.random() < 0.5 else before
            if file is not None:
                left[path] = file
        for file in left.values():
            if file.data != file.safe:
                file.data = file.data[: self.draw.randint(0, len(file.data))]
        self.files, self.safe = left, dict(left)

    def _step(self, operation: str, path: Path) -> None:
        process = self.processes.get(threading.current_thread().name)
        if process is not None:
            process.pause()
            self.trace.append(f"{process.number} {operation} {path.name}")

    def _file(self, path: Path) -> File:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return self.files[path]

    # Files ----------------------------------------------------------------------------------------------------------

    def read(self, path: Path, start: int = 0) -> bytes:
        self._step("read", path)
        return self._file(path).data[start:]

    def write(self, path: Path, data: bytes) -> None:
        self._step("begin to write", path)
        self.files[path] = File(data[: len(data) // 2], self.clock)
        self._step("write", path)
        self.files[path] = File(data, self.clock)

    def append(self, path: Path, data: bytes) -> None:
        self._step("append", path)
        file = self.files.setdefault(path, File(b"", self.clock))
        file.data, file.time = file.data + data, self.clock

    def flush(self, path: Path) -> None:
        self._step("flush", path)
        if path in self.folders:
            inside = {p: f for p, f in self.files.items() if p.parent == path}
            self.safe = {p: f for p, f in self.safe.items() if p.parent != path} | inside
        else:
            self._file(path).safe = self._file(path).data

    def rename(self, path: Path, to: Path) -> None:
        self._step("rename", path)
        self.files[to] = self.files.pop(path)

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        self.files.pop(path, None)

    def make(self, folder: Path) -> None:
        self._step("make", folder)
        self.folders |= {folder, *folder.parents}

    def names(self, folder: Path) -> list[str]:
        self._step("names", folder)
        return sorted({p.name for p in (*self.files, *self.folders) if p.parent == folder and p != folder})

    def exists(self, path: Path) -> bool:
        return path in self.files or path in self.folders

    def is_folder(self, path: Path) -> bool:
        return path in self.folders

    def age(self, path: Path) -> float:
        return self.clock - self._file(path).time

    def size(self, path: Path) -> int:
        return len(self._file(path).data)

    def touch(self, path: Path) -> None:
        self._step("touch", path)
        self._file(path).time = self.clock

    # Process and time -----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return "simulated"

    @property
    def process(self) -> int:
        process = self.processes.get(threading.current_thread().name)
        return 0 if process is None else process.number

    def runs(self, process: int) -> bool:
        return any(p.number == process and not (p.over or p.killed) for p in self.processes.values())

    def unique(self) -> str:
        return f"{self.draw.getrandbits(128):032x}"

    def monotonic(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self._step("sleep", Path(str(seconds)))
        self.clock += seconds
