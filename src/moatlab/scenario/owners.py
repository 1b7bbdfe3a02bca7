"""Who owns what: the companies that a scenario's firms belong to, for accounts that are consolidated by owner.

The owner of a firm is the company that the scenario names; of an app without one, the owner of its lab; of a captive
chipmaker, that of the cloud whose own chip it is; else the firm itself.  An owner goes by the company's word or the
firm's slug, and firms of one word count together: ``clouds.azure``, ``labs.microsoft`` and ``apps.microsoft`` are
microsoft's.  Generated startups have owners of their own and are one row, `STARTUPS`.
"""

from __future__ import annotations

from typing import Protocol

from moatlab.scenario.registry import KINDS, RULES_ONLY, Value
from moatlab.scenario.tables import REGISTRY


class Read(Protocol):
    """What is read of a scenario."""

    def slugs(self, kind: str) -> tuple[str, ...]:
        """The slugs of one kind, in order."""
        ...

    def value(self, kind: str, slug: str, name: str) -> Value:
        """The value of one row."""
        ...

    def display_name(self, kind: str, slug: str) -> str:
        """The name of a firm as people write it."""
        ...


#: All generated startups, whose owners have nothing else.
STARTUPS = "startups"
#: Where an owner's display name is looked for first.
_NAMED_AFTER = ("labs", "clouds", "chipmakers", "foundry", "hosts", "apps")


def owners_of_firms(scenario: Read) -> dict[str, str]:
    """The owner of every firm that the scenario names, by address (``clouds.azure``)."""
    found: dict[str, str] = {}
    firms = [kind for kind in KINDS if kind not in RULES_ONLY and kind != "users"]
    for kind in firms:
        for slug in scenario.slugs(kind):
            company = str(scenario.value(kind, slug, "company")) if (kind, "company") in REGISTRY else ""
            found[f"{kind}.{slug}"] = company or slug
    for slug in scenario.slugs("apps"):
        lab = str(scenario.value("apps", slug, "owner"))
        if lab and not scenario.value("apps", slug, "company"):
            found[f"apps.{slug}"] = found[f"labs.{lab}"]
    for cloud in scenario.slugs("clouds"):
        chip = str(scenario.value("clouds", cloud, "own_chip"))
        captive = chip and scenario.value("chipmakers", chip, "captive")
        if captive and not scenario.value("chipmakers", chip, "company"):
            found[f"chipmakers.{chip}"] = found[f"clouds.{cloud}"]
    return found


def owner_names(scenario: Read) -> dict[str, str]:
    """The display name of every owner by its word, in a fixed order: the slugs of ``owners`` in addresses.

    Named after the firm of that slug, else after the owner's lab, cloud and so on.
    """
    owner_of = owners_of_firms(scenario)
    names: dict[str, str] = {}
    for own_slug in (True, False):
        for kind in _NAMED_AFTER:
            for slug in scenario.slugs(kind):
                owner = owner_of[f"{kind}.{slug}"]
                if owner == slug or not own_slug:
                    names.setdefault(owner, scenario.display_name(kind, slug))
    return {**names, STARTUPS: "Startups"}
