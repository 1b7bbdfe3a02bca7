"""What is written onto agents reaches the market as it was meant, or is refused in one line that names the nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab import App, Cloud, Foundry, InputError, Investor, Lab, Market, Scenario
from moatlab.market.agents import KINDS_OF_FIRM
from moatlab.market.state.fields import STATE_FIELDS, dtype_of
from moatlab.scenario.tables import REGISTRY


@pytest.fixture(scope="module")
def market() -> Market:
    made = Market("tiny", rng=1)
    made.run(2)
    return made


@pytest.mark.parametrize(
    ("address", "name", "value", "says"),
    [
        ("apps.writer", "category", 2, "the slug of one of users"),
        ("apps.writer", "category", -1, "or its row, 0 to 1, not -1"),
        ("apps.writer", "owner", 3, "or its row, -1 to 1, not 3"),
        ("apps.writer", "owner", 0.5, "not 0.5"),
        ("apps.writer", "owner", "nobody", "not 'nobody'"),
        (
            "apps.writer",
            "price",
            float("nan"),
            "apps.writer.price takes 0 to 100000 ($ per customer and month), not nan",
        ),
        ("apps.writer", "price", -1.0, "apps.writer.price takes 0 to"),
        ("apps.writer", "price", "dear", "not 'dear'"),
        ("apps.writer", "price", None, "not None"),
        ("apps.writer", "price", True, "not True"),
        ("apps.writer", "price", 10**400, "apps.writer.price takes 0 to"),
        ("apps.writer", "price_rule", 9, "is one of optimal (0), frozen (1)"),
        ("apps.writer", "price_rule", "frosen", "not 'frosen'"),
        ("apps.writer", "incumbent", 2, "takes true or false, not 2"),
        ("apps.writer", "next_price", -1.0, "takes a number from 0 ($ per customer and month), not -1.0"),
        ("apps.writer", "tokens", float("inf"), "takes a number from 0 (Ttok), not inf"),
        ("apps.writer", "gross_profit", float("nan"), "takes a finite number (M$)"),
        ("apps.writer", "account", 3, "apps.writer.account is kept by the market"),
        ("apps.writer", "alive", 0, "is kept by the market"),
        ("apps.writer", "prcie", 3, "App has no attribute 'prcie'; did you mean price"),
        ("labs.closed", "mark_up", 3, "Lab has no attribute 'mark_up'; did you mean markup"),
    ],
)
def test_what_a_field_cannot_hold_is_refused(market: Market, address: str, name: str, value: Any, says: str) -> None:
    firm = market.firm(address)
    before = market.state.kind(firm.kind).copy()
    with pytest.raises(InputError) as caught:
        setattr(firm, name, value)
    assert says in str(caught.value)
    # Field by field: the gaps between fields that are laid out by cache lines are nobody's.
    after = market.state.kind(firm.kind)
    assert all((after[field] == before[field]).all() for field in after.dtype.names)


def test_words_slugs_and_codes_are_all_taken() -> None:
    market = Market("tiny", rng=1)
    app: Any = market.firm("apps.writer")
    app.price_rule = "frozen"
    assert app.price_rule == 1
    app.price_rule = 2
    app.owner = "closed"
    assert app.owner == market.slugs["labs"].index("closed")
    app.owner = ""
    assert app.owner == -1
    app.price = np.float64(12.5)
    app.incumbent = np.bool_(True)
    assert (app.price, app.incumbent) == (12.5, 1)
    cloud: Any = next(iter(market.agents_by_type[Cloud]))
    cloud.next_order = -3.0
    assert cloud.next_order == -3.0


def test_a_set_of_agents_is_checked_as_one_is(market: Market) -> None:
    with pytest.raises(InputError, match="category takes the slug of one of users"):
        market.agents_by_type[App].set("category", 2)
    with pytest.raises(InputError, match="no attribute 'prcie'; did you mean price"):
        market.agents_by_type[App].set("prcie", 2)
    with pytest.raises(InputError, match=r"investors\.hype takes"):
        next(iter(market.agents_by_type[Investor])).hype = float("nan")
    with pytest.raises(InputError, match="has no attribute 'hipe'; did you mean hype"):
        next(iter(market.agents_by_type[Investor])).hipe = 0.1


@pytest.mark.parametrize("kind", KINDS_OF_FIRM)
def test_every_field_takes_back_what_it_holds_or_is_kept_by_the_market(kind: str) -> None:
    market = Market("essay-2023", rng=1)
    market.run(3)
    firm = market.firm(f"{kind}.{market.slugs[kind][0]}")
    kept = {f.name for f in STATE_FIELDS[kind] if dtype_of(kind)[f.name] == np.int64 and (kind, f.name) not in REGISTRY}
    for name in dtype_of(kind).names or ():
        value = getattr(firm, name)
        if name in kept:
            with pytest.raises(InputError, match="kept by the market"):
                setattr(firm, name, value)
        else:
            setattr(firm, name, value)
            assert getattr(firm, name) == value


def test_agents_do_not_leave_by_being_removed() -> None:
    market = Market("tiny", rng=1)
    market.step()
    count = len(market.agents)
    with pytest.raises(InputError, match=r"apps\.writer cannot be removed: firms leave when their cash is used up"):
        market.firm("apps.writer").remove()
    assert len(market.agents) == count and market.firm("apps.writer") in market.agents
    market.run(30)
    assert len(market.agents_by_type[App]) == len(market.state.live)


def test_misspelt_decisions_and_steps_are_refused_when_the_class_is_made() -> None:
    with pytest.raises(InputError, match="Dear: App has no decision 'set_prise'; did you mean set_price"):
        type("Dear", (App,), {"set_prise": lambda self: 1.0})
    with pytest.raises(InputError, match=r"Busy\.step would never be called: a firm acts by its decisions, set_"):
        type("Busy", (Lab,), {"step": lambda self: None})
    mixin = type("Mixin", (), {"set_reserv": lambda self: 1.0})
    with pytest.raises(InputError, match="Cloud has no decision 'set_reserv'; did you mean set_reserve"):
        type("Mixed", (mixin, Cloud), {})

    class Fine(Foundry):
        """One with state, a helper and a decision of its own."""

        def __init__(self, model: Any, row: int) -> None:
            super().__init__(model, row)
            self.memory = 1.0

        def mood(self) -> float:
            """A helper."""
            return self.memory

        def set_price(self) -> float:
            """A decision."""
            self.memory += 1.0
            self.temper = self.mood()
            return 3.0

    scenario = Scenario("tiny").replace("foundry.fab", Fine)
    market = Market(scenario, rng=1)
    market.run(2)
    fab: Any = market.firm("foundry.fab")
    assert (fab.memory, fab.temper, fab.price) == (3.0, 3.0, 3.0)
    with pytest.raises(InputError, match="Fine has no attribute 'prise'; did you mean price"):
        fab.prise = 1.0


@pytest.mark.parametrize("returned", [None, "4", float("nan"), -1.0, [1.0, 2.0], 10**400])
def test_what_a_decision_returns_is_checked(returned: Any) -> None:
    cls = type("Odd", (App,), {"set_price": lambda self: returned})
    market = Market(Scenario("tiny").replace("apps.writer", cls), rng=1)
    if returned == "4":
        market.step()
        return
    with pytest.raises(InputError, match=r"apps\.writer: set_price returned .*; a number from 0 is needed"):
        market.step()
