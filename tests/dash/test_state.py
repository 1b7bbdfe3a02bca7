"""What an address says: a state and back, the scenario to run, the command that makes the same numbers."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from moatlab import Scenario
from moatlab.dash.state import MOST_CHANGES, Presets, command, query, read, toml
from moatlab.errors import InputError
from moatlab.scenario.reading import packaged

PRESETS = Presets.of("essay-2023", packaged())
ESSAY = Scenario("essay-2023")
CHANGED = "set=users.*.adoption_q=0.08&event=2024-01: scale foundry.tsmc.capacity 0.5"


def state_of(text: str, presets: Presets = PRESETS):  # type: ignore[no-untyped-def]
    return read(parse_qsl(text, keep_blank_values=True), presets)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "scenario=tiny",
        CHANGED,
        f"{CHANGED}&event=month 30: set apps.graduation off&seeds=5&seed=7&months=60",
        "view=graph&year=2027&set=labs.openai.markup=0.3&arm=without",
        "view=flow&layer=labs&firm=openai&measure=price",
        "layer=users&firm=code&measure=churn",
        "event=2025-01 to 2025-06: set labs.*.price_rule frozen&set=labs.openai.price_rule=frozen",
        "event=month 12: cut apps.jasper labs.openai",
    ],
)
def test_an_address_gives_a_state_whose_address_gives_it_back(text: str) -> None:
    state = state_of(text)
    again = state_of(query(state))
    assert again == state and query(again) == query(state)
    assert again.scenario.digest() == state.scenario.digest()


def test_the_scenario_is_the_preset_with_the_changes_and_nothing_else() -> None:
    state = state_of(CHANGED)
    by_hand = ESSAY.set({"users.*.adoption_q": 0.08}).with_events("month 12: scale foundry.tsmc.capacity 0.5")
    assert state.scenario.digest() == by_hand.digest() and state.base is PRESETS["essay-2023"]
    assert state.changed and state.told == ["users.*.adoption_q = 0.08", "2024-01: scale foundry.tsmc.capacity 0.5"]
    assert not state_of("").changed and state_of("").scenario.digest() == ESSAY.digest()


def test_what_changes_nothing_is_no_change() -> None:
    same = ESSAY.value("users", "code", "adoption_q")
    assert not state_of(f"set=users.*.adoption_q={same}").changed
    # Of two values at one address the later holds, and a value of all rows does not swallow that of one.
    assert state_of("set=labs.*.markup=0.2&set=labs.*.markup=0.4").changes == (("labs.*.markup", "0.4"),)
    both = state_of(f"set=labs.*.markup=0.4&set=labs.openai.markup={ESSAY.value('labs', 'openai', 'markup')}")
    assert len(both.changes) == 2
    assert state_of("event=month 12: set apps.graduation off&event=2024-01: set apps.graduation = off").events == (
        "2024-01: set apps.graduation off",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("scenario=essay", "no preset 'essay'; did you mean essay-2023"),
        ("colour=red", "an address has no 'colour'"),
        ("set=labs.openai.markup=high", "needs a number"),
        ("set=users.*.adoption_q=7", "takes"),
        ("event=tomorrow: set apps.graduation off", "not understood"),
        ("event=2040-01: set apps.graduation off", "comes after the run of 120 months"),
        ("seeds=0", "seeds is a whole number from 1 to 64, not '0'"),
        ("seeds=many", "seeds is a whole number"),
        ("months=1201", "months is a whole number from 1 to 1200"),
        ("year=2040", "year is a whole number from 2023 to 2032"),
        ("view=pie", "no view 'pie'"),
        ("layer=banks", "no layer 'banks'"),
        ("layer=labs&firm=opennai", "did you mean openai"),
        ("layer=labs&measure=weight", "no measure 'weight'"),
        ("&".join(["set=users.*.adoption_q=0.08"] * (MOST_CHANGES + 1)), f"at most {MOST_CHANGES} changes"),
    ],
)
def test_a_wrong_address_is_one_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        state_of(text)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_no_file_is_opened_that_the_command_line_did_not_name(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(Scenario("tiny").to_toml())
    with pytest.raises(InputError, match="there is no preset"):
        state_of(f"scenario={other}")
    presets = Presets.of(str(other), packaged())
    # The file is called tiny, as is a packaged scenario: it has a name of its own in the picker.
    assert presets.first == "tiny (file)" and next(iter(presets.scenarios)) == "tiny (file)"
    assert presets.arguments["tiny (file)"] == str(other) and presets.arguments["tiny"] == "tiny"
    assert state_of("", presets).preset == "tiny (file)"


def test_months_and_years() -> None:
    state = state_of("view=graph")
    assert state.years == (2023, 2032) and state.year == 2032 and state.last_month == 119
    assert state_of("year=2025&view=graph").last_month == 35
    assert state_of("months=30").year == 2024 and state_of("months=30&year=2025").last_month == 29
    assert state_of("months=7").year == 2023


def test_commands() -> None:
    def words(text: str, *metrics: str) -> list[str]:
        return shlex.split(command(state_of(text), "essay-2023", metrics))

    assert words("") == ["moatlab", "simulate", "essay-2023", "--seeds", "16"]
    assert words(CHANGED, "market.rent", "labs.revenue") == [
        "moatlab", "whatif", "essay-2023", "--set", "users.*.adoption_q=0.08", "--event",
        "2024-01: scale foundry.tsmc.capacity 0.5", "--metric", "market.rent", "--metric", "labs.revenue",
        "--seeds", "16",
    ]  # fmt: skip
    assert words("view=flow&year=2026&seeds=4&seed=9") == (
        ["moatlab", "simulate", "essay-2023", "--seeds", "4", "--seed", "9", "--year", "2026"]
    )
    # The graph of a year ends the run there; what happens later is left out, since it has not happened.
    late = "event=2026-01: set apps.graduation off&view=graph&year=2024"
    assert words(late) == ["moatlab", "simulate", "essay-2023", "--months", "24"]
    assert "--event" in words(late.replace("2024", "2027"))
    assert words(f"{CHANGED}&view=graph&arm=without") == ["moatlab", "simulate", "essay-2023"]


def test_a_saved_scenario_reads_back_as_the_same_market_under_another_name(tmp_path: Path) -> None:
    state = state_of(CHANGED)
    saved = tmp_path / "saved.toml"
    saved.write_text(toml(state))
    again = Scenario(saved)
    assert again.digest() == state.scenario.digest()
    assert again.name == "essay-2023-changed" and again.title.endswith(", changed")
    assert toml(state_of("")) == ESSAY.to_toml()
