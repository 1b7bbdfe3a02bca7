"""Names as people write them, the index of all names by layer, and search in what names mean."""

from __future__ import annotations

import re
from collections.abc import Iterable

from moatlab.cli.concepts import CONCEPTS
from moatlab.cli.glossary import GLOSSARY
from moatlab.results import metrics
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS
from moatlab.scenario.facts import facts
from moatlab.scenario.moats import MOATS
from moatlab.scenario.reading import packaged
from moatlab.scenario.registry import KINDS, RULES_ONLY
from moatlab.scenario.scenario import Scenario
from moatlab.scenario.tables import REGISTRY

#: Most lines that a search prints.
MOST_HITS = 40
#: A shorter word is in half of all meanings.
SHORTEST_WORD = 3


def metric_address(metric: metrics.Metric) -> str:
    """The address of a metric, with what stands for a layer, a firm or a category."""
    if metric.level == "market":
        return f"{metric.kind}.{metric.name}"
    if metric.level == "layer":
        return f"<layer>.{metric.name}"
    if metric.level == "owner":
        return f"owners.<owner>.{metric.name}"
    if metric.level == "money":
        return f"{metric.name} by layer and pool"
    return f"users.<category>.{metric.name}" if metric.level == "category" else f"<layer>.<slug>.{metric.name}"


def rows_called(name: str, scenario: Scenario) -> list[str]:
    """The firms and categories with this slug or display name, whatever its capitals: ``OpenAI`` is labs.openai."""
    wanted = " ".join(name.split()).casefold()
    return [
        f"{kind}.{slug}"
        for kind in ("users", *LAYERS)
        for slug in scenario.slugs(kind)
        if wanted in (slug, slug.replace("-", " "), scenario.display_name(kind, slug).casefold())
    ]


def spellings(name: str) -> list[str]:
    """Other ways in which a name may be spelt: lower case, and words joined as parameters and slugs join them."""
    words = name.strip().lower().split()
    found = [" ".join(words), "_".join(words), "-".join(words), "_".join(words).replace("-", "_")]
    return list(dict.fromkeys(spelt for spelt in found if spelt and spelt != name))


def known_names(scenario: Scenario) -> list[str]:
    """Every name that can be explained, for messages about one that cannot."""
    known = [*KINDS, *packaged(), *(p.address for p in REGISTRY.values()), *(p.name for p in REGISTRY.values())]
    known += [a for m in metrics.TABLE if "<" not in (a := metric_address(m))]
    known += [m.name for m in metrics.TABLE]
    known += [f"{layer}.{m.name}" for m in metrics.find("layer") for layer in LAYERS]
    for kind in ("users", *LAYERS):
        for slug in scenario.slugs(kind):
            known += [f"{kind}.{slug}", slug, scenario.display_name(kind, slug).lower()]
    known += [k.name for k in KINDS_OF_PAYMENT] + list(MOATS) + [n for names in GLOSSARY.values() for n in names]
    known += ["moat", "moats"]
    return known + [word for concept in CONCEPTS for word in concept.words]


def meanings_of_names(scenario: Scenario) -> list[tuple[str, str]]:
    """Every name with what it means, in a line."""
    found = [(", ".join(c.words[:1]), c.meaning) for c in CONCEPTS]
    found += [(p.address, f"{p.meaning} [{p.unit}]") for p in REGISTRY.values()]
    found += [(metric_address(m), f"{m.formula} [{m.unit}]") for m in metrics.TABLE]
    for kind in ("users", *LAYERS):
        found += [(f"{kind}.{slug}", scenario.display_name(kind, slug)) for slug in scenario.slugs(kind)]
    found += [(k.name, f"payment: {k.meaning}") for k in KINDS_OF_PAYMENT] + list(MOATS.items())
    found += [(name, text) for names in GLOSSARY.values() for name, text in names.items()]
    return found + [(name, f"{f.entity}, {f.metric}") for name, f in facts().items()]


def search(words: str, scenario: Scenario) -> list[tuple[str, str]]:
    """Names in whose spelling or meaning every one of the words begins a word; none for words of one or two letters."""
    wanted = re.findall(r"\w+", words.lower())
    if not wanted or min(map(len, wanted)) < SHORTEST_WORD:
        return []
    hits = []
    for name, meaning in meanings_of_names(scenario):
        text = f"{name.replace('_', ' ')} {meaning}".lower()
        if all(re.search(rf"\b{word}", text) for word in wanted) and (name, meaning) not in hits:
            hits.append((name, meaning))
    # What is called so comes before what only mentions it.
    return sorted(hits, key=lambda hit: not all(word in hit[0].lower() for word in wanted))


def index(scenario: Scenario) -> list[tuple[str, list[tuple[str, str]]]]:
    """All names by layer: titles with rows of what sort of name it is and the names themselves."""
    shelves = []
    for kind, meaning in KINDS.items():
        rows = []
        if kind not in RULES_ONLY:
            rows.append(("categories" if kind == "users" else "firms", _listed(scenario.slugs(kind))))
        rows.append(("parameters", _listed(p.name for p in REGISTRY.values() if p.kind == kind)))
        rows.append(("metrics", _listed(m.name for m in metrics.TABLE if m.level == "market" and m.kind == kind)))
        shelves.append((f"{kind}: {meaning}", rows))
    market = [m.name for m in metrics.TABLE if m.level == "market" and m.kind == "market"]
    shelves.append(("market", [("metrics", _listed(market))]))
    levels: tuple[tuple[metrics.Level, str], ...] = (
        ("layer", "of every layer (labs.revenue)"), ("firm", "of every firm (labs.openai.share)"),
        ("owner", "of every owner (owners.microsoft.economic_profit)"),
        ("category", "of every category (users.code.churn)"),
    )  # fmt: skip
    for level, title in levels:
        shelves.append((title, [("metrics", _listed(m.name for m in metrics.find(level)))]))
    words = [concept.words[0] for concept in CONCEPTS]
    shelves.append(("in words", [("moats", _listed(MOATS)), ("terms", "; ".join(words)),
                                 ("payments", "; ".join(k.name for k in KINDS_OF_PAYMENT))]))  # fmt: skip
    return [(title, [(label, text) for label, text in rows if text]) for title, rows in shelves]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
