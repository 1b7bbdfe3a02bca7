"""A branch of a market: what comes is what the whole run gives, byte for byte, and neither touches the other."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import App, InputError, Market, Scenario
from moatlab.market.market import Detail
from moatlab.results.results import Results
from moatlab.scenario.events import parting

MONTHS = 20
#: One event of every action, and those that last, are undone or grow the arrays.
EVENTS = {
    "set": ["month {}: set foundry.tsmc.capacity 40"],
    "set all apps": ["month {}: scale apps.*.price_taste_factor 2"],
    "scaled and undone": ["months {}-{}: scale labs.openai.price 0.5"],
    "set and undone": ["months {}-{}: set labs.*.price_rule frozen"],
    "cut": ["month {}: cut apps.jasper labs.openai"],
    "cut and linked again": ["month {}: cut clouds.aws chipmakers.nvidia",
                             "month {1}: link clouds.aws chipmakers.nvidia"],
    "granted": ["month {}: grant apps.jasper distribution 0.4"],
    "scale granted": ["month {}: grant labs.cohere scale 300"],
    "maintained": ["months {}-{}: maintain labs.openai algorithmic 0.3"],
    "follow": ["month {}: follow labs.stability 0"],
    "follow for long": ["months {}-{}: follow labs.stability 1"],
    "hype": ["month {}: set investors.hype 0.5"],
    "opened": ["month {}: set labs.cohere.open true"],
    "entry": ["month {}: scale apps.entry_rate 4"],
    "graduation": ["month {}: set apps.graduation forced"],
}  # fmt: skip
BASE = Scenario("essay-2023").set({"apps.startups": 12})


def tables(results: Results) -> dict[str, bytes]:
    """Every recorded table as bytes, and who is who."""
    found = {name: np.concatenate(parts).tobytes() for name, parts in results._parts.items()}
    names = ("events", "app_identities", "app_categories", "app_companies", "offers", "first_cash", "months", "detail")
    return found | {name: repr(results.about[name]).encode() for name in names}


def changed(name: str, month: int) -> Scenario:
    return BASE.with_events(*(text.format(month, min(month + 4, MONTHS - 1)) for text in EVENTS[name]))


@pytest.mark.parametrize("name", EVENTS)
def test_a_branch_goes_on_as_the_whole_run(name: str) -> None:
    detail: Detail = "layer" if len(name) % 3 == 0 else "firm"
    trunk = Market(BASE, rng=7, detail=detail)
    found = []
    for month in (1, 9):
        trunk.run(month - trunk.month)
        scenario = changed(name, month)
        found.append(tables(Market(scenario, rng=7, detail=detail).run(MONTHS)))
        assert tables(trunk.branch(scenario).run(MONTHS - month)) == found[-1]
    # The branches have left the trunk as it was, and the event does something.
    found.append(tables(Market(BASE, rng=7, detail=detail).run(MONTHS)))
    assert tables(trunk.run(MONTHS - 9)) == found[-1]
    assert len({part["market"] for part in found}) == 3


def test_a_branch_of_a_branch_with_what_lasts_and_what_is_to_be_undone() -> None:
    shared = ["months 2-11: maintain labs.openai algorithmic 0.3", "months 3-10: scale labs.openai.price 0.5",
              "month 4: grant labs.cohere scale 300"]  # fmt: skip
    first = BASE.with_events(*shared)
    second = first.with_events("month 6: scale foundry.tsmc.capacity 0.5")
    third = second.with_events("month 8: set investors.hype -0.5")
    trunk = Market(first, rng=3)
    trunk.run(6)
    middle = trunk.branch(second)
    middle.run(2)
    assert tables(middle.branch(third).run(MONTHS - 8)) == tables(Market(third, rng=3).run(MONTHS))
    assert tables(middle.run(MONTHS - 8)) == tables(Market(second, rng=3).run(MONTHS))
    assert tables(trunk.run(MONTHS - 6)) == tables(Market(first, rng=3).run(MONTHS))


@pytest.mark.parametrize("detail", ["firm", "layer"])
def test_where_a_block_of_the_tables_ends(detail: Detail) -> None:
    base = Scenario("tiny")
    late = base.with_events("month 128: scale foundry.fab.capacity 2")
    for month in (127, 128):
        trunk = Market(base, rng=1, detail=detail)
        trunk.run(month)
        branch = trunk.branch(late)
        trunk.run(4)
        assert tables(branch.run(132 - month)) == tables(Market(late, rng=1, detail=detail).run(132))


def test_mesa_and_the_graph_follow_the_branch() -> None:
    trunk = Market("tiny", rng=1)
    trunk.run(5)
    volumes = dict(trunk.graph.degree())
    branch = trunk.branch(Scenario("tiny").with_events("month 5: set apps.writer.price_rule bundled"))
    branch.step()
    assert branch.steps == branch.month == 6 and trunk.month == 5
    assert len(branch.agents) and dict(trunk.graph.degree()) == volumes
    assert branch.initial_scenario.events and not trunk.initial_scenario.events


class Bold(App):
    def set_price(self) -> float:
        return 5.0


def test_what_shares_no_past_is_refused() -> None:
    market = Market("tiny", rng=1)
    market.run(6)
    with pytest.raises(InputError, match="events only"):
        market.branch(Scenario("tiny").set({"users.crowding": 0.5}))
    with pytest.raises(InputError, match="differ in month 4, and the market is before month 6"):
        market.branch(Scenario("tiny").with_events("month 4: scale foundry.fab.capacity 2"))
    own = Scenario("tiny").replace("apps.writer", Bold)
    with pytest.raises(InputError, match="events only"):
        Market(own, rng=1).branch(own)


def test_months_in_which_events_part() -> None:
    base = Scenario("tiny")

    def events(*texts: str) -> Scenario:
        return base.with_events(*texts)

    late, later = "month 9: scale foundry.fab.capacity 2", "month 12: scale foundry.fab.capacity 2"
    one = events(late, later)
    assert parting(one.events, events(later, late).events, 24) == 24
    assert parting(one.events, events(late).events, 24) == 12
    assert parting(one.events, base.events, 24) == 9
    assert parting(one.events, base.events, 5) == 5
    spans = [events(f"months 3-{last}: scale foundry.fab.capacity 2").events for last in (5, 8)]
    assert parting(spans[0], spans[1], 24) == 3
    # The order of a month's events counts.
    pair = ["month 3: set foundry.fab.price 8", "month 3: scale foundry.fab.price 2"]
    assert parting(events(*pair).events, events(*pair[::-1]).events, 24) == 3
