"""The example scripts run as they stand, and print what they promise."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
#: What each script prints, in parts.
PRINTS = {
    "first_run.py": ("chipmakers", "scarcity_rent", "Labs in the last month", "OpenAI's share"),
    "what_if.py": ("market.rent, 2024-01 to 2024-12: ", "rises", "chipmakers.gross_profit"),
    "own_firm.py": ("by the rule", "builder", "CoreWeave's share"),
    "scenario_from_dict.py": ("as declared", "[users.copy]", "did you mean switching_cost?"),
    "trade_graph.py": (
        "firms,",
        "apps.jasper pays labs.openai",
        "after losing hosts.hugging-face, apps.jasper buys from",
    ),
    "excise/incidence.py": ("scarce", "the rent rises by 0.000 $ per dollar of tax", "slack"),
}


def test_every_script_is_tried() -> None:
    scripts = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py")}
    # excise.py is the rule that incidence.py runs; tests/browser opens browser.py.
    assert scripts == {*PRINTS, "excise/excise.py", "browser.py"}


@pytest.mark.parametrize("script", PRINTS)
def test_the_script_prints_what_it_promises(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / script), run_name="__main__")
    said = capsys.readouterr().out
    for part in PRINTS[script]:
        assert part in said, said
