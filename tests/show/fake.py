"""Made-up results of a run, deterministic, with everything that may go wrong in real ones."""

from __future__ import annotations

import networkx as nx  # type: ignore[import-untyped, unused-ignore]
import numpy as np
import pandas as pd

from moatlab.results.frames import Frames
from moatlab.results.metrics import find
from moatlab.results.payments import KINDS_OF_PAYMENT

CATEGORIES = ("chat", "code", "copy", "enterprise", "image", "search", "video")
NAMED: dict[str, tuple[str, ...]] = {
    "apps": ("ChatGPT", "Copilot", "Cursor", "Jasper", "Midjourney", "Gemini app", "Perplexity", "Runway",
             "Microsoft 365 Copilot for Business", "Character.AI"),
    "labs": ("OpenAI", "Anthropic", "Google", "Meta", "Mistral", "Cohere", "Stability"),
    "hosts": ("Together", "Replicate"),
    "clouds": ("Azure", "AWS", "Google", "Oracle", "CoreWeave", "Lambda"),
    "chipmakers": ("Nvidia", "AMD", "Google", "AWS", "Intel", "Cerebras", "Groq", "Huawei"),
    "foundry": ("TSMC",),
}  # fmt: skip
GROSS = {"apps": 900.0, "labs": 600.0, "hosts": 20.0, "clouds": 2500.0, "chipmakers": 3000.0, "foundry": 900.0}
GENERATED = 40


def fake(months: int = 120, seeds: int = 1, *, empty: bool = False) -> Frames:
    """A run of ``months`` under ``seeds``; ``empty`` gives one in which nobody sells anything."""
    rng = np.random.default_rng(7)
    grid = [(seed, month) for seed in range(1, seeds + 1) for month in range(months)]
    growth = {key: (0.0 if empty else 0.2 + 0.05 * key[1] + 0.02 * rng.standard_normal()) for key in grid}
    firms = _firms(grid, growth, rng, months)
    return Frames(
        market=_market(grid, rng),
        layers=_layers(grid, growth, firms, rng),
        categories=_categories(grid, growth, rng),
        firms=firms,
        payments=_payments(grid, growth, rng),
        retention=_retention(months, seeds, rng),
        title="baseline",
        start="2023-01",
        graph=_graph(firms, months - 1, rng),
        owners=_owners(firms),
    )


def _market(grid: list[tuple[int, int]], rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for seed, month in grid:
        row: dict[str, float] = {metric.column: float(rng.uniform(0.2, 1)) for metric in find("market")}
        scarcity = max(0.0, 2.0 * np.sin(month / 15) - 0.6)
        row |= {"seed": seed, "month": month, "marginal_cost": 0.6, "markup": 0.9, "scarcity_rent": scarcity}
        row |= {"rent": 1.5 + scarcity, "contract_rent": 1.7 + scarcity / 2, "full_unit_cost": 2.2 * 0.995**month}
        row |= {"chip_price": 30 + 10 * scarcity, "lead_time": 3 + 6 * scarcity, "unserved": scarcity / 20}
        row |= {"utilisation": min(1.0, 0.7 + scarcity), "generative_share": min(0.9, 0.1 + month / 100)}
        row |= {"labs.api_price": 20 * 0.95**month, "labs.serving_cost": 12 * 0.945**month}
        row |= {"hosts.price": np.nan if month < 5 else 9 * 0.948**month, "unit_token_price": 15 * 0.93**month}
        row |= {"installed": 500 * 1.03**month, "backlog": 100 * scarcity, "deliveries": 20 * 1.02**month}
        rows.append(row)
    return pd.DataFrame(rows)


def _firms(
    grid: list[tuple[int, int]], growth: dict[tuple[int, int], float], rng: np.random.Generator, months: int
) -> pd.DataFrame:
    rows = []
    for kind, names in NAMED.items():
        everyone = list(names) + ([f"Startup {n}" for n in range(GENERATED)] if kind == "apps" else [])
        for place, name in enumerate(everyone):
            named = place < len(names)
            enters, leaves = (
                (0, months) if place < 4 else (int(place * months / 90), months - 3 * max(place % 5 - 2, 0))
            )
            for seed, month in grid:
                if not enters <= month < leaves:
                    continue
                size = GROSS[kind] * growth[seed, month] / (place + 1) ** 1.1 / (3 if named else 6)
                size *= 1 + 0.6 * np.sin(month / 20 + place) + 0.08 * rng.standard_normal()
                rows.append({
                    "seed": seed, "month": month, "kind": kind, "slug": name.lower().replace(" ", "-"), "name": name,
                    "category": CATEGORIES[place % 7] if kind == "apps" else "", "named": named,
                    "revenue": 0.0 if place % 13 == 12 else max(size, 0.0), "price": 20.0, "customers": size / 20,
                })  # fmt: skip
    table = pd.DataFrame(rows)
    total = table.groupby(["seed", "month", "kind"])["revenue"].transform("sum")
    table["share"] = table["revenue"] / total.where(total > 0)
    return table


def _layers(
    grid: list[tuple[int, int]], growth: dict[tuple[int, int], float], firms: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    hhi = (firms["share"] ** 2).groupby([firms["seed"], firms["month"], firms["kind"]]).sum()
    rows = []
    for seed, month in grid:
        for layer, gross in GROSS.items():
            revenue = gross * growth[seed, month]
            boom = np.sin(month / 12)
            concentration = float(hhi.get((seed, month, layer), 0.0))
            rows.append({
                "seed": seed, "month": month, "layer": layer, "revenue": revenue, "hhi": concentration,
                "effective_firms": 1 / concentration if concentration > 0 else 0.0,
                "value_added": revenue * (0.4 - (0.9 * boom if layer == "clouds" else 0.0)),
                "generative_profit": revenue * (0.3 - (0.9 * boom if layer == "clouds" else 0.0))
                - (80 if layer == "labs" and month < 20 else 0),
                "operating_profit": revenue * 0.2,
                "gross_profit_after_depreciation": revenue * (0.5 + 0.05 * rng.standard_normal())
                - (80 if layer == "labs" and month < 20 else 0),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _owners(firms: pd.DataFrame) -> pd.DataFrame:
    """Firms of one slug have one owner, startups another; some lose."""
    table = firms.assign(owner=np.where(firms["named"], firms["slug"], "startups"))
    table["name"] = np.where(firms["named"], firms["name"], "Startups")
    sums = table.groupby(["seed", "month", "owner"], as_index=False).agg(
        name=("name", "first"), revenue=("revenue", "sum")
    )
    sums["generative_profit"] = sums["revenue"] * np.where(sums["owner"].str.len() % 3 == 0, -0.2, 0.4)
    return sums


def _categories(
    grid: list[tuple[int, int]], growth: dict[tuple[int, int], float], rng: np.random.Generator
) -> pd.DataFrame:
    rows = [
        {
            "seed": seed, "month": month, "category": name, "joined": 0.1 + place / 10, "hhi": 0.2 + 0.08 * place,
            "churn": np.nan if month == 0 else (0.04 + 0.01 * place + 0.1 * 0.9**month) * (1 + 0.05 * rng.random()),
            "revenue": growth[seed, month] * 100,
        }
        for seed, month in grid
        for place, name in enumerate(CATEGORIES)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _payments(
    grid: list[tuple[int, int]], growth: dict[tuple[int, int], float], rng: np.random.Generator
) -> pd.DataFrame:
    sizes = {"subscription": 900, "api": 250, "transfer": 150, "hosted inference": 20, "app compute": 25,
             "lab inference": 260, "lab training": 350, "host compute": 11, "outside compute": 1800, "chips": 1500,
             "packages": 400, "running cost": 500, "buildings": 300, "lab grant": 300, "app equity": 150,
             "cloud finance": 500, "chip payout": 800, "foundry payout": 150, "components": 300, "construction": 200,
             "app advance": 60, "app sweep": 20, "marketing": 150, "foundry operation": 100}  # fmt: skip
    rows = [
        {"seed": seed, "month": month, "kind": kind.name, "payer": kind.payer, "payee": kind.payee,
         "amount": sizes.get(kind.name, 4) * growth[seed, month] * float(rng.uniform(0.8, 1.2))}
        for seed, month in grid
        for kind in KINDS_OF_PAYMENT
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _retention(months: int, seeds: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (seed, name, joined, age, np.exp(-(((0.2 - 0.0012 * joined) * age) ** 0.7)) * (0.95 + 0.05 * rng.random()))
        for seed in range(1, seeds + 1)
        for name in CATEGORIES
        for joined in range(0, months, 1 if months < 12 else 6)
        for age in range(min(months - joined, 61))
    ]
    return pd.DataFrame(rows, columns=["seed", "category", "joined", "age", "retention"])


def _graph(firms: pd.DataFrame, month: int, rng: np.random.Generator) -> nx.DiGraph:
    alive = firms[(firms["month"] == month) & (firms["seed"] == 1)]
    graph = nx.DiGraph(month=month)
    for row in alive.itertuples():
        graph.add_node(f"{row.kind}.{row.slug}", kind=row.kind, name=row.name, revenue=row.revenue)
    sells = [("apps", "labs"), ("apps", "hosts"), ("labs", "clouds"), ("hosts", "clouds"), ("hosts", "labs"),
             ("clouds", "chipmakers"), ("chipmakers", "foundry")]  # fmt: skip
    nodes = dict(graph.nodes(data=True))
    for buyer, one in nodes.items():
        for seller, other in nodes.items():
            if (one["kind"], other["kind"]) in sells and rng.random() < 0.4:
                dollars = 0.2 * min(one["revenue"], other["revenue"]) * float(rng.random())
                graph.add_edge(buyer, seller, volume=dollars, dollars=dollars, kind="api")
    return graph
