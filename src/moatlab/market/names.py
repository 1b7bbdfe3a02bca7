"""Names of a market's firms: from the row of a kind to an address, and back."""

from __future__ import annotations

from moatlab.errors import InputError
from moatlab.market.state.state import State
from moatlab.results.payments import LAYERS, OUTSIDE_PARTIES
from moatlab.results.slugs import generated_slug
from moatlab.scenario.scenario import Scenario


class Names:
    """Addresses and display names of the firms of a scenario, and of those that a market generated since."""

    def __init__(self, scenario: Scenario, state: State) -> None:
        self._scenario = scenario
        self._state = state
        #: Slugs of the rows that the scenario names, by kind.
        self.slugs: dict[str, tuple[str, ...]] = {kind: scenario.slugs(kind) for kind in ("users", *LAYERS)}

    def slug(self, kind: str, row: int) -> str:
        """Name in addresses of the firm in that row; a generated startup's is category-birth-index."""
        named = self.slugs[kind]
        if row < len(named):
            return named[row]
        category = self.slugs["users"][int(self._state.apps["category"][row])]
        return generated_slug(category, int(self._state.apps["identity"][row]))

    def display_name(self, kind: str, row: int) -> str:
        """Name to show."""
        named = self.slugs[kind]
        return self._scenario.display_name(kind, named[row]) if row < len(named) else self.slug(kind, row)

    def find_row(self, address: str) -> tuple[str, int]:
        """The (kind, row) of a firm's address ``kind.slug``; ``outside`` is outside demand.

        Raises `InputError` where there is no such firm.
        """
        if address == "outside":
            return "outside", 0
        kind, _, slug = address.partition(".")
        if kind in self.slugs and slug in self.slugs[kind]:
            return kind, self.slugs[kind].index(slug)
        if kind == "apps":
            for row in range(len(self.slugs["apps"]), self._state.count):
                if self.slug("apps", row) == slug:
                    return "apps", row
        raise InputError(f"there is no firm {address!r} in {self._scenario.name}")

    def account_name(self, account: int) -> str:
        """Name of an account: a firm's address, or users, outside, investors, parents, suppliers."""
        party, row = self._state.account_party(account)
        return party if party in OUTSIDE_PARTIES else f"{party}.{self.slug(party, row)}"
