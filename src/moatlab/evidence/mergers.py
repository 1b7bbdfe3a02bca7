"""Mergers and divestitures, as changes of a scenario.

Apps of one company set their prices jointly (``apps.*.company``); an app owned by a lab gets its tokens at the lab's
transfer price (``apps.*.owner``).  So two apps merge horizontally, an app and a lab vertically.
"""

from __future__ import annotations

from moatlab.errors import InputError
from moatlab.scenario.addresses import split_firm
from moatlab.scenario.scenario import Scenario

Changes = dict[str, str]


def merge(scenario: Scenario, one: str, other: str) -> Changes:
    """The values that make ``one`` and ``other`` (``apps.jasper``, or ``labs.openai`` for one of them) one company.

    All apps of either company come along.  Raises `InputError` for firms that do not exist, that are one already, or
    that are not two apps or an app and a lab.
    """
    where = f"merge {one} {other}"
    firms = [split_firm(name, scenario.all_slugs, where) for name in (one, other)]
    kinds = sorted(kind for kind, _ in firms)
    if kinds == ["apps", "labs"]:
        app, lab = (next(slug for kind, slug in firms if kind == wanted) for wanted in ("apps", "labs"))
        if scenario.value("apps", app, "owner") == lab:
            raise InputError(f"labs.{lab} owns apps.{app} already", where)
        return {f"apps.{app}.owner": lab}
    if kinds != ["apps", "apps"]:
        raise InputError("two apps can merge, or an app and a lab", where)
    (_, first), (_, second) = firms
    companies = [_company(scenario, app) for app in (first, second)]
    if first == second or (companies[0] and companies[0] == companies[1]):
        raise InputError("they are one company already", where)
    name = companies[0] or companies[1] or first
    joining = [app for app in scenario.slugs("apps") if app in (first, second) or _company(scenario, app) in
               [company for company in companies if company]]  # fmt: skip
    return {f"apps.{app}.company": name for app in joining if _company(scenario, app) != name}


def divest(scenario: Scenario, firm: str) -> Changes:
    """The values that make an app stand alone: of no company and no lab.

    Raises `InputError` for what is no app, or belongs to nobody.
    """
    where = f"divest {firm}"
    kind, slug = split_firm(firm, scenario.all_slugs, where)
    if kind != "apps":
        raise InputError("an app can be divested", where)
    changes = {f"apps.{slug}.{name}": "" for name in ("company", "owner") if scenario.value("apps", slug, name)}
    if not changes:
        raise InputError(f"{firm} belongs to no company and no lab", where)
    return changes


def _company(scenario: Scenario, app: str) -> str:
    return str(scenario.value("apps", app, "company"))
