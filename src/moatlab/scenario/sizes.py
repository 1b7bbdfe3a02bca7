"""Whether the parts of a scenario fit each other in size: what would drown what.

A scenario may be of any size.  Defaults are of the size of the packaged market of 2023, so an own one of three apps has
to state its startups, its outside demand and its supply of chips; these notes say where it has not.
"""

from __future__ import annotations

from typing import Protocol

from moatlab.scenario.registry import Value

#: Months of a year, for supply against what is installed.
YEAR = 12


class Sized(Protocol):
    """What a scenario says, as far as sizes are asked for."""

    def slugs(self, kind: str) -> tuple[str, ...]:
        """The rows of a kind."""
        ...

    def value(self, kind: str, slug: str, name: str) -> Value:
        """The value of one row."""
        ...

    def kind_value(self, kind: str, name: str) -> Value:
        """The value that a kind shares."""
        ...


def sizes(scenario: Sized) -> dict[str, float]:
    """The sizes that have to fit each other: customers (M), hours (Mh), chips (thousand), money (M$)."""

    def total(kind: str, name: str) -> float:
        return sum(float(scenario.value(kind, slug, name)) for slug in scenario.slugs(kind))

    fleet = total("clouds", "fleet")
    return {
        "named apps": float(len(scenario.slugs("apps"))),
        "startups": float(scenario.kind_value("apps", "startups")),
        "potential customers, M": total("users", "market_size"),
        "capacity, Mh a month": fleet * float(scenario.kind_value("clouds", "hours_per_gpu")),
        "outside demand, Mh a month": float(scenario.kind_value("outside", "initial_hours")),
        "accelerators installed, thousand": fleet,
        "packages, thousand a year": YEAR * total("foundry", "capacity"),
        "investors' commitments, M$ a month": float(scenario.kind_value("investors", "commitments")),
    }


def _about(value: float) -> str:
    """A number in two digits, without an exponent where people write none."""
    return f"{float(f'{value:.2g}'):g}"


def notes(scenario: Sized) -> list[str]:
    """A line for each pair of sizes that do not fit, with what to set; none where all do."""
    s = sizes(scenario)
    customers, capacity = s["potential customers, M"], s["capacity, Mh a month"]
    outside = s["outside demand, Mh a month"]
    found = []
    if s["named apps"] and s["startups"] > 10 * s["named apps"]:
        found.append(
            f"{s['startups']:g} startups beside {s['named apps']:g} named apps: the named ones are lost among them; "
            f"set apps.startups to {3 * s['named apps']:g} or so, and apps.entry_rate in proportion"
        )
    if outside > 1.5 * capacity:
        found.append(
            f"outside demand of {outside:g} Mh a month meets a capacity of {capacity:.3g} Mh: rents start far above "
            f"outside.reference_rent; set outside.initial_hours to {_about(0.75 * capacity)} or so, or larger fleets"
        )
    if capacity > 50 * customers:
        found.append(
            f"{customers:g} M customers could use little of a capacity of {capacity:.3g} Mh a month: generative AI "
            f"would not move rents; set fleets and outside.initial_hours lower, or users.*.market_size higher"
        )
    supply = s["packages, thousand a year"] / s["accelerators installed, thousand"] if capacity else 1.0
    if not 0.1 <= supply <= 15.0:
        found.append(
            f"the foundry makes {s['packages, thousand a year']:.3g} thousand packages a year for fleets of "
            f"{s['accelerators installed, thousand']:g} thousand: set foundry.*.capacity to "
            f"{_about(0.12 * s['accelerators installed, thousand'])} or so"
        )
    committed = s["investors' commitments, M$ a month"]
    if committed > 20.0 * customers:
        found.append(
            f"investors commit {committed:g} M$ a month to a market of {customers:g} M "
            f"customers: set investors.commitments to {_about(0.2 * customers)} or so"
        )
    return found
