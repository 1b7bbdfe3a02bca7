"""Mergers, stakes and divestitures, as changes of a scenario.

What the market knows of ownership: apps of one company in a category set their prices jointly (``apps.*.company``),
and so do a lab's apps; an app owned by a lab gets its tokens at the lab's transfer price (``apps.*.owner``); clouds of
one company count as one (``clouds.*.company``); a cloud buys its own chip at cost (``clouds.*.own_chip``); a cloud can
hold a share of a lab's revenue (``labs.*.partner``, ``labs.*.revenue_share``).
"""

from __future__ import annotations

from moatlab.errors import InputError
from moatlab.scenario.addresses import split_firm
from moatlab.scenario.registry import Value
from moatlab.scenario.scenario import Scenario

Changes = dict[str, Value]

#: What can merge, for messages.
_KNOWN = "two apps can merge, an app and a lab, two clouds, or a cloud and a chipmaker"


def merge(scenario: Scenario, one: str, other: str) -> Changes:
    """The values that make ``one`` and ``other`` (``apps.jasper``, or ``labs.openai`` for one of them) one company.

    All apps or clouds of either company come along, those that a lab owns included.  A cloud that buys a chipmaker gets
    its chips at cost; the maker goes on selling to others unless it is captive.  Raises `InputError` for firms that do
    not exist, that are one already, or whose common ownership the market has no rule for.
    """
    where = f"merge {one} {other}"
    firms = [split_firm(name, scenario.all_slugs, where) for name in (one, other)]
    kinds = sorted(kind for kind, _ in firms)
    of = {kind: slug for kind, slug in firms}
    if kinds == ["apps", "labs"]:
        if scenario.value("apps", of["apps"], "owner") == of["labs"]:
            raise InputError(f"labs.{of['labs']} owns apps.{of['apps']} already", where)
        return {f"apps.{of['apps']}.owner": of["labs"]}
    if kinds == ["chipmakers", "clouds"]:
        return _own_chip(scenario, of["clouds"], of["chipmakers"], where)
    if kinds == ["clouds", "labs"]:
        raise InputError("between a cloud and a lab the market knows a share of revenue: give the stake a share", where)
    if kinds not in (["apps", "apps"], ["clouds", "clouds"]):
        raise InputError(_KNOWN, where)
    return _join(scenario, kinds[0], firms[0][1], firms[1][1], where)


def stake(scenario: Scenario, cloud: str, lab: str, share: float) -> Changes:
    """The values that give a cloud a ``share`` of a lab's revenue, as its partner.

    Raises `InputError` for firms that do not exist, for a lab that has another partner, and for a share out of range.
    """
    where = f"stake {cloud} {lab}"
    (kind, holder), (other, held) = (split_firm(name, scenario.all_slugs, where) for name in (cloud, lab))
    if (kind, other) != ("clouds", "labs"):
        raise InputError("a share of revenue is a cloud's, of a lab", where)
    before = str(scenario.value("labs", held, "partner"))
    if before and before != holder and scenario.value("labs", held, "revenue_share"):
        raise InputError(f"labs.{held} has a partner already, clouds.{before}", where)
    return {f"labs.{held}.partner": holder, f"labs.{held}.revenue_share": share}


def divest(scenario: Scenario, firm: str) -> Changes:
    """The values that make an app stand alone, of no company and no lab, or a cloud, of no company.

    Raises `InputError` for another kind of firm, and for one that belongs to nobody.
    """
    where = f"divest {firm}"
    kind, slug = split_firm(firm, scenario.all_slugs, where)
    if kind not in ("apps", "clouds"):
        raise InputError("an app can be divested, or a cloud", where)
    names = ("company", "owner") if kind == "apps" else ("company",)
    changes: Changes = {f"{kind}.{slug}.{name}": "" for name in names if scenario.value(kind, slug, name)}
    if not changes:
        raise InputError(f"{firm} belongs to no company{' and no lab' if kind == 'apps' else ''}", where)
    return changes


def company(scenario: Scenario, firm: str) -> tuple[str, ...]:
    """All firms of the company of an app, a lab or a cloud, itself first."""
    kind, slug = split_firm(firm, scenario.all_slugs)
    if kind == "labs":
        owned = (f"apps.{app}" for app in scenario.slugs("apps") if _key(scenario, "apps", app) == f"labs.{slug}")
        return (firm, *owned)
    key = _key(scenario, kind, slug) if kind in ("apps", "clouds") else ""
    others = (each for each in scenario.slugs(kind) if each != slug and key and _key(scenario, kind, each) == key)
    return (firm, *(f"{kind}.{each}" for each in others))


def _join(scenario: Scenario, kind: str, first: str, second: str, where: str) -> Changes:
    """The same company for all firms of a kind that belong with either."""
    keys = [_key(scenario, kind, slug) for slug in (first, second)]
    if first == second or (keys[0] and keys[0] == keys[1]):
        raise InputError("they are one company already", where)
    stated = [str(scenario.value(kind, slug, "company")) for slug in (first, second)]
    name = stated[0] or stated[1] or first
    named = [key for key in keys if key]
    joining = [slug for slug in scenario.slugs(kind)
               if slug in (first, second) or _key(scenario, kind, slug) in named]  # fmt: skip
    changes = {f"{kind}.{slug}.company": name for slug in joining}
    return {address: name for address, name in changes.items() if scenario.value(*_parts(address)) != name}


def _own_chip(scenario: Scenario, cloud: str, maker: str, where: str) -> Changes:
    before = str(scenario.value("clouds", cloud, "own_chip"))
    if before == maker:
        raise InputError(f"chipmakers.{maker} is clouds.{cloud}'s own already", where)
    if before:
        raise InputError(f"clouds.{cloud} has a chip of its own already, chipmakers.{before}", where)
    return {f"clouds.{cloud}.own_chip": maker}


def _parts(address: str) -> tuple[str, str, str]:
    kind, slug, name = address.split(".")
    return kind, slug, name


def _key(scenario: Scenario, kind: str, slug: str) -> str:
    """What two firms of one company have in common: its name, or the lab that owns an app; empty for none."""
    stated = str(scenario.value(kind, slug, "company"))
    if stated or kind != "apps":
        return stated
    owner = str(scenario.value("apps", slug, "owner"))
    return f"labs.{owner}" if owner else ""
