"""A comparison in sentences: what moves, by how much, and who leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from moatlab.results.payments import LAYERS
from moatlab.results.text.numbers import change, columns, short
from moatlab.results.text.units import amount
from moatlab.scenario.months import span_name

if TYPE_CHECKING:
    from moatlab.evidence.compare import Comparison
    from moatlab.evidence.verdicts import Verdict

#: What metrics are called in a sentence; others are called by their addresses.
CALLED = {
    "market.consumer_surplus": "consumer surplus",
    "market.surplus": "the surplus of customers and firms together",
    "market.rent": "the rent of a GPU-hour",
    "market.chip_price": "the list price of a GPU",
    "apps.price": "the price of an app",
    "labs.api_price": "the price of a lab's tokens",
    **{f"{layer}.operating_profit": f"{layer.removesuffix('s')}s' operating profit" for layer in LAYERS[:-1]},
    "foundry.operating_profit": "the foundry's operating profit",
    **{f"{layer}.hhi": f"concentration (HHI) among {layer}" for layer in LAYERS},
}
#: Names of a firm's metrics after its name.
OF_FIRM = {"share": "share of its layer's revenue", "price": "price", "margin": "gross margin",
           "gross_profit": "gross profit", "revenue": "revenue", "leads": "probability of being first",
           "rank": "place by revenue"}  # fmt: skip
#: Most effects that the sentence has, and least probability of being first with which a firm is listed.
MOST, LEAST = 3, 0.05
#: Months at the end over which leading is counted.
YEAR = 12
_WIDTH = 118


def called(metric: str, scenario: Any) -> str:
    """What a metric is called in a sentence."""
    kind, *rest = metric.split(".")
    if metric in CALLED or len(rest) != 2 or kind == "users" or rest[0] not in scenario.slugs(kind):
        return CALLED.get(metric, metric)
    return f"{scenario.display_name(kind, rest[0])}'s {OF_FIRM.get(rest[1], rest[1].replace('_', ' '))}"


def sentence(e: Comparison, verdicts: Sequence[Verdict], window: tuple[int, int]) -> str:
    """The largest of the effects that are established, relative to the level, and how many are not."""
    when = f"On average of {span_name(*window, e.scenario.start)}"
    if e.same:
        return f"{when}, nothing differs."
    moved = [v for v in verdicts if v.finding in ("above", "below")]
    moved.sort(key=lambda v: -abs(np.nan_to_num(v.effect.relative)))
    parts = [_moved(e, v) for v in moved[:MOST]]
    others = len(moved) - len(parts)
    small = sum(v.finding == "within" for v in verdicts)
    open_ = sum(v.finding == "undecided" for v in verdicts)
    said = []
    if parts:
        said.append(f"{when}, {_joined(parts)}.")
    else:
        said.append(f"{when}, no effect is established.")
    rest = [f"{others} more move{'s' * (others == 1)}"] if others else []
    rest += [f"{small} {'is' if small == 1 else 'are'} smaller than the smallest effect of interest"] if small else []
    rest += [f"{open_} {'is' if open_ == 1 else 'are'} undecided with {len(e.seeds)} seeds"] if open_ else []
    if rest:
        said.append(f"Of the {len(verdicts)} outcomes below, {_joined(rest)}.")
    return " ".join(said)


def _moved(e: Comparison, verdict: Verdict) -> str:
    effect = verdict.effect
    verb = "rises" if verdict.estimate > 0 else "falls"
    unit = e.unit(effect.outcome)
    per = " a month" if unit == "M$" else ""
    size = amount(abs(verdict.estimate), unit, difference=True, per=per)
    level = amount(effect.baseline, unit, per=per)
    low, high = sorted(end / abs(effect.baseline) for end in verdict.interval) if effect.baseline else (np.nan, np.nan)
    relative = ""
    if unit not in ("share", "probability") and effect.baseline > 0:
        relative = f" ({change(effect.relative)}, 95 % interval {change(low)} to {change(high)})"
    return f"{called(effect.outcome, e.scenario)} {verb} by {size} from {level}{relative}"


@dataclass(frozen=True)
class Lead:
    """How probable it is that a firm is the first of its layer in the last months, without the change and with it."""

    layer: str
    firm: str
    name: str
    without: float
    treated: float
    low: float
    high: float

    def row(self) -> dict[str, Any]:
        """As a row of a table; probabilities between 0 and 1."""
        return {"layer": self.layer, "firm": self.firm, "name": self.name, "without": self.without,
                "with": self.treated, "change": self.treated - self.without, "low": self.low,
                "high": self.high}  # fmt: skip


def lead_metrics(slugs: Any, others: Any) -> list[str]:
    """The metrics that `leads` needs: of the firms that both scenarios name, where a layer has rivals."""
    both = {layer: [slug for slug in slugs(layer) if slug in others(layer)] for layer in LAYERS}
    return [f"{layer}.{slug}.leads" for layer, firms in both.items() for slug in firms if len(firms) > 1]


def leads(e: Comparison, metrics: Sequence[str]) -> list[Lead]:
    """Layer by layer, the firms that lead at the end with a probability of `LEAST` or more, the likeliest first.

    Where named firms do not always lead, the rest is that of generated startups and of firms of one scenario only.
    """
    from moatlab.evidence.inference import Mean

    found = []
    for layer in LAYERS:
        mine = [metric for metric in metrics if metric.startswith(f"{layer}.")]
        paths = {m: np.nan_to_num(e.paths(m)[:, :, -YEAR:]).mean(axis=2) for m in mine}
        if mine:
            paths[f"{layer}.*.leads"] = 1.0 - np.sum(list(paths.values()), axis=0)
        rows = []
        for metric, values in paths.items():
            without, treated = values.mean(axis=1)
            if max(without, treated) < LEAST:
                continue
            slug = metric.split(".")[1]
            low, high = Mean(values[1] - values[0]).interval()
            name = "a startup" if slug == "*" else e.scenario.display_name(layer, slug)
            rows.append(Lead(layer, "" if slug == "*" else f"{layer}.{slug}", name, float(without), float(treated),
                             low, high))  # fmt: skip
        found += sorted(rows, key=lambda lead: -max(lead.without, lead.treated))
    return found


def who_leads(e: Comparison, found: Sequence[Lead]) -> str:
    """Who leads at the end without the change and with it, in a sentence."""
    changed, same = [], []
    for layer in dict.fromkeys(lead.layer for lead in found):
        mine = [lead for lead in found if lead.layer == layer]
        first, then = max(mine, key=lambda lead: lead.without), max(mine, key=lambda lead: lead.treated)
        if first is then:
            same.append(f"{first.name} among {layer} ({_percent(first.without)}, {_percent(first.treated)})")
        else:
            changed.append(f"{then.name} instead of {first.name} among {layer} ({_percent(then.without)}, "
                           f"{_percent(then.treated)})")  # fmt: skip
    parts = []
    if changed:
        parts.append(f"with the change {_joined(changed)} {'leads' if len(changed) == 1 else 'lead'} most often")
    if same:
        parts.append(f"{'as without it' if changed else 'the likeliest leaders stay'}: {_joined(same)}")
    last = span_name(max(0, e.months - YEAR), e.months - 1, e.scenario.start)
    said = "; ".join(parts)
    return f"In {last}, {said} (in brackets, how often each leads, without the change and with it)." if found else ""


def tell(e: Comparison, verdicts: Sequence[Verdict], window: tuple[int, int], found: Sequence[Lead]) -> list[str]:
    """The sentences, wrapped."""
    lines = []
    for text in (sentence(e, verdicts, window), who_leads(e, found)):
        # A number and its per cent stay on one line.
        lines += [line.replace("\u00a0", " ") for line in wrap(text.replace(" %", "\u00a0%"), _WIDTH)]
    return lines


def table_of_leads(e: Comparison, found: Sequence[Lead]) -> list[str]:
    """Who leads, as lines of a table."""
    if not found:
        return []
    last = span_name(max(0, e.months - YEAR), e.months - 1, e.scenario.start)
    rows = [["layer", "firm", "without", "with", "change", "95 % interval"]]
    for lead in found:
        moved = short(100 * (lead.treated - lead.without))
        rows.append([lead.layer, lead.name, _percent(lead.without), _percent(lead.treated), f"{moved} pp",
                     f"[{short(100 * lead.low)}, {short(100 * lead.high)}]"])  # fmt: skip
    return [f"Who has the layer's largest revenue: share of months and seeds, {last}", *columns(rows, (0, 1)), ""]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
