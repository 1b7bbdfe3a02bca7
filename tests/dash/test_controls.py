"""What a page offers: sliders from the stored ranking, buttons from documented events, choices with metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from moatlab import Scenario
from moatlab.dash import choices
from moatlab.dash.controls import EVENTS, as_data, buttons, one_more, sliders
from moatlab.dash.ranking import MOST, make, ranking, scores
from moatlab.dash.state import Presets, read
from moatlab.errors import InputError
from moatlab.experiments import Experiment
from moatlab.results.addresses import find_metric
from moatlab.scenario.addresses import parse
from moatlab.scenario.reading import packaged

ROOT = Path(__file__).parents[2]
ESSAY, TINY = Scenario("essay-2023"), Scenario("tiny")
PRESETS = Presets.of("essay-2023", packaged())


def test_the_ranking_is_that_of_the_experiment() -> None:
    wanted = Experiment.load(ROOT / "experiments" / "sensitivity.toml").spec.uncertainties
    assert {r.parameter: (r.low, r.high, r.scale) for r in ranking()} == {
        name: (u.low, u.high, u.scale) for name, u in wanted.items()
    }
    found = [r.score for r in ranking()]
    assert found == sorted(found, reverse=True) and len(found) >= MOST == 8 and 0.0 <= found[-1] <= found[0] <= 1.0


def test_the_page_of_the_documents_shows_the_ranking() -> None:
    page = (ROOT / "docs" / "dashboard.md").read_text()
    for place, each in enumerate(ranking()[: MOST + 1], 1):
        scale = ", logarithmic" if each.scale == "log" else ""
        row = f"| {place} | `{each.parameter}` | {each.low:g} to {each.high:g}{scale} | {each.score:.2f} |"
        assert row in page if place <= MOST else f"`{each.parameter}`, has {each.score:.2f}" in page, row


def test_scores_are_mean_shares_of_what_the_first_parameter_moves() -> None:
    table = pd.DataFrame({
        "outcome": ["rent"] * 3 + ["profit"] * 3 + ["nothing"] * 3, "parameter": ["a", "b", "c"] * 3,
        "mu_star": [4.0, 2.0, 1.0, 10.0, 20.0, 0.0, 0.0, 0.0, 0.0],
    })  # fmt: skip
    # a: 1, 1/2, 0; b: 1/2, 1, 0; c: 1/4, 0, 0; an outcome that nothing moves ranks nobody.
    assert scores(table) == pytest.approx({"a": 0.5, "b": 0.5, "c": 1 / 12})
    assert list(scores(table.rename(columns={"mu_star": "total"}))) == ["a", "b", "c"]


def test_the_table_is_made_from_what_the_command_stores(tmp_path: Path) -> None:
    pytest.importorskip("SALib")
    from moatlab.cli.main import run_cli

    file, out = tmp_path / "small.toml", tmp_path / "small"
    file.write_text(
        'scenario = "tiny"\nmonths = 3\n[design]\nkind = "morris"\nsamples = 2\n[uncertainties]\n'
        '"users.*.switching_cost" = [1.0, 3.0]\n"investors.commitments" = { low = 5.0, high = 50.0, scale = "log" }\n'
        '[outcomes]\nrent = { metric = "market.rent" }\n'
    )
    with pytest.raises(InputError, match="is not there: run"):
        make(out, tmp_path / "no.csv")
    assert run_cli(["sensitivity", str(file), "--engine", "serial", "--out", str(out), "--pictures", "none"]) == 0
    text = make(out, tmp_path / "made.csv")
    assert text == (tmp_path / "made.csv").read_text()
    assert text.startswith("# moatlab sensitivity experiments/small.toml; python -m moatlab.dash.ranking results/small")
    stored = pd.read_csv(out / "tables" / "sensitivity.csv")
    first = stored.sort_values("mu_star", ascending=False)["parameter"].iloc[0]
    assert text.splitlines()[2].startswith(f"1,{first},") and ",5,50,log," in text


@pytest.mark.parametrize("scenario", [ESSAY, TINY], ids=lambda s: s.name)
def test_a_slider_stops_at_values_that_the_scenario_takes_and_at_its_own(scenario: Scenario) -> None:
    found = sliders(scenario)
    assert [s.address for s in found] == [r.parameter for r in ranking()[:MOST]]
    for slider in found:
        assert slider.low == slider.levels[0] and slider.high == slider.levels[-1]
        assert slider.value in slider.levels and slider.value == scenario.at(parse(slider.address))
        assert slider.levels == sorted(set(slider.levels)) and 90 <= len(slider.levels) <= 103
        for level in (slider.low, slider.high):
            scenario.set({slider.address: level})
    log = next(s for s in found if s.scale == "log")
    middle = log.levels[len(log.levels) // 2]
    assert middle == pytest.approx((log.low * log.high) ** 0.5, rel=0.05)


def test_rows_of_their_own_are_said_to_differ() -> None:
    mixed = TINY.set({f"users.{TINY.slugs('users')[0]}.switching_cost": 1.25})
    assert [s.differs for s in sliders(mixed) if s.address == "users.*.switching_cost"] == [True]
    assert not any(s.differs for s in sliders(ESSAY))


def test_any_other_number_can_get_a_slider() -> None:
    slider = one_more(ESSAY, "labs.openai.markup")
    value = ESSAY.value("labs", "openai", "markup")
    assert isinstance(value, float) and slider.of == "labs.openai" and slider.value == value
    assert slider.low == pytest.approx(value / 2) and slider.high == pytest.approx(value * 2)
    assert one_more(ESSAY, "labs.optimism") == next(s for s in sliders(ESSAY) if s.label == "optimism")
    whole = one_more(ESSAY, "apps.startups")
    assert all(level == int(level) for level in whole.levels)
    with pytest.raises(InputError, match="is no number: it takes one of"):
        one_more(ESSAY, "labs.openai.price_rule")
    with pytest.raises(InputError, match="did you mean openai"):
        one_more(ESSAY, "labs.openia.markup")


def test_every_button_is_an_event_of_the_documents_that_the_scenario_takes() -> None:
    documented = re.findall(r"\| `(months? [^`]+)` \|", (ROOT / "docs" / "events.md").read_text())
    assert len(buttons(ESSAY)) == len(EVENTS)
    for button, (_, _, _, month) in zip(buttons(ESSAY), EVENTS, strict=True):
        event = ESSAY.with_events(f"{button.month}: {button.text}").events[-1]
        assert event.month == month and f"{button.month}: {button.text}" == event.dated(ESSAY.start)
        lines = [ESSAY.with_events(line).events[-1] for line in documented]
        same = [e for e in lines if (e.action, e.address, e.firm, e.value) == (event.action, event.address, event.firm,
                                                                              event.value)]  # fmt: skip
        assert same, f"{button.label}: {button.text} is not in docs/events.md"


def test_buttons_of_firms_that_a_scenario_lacks_are_left_out() -> None:
    labels = {b.label for b in buttons(TINY)}
    assert labels <= {label for _, label, _, _ in EVENTS} and "Foundry capacity halves" in labels
    for button in buttons(TINY):
        assert TINY.with_events(f"{button.month}: {button.text}").events[-1].month < TINY.months


@pytest.mark.parametrize("scenario", [ESSAY, TINY], ids=lambda s: s.name)
def test_every_choice_has_a_metric(scenario: Scenario) -> None:
    for layer in choices.LAYERS_OFFERED:
        for firm in choices.firms(scenario, layer):
            for measure in choices.measures(layer, firm):
                for line in choices.lines(scenario, layer, firm, measure):
                    metric = find_metric(line.address, scenario.all_slugs)
                    assert metric is not None and metric.unit != "code", line.address
                    assert line.name and line.unit


def test_the_controls_are_json_and_keep_what_the_address_changed() -> None:
    state = read([("set", "labs.openai.markup=0.3"), ("set", "labs.openai.price_rule=frozen")], PRESETS)
    data = json.loads(json.dumps(as_data(state, PRESETS)))
    assert [s["address"] for s in data["sliders"]][MOST:] == ["labs.openai.markup"]
    assert data["words"] == [["labs.openai.price_rule", "frozen"]]
    assert data["presets"] == list(packaged()) and data["years"] == [2023, 2032]
    assert "labs.*.markup" in data["parameters"] and "labs.*.price_rule" not in data["parameters"]
    assert data["measures"]["labs"]["whole"][0][:2] == ["profit_share", "profit share (%)"]
