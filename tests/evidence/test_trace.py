"""A trace: parts that add up to what was recorded, changes without gaps, all draws of the month."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.cli.main import run_cli
from moatlab.errors import InputError
from moatlab.evidence.trace import trace
from moatlab.results.payments import LAYERS

ROOT = Path(__file__).parents[2]
TINY = Scenario("tiny")
FIRMS = [f"{kind}.{TINY.slugs(kind)[0]}" for kind in LAYERS]
MONTH, SEED = 9, 2


@pytest.mark.parametrize("firm", FIRMS)
def test_the_parts_add_up_to_what_was_recorded(firm: str) -> None:
    found = trace(TINY, firm, MONTH, SEED)
    plain = Market(TINY, rng=SEED).run(MONTH + 1)
    kind = firm.partition(".")[0]
    assert {"price", "gross_profit", "share", "cash"} <= {part.name for part in found.parts}
    for part in found.parts:
        assert part.value == plain.path(f"{firm}.{part.name}")[MONTH] or np.isnan(part.value)
        if part.by == "+":
            assert sum(amount for amount, _ in part.parts) == pytest.approx(part.value, rel=1e-9, abs=1e-9)
            assert not any(what == "not yet recorded" for _, what in part.parts)
        elif part.parts[1][0]:
            assert part.parts[0][0] / part.parts[1][0] == pytest.approx(part.value)
    names = {part.name: [what for _, what in part.parts] for part in found.parts}
    assert names["price"] == ["marginal cost", "markup", *(["scarcity rent"] if kind == "clouds" else [])]
    cash = next(part for part in found.parts if part.name == "cash").parts
    assert sum(p.amount for p in found.payments) == pytest.approx(cash[1][0] + cash[2][0], abs=1e-12)


@pytest.mark.parametrize("firm", FIRMS)
def test_changes_follow_one_another_and_decisions_take_effect(firm: str) -> None:
    found = trace(TINY, firm, MONTH, SEED)
    by_field: dict[str, list[tuple[object, object]]] = {}
    for change in found.changes:
        by_field.setdefault(change.name, []).append((change.before, change.after))
        assert change.rules or change.phase == "events"
    for steps in by_field.values():
        assert all(one[1] == other[0] for one, other in pairwise(steps))
    # The next month begins where this one ended.
    after = {change.name: change.before for change in reversed(trace(TINY, firm, MONTH + 1, SEED).changes)}
    for name, steps in by_field.items():
        if name in after:
            assert after[name] == steps[-1][1]


def test_the_price_decided_is_the_price_of_the_next_month() -> None:
    lab = FIRMS[1]
    found = trace(TINY, lab, MONTH, SEED)
    decision = next(d for d in found.decisions if d.rule == "decide_token_prices")
    price = next(read.value for read in decision.decided if read.name == "next_price")
    assert price == Market(TINY, rng=SEED).run(MONTH + 2).path(f"{lab}.price")[MONTH + 1]
    reads = {read.name: read.value for read in decision.reads}
    assert reads["labs.price_speed"] == TINY.kind_value("labs", "price_speed")
    assert reads["price_rule"] == TINY.value("labs", lab.partition(".")[2], "price_rule")
    # The elasticity is that of this month's routing, which is decided first.
    change = [c for c in found.changes if c.name == "semi_elasticity"]
    assert not change or reads["semi_elasticity"] == change[0].after


def test_shares_of_sources_sum_to_one() -> None:
    found = trace(TINY, FIRMS[0], MONTH, SEED)
    sources = next(d for d in found.decisions if d.rule == "decide_routing").decided
    assert sources and sum(float(read.value) for read in sources) == pytest.approx(1.0)


def test_events_of_the_month_are_said_and_seen() -> None:
    lab = FIRMS[1]
    told = TINY.with_events(f"months 9-10: scale {lab}.price 0.5")
    found = trace(told, lab, MONTH, SEED)
    assert found.events == (f"2023-10 to 2023-11: scale {lab}.price 0.5",)
    change = next(c for c in found.changes if c.phase == "events")
    assert change.name == "price" and change.after == pytest.approx(0.5 * float(change.before))
    assert trace(told, lab, 8, SEED).events == ()


def test_one_number_alone() -> None:
    found = trace(TINY, FIRMS[1], MONTH, SEED).only("price")
    assert [part.name for part in found.parts] == ["price"] and {d.rule for d in found.decisions} == {
        "decide_token_prices"
    }
    assert {c.name for c in found.changes} <= {"price", "next_price"} and not found.payments
    cloud = trace(TINY, FIRMS[3], MONTH, SEED).only("price")
    assert [d.rule for d in cloud.decisions] == ["decide_reserves"]
    with pytest.raises(InputError, match="did you mean price"):
        found.only("prise")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["apps.nobody", "--month", "3"], "there is no firm 'apps.nobody'"),
        (["users.code", "--month", "3"], "is no firm"),
        (["jasper.and.his.price", "--month", "3"], "write apps.jasper, or apps.jasper.price"),
        (["apps.jasper", "--month", "soon"], "a month is a whole number"),
        (["apps.jasper", "--month", "2022-12"], "comes before the scenario's first month"),
        (["apps.jasper"], "--month"),
    ],
)
def test_what_cannot_be_traced_is_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["trace", *arguments]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_text_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["trace", FIRMS[1], "--scenario", "tiny", "--month", str(MONTH), "--seed", str(SEED)]
    assert run_cli(line) == 0
    text = capsys.readouterr().out
    assert run_cli([*line, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    found = trace(TINY, FIRMS[1], MONTH, SEED)
    assert data == json.loads(json.dumps(found.as_data()))
    for decision in found.decisions:
        assert f"{decision.rule} ({decision.module})" in text
    assert "marginal cost + " in text and "Random draws" in text and max(map(len, text.splitlines())) <= 118


#: Runs a month in plain Python and prints what was drawn for a firm: purpose, month, value.
LOGGED = """
import json, sys
from moatlab import Market
from moatlab.market.state import draws
taken = []
plain, gaussian = draws.uniform, draws.normal
def uniform(seed, purpose, month, identity):
    value = plain(seed, purpose, month, identity)
    taken.append((draws.PURPOSES[int(purpose)], int(month), int(identity), float(value)))
    return value
def normal(seed, purpose, month, identity):
    value = gaussian(seed, purpose, month, identity)
    taken[-1] = (*taken[-1][:3], float(value))
    return value
draws.uniform = uniform
for name, module in list(sys.modules.items()):
    if name.startswith("moatlab.market"):
        if getattr(module, "uniform", None) is plain: module.uniform = uniform
        if getattr(module, "normal", None) is gaussian: module.normal = normal
market = Market("tiny", rng=2)
market.run(1)
who = {a: int(market.state.kind(a.split(".")[0])["identity"][market.find_row(a)[1]]) for a in sys.argv[1:]}
taken.clear()
market.step()
print(json.dumps({"who": who, "taken": taken}))
"""


def test_all_draws_of_a_month_are_listed_with_their_values() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGED, *FIRMS], text=True, capture_output=True, check=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    log = json.loads(done.stdout)
    assert any(purpose == "specialisation shock" for purpose, *_ in log["taken"])
    for firm in FIRMS:
        listed = [(d.purpose.partition(",")[0].rstrip(" 0123456789"), d.value) for d in trace(TINY, firm, 1, 2).draws]
        index = log["who"][firm] & 0xFFFFFFFF
        mine = [
            (purpose, value)
            for purpose, month, identity, value in log["taken"]
            # A lab's shocks by category carry the category in the place of the birth month.
            if identity == log["who"][firm] or (identity & 0xFFFFFFFF == index and identity >> 48 == 2)
        ]
        for purpose, value in mine:
            near = [v for name, v in listed if name == purpose]
            assert any(v == pytest.approx(value, abs=1e-12) for v in near) or any(
                # Where the loop draws ranks for all firms at once, they become normal afterwards.
                _normal(value) == pytest.approx(v, abs=1e-9)
                for v in near
            ), (firm, purpose, value, near)
    assert {"review", "brand shock"} <= {d.purpose for d in trace(TINY, FIRMS[0], 1, 2).draws}


def _normal(rank: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(rank)) if 0 < rank < 1 else float("nan")


def test_the_page_shows_what_the_commands_print(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "tracing.md").read_text()
    blocks = [block.strip("\n").splitlines() for block in page.split("```")[1::2]]
    for line, block in zip((["labs.openai.price"], ["apps.jasper"]), blocks, strict=True):
        assert run_cli(["trace", *line, "--month", "12"]) == 0
        printed = capsys.readouterr().out.splitlines()
        assert [shown for shown in block if shown not in (*printed, "...")] == []
