"""Codes: what stands for a kind of payment, a party, a buyer or a firm has one home and no second spelling."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market
from moatlab.market.state import codes, identity, posting
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS, OUTSIDE_PARTIES, PaymentKind
from moatlab.scenario.registry import KINDS
from moatlab.scenario.topology import TRADES


@pytest.mark.parametrize("kind", KINDS_OF_PAYMENT, ids=lambda kind: kind.name)
def test_every_kind_of_payment_has_its_constant(kind: PaymentKind) -> None:
    name = kind.name.upper().replace(" ", "_").replace("-", "_")
    if kind.payee == "government":
        # Rules from outside pay it, by its name.
        assert not hasattr(posting, name)
        return
    assert getattr(posting, name) == kind.code


@pytest.mark.parametrize("party", OUTSIDE_PARTIES)
def test_every_party_outside_has_the_account_of_its_place(party: str) -> None:
    assert getattr(posting, party.upper()) == OUTSIDE_PARTIES.index(party)


def test_no_constant_of_payments_is_left_over() -> None:
    known = {kind.name.upper().replace(" ", "_").replace("-", "_") for kind in KINDS_OF_PAYMENT}
    known |= {party.upper() for party in OUTSIDE_PARTIES}
    constants = {name for name, value in vars(posting).items() if isinstance(value, np.int64)}
    assert constants <= known, constants - known


def test_kinds_of_firms_have_the_codes_of_their_identities() -> None:
    for kind, code in identity.KIND_CODES.items():
        assert getattr(identity, f"{kind.upper()}_CODE") == code
        assert kind in KINDS
    # In the ledgers, draws and stores of old runs: append only.
    assert list(identity.KIND_CODES)[:9] == ["users", *LAYERS, "outside", "investors"]


def test_who_sells_tokens_and_who_buys_hours_follows_the_trades() -> None:
    assert {buyer for buyer, seller in TRADES if seller == "clouds"} | {"outside"} == set(codes.BUYER_KINDS)
    assert {seller for buyer, seller in TRADES if buyer == "apps" and seller != "clouds"} == set(codes.SELLER_KINDS)
    market = Market("essay-2023", rng=1)
    market.run(2)
    state = market.state
    assert set(state.offers["seller_kind"]) == {codes.LAB, codes.HOST}
    table = state.buyers[: state.buyer_count]
    for code, kind in enumerate(codes.BUYER_KINDS):
        rows = table["row"][table["kind"] == code]
        most = 1 if kind == "outside" else len(state.kind(kind))
        assert len(set(rows)) == len(rows) and (rows < most).all() and (len(rows) or kind == "apps")
