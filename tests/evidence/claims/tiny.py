"""A claim on the smallest market, as a user writes one, and what it gives with a few draws."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from moatlab.evidence.claims import bank, store
from moatlab.evidence.claims.bank import Bank, Group, Sizes
from moatlab.evidence.claims.files import Claim, read
from moatlab.evidence.claims.judging import Judged, judge_all
from moatlab.evidence.claims.sample import from_prior

TEXT = """\
title = "More packages, more hours"
question = "Does twice the capacity of the foundry sell more GPU-hours?"
prediction = "It does, and rents fall."
argument = "Orders and prices answer."
scenario = "tiny"
months = 18
headline = [{ outcome = "hours", contrast = "twice" }]

[frozen]
meaning = "clouds order nothing"
set = { "clouds.capacity_rule" = "fixed" }

[arms.control]
meaning = "as it is"

[arms.twice]
meaning = "twice the packages"
events = ["month 2: scale foundry.fab.capacity 2"]

[arms.nothing]
meaning = "the same once more, but for a markup that nobody reads"
set = { "labs.*.markup" = 0.9 }

[contrasts.twice]
meaning = "with twice the packages"
weights = { twice = 1, control = -1 }

[contrasts.nothing]
meaning = "with another markup of labs"
weights = { nothing = 1, control = -1 }
outcomes = ["rent"]

[contrasts.level]
meaning = "against 2 $"
weights = { control = 1 }
against = 2.0
outcomes = ["rent"]

[outcomes.hours]
label = "GPU-hours sold, second year"
metric = "market.hours_sold"
log = true
months = [12, 17]
predicted = "higher"
smallest_effect = 0.02

[outcomes.rent]
label = "the rent, second year"
metric = "market.rent"
months = [12, 17]
predicted = "lower"
smallest_effect = 0.05
"""
SIZES = Sizes(9, 1, 2, 3, False)


@cache
def claim() -> Claim:
    """The claim, from a file."""
    path = Path(mkdtemp(prefix="moatlab-claim-")) / "more-packages.toml"
    path.write_text(TEXT)
    return read(path)


@cache
def ran() -> Bank:
    """Its runs."""
    group = Group((claim(),), from_prior(claim().scenario, SIZES.draws), SIZES)
    return bank.run(group, Path(mkdtemp(prefix="moatlab-bank-")), "serial", None, None, None)


@cache
def judged() -> tuple[Judged, ...]:
    """Its verdict."""
    return tuple(judge_all([ran()]))


@cache
def folder() -> Path:
    """A folder as `moatlab claims` leaves it."""
    place = Path(mkdtemp(prefix="moatlab-claims-"))
    store.register(place, [claim()], 0)
    store.write(place, judged(), [ran()], "moatlab claims more-packages.toml")
    return place
