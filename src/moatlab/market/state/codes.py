"""Whole numbers that stand for words in the state's arrays, where more than one rule reads them."""

from __future__ import annotations

#: Kinds that rent GPU-hours, in the order of their codes in the table of buyers.
BUYER_KINDS = ("labs", "hosts", "apps", "outside")
LAB, HOST, APP, OUTSIDE = range(len(BUYER_KINDS))
#: Kinds that sell tokens; in an offer each has the code that it has as a buyer.
SELLER_KINDS = BUYER_KINDS[:APP]

#: Published capability (points) of a lab that has published nothing.
UNPUBLISHED = -1000.0
