"""`moatlab merger`: a deal in a frozen month, as an agency reviews it, beside what it does to the market that runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moatlab.cli.folder import check_folder, files_of, replacing
from moatlab.errors import InputError
from moatlab.results.text.numbers import aligned, change, percent, records, short
from moatlab.results.text.units import amount, said
from moatlab.scenario.months import month_name, read_month, span_name
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    from moatlab.evidence.compare import Comparison
    from moatlab.evidence.frozen import Frozen
    from moatlab.evidence.review import Deal, Review, Screen
    from moatlab.evidence.verdicts import Verdict

#: What the tables in a folder are of; the manifest beside it is that of the runs.
ABOUT = "merger.json"
YEAR = 12
#: Effects on each party and on the category or layer that are shown.
OF_PARTY = ("price", "share", "gross_profit")
OF_CATEGORY = ("price", "consumer_surplus", "hhi")
OF_LAYER = ("hhi", "operating_profit")
_WIDTH = 118


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    scenario: str
    firms: tuple[str, str]
    month: str = "12"
    stake: float = 1.0
    control: bool = False
    saving: float = 0.0
    remedies: tuple[str, ...] = ()
    after: tuple[int, ...] = (12, 36, 60)
    seed: int = 1
    seeds: int = 16
    workers: int | None = None
    out: Path | None = None
    json: bool = False


@dataclass(frozen=True)
class Found:
    """All that was found: the frozen month, by category or of a layer, and the effects after so many months."""

    deal: Deal
    frozen: Frozen
    reviews: list[Review]
    screen: Screen | None
    effects: dict[int, list[Verdict]]
    comparison: Comparison | None
    #: Why the market that runs has no rule for the deal; empty where it has.
    static_only: str = ""


def run(request: Request) -> str:
    """Review a deal, write its tables, and return sentences and tables."""
    from moatlab.evidence.frozen import freeze
    from moatlab.evidence.review import Deal, review, screen

    scenario = Scenario(request.scenario)
    month = read_month(request.month, scenario.start, "--month")
    if not 0 <= month < scenario.months:
        run_ = span_name(0, scenario.months - 1, scenario.start)
        raise InputError(f"--month {request.month} does not lie within the run, months 0-{scenario.months - 1}: {run_}")
    firms = [_full(scenario, name) for name in (*request.firms, *request.remedies)]
    deal = Deal(firms[0], firms[1], request.stake, request.control, request.saving, tuple(firms[2:]))
    after = _after(request, month, scenario)
    static_only = _static_only(scenario, deal)
    out = request.out or _folder(scenario, deal, month)
    check_folder(out)
    frozen = freeze(scenario, month, request.seed)
    reviews = [] if static_only else review(frozen, deal)
    screened = screen(frozen, deal)
    effects: dict[int, list[Verdict]] = {}
    e = None
    if after and not static_only:
        e, effects = _effects(request, scenario, deal, month, after, out, reviews)
    found = Found(deal, frozen, reviews, screened, effects, e, static_only)
    tables = _tables(found)
    with replacing(out, ABOUT) as parts:
        for name, table in tables.items():
            table.to_csv(parts / f"{name}.csv", index=False)
        about = {"scenario": scenario.name, "deal": deal.what, "month": month, "seed": request.seed,
                 "files": [*files_of(parts), ABOUT]}  # fmt: skip
        (parts / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    if request.json:
        return json.dumps({
            "scenario": scenario.name, "deal": deal.what, "month": month_name(month, scenario.start),
            "seed": request.seed, "sentences": sentences(found),
            **{name: records(table) for name, table in tables.items()}, "folder": str(out),
        }, indent=2)  # fmt: skip
    return f"{_tell(found, tables)}\ntables: {out}\n"


def _full(scenario: Scenario, name: str) -> str:
    """``apps.jasper`` for ``jasper``: a firm whose slug is that of one kind only may be named by it alone.

    Raises `InputError` for a slug that two kinds have.
    """
    kinds = [kind for kind in ("apps", "labs", "hosts", "clouds", "chipmakers") if name in scenario.slugs(kind)]
    if len(kinds) > 1:
        raise InputError(f"{name} is {' or '.join(f'{kind}.{name}' for kind in kinds)}: say which")
    return f"{kinds[0]}.{name}" if kinds else name


def _after(request: Request, month: int, scenario: Scenario) -> tuple[int, ...]:
    """The months after the deal at which effects are shown, as far as the scenario goes."""
    if request.seeds == 0:
        return ()
    if request.seeds == 1 or request.seeds < 0:
        raise InputError(f"--seeds is a whole number from 2, or 0 for no runs, not {request.seeds}")
    for months in request.after:
        if months < YEAR:
            raise InputError(f"--after takes months from {YEAR} on, since effects are means of a year, not {months}")
    within = tuple(sorted({months for months in request.after if month + months <= scenario.months}))
    if not within:
        raise InputError(f"--after: {scenario.name} ends {scenario.months - month} months after the deal")
    return within


def _static_only(scenario: Scenario, deal: Deal) -> str:
    """Why there is only the frozen month: two firms of one layer that the market lets nobody own together."""
    from moatlab.evidence.review import changes_of

    kinds = [firm.partition(".")[0] for firm in (deal.one, deal.other)]
    if kinds[0] != kinds[1] or kinds[0] not in ("labs", "hosts", "chipmakers") or deal.one == deal.other:
        changes_of(scenario, deal)
        return ""
    for firm in (deal.one, deal.other):
        kind, slug = firm.split(".")
        scenario.display_name(kind, slug)
    return f"the market has no rule for common ownership of {kinds[0]}, so there are no effects over time"


def _folder(scenario: Scenario, deal: Deal, month: int) -> Path:
    from moatlab.experiments.digests import digest

    return Path("results") / f"merger-{scenario.name}-{digest(scenario.digest(), repr(deal), str(month))[:8]}"


def _effects(
    request: Request, scenario: Scenario, deal: Deal, month: int, after: tuple[int, ...], out: Path,
    reviews: list[Review],
) -> tuple[Comparison, dict[int, list[Verdict]]]:  # fmt: skip
    """Paired runs with and without the deal: effects in the year that ends so many months after it."""
    from moatlab.evidence.compare import compare
    from moatlab.evidence.review import carried_out

    metrics = _metrics(deal, reviews)
    e = compare(
        scenario, carried_out(scenario, deal, month), range(request.seed, request.seed + request.seeds),
        month + max(after), "serial" if request.workers in (None, 1) else "local", request.workers, out=out,
        metrics=metrics,
    )  # fmt: skip
    return e, {months: list(e.table(metrics, (month + months - YEAR, month + months - 1))) for months in after}


def _metrics(deal: Deal, reviews: list[Review]) -> list[str]:
    firms = [deal.one, deal.other, *deal.remedies]
    found = [f"{firm}.{metric}" for firm in dict.fromkeys(firms) for metric in OF_PARTY]
    found += [f"users.{review.category.slug}.{metric}" for review in reviews if review.parties[0] or review.parties[1]
              for metric in OF_CATEGORY]  # fmt: skip
    layers = dict.fromkeys(firm.partition(".")[0] for firm in firms)
    found += [f"{layer}.{metric}" for layer in layers for metric in OF_LAYER]
    return [*found, "market.consumer_surplus"]


# Words --------------------------------------------------------------------------------------------------------------


def sentences(found: Found) -> list[str]:
    """What an agency would say first, and what the runs add."""
    said_ = [_concentration(name, values) for name, values in _concentrations(found)]
    said_ += [_prices(found, review) for review in found.reviews]
    if not any(review.overlap for review in found.reviews) and found.screen is None:
        kinds = {firm.partition(".")[0] for firm in (found.deal.one, found.deal.other)}
        common = "sell in no common category" if kinds == {"apps"} else "sell different goods"
        said_.insert(0, f"The two sides {common}: no customer chooses between them.")
    if found.static_only:
        said_.append(f"{found.static_only[0].upper()}{found.static_only[1:]}.")
    said_ += _over_time(found)
    return said_


def _concentrations(found: Found) -> list[tuple[str, tuple[float, float, float]]]:
    listed = [(f"users.{review.category.slug}", review.concentration()) for review in found.reviews if review.overlap]
    if found.screen is not None:
        listed.append((found.screen.layer, found.screen.concentration()))
    return listed


def _concentration(name: str, values: tuple[float, float, float]) -> str:
    from moatlab.evidence.antitrust import CHANGE, CONCENTRATED, presumed

    before, after, joint = values
    verdict = "is presumed to lessen competition" if presumed(after, after - before, joint) else "is not presumed to"
    return (
        f"In {name} the HHI goes from {before:,.0f} to {after:,.0f} ({after - before:+,.0f}) and the two sides' share "
        f"of revenue is {percent(joint)}: under the guidelines of 2023 (an HHI above {CONCENTRATED:,.0f} or a share "
        f"above 30 %, and a change above {CHANGE:.0f}) the deal {verdict}."
    )


def _prices(found: Found, review: Review) -> str:
    scenario = found.frozen.scenario
    parts = [
        f"{_name(scenario, row['app'])}'s price {_moves(row['simulated'])} in an agency's simulation "
        f"({change(row['at_rest'])} where the market's own rule comes to rest)"
        for row in review.screens() if np.isfinite(row["at_rest"])
    ]  # fmt: skip
    surplus = review.surplus_change()
    told = "no price moves" if not parts else "; ".join(parts)
    per = amount(surplus, "M$", per=" a month")
    return (
        f"With all else frozen in {month_name(found.frozen.month, scenario.start)}, in users.{review.category.slug} "
        f"{told}; the mean price there {_moves(review.mean_price_change(review.after))} and consumer surplus changes "
        f"by {per}."
    )


def _over_time(found: Found) -> list[str]:
    if found.comparison is None:
        return []
    e, told = found.comparison, []
    for months, verdicts in found.effects.items():
        moved = [v for v in verdicts if v.finding in ("above", "below")]
        parts = [_effect(e, v) for v in moved if v.effect.outcome.rpartition(".")[2] in ("price", "consumer_surplus")]
        when = span_name(found.frozen.month + months - YEAR, found.frozen.month + months - 1, e.scenario.start)
        said_ = "; ".join(parts[:4]) if parts else "no effect on prices and consumer surplus is established"
        told.append(f"In the market that runs, {months} months after the deal (mean of {when}): {said_}.")
    return told


def _effect(e: Comparison, v: Verdict) -> str:
    from moatlab.cli.sentences import called

    unit = e.unit(v.effect.outcome)
    per = " a month" if unit == "M$" else ""
    low, high = sorted(abs(end) for end in v.interval)
    size, least, most = (amount(value, unit, difference=True, per=per) for value in (abs(v.estimate), low, high))
    relative = f"{change(v.effect.relative)}, " if np.isfinite(v.effect.relative) else ""
    verb = "rises" if v.estimate > 0.0 else "falls"
    return f"{called(v.effect.outcome, e.scenario)} {verb} by {size} ({relative}95 % interval {least} to {most})"


def _moves(relative: float) -> str:
    if not np.isfinite(relative):
        return "has no relative change"
    if abs(relative) < 5e-4:
        return "stays"
    return f"{'rises' if relative > 0 else 'falls'} by {abs(100 * relative):.1f} %"


def _name(scenario: Scenario, firm: str) -> str:
    kind, slug = firm.split(".")
    return scenario.display_name(kind, slug) if slug in scenario.slugs(kind) else slug


# Tables -------------------------------------------------------------------------------------------------------------


def _tables(found: Found) -> dict[str, pd.DataFrame]:
    """Concentration, screens, diversion, elasticities, pass-through, and effects over time."""
    from moatlab.evidence.antitrust import presumed

    concentration = pd.DataFrame([
        {"market": name, "hhi_before": before, "hhi_after": after, "change": after - before, "joint_share": joint,
         "presumed": presumed(after, after - before, joint)}
        for name, (before, after, joint) in _concentrations(found)
    ])  # fmt: skip
    tables = {"concentration": concentration}
    rows = [{"category": review.category.slug, **row} for review in found.reviews for row in review.screens()]
    if rows:
        tables["screens"] = pd.DataFrame(rows)
        tables["prices"] = pd.concat([_all_prices(review) for review in found.reviews], ignore_index=True)
        tables["pairs"] = pd.concat([_pairs(review) for review in found.reviews], ignore_index=True)
        tables["market_definition"] = pd.DataFrame([_definition(r) for r in found.reviews if r.overlap])
    if found.screen is not None:
        tables["layer"] = pd.DataFrame(found.screen.rows)
    if found.effects:
        tables["effects"] = _effects_table(found)
    return tables


def _all_prices(review: Review) -> pd.DataFrame:
    return pd.DataFrame({
        "category": review.category.slug, "app": review.before.names, "observed_price": review.observed,
        "price": review.before.price, "cost": review.before.cost, "cost_after": review.after.cost,
        "share": review.before.share, "simulated_price": review.simulated.price, "price_at_rest": review.after.price,
        "sets_its_price": review.before.sets,
    })  # fmt: skip


def _pairs(review: Review) -> pd.DataFrame:
    """Diversion, cross elasticity and pass-through between each product of the parties and every product."""
    before, names = review.before, review.before.names
    diversion, elasticities = before.diversion(), before.elasticities()
    passed = before.pass_through(review.owner)
    rows = [
        {"category": review.category.slug, "from": names[i], "to": names[j],
         "diversion": np.nan if i == j else diversion[i, j],
         "elasticity_of_to": elasticities[j, i], "pass_through_to": passed[j, i]}
        for i in review.products for j in range(len(names))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _definition(review: Review) -> dict[str, Any]:
    """The hypothetical-monopolist test around the parties' products."""
    market = review.before.smallest_market(review.products)
    chosen = review.products if market is None else market
    return {
        "category": review.category.slug, "rise_by_one_seller_of_both": review.before.monopolist(review.products).max(),
        "products": "" if market is None else " ".join(review.before.names[i] for i in chosen),
        "count": 0 if market is None else len(chosen),
    }  # fmt: skip


def _effects_table(found: Found) -> pd.DataFrame:
    from moatlab.evidence.verdicts import verdicts_table

    parts = []
    for months, verdicts in found.effects.items():
        table = verdicts_table(verdicts)
        table.insert(0, "months_after", months)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _tell(found: Found, tables: dict[str, pd.DataFrame]) -> str:
    scenario = found.frozen.scenario
    lines = [*wrap(f"Deal: {found.deal.what}", _WIDTH),
             *wrap(f"{scenario.title}; {month_name(found.frozen.month, scenario.start)}, seed {found.frozen.seed}",
                   _WIDTH), ""]  # fmt: skip
    for text in sentences(found):
        lines += _wrapped(text)
    lines.append("")
    lines += _told_concentration(tables["concentration"])
    if "screens" in tables:
        lines += _told_screens(tables["screens"], "app")
        lines += _told_markets(tables["market_definition"])
    if "layer" in tables:
        lines += _told_screens(tables["layer"], "firm")
    lines += _told_effects(found)
    return "\n".join(lines).rstrip()


def _told_concentration(table: pd.DataFrame) -> list[str]:
    rows = [
        [str(row["market"]), f"{row['hhi_before']:,.0f}", f"{row['hhi_after']:,.0f}", f"{row['change']:+,.0f}",
         percent(row["joint_share"]), "yes" if row["presumed"] else "no"]
        for row in table.to_dict("records")
    ]  # fmt: skip
    head = ["market", "HHI before", "after", "change", "joint share", "presumed harmful"]
    return aligned("Concentration (HHI of revenue, 0 to 10,000)", head, rows) if rows else []


#: What the columns of the parties' table are.
_SCREENS = (
    "share: of revenue; diversion: share of lost customers that goes to the other side; GUPPI, UPP: net upward pricing "
    "pressure, relative to the price and in $; CMCR: fall of marginal cost that leaves prices as they are"
)
_SIMULATED = "; simulated: slopes inferred from margins; at rest: the market's own demand"
_IN_PROPORTION = "; diversion is taken in proportion to the volumes sold, all of it to other firms of the layer"


def _told_screens(table: pd.DataFrame, firm: str) -> list[str]:
    apps = firm == "app"
    head = [firm, "price", "cost", "margin", "share", *(["elasticity"] if apps else []), "diversion", "GUPPI", "UPP",
            "CMCR", *(["simulated", "at rest"] if apps else [])]  # fmt: skip
    rows = [
        [
            str(row[firm]), short(row["price"]), short(row["cost"]), percent(row["margin"]),
            percent(row["revenue_share"]), *([short(row["elasticity"])] if apps else []), percent(row["diversion"]),
            _or_dash(row["guppi"]), short(row["upp"]), _or_dash(row["cmcr"]),
            *([change(row["simulated"]), change(row["at_rest"])] if apps else []),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    title = "The parties' products, at rest before the deal (prices, costs and UPP in $)"
    if not apps:
        title = "The parties, as they are (prices, costs and UPP in the unit of the good)"
    lines = aligned(title, head, rows)[:-1]
    notes = _SCREENS + (_SIMULATED if apps else _IN_PROPORTION)
    return [*lines, *(f"  {line}" for line in wrap(notes, _WIDTH - 2)), ""]


def _told_markets(table: pd.DataFrame) -> list[str]:
    lines = []
    for row in table.to_dict("records"):
        one = f"one seller of both sides' products in users.{row['category']} would raise a price by " \
              f"{percent(row['rise_by_one_seller_of_both'])}"  # fmt: skip
        if row["count"]:
            lines += _wrapped(f"{one}; the smallest market by the test of a 5 % rise: {row['products']}")
        else:
            lines += _wrapped(f"{one}; not even one seller of all apps would raise a price by 5 %")
    return [*lines, ""] if lines else []


def _told_effects(found: Found) -> list[str]:
    lines = []
    e = found.comparison
    for months, verdicts in found.effects.items():
        assert e is not None
        rows = []
        for v in verdicts:
            how = said(e.unit(v.effect.outcome), max(abs(v.effect.baseline), abs(v.estimate)))
            low, high = (how.level(end) for end in v.interval)
            rows.append([v.effect.outcome, how.label, how.level(v.effect.baseline), how.change(v.estimate),
                         f"[{low}, {high}]", change(v.effect.relative),
                         v.verdict + ("*" if v.effect.caution else "")])  # fmt: skip
        when = span_name(found.frozen.month + months - YEAR, found.frozen.month + months - 1, e.scenario.start)
        title = f"{months} months after the deal: mean of {when}, {len(e.seeds)} pairs of runs"
        lines += aligned(title, ["metric", "unit", "without", "effect", "95 % interval", "relative", ""], rows, (0, 1))
    if any(v.effect.caution for verdicts in found.effects.values() for v in verdicts):
        lines.append("* the effect rests on few seeds, or few seeds differ at all: the interval may be too narrow")
    return lines


def _wrapped(text: str) -> list[str]:
    """Lines of a text in which a number and its per cent stay together."""
    return [line.replace("\u00a0", " ") for line in wrap(text.replace(" %", "\u00a0%"), _WIDTH)]


def _or_dash(share: float) -> str:
    return percent(share) if np.isfinite(share) else "-"
