"""Pages of reference that are written from the package's own tables: parameters, metrics, payments, facts, names.

Imports nothing of what builds the site, so that the tests can hold the pages against the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import moatlab
from moatlab.results import metrics
from moatlab.results.addresses import find_metric
from moatlab.results.payments import KINDS_OF_PAYMENT
from moatlab.scenario.facts import cited, facts
from moatlab.scenario.registry import KINDS, Parameter
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY
from moatlab.scenario.values import show

#: The tables of metrics: title, what a row is, and how a metric of it is addressed.
LEVELS: dict[metrics.Level, tuple[str, str, str]] = {
    "market": ("Of the market", "one a month; in Python `results.market`", "{kind}.{name}"),
    "layer": ("Of each layer", "one a month and layer, as in `labs.revenue`; `results.layers`", "LAYER.{name}"),
    "category": (
        "Of each category of customers", "one a month and category, as in `users.code.churn`; `results.categories`",
        "users.CATEGORY.{name}",
    ),
    "firm": ("Of each firm", "one a month and firm, as in `labs.openai.share`; `results.firms`", "LAYER.FIRM.{name}"),
    "owner": (
        "Of each owner", "one a month and owner of firms, as in `owners.microsoft.economic_profit`; `results.owners`",
        "owners.OWNER.{name}",
    ),
    "money": (
        "By ultimate source of revenue", "one a month, layer and pool of money, in `results.money` only", "{name}",
    ),
}  # fmt: skip

#: Public names by page: the page's file, its title, what it is for, and the names.  All of `moatlab` has to be here.
NAMES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "market": (
        "Market, rules and results",
        "A market, what it returns, and rules from outside.",
        (
            "moatlab.market.market.Market", "moatlab.results.results.Results", "moatlab.results.results.Table",
            "moatlab.market.rule.Rule", "moatlab.scenario.registry.declare", "moatlab.scenario.registry.Parameter",
            "moatlab.scenario.registry.Moves",
        ),
    ),
    "scenario": ("Scenario", "What a market starts from.", ("moatlab.scenario.scenario.Scenario",)),
    "firms": (
        "Firms",
        "Mesa agents that view a firm. A subclass overrides decisions ([extending](../../extending.md)).",
        tuple(
            f"moatlab.market.agents.{name}"
            for name in ("App", "Lab", "Host", "Cloud", "Chipmaker", "Foundry", "Investor")
        ),
    ),
    "experiments": (
        "Experiments",
        "Many runs, stored, and read again.",
        (
            "moatlab.experiments.experiment.Experiment", "moatlab.experiments.batch.Batch",
            "moatlab.experiments.batch.open_batch",
        ),
    ),
    "evidence": (
        "Comparisons and evidence",
        "What follows from runs: effects of a change, deals, elasticities, the parts of a number.",
        (
            "moatlab.evidence.compare.Comparison", "moatlab.evidence.review.review",
            "moatlab.evidence.antitrust", "moatlab.evidence.trace.trace",
        ),
    ),
    "pictures": ("Pictures", "Functions that return matplotlib figures.", ("moatlab.show",)),
    "errors": ("Errors", "What moatlab raises.", ("moatlab.errors",)),
}  # fmt: skip


def anchor(address: str) -> str:
    """The anchor of an address: its letters, digits and dots."""
    return re.sub(r"[^\w.-]", "-", address)


def escaped(text: str) -> str:
    """Text in which Markdown finds neither HTML, mathematics, emphasis nor links; code in backticks stays code."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\`*_$\[\]<>|~^])", r"\\\1", part) for part in parts)


def metric_address(metric: metrics.Metric) -> str:
    """How a metric is addressed, with capitals for what the reader fills in."""
    return LEVELS[metric.level][2].format(kind=metric.kind, name=metric.name)


def _moved(address: str, slugs: dict[str, tuple[str, ...]]) -> str:
    """A metric's address, as a link to what is said of it."""
    metric = find_metric(address, slugs)
    return f"[`{address}`](metrics.md#{anchor(metric_address(metric))})" if metric else f"`{address}`"


def _source(source: str) -> str:
    """A source, with links to the facts that it cites."""
    text = escaped(source)
    for identifier in cited(source):
        text = re.sub(rf"\b{identifier}\b", f"[{identifier}](facts.md#{identifier.lower()})", text)
    return text


def _entry(parameter: Parameter, slugs: dict[str, tuple[str, ...]], start: str) -> str:
    own = parameter.scope == "firm"
    place = f"{parameter.kind}.SLUG.{parameter.name}" if own else parameter.address
    direction = {1: "up", -1: "down", 0: "either way"}[parameter.moves.sign]
    reason = f" ({escaped(parameter.moves.reason)})" if parameter.moves.reason else ""
    traits = [
        text
        for holds, text in (
            (parameter.state, "the market changes it from month to month"),
            (parameter.at_start, "describes month 0 only; no event changes it"),
            (parameter.needed, "has to be stated"),
        )
        if holds
    ]
    rows = [
        *([("Address", f"`{place}`")] if own else []),
        ("Unit", escaped(parameter.unit)),
        ("Range", escaped(parameter.valid)),
        ("Default", f"`{show(parameter.default)}`" if show(parameter.default) else "empty"),
        ("Source", _source(parameter.source)),
        ("Moves", f"{_moved(parameter.moves.metric, slugs)} {direction}{reason}"),
        *([("Note", "; ".join(traits))] if traits else []),
    ]
    return _described(parameter.address, parameter.meaning, rows)


def _described(address: str, meaning: str, rows: Iterable[tuple[str, str]]) -> str:
    """A heading that the search finds, the meaning, and a list of what else is known."""
    listed = "\n".join(f"- **{name}:** {text}" for name, text in rows)
    return f"### `{address}` {{#{anchor(address)}}}\n\n{escaped(meaning)}\n\n{listed}\n"


def parameters_page(kind: str) -> str:
    """Every parameter of one kind."""
    scenario = Scenario("essay-2023")
    mine = [p for p in REGISTRY.values() if p.kind == kind]
    shared = [p for p in mine if p.scope == "kind"]
    own = [p for p in mine if p.scope == "firm"]
    parts = [
        f"# Parameters of {kind}\n",
        f"{KINDS[kind].capitalize()}. {len(mine)} parameters, written from `moatlab.scenario.tables`; "
        f"`moatlab explain {kind}.{mine[0].name}` prints the same of one, with its value in a scenario.\n",
    ]
    for title, rows in ((f"Shared by all {kind}", shared), ("Of each row", own)):
        if rows:
            entries = [_entry(p, scenario.all_slugs, scenario.start) for p in rows]
            parts += [f"## {title}\n", *entries] if shared and own else entries
    return "\n".join(parts)


def metrics_page() -> str:
    """Every metric, table by table."""
    parts = [
        "# Metrics\n",
        "Every recorded metric, written from `moatlab.results.metrics`: `results.series(\"labs.revenue\")` is a pandas "
        "series, `--metric` of the commands takes the same addresses. LAYER is one of apps, labs, hosts, clouds, "
        "chipmakers, foundry.\n",
    ]  # fmt: skip
    for level, (title, rows, _) in LEVELS.items():
        parts += [f"## {title}\n", f"Rows: {rows}.\n"]
        for metric in metrics.TABLE:
            if metric.level == level:
                how = "derived from other columns" if metric.derive else "recorded in the month"
                how = "computed after the run from its ledger and books" if metric.books else how
                facts_of = [("Unit", escaped(metric.unit)), ("How", how)]
                parts.append(_described(metric_address(metric), metric.formula, facts_of))
    return "\n".join(parts)


def payments_page() -> str:
    """Every kind of payment."""
    parts = ["# Payments\n", "Every kind of payment in the ledger, written from `moatlab.results.payments`.\n"]
    for kind in KINDS_OF_PAYMENT:
        rows = [("From", kind.payer), ("To", kind.payee), ("To its payer", kind.use),
                ("To its payee", "revenue" if kind.sale else "no revenue")]  # fmt: skip
        parts.append(_described(kind.name, kind.meaning, rows))
    return "\n".join(parts)


def facts_page() -> str:
    """The dated facts that scenarios and targets rest on."""
    parts = [
        "# Facts\n",
        "Dated figures with their sources, from `src/moatlab/scenario/facts/market-facts.csv`. A scenario rests on "
        "what was known at its date only.\n",
    ]
    for known in facts().values():
        bounds = f" ({known.low:g} to {known.high:g})" if known.low is not None and known.high is not None else ""
        title = escaped(known.source_title)
        rows = [
            ("Value", f"{known.value:,.10g}{bounds} {escaped(known.unit)}"),
            ("Period", f"{known.period_start} to {known.period_end}"),
            ("Source", f"[{title}]({known.source_url})" if known.source_url else title or "none"),
            ("Confidence", f"{known.confidence}, {known.basis}"),
            *([("Note", escaped(known.note))] if known.note else []),
        ]
        listed = "\n".join(f"- **{name}:** {text}" for name, text in rows)
        what = escaped(f"{known.entity}, {known.metric}")
        parts.append(f"### {known.id} {{#{known.id.lower()}}}\n\n{what}\n\n{listed}\n")
    return "\n".join(parts)


def names_page(page: str) -> str:
    """Public names with their docstrings; the site's builder puts them where ``:::`` stands."""
    title, meaning, names = NAMES[page]
    return "\n\n".join([f"# {title}", meaning, *(f"::: {name}{_heading(name)}" for name in names)]) + "\n"


def _heading(name: str) -> str:
    """What moatlab itself exports is shown as people import it."""
    last = {"open_batch": "open"}.get(name.rpartition(".")[2], name.rpartition(".")[2])
    return f"\n    options:\n      heading: moatlab.{last}" if last in public_names() else ""


def index_page() -> str:
    """What the reference has, with links."""
    kinds = "\n".join(
        f"| [{kind}](parameters-{kind}.md) | {meaning} | {sum(p.kind == kind for p in REGISTRY.values())} |"
        for kind, meaning in KINDS.items()
    )
    return f"""# Reference

*Written from the package's own tables and docstrings when this site was built. The search finds every name below.*

| parameters of | what a row is | how many |
| --- | --- | --- |
{kinds}

- [Metrics](metrics.md): {len(metrics.TABLE)}, with unit and formula.
- [Payments](payments.md): {len(KINDS_OF_PAYMENT)} kinds.
- [Facts](facts.md): {len(facts())} dated figures with their sources.
- [Notation and units](../notation.md); [commands](commands.md).
- Python: {", ".join(f"[{title}](api/{page}.md)" for page, (title, _, _) in NAMES.items())}.
"""


def pages() -> dict[str, str]:
    """Markdown of every generated page of reference by its file below docs."""
    return {
        "reference/index.md": index_page(),
        **{f"reference/parameters-{kind}.md": parameters_page(kind) for kind in KINDS},
        "reference/metrics.md": metrics_page(),
        "reference/payments.md": payments_page(),
        "reference/facts.md": facts_page(),
        **{f"reference/api/{page}.md": names_page(page) for page in NAMES},
    }


def public_names() -> set[str]:
    """The names that `moatlab` exports."""
    return {*moatlab.__all__, "open"}
