"""The end of the decisions: what labs, hosts, clouds, chipmakers and the foundry decided takes effect, all at once."""

from __future__ import annotations

from moatlab.market.rules.conventions import fading
from moatlab.market.state.compiled import Rows, kernel
from moatlab.market.state.posting import HOST_SETUP, HOST_SUPPORT, INVESTORS, SUPPLIERS, pay


@kernel
def commit_sellers(s: Rows) -> None:
    """Prices, budgets, stocks and released models of labs, markups and hubs of hosts; public progress of the month.

    Developers of an API follow its share of all API revenue.

    Checked: tests/textbook/test_research.py::test_special_access_and_developers_fade_to_their_neutral_value,
    tests/textbook/test_tokens.py::test_hubs_tip_where_theory_says.
    """
    labs, hosts = s.labs, s.hosts
    shared = s.shared[0]
    now = s.now[0]
    sales = 0.0
    for index in range(labs.shape[0]):
        sales += labs[index].api_revenue
    fade = fading(shared.labs_ecosystem_half_life)
    for index in range(labs.shape[0]):
        lab = labs[index]
        share = lab.api_revenue / sales if sales > 0.0 else 0.0
        lab.ecosystem += fade * (share - lab.ecosystem)
        if lab.alive == 1:
            lab.price = lab.next_price
            lab.training_budget = lab.next_training_budget
            lab.staff = lab.next_staff
            lab.capability = lab.next_capability
            lab.upgrade = lab.next_upgrade
            lab.private_lead = lab.next_private_lead
            lab.crawled = lab.next_crawled
        lab.talent = lab.next_talent
    tokens = 0.0
    for index in range(hosts.shape[0]):
        tokens += hosts[index].tokens
    for index in range(hosts.shape[0]):
        host = hosts[index]
        host.margin = host.next_margin
        if host.next_number > host.number:
            setup = shared.hosts_setup_cost * (host.next_number - host.number)
            pay(s, HOST_SUPPORT, INVESTORS, host.account, setup)
            pay(s, HOST_SETUP, host.account, SUPPLIERS, setup)
        host.number = host.next_number
        host.hub = host.tokens / tokens if tokens > 0.0 else 0.0
    now.algorithms += shared.labs_algorithm_growth
    now.efficiency += shared.labs_serving_efficiency


@kernel
def commit_hardware(s: Rows) -> None:
    """Reserve rents, contract rents and list prices.

    Checked: tests/textbook/test_compute.py::test_contract_rents_are_an_exponential_moving_average.
    """
    clouds, chipmakers, foundry = s.clouds, s.chipmakers, s.foundry
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.reserve = cloud.next_reserve
        cloud.contract_rent += (cloud.rent - cloud.contract_rent) / s.shared[0].compute_contract_months
    for v in range(chipmakers.shape[0]):
        chipmakers[v].price = chipmakers[v].next_price
    for f in range(foundry.shape[0]):
        foundry[f].price = foundry[f].next_price
