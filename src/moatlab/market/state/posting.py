"""The one way in which money moves: `pay` debits one account and credits another, and writes it down."""

from __future__ import annotations

import numpy as np

from moatlab.market.state.compiled import Rows, constant, direct, inlined, kernel
from moatlab.results.payments import CODE, OUTSIDE_PARTIES

#: Accounts of the parties outside the stack; firms' accounts follow.
USERS, OUTSIDE, INVESTORS, PARENTS, SUPPLIERS, GOVERNMENT = map(constant, range(len(OUTSIDE_PARTIES)))

POSTING_DTYPE = np.dtype(
    [
        ("month", np.int32),
        ("kind", np.int32),
        ("payer", np.int32),
        ("payee", np.int32),
        ("amount", np.float64),
    ],
    align=True,
)

#: Codes of the kinds of payment, as constants for kernels.
SUBSCRIPTION = constant(CODE["subscription"])
API = constant(CODE["api"])
TRANSFER = constant(CODE["transfer"])
HOSTED_INFERENCE = constant(CODE["hosted inference"])
APP_COMPUTE = constant(CODE["app compute"])
APP_TRAINING = constant(CODE["app training"])
LAB_INFERENCE = constant(CODE["lab inference"])
LAB_TRAINING = constant(CODE["lab training"])
HOST_COMPUTE = constant(CODE["host compute"])
OUTSIDE_COMPUTE = constant(CODE["outside compute"])
LICENCE = constant(CODE["licence"])
REVENUE_SHARE = constant(CODE["revenue share"])
CHIPS = constant(CODE["chips"])
PACKAGES = constant(CODE["packages"])
APP_VARIABLE_COST = constant(CODE["app variable cost"])
MARKETING = constant(CODE["marketing"])
APP_RND = constant(CODE["app rnd"])
APP_FOUNDING = constant(CODE["app founding"])
APP_OVERHEAD = constant(CODE["app overhead"])
LAB_STAFF = constant(CODE["lab staff"])
HOST_STAFF = constant(CODE["host staff"])
HOST_SETUP = constant(CODE["host setup"])
RUNNING_COST = constant(CODE["running cost"])
BUILDINGS = constant(CODE["buildings"])
COMPONENTS = constant(CODE["components"])
CHIP_RND = constant(CODE["chip rnd"])
FOUNDRY_OPERATION = constant(CODE["foundry operation"])
CONSTRUCTION = constant(CODE["construction"])
APP_EQUITY = constant(CODE["app equity"])
LAB_EQUITY = constant(CODE["lab equity"])
LAB_GRANT = constant(CODE["lab grant"])
LAB_BACKING = constant(CODE["lab backing"])
LAB_REMITTANCE = constant(CODE["lab remittance"])
INCOME_WON = constant(CODE["income won"])
INCOME_LOST = constant(CODE["income lost"])
APP_SUPPORT = constant(CODE["app support"])
APP_ADVANCE = constant(CODE["app advance"])
CLOUD_FINANCE = constant(CODE["cloud finance"])
HOST_SUPPORT = constant(CODE["host support"])
APP_PAYOUT = constant(CODE["app payout"])
APP_REMITTANCE = constant(CODE["app remittance"])
APP_SWEEP = constant(CODE["app sweep"])
LAB_PAYOUT = constant(CODE["lab payout"])
HOST_PAYOUT = constant(CODE["host payout"])
CLOUD_PAYOUT = constant(CODE["cloud payout"])
CHIP_PAYOUT = constant(CODE["chip payout"])
FOUNDRY_PAYOUT = constant(CODE["foundry payout"])
APP_WRITE_OFF = constant(CODE["app write-off"])
LAB_WRITE_OFF = constant(CODE["lab write-off"])
CHIP_FINANCE = constant(CODE["chip finance"])
FOUNDRY_FINANCE = constant(CODE["foundry finance"])
ENTERPRISE_AGREEMENT = constant(CODE["enterprise agreement"])


@inlined
def note(book: Rows, cursor: int, month: int, kind: int, payer: int, payee: int, amount: float) -> int:
    """Write a payment at ``cursor`` of the journal and return the place of the next; nothing is nothing.

    A book of length 0 keeps no payments.  Whoever calls this itself moves the accounts and the sums by kind.
    """
    # No place is below 0; to say so spares the compiler Python's indices from the end.
    if amount == 0.0 or cursor < 0 or cursor >= book.shape[0]:
        return cursor
    posting = book[cursor]
    posting.month = month
    posting.kind = kind
    posting.payer = payer
    posting.payee = payee
    posting.amount = amount
    return cursor + 1


@inlined
def pay(s: Rows, kind: int, payer: int, payee: int, amount: float) -> None:
    """Move ``amount`` (M$) from ``payer`` to ``payee`` (accounts) and record it.

    ``s.totals`` [kinds + 1] sums the month by kind; its last element is the place of the next posting in ``s.book``.
    """
    if amount == 0.0:
        return
    s.cash[payer] -= amount
    s.cash[payee] += amount
    s.totals[kind] += amount
    last = s.totals.shape[0] - 1
    s.totals[last] = note(s.book, int(s.totals[last]), s.now[0].month, kind, payer, payee, amount)


@direct
@kernel
def pay_now(s: Rows, kind: int, payer: int, payee: int, amount: float) -> None:
    """`pay`, as Python calls it."""
    pay(s, kind, payer, payee, amount)
