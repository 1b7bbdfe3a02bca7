"""Other markets in which a verdict has to hold: rival rules, alone and in pairs, and outside money at half and double.

A rival is an alternative that the patterns of docs/trace.md do not reject (`python benchmarks/patterns.py`).  A variant
is laid on the drawn parameters and below what an arm sets, so that an arm always says what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from moatlab.scenario.registry import Value

#: The market as the scenario has it.
BASE = "base"


@dataclass(frozen=True)
class Variant:
    """What it is in words, what it sets, and what it multiplies by a factor.

    ``kind`` is "base", "structure" (one rival), "pair" (two of them) or "path" (money or demand from outside).
    """

    name: str
    kind: str
    meaning: str
    set: Mapping[str, Value] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)


RIVALS = (
    Variant("labs-prices-frozen", "structure", "labs never change their prices", {"labs.*.price_rule": "frozen"}),
    Variant("list-prices", "structure", "labs do not negotiate", {"labs.negotiation": False}),
    Variant("reserves-frozen", "structure", "clouds never change their reserve", {"clouds.*.price_rule": "frozen"}),
    Variant("graduation-off", "structure", "no app goes in-house", {"apps.graduation": "off"}),
    Variant("routing-free", "structure", "apps re-route their tokens at once",
            {"apps.routing_inertia": 0.0, "apps.routing_speed": 1.0}),
    Variant("leaks-slow", "structure", "leads leak three times more slowly", {}, {"labs.leak_half_life": 3.0}),
    Variant("hype-given", "structure", "hype ignores growth", {"investors.hype_feedback": 0.0}),
)  # fmt: skip

_FUNDING = ("investors.commitments", "investors.lab_stake", "labs.*.pledge", "labs.*.parent_budget",
            "labs.*.cash_flow", "labs.*.first_budget", "apps.startup_cash")  # fmt: skip
PATHS = tuple(
    Variant(f"{name}-{word}", "path", f"{meaning} at {word}", {}, dict.fromkeys(addresses, factor))
    for name, meaning, addresses in (
        ("outside", "demand for GPU-hours from outside generative AI", ("outside.initial_hours",)),
        ("funding", "money from investors and parents", _FUNDING),
    )
    for word, factor in (("half", 0.5), ("double", 2.0))
)


def pairs() -> tuple[Variant, ...]:
    """Every two rivals together."""
    return tuple(
        Variant(f"{a.name}--{b.name}", "pair", f"{a.meaning}, and {b.meaning}", {**a.set, **b.set},
                {**a.scale, **b.scale})
        for a, b in combinations(RIVALS, 2)
    )  # fmt: skip


def all_variants(with_pairs: bool = True) -> dict[str, Variant]:
    """Rivals, pairs of them if asked for, and paths, by name; the base is not among them."""
    return {v.name: v for v in (*RIVALS, *(pairs() if with_pairs else ()), *PATHS)}
