"""The declarations, one table per kind, joined into ``REGISTRY``."""

from __future__ import annotations

from functools import cache

from moatlab.scenario.registry import Parameter, index
from moatlab.scenario.tables import apps, hardware, labs, money, users, vendors

#: Every parameter by (kind, name), in the order of declaration.
REGISTRY: dict[tuple[str, str], Parameter] = index(
    [
        users.TABLE, apps.FIRM, apps.KIND, apps.NEWCOMERS, apps.GRADUATION, labs.LABS, labs.HOSTS, money.COMPUTE,
        money.OUTSIDE, money.INVESTORS, hardware.CLOUDS, vendors.CHALLENGERS, hardware.CHIPMAKERS, vendors.VENDORS,
        hardware.FOUNDRY,
    ]
)


@cache
def parameters_of(kind: str, scope: str) -> tuple[Parameter, ...]:
    """The parameters of one kind and scope ("kind" or "firm"), in order."""
    return tuple(p for p in REGISTRY.values() if p.kind == kind and p.scope == scope)
