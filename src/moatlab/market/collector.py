"""What Mesa's tools read of a market: a `mesa.DataCollector` that the market's own records fill."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import mesa
import pandas as pd

from moatlab.results.addresses import metric_addresses
from moatlab.results.results import Results


class RecordCollector(mesa.DataCollector):
    """The market-wide metrics and those of layers by address (``market.rent``, ``labs.revenue``), a row a month.

    A market records all of them anyway, so nothing is collected while it runs: the rows that are missing are written
    when somebody asks for the collector's figures.  It has no reporters of agents: firms are in ``results.firms``.
    """

    def __init__(self, results: Callable[[], Results], own: tuple[str, ...] = ()) -> None:
        """``results`` gives what has been recorded so far; ``own`` are the metrics of rules from outside."""
        addresses = [*metric_addresses({}), *own]
        super().__init__(model_reporters={address: address for address in addresses})
        self._results = results
        self._months = 0

    def fill(self) -> None:
        """Write the rows of the months that have been simulated since."""
        results = self._results()
        if self._months == results.months:
            return
        paths = {address: results.path(address).tolist() for address in self.model_reporters}
        for month in range(self._months, results.months):
            # To a collector a model is what carries the count of steps and the attributes that the reporters name.
            row = {address: path[month] for address, path in paths.items()}
            super().collect(SimpleNamespace(steps=month + 1, time=month + 1.0, **row))
        self._months = results.months

    def collect(self, model: mesa.Model) -> None:
        """Write what is missing: a month is never written twice."""
        self.fill()

    def get_model_vars_dataframe(self) -> pd.DataFrame:
        """A row a month, a column a metric."""
        self.fill()
        frame: pd.DataFrame = super().get_model_vars_dataframe()
        return frame
