"""The compiled market against plain agents, at every month of a ten-year run with every mechanism on."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.results.payments import KINDS_OF_PAYMENT
from tests.reference import compute, draws, make_or_buy, pricing, race, settlement, sourcing, users
from tests.reference.model import Reference

MONTHS = 120
#: What the essay's scenario leaves off: nests, a company with several apps, metered plans, a bundled app, clouds made
#: for some buyers, data gravity.
EVERYTHING = {
    "users.copy.nest_correlation": 0.4,
    "users.chat.nest_correlation": 0.2,
    "users.image.nest_correlation": 0.6,
    "users.*.depth_gain": 0.03,
    "apps.jasper.company": "midas",
    "apps.chrome-extension.company": "midas",
    "apps.microsoft.company": "microsoft",
    "apps.chatgpt.company": "both",
    "apps.google.company": "both",
    "apps.figma-plugin.plan": "metered",
    "apps.discord-bot.plan": "metered",
    "apps.discord-bot.token_price": 30.0,
    "clouds.coreweave.training_affinity": 0.8,
    "clouds.lambda.inference_affinity": 0.5,
    "clouds.oracle.hosting_affinity": 1.0,
    "clouds.aws.gravity": 0.7,
    "clouds.oracle.company": "sun",
    "clouds.gcp.company": "sun",
    "compute.gravity_gain": 0.02,
}
EVENTS = ("months 20-40: set apps.copilot.price_rule bundled", "month 30: set apps.jasper.plan metered")
BUYERS = ("lab", "host", "app", "outside")


def close(found: Any, wanted: Any, what: str, floor: float = 1e-12) -> None:
    """Equal to 1e-9, with a floor for what is nearly nothing beside its peers."""
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=floor * scale, err_msg=what)


def of(agents: list[Any], name: str) -> list[float]:
    return [getattr(agent, name) for agent in agents]


def check_users(before: Reference, state: Any) -> None:
    users.choose(before)
    live = state.apps[state.live]
    for name in ("tourists", "committed", "joined", "left", "choice_share", "depth"):
        close(of(before.apps, name), live[name], name)
    nested = [app.user.nest_correlation > 0 for app in before.apps]
    close(np.array(of(before.apps, "nest_share"))[nested], live["nest_share"][nested], "nest share")
    for name in ("potential", "customers", "new_users", "consumer_surplus"):
        close(of(before.users, name), state.users[name], name)


def check_tokens(before: Reference, state: Any) -> None:
    sourcing.carry(before)
    close(of(before.apps, "tokens"), state.apps["tokens"][state.live], "tokens")
    close(of(before.offers, "tokens"), state.offers["tokens"], "tokens of offers")
    close([app.routing for app in before.apps], state.routing[state.live], "routing")
    close(of(before.labs, "tokens"), state.labs["tokens"], "tokens of labs")


def check_compute(before: Reference, state: Any) -> None:
    compute.clear(before)
    close(of(before.clouds, "rent"), state.clouds["rent"], "rents")
    close(of(before.clouds, "hours"), state.clouds["hours"], "hours")
    table = state.buyers[: state.buyer_count]
    assert len(before.buyers) == len(table)
    hours = [[h[0] + h[1] for h in buyer.hours] for buyer in before.buyers]
    close(hours, state.matrices[2][: len(table)], "hours by buyer and cloud")
    close([[h[2] for h in b.hours] for b in before.buyers], state.matrices[3][: len(table)], "training hours")
    for buyer in before.buyers:
        name = type(buyer.who).__name__
        if name == "Lab":
            close(buyer.service, state.labs["service"][buyer.who.row], "service of labs")
        elif name == "App":
            close(buyer.service, state.apps["own_service"][buyer.who.row], "service of own models")


def check_settlement(before: Reference, state: Any, first: int) -> None:
    table = state.buyers[: state.buyer_count]
    buyers = [(BUYERS[int(b["kind"])], int(b["row"])) for b in table]
    wanted = settlement.settle(before, state.matrices[2], state.matrices[3], buyers)
    wanted |= race.win_and_lose(before, sum(paid for key, paid in wanted.items() if key[0] == "subscription"))
    found: dict[tuple[str, int, int], float] = {}
    for posting in state.book[first : int(state.totals[-1])]:
        key = (KINDS_OF_PAYMENT[int(posting["kind"])].name, int(posting["payer"]), int(posting["payee"]))
        found[key] = found.get(key, 0.0) + float(posting["amount"])
    assert set(found) == set(wanted)
    close([found[key] for key in wanted], list(wanted.values()), "payments")
    close(settlement.contracted(before, wanted), state.clouds["contracted"], "contracted share")


def check_decisions(before: Reference, state: Any) -> None:
    sourcing.decide_routing(before)
    make_or_buy.decide(before)
    make_or_buy.bargain(before)
    pricing.decide_prices(before)
    race.decide_budgets(before, state.cash[state.labs["account"]].tolist())
    for name in ("next_training_budget", "next_staff", "raising", "given", "backing"):
        close(of(before.labs, name), state.labs[name], name)
    live = state.live
    decided = ("next_own", "next_own_capability", "next_own_hours", "next_own_budget", "next_base")
    for name in (*decided, "next_deal", "next_deal_share"):
        close(of(before.apps, name), state.apps[name][live], name)
    close([app.next_routing for app in before.apps], state.next_routing[live], "next routing")
    close(of(before.labs, "semi_elasticity"), state.labs["semi_elasticity"], "semi-elasticity of labs")
    close(of(before.apps, "next_price"), state.apps["next_price"][live], "next price")
    close(of(before.apps, "next_quota"), state.apps["next_quota"][live], "next quota")
    close(of(before.labs, "next_price"), state.labs["next_price"], "next API price")
    close(of(before.hosts, "next_margin"), state.hosts["next_margin"], "next margin")
    close(of(before.hosts, "next_number"), state.hosts["next_number"], "hosts next month")


CHECKS = {"users": check_users, "tokens": check_tokens, "compute": check_compute, "decisions": check_decisions}


@pytest.fixture(scope="module")
def seen() -> dict[str, int]:
    """Months checked, and that turnover, graduation and return happened in them."""
    market = Market(Scenario("essay-2023").set(EVERYTHING).with_events(*EVENTS), rng=1)
    counts = {"months": 0, "entries": 0, "graduations": 0, "returns": 0}
    for _ in range(MONTHS):
        state = market.state
        first = 0
        for name, run in market.walk():
            hot = name in CHECKS or name == "settlement"
            before = Reference(state) if hot else None
            if name == "settlement":
                first = int(state.totals[-1])
            run()
            if before is not None and name == "settlement":
                check_settlement(before, state, first)
            elif before is not None:
                CHECKS[name](before, state)
        counts["months"] += 1
        counts["entries"] += int(state.now["entries"][0])
        counts["graduations"] += int(state.now["graduations"][0])
        counts["returns"] += int(state.now["returns"][0])
    return counts


def test_the_market_agrees_with_plain_agents_every_month(seen: dict[str, int]) -> None:
    assert seen["months"] == MONTHS
    assert seen["entries"] > 20 and seen["graduations"] > 5 and seen["returns"] > 5


def test_a_fault_would_be_seen() -> None:
    market = Market("essay-2023", rng=1)
    before = Reference(market.state)
    next(run for name, run in market.walk() if name == "users")()
    check_users(before, market.state)
    market.state.apps["committed"][market.state.live[3]] *= 1 + 1e-6
    users_again = Market("essay-2023", rng=1)
    with pytest.raises(AssertionError):
        check_users(Reference(users_again.state), market.state)


def test_the_oracle_imports_no_compiled_rule() -> None:
    for path in Path(__file__).parent.glob("*.py"):
        if path.name == "test_oracle.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("moatlab") for name in names), (path.name, names)


def test_the_oracles_draws_are_those_of_random123() -> None:
    assert draws.philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    ones = 0xFFFFFFFF
    assert draws.philox((ones,) * 4, (ones, ones)) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)


@pytest.mark.parametrize("name", ["apps_review_rate", "apps_finetune_cost", "apps_team_cost"])
def test_a_fault_in_make_or_buy_would_be_seen(name: str) -> None:
    """An oracle that reckons with another parameter takes other decisions within a few years."""
    market = Market("essay-2023", rng=1)
    for _ in range(60):
        for phase, run in market.walk():
            if phase == "decisions":
                before = Reference(market.state)
                make_or_buy.decide(before)
                right = [app.next_own for app in before.apps]
                setattr(before.shared, name, 3.0 * getattr(before.shared, name))
                make_or_buy.decide(before)
                if [app.next_own for app in before.apps] != right:
                    return
            run()
    pytest.fail("never")
