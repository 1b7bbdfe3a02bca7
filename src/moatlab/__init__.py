"""moatlab: a laboratory of the generative-AI market stack.

>>> from moatlab import Market, Scenario
>>> r = Market(Scenario("essay-2023"), rng=1).run(120)

Names are imported when they are used, so that ``moatlab explain`` needs neither numba nor mesa.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moatlab.errors import ClearingError, InputError
    from moatlab.experiments import Batch, Experiment
    from moatlab.experiments import open as open
    from moatlab.market.agents import App, Chipmaker, Cloud, Foundry, Host, Investor, Lab
    from moatlab.market.market import Market
    from moatlab.market.rule import Rule
    from moatlab.results.results import Results
    from moatlab.scenario.scenario import Scenario

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(("App", "Chipmaker", "Cloud", "Foundry", "Host", "Investor", "Lab"), "moatlab.market.agents"),
    **dict.fromkeys(("Batch", "Experiment", "open"), "moatlab.experiments"),
    **dict.fromkeys(("ClearingError", "InputError"), "moatlab.errors"),
    "Market": "moatlab.market.market",
    "Results": "moatlab.results.results",
    "Rule": "moatlab.market.rule",
    "Scenario": "moatlab.scenario.scenario",
}

__all__ = [
    "App",
    "Batch",
    "Chipmaker",
    "ClearingError",
    "Cloud",
    "Experiment",
    "Foundry",
    "Host",
    "InputError",
    "Investor",
    "Lab",
    "Market",
    "Results",
    "Rule",
    "Scenario",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'moatlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "open"])
