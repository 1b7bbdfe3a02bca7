"""The one way in which money moves: `pay` debits one account and credits another, and writes it down."""

from __future__ import annotations

import numpy as np

from moatlab.compiled import Rows, inlined
from moatlab.world.payments import CODE, OUTSIDE_PARTIES

#: Accounts of the parties outside the stack; firms' accounts follow.
USERS, OUTSIDE, INVESTORS, PARENTS, SUPPLIERS = range(len(OUTSIDE_PARTIES))

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
SUBSCRIPTION = CODE["subscription"]
API = CODE["api"]
TRANSFER = CODE["transfer"]
HOSTED_INFERENCE = CODE["hosted inference"]
APP_COMPUTE = CODE["app compute"]
APP_TRAINING = CODE["app training"]
LAB_INFERENCE = CODE["lab inference"]
LAB_TRAINING = CODE["lab training"]
HOST_COMPUTE = CODE["host compute"]
OUTSIDE_COMPUTE = CODE["outside compute"]
LICENCE = CODE["licence"]
REVENUE_SHARE = CODE["revenue share"]
CHIPS = CODE["chips"]
PACKAGES = CODE["packages"]
APP_VARIABLE_COST = CODE["app variable cost"]
MARKETING = CODE["marketing"]
APP_RND = CODE["app rnd"]
APP_OVERHEAD = CODE["app overhead"]
LAB_STAFF = CODE["lab staff"]
HOST_STAFF = CODE["host staff"]
RUNNING_COST = CODE["running cost"]
BUILDINGS = CODE["buildings"]
COMPONENTS = CODE["components"]
CHIP_RND = CODE["chip rnd"]
FOUNDRY_OPERATION = CODE["foundry operation"]
CONSTRUCTION = CODE["construction"]
APP_EQUITY = CODE["app equity"]
LAB_EQUITY = CODE["lab equity"]
LAB_GRANT = CODE["lab grant"]
APP_SUPPORT = CODE["app support"]
APP_ADVANCE = CODE["app advance"]
CLOUD_FINANCE = CODE["cloud finance"]
HOST_SUPPORT = CODE["host support"]
APP_PAYOUT = CODE["app payout"]
APP_REMITTANCE = CODE["app remittance"]
APP_SWEEP = CODE["app sweep"]
LAB_PAYOUT = CODE["lab payout"]
HOST_PAYOUT = CODE["host payout"]
CLOUD_PAYOUT = CODE["cloud payout"]
CHIP_PAYOUT = CODE["chip payout"]
FOUNDRY_PAYOUT = CODE["foundry payout"]
APP_WRITE_OFF = CODE["app write-off"]
LAB_WRITE_OFF = CODE["lab write-off"]
CHIP_FINANCE = CODE["chip finance"]
FOUNDRY_FINANCE = CODE["foundry finance"]
ENTERPRISE = CODE["enterprise agreement"]


@inlined
def pay(book: Rows, cash: Rows, totals: Rows, month: int, kind: int, payer: int, payee: int, amount: float) -> None:
    """Move ``amount`` (M$) from ``payer`` to ``payee`` (accounts) and record it.

    ``totals`` [kinds + 1] sums the month by kind; its last element is the number of postings in ``book``.  A book of
    length 0 keeps the sums only.
    """
    if amount == 0.0:
        return
    cash[payer] -= amount
    cash[payee] += amount
    totals[kind] += amount
    last = totals.shape[0] - 1
    cursor = int(totals[last])
    if cursor < book.shape[0]:
        posting = book[cursor]
        posting.month = month
        posting.kind = kind
        posting.payer = payer
        posting.payee = payee
        posting.amount = amount
        totals[last] = cursor + 1.0
