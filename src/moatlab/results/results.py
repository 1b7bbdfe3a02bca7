"""What a run returns: tables by month, and pictures of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.results import metrics
from moatlab.results.addresses import OWNERS, metric_addresses
from moatlab.results.measure import Measure
from moatlab.results.paths import SHARED_OUT, Paths, layer_shares
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS
from moatlab.results.slugs import generated_slug
from moatlab.scenario.addresses import nearest

if TYPE_CHECKING:
    from moatlab.results.frames import Frames


@dataclass(frozen=True, repr=False)
class Table:
    """One table of a run; columns are those of `moatlab.results.metrics`, in the same units."""

    name: str
    _frame: pd.DataFrame = field(repr=False)

    def to_pandas(self) -> pd.DataFrame:
        """A copy as a data frame."""
        return self._frame.copy()

    def to_arrow(self) -> Any:
        """The table as a `pyarrow.Table`."""
        import pyarrow as pa

        return pa.Table.from_pandas(self._frame, preserve_index=False)

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        columns = ", ".join(map(str, self._frame))
        return f"<Table {self.name}: {len(self):,} rows; {columns if len(columns) < 400 else columns[:400] + ', ...'}>"

    def _repr_html_(self) -> str:
        from moatlab.results.text.html import frame, page

        return page(f"{self.name}: {len(self):,} rows", frame(self._frame, 6))

    def __getitem__(self, column: str) -> pd.Series:
        if column not in self._frame:
            raise InputError(
                f"the table {self.name} has no column {column!r}; {nearest(column, map(str, self._frame))}"
            )
        return self._frame[column].copy()


def _columns(structured: NDArray[Any], wanted: list[metrics.Metric]) -> dict[str, NDArray[np.float64]]:
    return {m.column: np.asarray(structured[m.field]) for m in wanted if m.derive is None and not m.books}


def _derive(columns: dict[str, Any], wanted: list[metrics.Metric]) -> None:
    for metric in wanted:
        if metric.derive is not None:
            columns[metric.column] = np.asarray(metric.derive(columns), float)


class Results:
    """The records of one run.  Tables are built when they are first read.

    ``market`` (a row a month), ``layers`` (month, layer), ``categories`` (month, category), ``firms`` (month, firm
    alive), ``owners`` (month, owner of firms), ``payments`` (month, kind of payment), ``ledger`` (month, kind, payer,
    payee), ``money`` (month, layer, pool of money), ``retention`` (category, month joined, age).
    """

    def __init__(self, parts: dict[str, list[Any]], about: dict[str, Any]) -> None:
        self._parts = parts
        self.about = about
        self._tables: dict[str, Table] = {}

    def __repr__(self) -> str:
        from moatlab.scenario.months import span_name

        when = f" ({span_name(0, self.months - 1, self.about['start'])})" if self.months else ""
        return f"<Results of {self.about['scenario']}, seed {self.about['seed']}, {self.months} months{when}>"

    def _repr_html_(self) -> str:
        from moatlab.results.text.html import frame, page

        if not self.months:
            return page(repr(self)[1:-1])
        layers = self.layers.to_pandas()
        last = layers[layers["month"] >= self.months - 12]
        wanted = ["revenue", "value_added", "gross_profit_after_depreciation", "operating_profit", "economic_profit"]
        sums = last.groupby("layer", sort=False)[wanted].sum().reset_index()
        return page(repr(self)[1:-1], "<p>M$ of the last twelve months</p>", frame(sums))

    def __getstate__(self) -> dict[str, Any]:
        return {"_parts": self._parts, "about": self.about, "_tables": {}}

    def _raw(self, name: str) -> Any:
        """A recorded table in one piece; parts are joined when they are first needed."""
        if len(self._parts[name]) > 1:
            self._parts[name] = [np.concatenate(self._parts[name])]
        return self._parts[name][0]

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = Table(name, getattr(self, f"_build_{name}")())
        return self._tables[name]

    @property
    def months(self) -> int:
        """Months recorded."""
        return int(self.about["months"])

    @property
    def layers(self) -> Table:
        """A row per month and layer."""
        return self._table("layers")

    @property
    def market(self) -> Table:
        """A row per month."""
        return self._table("market")

    @property
    def categories(self) -> Table:
        """A row per month and category of customers."""
        return self._table("categories")

    @property
    def firms(self) -> Table:
        """A row per month and firm alive; empty for a market that records layers only."""
        return self._table("firms")

    @property
    def owners(self) -> Table:
        """A row per month and owner of firms, consolidated; empty for a market that records layers only."""
        return self._table("owners")

    def measured(self, measure: Measure) -> Results:
        """The same run with economic profit and welfare measured otherwise (`moatlab.results.measure`)."""
        return Results(self._parts, {**self.about, "measure": measure})

    @property
    def payments(self) -> Table:
        """A row per month and kind of payment, M$."""
        return self._table("payments")

    @property
    def ledger(self) -> Table:
        """Every payment: month, kind, payer, payee, amount in M$."""
        return self._table("ledger")

    @property
    def money(self) -> Table:
        """The ultimate source of each layer's revenue and gross profit, by pool (`moatlab.results.money`).

        Money is followed from firm to firm, or from layer to layer in a run that records layers only.
        """
        return self._table("money")

    def origins(self, first: int = 0, last: int | None = None) -> pd.DataFrame:
        """By layer, the sources of its income in these months, and the share of each pool's dollar that stayed there.

        See `moatlab.results.money.origins`.
        """
        from moatlab.results.money import origins

        return origins(self.money.to_pandas(), first, last)

    @property
    def retention(self) -> Table:
        """Share of an average customer who joined in a month and is still with the app, by age in months.

        The survivors of the mix of types that joined, at each type's monthly rate of leaving in that category.
        """
        return self._table("retention")

    def _build_payments(self) -> pd.DataFrame:
        amounts = self._raw("payments")
        kinds = KINDS_OF_PAYMENT
        return pd.DataFrame(
            {
                "month": np.repeat(np.arange(self.months), len(kinds)),
                "kind": np.tile([k.name for k in kinds], self.months),
                "payer": np.tile([k.payer for k in kinds], self.months),
                "payee": np.tile([k.payee for k in kinds], self.months),
                "amount": amounts.ravel(),
            }
        )

    def _build_layers(self) -> pd.DataFrame:
        raw, amounts = self._raw("layers"), self._raw("payments")
        count = len(LAYERS)
        columns: dict[str, Any] = {
            "month": np.repeat(np.arange(self.months), count),
            "layer": np.tile(list(LAYERS), self.months),
        }
        for name, _, _ in metrics.LAYER_RECORDED:
            columns[name] = np.asarray(raw[name])

        def summed(codes_of: Any) -> NDArray[np.float64]:
            total: NDArray[np.float64] = np.zeros((self.months, count))
            for index, layer in enumerate(LAYERS):
                total[:, index] = amounts[:, codes_of(layer)].sum(axis=1)
            return total.ravel()

        for name, _, uses in metrics.LAYER_LEDGER:
            columns[name] = summed(
                metrics.sales_of if uses is None else lambda layer, uses=uses: metrics.uses_of(layer, uses)
            )
        columns["purchases"] = summed(metrics.purchases_of)
        columns["equity"] = summed(metrics.finance_of)
        _derive(columns, metrics.LAYER)
        economics = self._paths.economics.layers
        columns |= {m.name: economics[m.name].ravel() for m in metrics.LAYER_BOOKS}
        for name, of in SHARED_OUT.items():
            columns[name] = layer_shares(name, columns[of].reshape(self.months, count)).ravel()
        return pd.DataFrame(columns)

    def _build_market(self) -> pd.DataFrame:
        wanted = metrics.find("market")
        columns: dict[str, Any] = {"month": np.arange(self.months)}
        columns |= _columns(self._raw("market"), wanted)
        for metric in wanted:
            if metric.derive is not None or metric.books:
                columns[metric.column] = self._paths.column("market", "market", 0, metric.column)
        for address, (path, _, _) in self.about["own_metrics"].items():
            columns[address] = np.asarray(path, float)
        frame = pd.DataFrame(columns)
        return frame.drop(columns=[m.column for m in metrics.HIDDEN])

    def _build_categories(self) -> pd.DataFrame:
        slugs = self.about["slugs"]["users"]
        columns: dict[str, Any] = {
            "month": np.repeat(np.arange(self.months), len(slugs)),
            "category": np.tile(list(slugs), self.months),
        }
        wanted = metrics.find("category")
        columns |= _columns(self._raw("categories"), wanted)
        _derive(columns, wanted)
        return pd.DataFrame(columns)

    def _build_firms(self) -> pd.DataFrame:
        if self.about["detail"] != "firm":
            keys = ["month", "kind", "slug", "name", "category", "named"]
            return pd.DataFrame(columns=[*keys, *(m.column for m in metrics.find("firm"))])
        raw = self._raw("firms")
        kinds = np.array(LAYERS)[raw["kind"]]
        about = self.about
        slug = np.empty(len(raw), object)
        name = np.empty(len(raw), object)
        category = np.full(len(raw), "", object)
        named = np.ones(len(raw), bool)
        for kind in LAYERS:
            mine = kinds == kind
            at = raw["row"][mine]
            own = list(about["slugs"][kind])
            every = self._app_slugs() if kind == "apps" else own
            titles = [about["names"].get((kind, i), s) for i, s in enumerate(every)]
            slug[mine] = np.array(every, object)[at]
            name[mine] = np.array(titles, object)[at]
            if kind == "apps":
                named[mine] = at < len(own)
                category[mine] = np.array(about["slugs"]["users"], object)[np.asarray(about["app_categories"])[at]]
        columns: dict[str, Any] = {"month": raw["month"].astype(np.int64), "kind": kinds, "slug": slug, "name": name}
        columns |= {"category": category, "named": named}
        wanted = metrics.find("firm")
        columns |= _columns(raw, wanted)
        sources = [f"{kind}.{about['slugs'][kind][seller]}" for kind, seller, _ in about["offers"]] + ["own"]
        code = np.asarray(columns["source"])
        known = np.isfinite(code)
        told = np.full(len(raw), "", object)
        told[known] = np.array(sources, object)[code[known].astype(int)]
        columns["source"] = told
        _derive(columns, wanted)
        columns |= self._books_of_firms(kinds, raw)
        return pd.DataFrame(columns)

    def _books_of_firms(self, kinds: NDArray[Any], raw: Any) -> dict[str, NDArray[np.float64]]:
        """Columns of the firms' table that come from the books, for its rows."""
        economics = self._paths.economics
        place = {firm: at for at, firm in enumerate(economics.named)}
        months, rows = np.asarray(raw["month"]), np.asarray(raw["row"])
        generated = (kinds == "apps") & (rows >= len(self.about["slugs"]["apps"]))
        at = np.array([place.get((kind, row), 0) for kind, row in zip(kinds.tolist(), rows.tolist(), strict=True)], int)
        found = {}
        for metric in metrics.FIRM_BOOKS:
            values = economics.firms[metric.name][months, at] if len(place) else np.zeros(len(raw))
            if generated.any():
                values[generated] = economics.apps[metric.name][months[generated], rows[generated]]
            found[metric.name] = values
        return found

    def _build_owners(self) -> pd.DataFrame:
        keys = ["month", "owner", "name"]
        if self.about["detail"] != "firm":
            return pd.DataFrame(columns=[*keys, *(m.name for m in metrics.OWNER)])
        names = self.about["owner_names"]
        columns: dict[str, Any] = {
            "month": np.repeat(np.arange(self.months), len(names)),
            "owner": np.tile(np.array(list(names), object), self.months),
            "name": np.tile(np.array(list(names.values()), object), self.months),
        }
        economics = self._paths.economics.owners
        return pd.DataFrame(columns | {m.name: economics[m.name].ravel() for m in metrics.OWNER})

    def _app_slugs(self) -> list[str]:
        about = self.about
        users, named = about["slugs"]["users"], about["slugs"]["apps"]
        drawn = zip(about["app_categories"][len(named) :], about["app_identities"][len(named) :], strict=True)
        return [*named, *(generated_slug(users[int(k)], int(who)) for k, who in drawn)]

    def _account_names(self) -> list[str]:
        from moatlab.results.payments import OUTSIDE_PARTIES

        slugs = self.about["slugs"]
        names = list(OUTSIDE_PARTIES)
        for kind in LAYERS[1:]:
            names += [f"{kind}.{slug}" for slug in slugs[kind]]
        return names + [f"apps.{slug}" for slug in self._app_slugs()]

    def _build_ledger(self) -> pd.DataFrame:
        postings = self._raw("postings")
        names = np.array(self._account_names(), object)
        kinds = np.array([k.name for k in KINDS_OF_PAYMENT], object)
        return pd.DataFrame(
            {
                "month": postings["month"].astype(np.int64),
                "kind": kinds[postings["kind"]],
                "payer": names[postings["payer"]],
                "payee": names[postings["payee"]],
                "amount": postings["amount"],
            }
        )

    def _build_money(self) -> pd.DataFrame:
        from moatlab.results.money import money_table

        depreciation = np.asarray(self._raw("layers")["depreciation"]).reshape(self.months, len(LAYERS))
        postings = self._raw("postings") if self.about["detail"] == "firm" else None
        return money_table(self._raw("payments"), postings, self.about["first_account"], depreciation,
                           self.about["first_cash"])  # fmt: skip

    def _build_retention(self) -> pd.DataFrame:
        raw = self._raw("categories")
        slugs = self.about["slugs"]["users"]
        parts = []
        for index, slug in enumerate(slugs):
            rows = raw[index :: len(slugs)]
            joined = np.asarray(rows["joined"])
            tourists = np.divide(rows["joined_tourists"], joined, out=np.zeros(self.months), where=joined > 0)
            # Log survival to the end of each month, by type; who joins in month m first decides in m + 1.
            keep_t = np.cumsum(np.log1p(-np.minimum(np.nan_to_num(rows["leave_tourists"]), 1 - 1e-12)))
            keep_c = np.cumsum(np.log1p(-np.minimum(np.nan_to_num(rows["leave_committed"]), 1 - 1e-12)))
            at, later = np.triu_indices(self.months)
            share = tourists[at] * np.exp(keep_t[later] - keep_t[at])
            share += (1.0 - tourists[at]) * np.exp(keep_c[later] - keep_c[at])
            share[joined[at] <= 0] = np.nan
            parts.append(pd.DataFrame({"category": slug, "joined": at, "age": later - at, "retention": share}))
        return pd.concat(parts, ignore_index=True)

    # Looking things up -----------------------------------------------------------------------------------------------

    def series(self, address: str) -> pd.Series:
        """The path of one metric by month: ``market.rent``, ``labs.revenue``, ``users.code.churn``,
        ``labs.openai.share``.  Months in which a firm was not alive are not-a-number.

        Raises `InputError` for a metric or firm that does not exist.
        """
        parts = address.split(".")
        months = range(self.months)
        market, layers = self.market.to_pandas(), self.layers.to_pandas()
        if len(parts) == 2:
            kind, name = parts
            column = name if kind == "market" else address
            if column in market and column != "month":
                return market.set_index("month")[column]
            if kind in LAYERS and name in layers:
                return layers[layers["layer"] == kind].set_index("month")[name].reindex(months)
        elif len(parts) == 3:
            kind, slug, name = parts
            if kind == OWNERS:
                owners = self.owners.to_pandas()
                if slug in self.about["slugs"][OWNERS] and name in owners:
                    return owners[owners["owner"] == slug].set_index("month")[name]
            frame = self.categories.to_pandas() if kind == "users" else self.firms.to_pandas()
            if kind == "users" and slug in self.about["slugs"]["users"] and name in frame:
                return frame[frame["category"] == slug].set_index("month")[name]
            if kind in LAYERS and name in frame:
                mine = frame[(frame["kind"] == kind) & (frame["slug"] == slug)]
                if len(mine):
                    return mine.set_index("month")[name].reindex(months)
        raise InputError(f"there is no metric {address!r} in this run; {nearest(address, self.addresses())}")

    def addresses(self) -> list[str]:
        """The metrics that have an address, with those of one firm or category as ``kind.slug.metric``."""
        return [*metric_addresses(self.about["slugs"]), *self.about["own_metrics"]]

    @cached_property
    def _paths(self) -> Paths:
        return Paths(self._raw, self.about)

    def path(self, address: str) -> NDArray[np.float64]:
        """The numbers of `series`, one a month, without building tables.

        Raises `InputError` for a metric or firm that does not exist, and for firms where only layers are recorded.
        """
        return self._paths[address].copy()

    def equals(self, other: Results) -> bool:
        """Whether all that was recorded is the same in another run, byte for byte."""
        tables = self._parts.keys() & other._parts.keys()
        return all(self._raw(name).tobytes() == other._raw(name).tobytes() for name in tables)

    def named(self) -> Results:
        """A copy with the named firms only and without the ledger: a tenth of the memory, for many runs at once."""
        flows = self._paths.economics.flows_of_named
        firms = self._raw("firms")
        named = [len(self.about["slugs"][kind]) for kind in LAYERS]
        keep = firms["row"] < np.array(named)[firms["kind"]]
        # The ledger is the largest table by far: it is not joined only to be left out.
        parts = {name: [self._raw(name)] for name in self._parts if name != "postings"}
        kept = {"firms": [firms[keep]], "flows": [flows], "postings": [self._parts["postings"][0][:0]]}
        return Results({**parts, **kept}, self.about)

    def frames(self, graph: Any = None) -> Frames:
        """The tables as the pictures take them."""
        return frames([self], graph)

    def plot(self, name: str = "shares", layer: str | None = None) -> Any:
        """A picture as a matplotlib figure: ``shares``, ``accrual``, ``prices``, ``retention``, ``flow``, ...

        ``plot("share", layer="labs")`` draws the market shares of one layer.  Raises `InputError` for other names.
        """
        from moatlab import show

        if not self.months:
            raise InputError("no month has been simulated yet: run the market first")
        if name == "share":
            if layer not in LAYERS:
                raise InputError(f"share needs a layer: one of {', '.join(LAYERS)}")
            return show.share(self.frames(), layer)
        if name not in show.PICTURES:
            raise InputError(f"there is no picture {name!r}; {nearest(name, [*show.PICTURES, 'share'])}")
        return show.PICTURES[name](self.frames())


def frames(runs: list[Results], graph: Any = None, money: bool = False) -> Frames:
    """The tables of several runs of one scenario under different seeds, one below the other.

    With ``money`` that table too, which takes longer than all the others.
    """
    from moatlab.results.frames import Frames

    def stack(name: str) -> pd.DataFrame:
        parts = []
        for run in runs:
            part = getattr(run, name).to_pandas()
            part.insert(0, "seed", run.about["seed"])
            parts.append(part)
        stacked: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return stacked

    first = runs[0].about
    return Frames(
        market=stack("market"), layers=stack("layers"), categories=stack("categories"), firms=stack("firms"),
        payments=stack("payments"), retention=stack("retention"), title=first["title"], start=first["start"],
        graph=graph, money=stack("money") if money else None, owners=stack("owners"), events=first["events"],
        measure=first["measure"],
    )  # fmt: skip
