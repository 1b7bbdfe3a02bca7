"""The eight moats: what stock each is, in which kinds of firms, and what a grant of it means.

A row of ``STOCKS`` is all that a moat needs: the field of the firm's row that holds the stock, the unit of a grant, and
the share of the stock that a month takes away, which says how much a maintained grant has to add.  A stock at its
neutral value has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass

from moatlab.errors import InputError
from moatlab.scenario.addresses import nearest

#: What each moat is.
MOATS: dict[str, str] = {
    "scale": "access to capital: size and terms of rounds, cost of capital",
    "supply-chain": "priority when chips are scarce",
    "ecosystem": "developers and their software",
    "algorithmic": "a lead in methods: better models or features from the same compute",
    "distribution": "reach: who considers the product",
    "data": "interaction data",
    "network": "users whose presence is worth something to other users",
    "stickiness": "depth of workflow or data, which keeps customers",
}


@dataclass(frozen=True, slots=True)
class Stock:
    """A moat of one kind of firm.

    ``field`` of the firm's row is the stock.  ``decay`` is where the share lost in a month stands: a shared parameter
    (``labs.data_decay``), a half-life in months (``half-life labs.leak_half_life``), a field of the row
    (``row erosion``), ``churn`` of the app, or "" for a stock that does not fade.  A grant of ``cash`` is money: its
    amount in M$ is paid as equity, and the stock rises by it relative to a year of the firm's costs.  ``bought_with``
    says what a grant that is ``worth`` so many dollars is bought with (`moatlab.market.grants`), "" where nothing that
    has a price builds the stock.
    """

    moat: str
    kind: str
    field: str
    unit: str
    neutral: float
    decay: str
    fed_by: str
    eroded_by: str
    bought_with: str = ""
    cash: bool = False


STOCKS: tuple[Stock, ...] = (
    Stock("scale", "apps", "access", "M$", 0.0, "investors.access_decay", "rounds", "rivals' rounds", "equity",
          cash=True),
    Stock("scale", "labs", "access", "M$", 0.0, "investors.access_decay", "rounds", "rivals' rounds", "equity",
          cash=True),
    Stock("scale", "clouds", "access", "M$", 0.0, "clouds.access_decay", "share of revenue", "rivals' growth",
          "equity", cash=True),
    Stock("supply-chain", "clouds", "priority", "log weight", 0.0, "row erosion", "prepayment", "end of shortage",
          "interest on orders that are paid in advance"),
    Stock("ecosystem", "chipmakers", "ecosystem", "share of use", 0.0, "chipmakers.ecosystem_decay",
          "installed base in use", "decay, portability", "GPUs given away, at the price of a chip"),
    Stock("ecosystem", "labs", "ecosystem", "share of API revenue", 0.0, "half-life labs.ecosystem_half_life",
          "share of API revenue", "decay, portability", "credits for developers, which they spend on the API"),
    Stock("algorithmic", "labs", "private_lead", "points", 0.0, "half-life labs.leak_half_life", "research staff",
          "leakage", "research staff, with its falling returns"),
    Stock("algorithmic", "apps", "feature", "points", 0.0, "apps.obsolescence", "feature R&D",
          "obsolescence, imitation", "feature R&D, with its falling returns"),
    Stock("algorithmic", "chipmakers", "software", "utils", 0.0, "chipmakers.software_decay", "research",
          "decay, portability", "research, with its falling returns"),
    Stock("distribution", "apps", "awareness", "reach", 0.0, "apps.awareness_decay", "marketing", "forgetting",
          "marketing, with its falling returns"),
    Stock("data", "labs", "data", "Ttok", 0.0, "labs.data_decay", "use", "outdating",
          "tokens given away, at the lab's price"),
    Stock("data", "apps", "data", "Ttok", 0.0, "apps.data_decay", "use", "outdating",
          "tokens given away, at what they cost the app"),
    Stock("network", "apps", "committed", "M customers", 0.0, "churn", "customers won", "churn",
          "marketing, at its category's cost of a new customer"),
    Stock("stickiness", "apps", "depth", "utils", 0.0, "row depth_fading", "tenure", "portability, newcomers",
          "what customers take for being bound, at their taste for money"),
    Stock("stickiness", "clouds", "gravity", "log", 0.0, "compute.gravity_decay", "hours that stay",
          "portable workloads"),
)  # fmt: skip


def kinds_with(moat: str) -> list[str]:
    """The kinds of firms to which a moat applies, in the order of the table."""
    return [stock.kind for stock in STOCKS if stock.moat == moat]


def find_stock(moat: str, kind: str, where: str = "") -> Stock:
    """The stock behind a moat of a kind of firm; an unknown moat or one that does not apply is refused."""
    if moat not in MOATS:
        raise InputError(f"there is no moat {moat!r}; {nearest(moat, MOATS)}", where)
    for stock in STOCKS:
        if (stock.moat, stock.kind) == (moat, kind):
            return stock
    raise InputError(f"{kind} have no moat of {moat}: it applies to {', '.join(kinds_with(moat))}", where)
