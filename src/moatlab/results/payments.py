"""The kinds of payment: who pays whom, and what the payment is in the accounts of either side.

One table, from which the ledger, the layers' accounts and the flow diagram are all read.  The payer's and the payee's
layer follow from the kind, so a month's sum by kind is the whole account of the layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Parties that are not firms of the stack; each is one account.
OUTSIDE_PARTIES = ("users", "outside", "investors", "parents", "suppliers", "government")
#: Layers of firms, from the top of the stack to its foundation.
LAYERS = ("apps", "labs", "hosts", "clouds", "chipmakers", "foundry")
#: Layers that also sell to others than generative AI, and count by its share of GPU-hours where that is asked for.
INFRASTRUCTURE = LAYERS[3:]
PARTIES = OUTSIDE_PARTIES + LAYERS

#: What a payment is to its payer: cost of goods, an operating expense, investment, finance, or final demand; other
#: income is that of businesses beside the stack, which its firms win or lose.
Use = Literal[
    "final demand", "cost of goods", "rnd", "marketing", "overhead", "capex", "finance", "distribution", "other income"
]


@dataclass(frozen=True, slots=True)
class PaymentKind:
    """One kind of payment; ``sale`` says whether it is revenue to its payee."""

    code: int
    name: str
    payer: str
    payee: str
    use: Use
    sale: bool
    meaning: str


def _table() -> tuple[PaymentKind, ...]:
    rows: list[tuple[str, str, str, Use, bool, str]] = [
        ("subscription", "users", "apps", "final demand", True, "plans, net of credits for calls not served"),
        ("api", "apps", "labs", "cost of goods", True, "tokens by API"),
        ("transfer", "apps", "labs", "cost of goods", True, "tokens of a lab's own app, at the transfer price"),
        ("hosted inference", "apps", "hosts", "cost of goods", True, "tokens of open checkpoints at a host"),
        ("app compute", "apps", "clouds", "cost of goods", True, "GPU-hours for inference of in-house models"),
        ("app training", "apps", "clouds", "rnd", True, "GPU-hours to make and refresh in-house models"),
        ("lab inference", "labs", "clouds", "cost of goods", True, "GPU-hours that serve the API"),
        ("lab training", "labs", "clouds", "rnd", True, "GPU-hours of training runs"),
        ("host compute", "hosts", "clouds", "cost of goods", True, "GPU-hours that serve hosted checkpoints"),
        ("outside compute", "outside", "clouds", "final demand", True, "GPU-hours of outside demand"),
        ("licence", "hosts", "labs", "cost of goods", True, "hosting agreements"),
        (
            "revenue share",
            "labs",
            "clouds",
            "cost of goods",
            True,
            "share of a lab's revenue that its partner receives",
        ),
        ("chips", "clouds", "chipmakers", "capex", True, "accelerators, at the list price or at cost"),
        ("packages", "chipmakers", "foundry", "cost of goods", True, "wafers and packaging"),
        ("app variable cost", "apps", "suppliers", "cost of goods", False, "payment fees and support"),
        ("marketing", "apps", "suppliers", "marketing", False, "acquisition of customers"),
        ("app rnd", "apps", "suppliers", "rnd", False, "feature development"),
        ("app founding", "apps", "suppliers", "rnd", False, "features with which a newcomer starts"),
        ("app overhead", "apps", "suppliers", "overhead", False, "fixed cost, and the team of an in-house model"),
        ("lab staff", "labs", "suppliers", "rnd", False, "research staff"),
        ("host staff", "hosts", "suppliers", "overhead", False, "fixed cost of hosts"),
        ("host setup", "hosts", "suppliers", "rnd", False, "software and sales of hosts that enter"),
        ("running cost", "clouds", "suppliers", "cost of goods", False, "power and operation of the fleet"),
        ("buildings", "clouds", "suppliers", "capex", False, "servers, buildings and network"),
        ("components", "chipmakers", "suppliers", "cost of goods", False, "memory, boards and test"),
        ("chip rnd", "chipmakers", "suppliers", "rnd", False, "next generations"),
        ("foundry operation", "foundry", "suppliers", "cost of goods", False, "operation of the fabs"),
        ("construction", "foundry", "suppliers", "capex", False, "new capacity"),
        ("app equity", "investors", "apps", "finance", False, "funding rounds of apps, seed rounds included"),
        ("lab equity", "investors", "labs", "finance", False, "funding rounds of labs"),
        ("lab grant", "parents", "labs", "finance", False, "money of a lab's parent or sponsor"),
        ("lab backing", "parents", "labs", "finance", False, "equity and compute credits of a strategic backer"),
        ("app support", "parents", "apps", "finance", False, "deficits that an incumbent covers"),
        ("app advance", "labs", "apps", "finance", False, "deficits that the owning lab covers"),
        ("cloud finance", "parents", "clouds", "finance", False, "capital from owners and lenders"),
        ("host support", "investors", "hosts", "finance", False, "funding rounds of hosts"),
        ("app payout", "apps", "investors", "distribution", False, "dividends and what is left at exit"),
        ("app remittance", "apps", "parents", "distribution", False, "profits of incumbents' apps"),
        ("app sweep", "apps", "labs", "distribution", False, "profits of labs' apps"),
        ("lab payout", "labs", "investors", "distribution", False, "dividends and what is left at exit"),
        ("lab remittance", "labs", "parents", "distribution", False, "profits of owners' labs, dividends to backers"),
        ("host payout", "hosts", "investors", "distribution", False, "dividends"),
        ("cloud payout", "clouds", "parents", "distribution", False, "cash beyond the coming investment"),
        ("chip payout", "chipmakers", "investors", "distribution", False, "dividends"),
        ("foundry payout", "foundry", "investors", "distribution", False, "dividends"),
        (
            "income won",
            "users",
            "labs",
            "other income",
            False,
            "what customers of owners' other businesses pay the labs that win them",
        ),
        ("income lost", "parents", "users", "other income", False, "what these customers no longer pay the owners"),
        ("app write-off", "suppliers", "apps", "finance", False, "bills left unpaid at exit"),
        ("lab write-off", "suppliers", "labs", "finance", False, "bills left unpaid at exit"),
        ("chip finance", "investors", "chipmakers", "finance", False, "capital of chipmakers"),
        ("foundry finance", "investors", "foundry", "finance", False, "capital of the foundry"),
        (
            "enterprise agreement",
            "apps",
            "labs",
            "overhead",
            True,
            "support for open checkpoints that apps run themselves",
        ),
        *(
            (
                f"{layer} levy",
                layer,
                "government",
                "cost of goods",
                False,
                "charge on sales that a rule from outside has set",
            )
            for layer in LAYERS
        ),
    ]
    return tuple(PaymentKind(code, *row) for code, row in enumerate(rows))


KINDS_OF_PAYMENT = _table()
CODE = {kind.name: kind.code for kind in KINDS_OF_PAYMENT}
