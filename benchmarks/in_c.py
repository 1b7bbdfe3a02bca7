"""How near compiled rules come to C: three of the month's hottest, against the same in C (benchmarks/month.c).

Both work on the same arrays, in states of a real run; before anything is timed, both must give the same results to
1e-12.  C sees rows as structs written from the numpy dtypes, and the rules' constants by their names.

python benchmarks/in_c.py
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from moatlab import Market, Scenario
from moatlab.market.rules import conventions, nests, offers, sourcing, users
from moatlab.market.state.compiled import numba, type_of

SIZES, MONTHS = (300, 10_000), 6
#: Seconds of timing per kernel and size.
SECONDS = 1.5
TOLERANCE = 1e-12
FLAGS = ("-std=c11", "-O3", "-march=native", "-shared", "-fPIC", "-Wall")

#: Rules by the phase before which they are timed.
RULES: dict[str, Any] = {
    "users": users.choose,
    "tokens": sourcing.carry_tokens,
    "decisions": sourcing.decide_routing,
}
STRUCTS = {
    "users": "User", "apps": "App", "labs": "Lab", "hosts": "Host", "offers": "Offer", "shared": "Shared", "now": "Now",
}  # fmt: skip
PLAIN = ("live", "routing", "next_routing", "sellers", "grades")
CONSTANTS = {
    nests: ("ABSENT",),
    users: ("NO_OPTION",),
    conventions: ("AT_ONCE", "LOG10_E"),
    offers: ("CLOSED", "OPEN", "NOT_TO_RIVALS", "RIVAL_BITS", "LEAST_PRICE"),
    sourcing: ("NEVER", "HARDLY"),
}
C_TYPES = {"float64": "double", "int64": "int64_t", "int32": "int32_t", "uint8": "uint8_t"}

Arrays = dict[str, Any]


def arrays_of(market: Market) -> Arrays:
    """The arrays that C knows, by name."""
    return {name: getattr(market.state, name) for name in (*STRUCTS, *PLAIN)}


def layout(arrays: Arrays) -> str:
    """The header: constants, a struct for each kind of row with its offsets asserted, and the list of arrays."""
    lines = ["#include <stddef.h>", "#include <stdint.h>"]
    for module, names in CONSTANTS.items():
        lines += [f"#define {name} {getattr(module, name)!s}" for name in names]
    for name, struct in STRUCTS.items():
        dtype = arrays[name].dtype
        fields = sorted(((field, C_TYPES[at[0].name], at[1]) for field, at in dtype.fields.items()), key=itemgetter(2))
        lines += ["typedef struct {", *members(fields, dtype.itemsize), f"}} {struct};"]
        lines += [f'_Static_assert(offsetof({struct}, {field}) == {at}, "{field}");' for field, _, at in fields]
        lines += [f'_Static_assert(sizeof({struct}) == {dtype.itemsize}, "{struct}");']
    lines += ["typedef struct {"]
    for name, array in arrays.items():
        c_type = STRUCTS.get(name) or C_TYPES[array.dtype.name]
        lines += [f"    {c_type} *{name};", f"    int64_t n_{name}, {name}_width;"]
    return "\n".join([*lines, "} Market;", ""])


def members(fields: list[tuple[str, str, int]], size: int) -> Iterator[str]:
    """The members of a struct of that many bytes, with words between them where the row leaves some out."""
    at = 0
    for field, c_type, offset in [*fields, ("", "", size)]:
        for word in range(at, offset - offset % 8, 8):
            yield f"    int64_t unused_{word};"
        if field:
            yield f"    {c_type} {field};"
        at = offset + 8


def pointers(arrays: Arrays) -> Any:
    """The ``Market`` that C takes: of every array the address, the number of rows, and of columns."""
    words: list[int] = []
    for name, array in arrays.items():
        if not array.flags.c_contiguous:
            sys.exit(f"{name} is not contiguous")
        words += [array.ctypes.data, array.shape[0], array.shape[1] if array.ndim > 1 else 1]
    return (ctypes.c_int64 * len(words))(*words)


def built(arrays: Arrays, folder: Path) -> Any:
    """month.c as a loaded library, made once: rows look the same in all markets."""
    library = folder / "month.so"
    if library.exists():
        return ctypes.CDLL(str(library))
    names = (os.environ.get("CC"), "gcc", "clang", "cc")
    compiler = next((path for name in names if name and (path := shutil.which(name))), None)
    if compiler is None:
        print("there is no C compiler here (gcc, clang, cc, or the one named by CC): nothing is compared")
        sys.exit(0)
    (folder / "layout.h").write_text(layout(arrays), encoding="utf-8")
    source = Path(__file__).with_name("month.c")
    subprocess.run([compiler, *FLAGS, f"-I{folder}", str(source), "-o", str(library), "-lm"], check=True)
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    print(f"{version}, {' '.join(FLAGS)}, compiled into {folder}, which is removed afterwards")
    return ctypes.CDLL(str(library))


def raw(array: Any) -> Any:
    """The bytes of an array, as a view."""
    return array.reshape(-1).view(np.uint8)


def gap(one: Any, other: Any) -> float:
    """The largest relative difference between two plain arrays; 0 where both are equal or not a number."""
    if one.dtype.kind != "f":
        return 0.0 if np.array_equal(one, other) else np.inf
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        relative = np.abs(one - other) / np.maximum(np.abs(one), np.abs(other))
    return float(np.where(same, 0.0, np.nan_to_num(relative, nan=np.inf)).max(initial=0.0))


def gaps(one: Arrays, other: Arrays) -> Iterator[tuple[str, float]]:
    """The largest relative difference by array and field."""
    for name in one:
        for field in one[name].dtype.names or (None,):
            a, b = (one[name], other[name]) if field is None else (one[name][field], other[name][field])
            yield (name if field is None else f"{name}.{field}"), gap(a, b)


@dataclass
class Timed:
    """Nanoseconds of both, the costs of calling them taken off."""

    rule: list[float]
    c: list[float]


def time_once(call: Callable[..., Any], arguments: tuple[Any, ...]) -> int:
    """Nanoseconds of the processor: what other programs take of it meanwhile does not count."""
    start = time.thread_time_ns()
    call(*arguments)
    return time.thread_time_ns() - start


def compare(rule: Any, library: Any, market: Market) -> Timed:
    """See that the rule and its C version do the same to the arrays, then time both in turns on the same state."""
    name = rule.py_func.__name__
    arrays = arrays_of(market)
    taken = (market.state.arrays,)
    types = tuple(map(type_of, taken))
    # Called as the phases call it: without asking for the types of the arguments at each call.
    compiled = rule.compile(types)
    idle = numba.njit(lambda s: None).compile(types)
    in_c, idle_c = library[name], library.nothing
    in_c.restype = idle_c.restype = None
    addresses = pointers(arrays)

    before = {key: array.copy() for key, array in arrays.items()}
    compiled(*taken)
    after = {key: array.copy() for key, array in arrays.items()}
    changed = [key for key in arrays if not np.array_equal(raw(before[key]), raw(after[key]))]
    if not changed:
        sys.exit(f"{name} changed nothing: the state is no test of it")
    for key in changed:
        raw(arrays[key])[:] = raw(before[key])
    in_c(addresses)
    for what, difference in gaps(after, arrays):
        if not difference <= TOLERANCE:
            sys.exit(f"{name}: C and the rule differ in {what} by {difference:.3g}: month.c has to follow the rule")

    restored = [(raw(arrays[key]), raw(before[key])) for key in changed]
    calls = ((compiled, taken), (in_c, (addresses,)), (idle, taken), (idle_c, (addresses,)))
    spent: tuple[list[int], ...] = ([], [], [], [])
    gc.disable()
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until or len(spent[0]) < 20:
        for (call, its_arguments), times in zip(calls, spent, strict=True):
            for to, old in restored:
                to[:] = old
            times.append(time_once(call, its_arguments))
    gc.enable()
    for key in changed:
        raw(arrays[key])[:] = raw(before[key])
    calling, calling_c = statistics.median(spent[2]), statistics.median(spent[3])
    return Timed([t - calling for t in spent[0]], [t - calling_c for t in spent[1]])


def at(size: int, folder: Path) -> None:
    """Time the rules in a market that starts with that many startups."""
    market = Market(Scenario("essay-2023").set({"apps.startups": size}), rng=1)
    market.run(MONTHS)
    if (market.state.users["nest_correlation"] > 0.0).any():
        sys.exit("month.c leaves correlated nests out, and the scenario has them")
    library = built(arrays_of(market), folder)
    apps_alive = market.state.live.shape[0]
    print(f"{apps_alive:,} apps, month {MONTHS}; ns per app, best (median)")
    print(f"  {'':18s} {'numba':>15s} {'C':>15s} {'ratio':>13s}")
    sums = [0.0] * 4
    for phase, run in market.walk():
        rule = RULES.get(phase)
        if rule is None:
            run()
            continue
        timed = compare(rule, library, market)
        figures = [f(times) / apps_alive for times in (timed.rule, timed.c) for f in (best, statistics.median)]
        show(rule.py_func.__name__, figures)
        sums = [a + b for a, b in zip(sums, figures, strict=True)]
        run()
    show("in all", sums)


def best(times: list[float]) -> float:
    """The time that a twentieth of the calls stay below: the least one may be a slip of a virtual machine's clock."""
    return statistics.quantiles(times, n=20)[0]


def show(name: str, figures: list[float]) -> None:
    rule, rule_median, c, c_median = figures
    print(
        f"  {name:18s} {rule:6.1f} ({rule_median:6.1f}) {c:6.1f} ({c_median:6.1f}) "
        f"{rule / c:5.2f} ({rule_median / c_median:5.2f})",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="moatlab-c-") as folder:
        for size in SIZES:
            at(size, Path(folder))


if __name__ == "__main__":
    main()
