"""The one rule for seeds: whole numbers from 0 to 2**63 - 1, of Python or of numpy."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from moatlab.errors import InputError, shown
from moatlab.scenario.values import whole_number

#: Largest seed: results keep it in 64 bits.
LARGEST_SEED = 2**63 - 1


def check_seed(seed: object, what: str = "seed", where: str = "") -> int:
    """``seed`` as a plain whole number, if it is one from 0 to `LARGEST_SEED`."""
    number = whole_number(seed)
    if number is None or not 0 <= number <= LARGEST_SEED:
        raise InputError(f"{what} is a whole number from 0 to 2**63 - 1, not {shown(seed)}", where)
    return number


def fresh_seed() -> int:
    """A seed that nobody chose, from the entropy of the machine."""
    return secrets.randbelow(2**53)


def check_seeds(seeds: object, most: int, where: str = "") -> list[int]:
    """Seeds 1 to n for a number n, else the different seeds that ``seeds`` lists; at most ``most``."""
    count = whole_number(seeds)
    if count is not None and 1 <= count <= most:
        return list(range(1, count + 1))
    if count is not None or isinstance(seeds, bool | str) or not isinstance(seeds, Iterable):
        raise InputError(f"seeds is a number from 1 to {most}, or a list of different seeds, not {shown(seeds)}", where)
    chosen = [check_seed(seed, "a seed", where) for seed in seeds]
    if not 1 <= len(chosen) <= most or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds are 1 to {most} different whole numbers, not {len(chosen)} of which "
                         f"{len(set(chosen))} differ", where)  # fmt: skip
    return chosen
