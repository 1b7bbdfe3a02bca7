"""The state of one market: a structured array per kind, edges and shares between kinds, accounts.

Everything that a month changes is here, so that a market can be pickled, copied, compared and fed to another program.
Rows of apps are appended and never reused; ``live`` holds the rows alive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.market.state.arrays import NAMES, Arrays
from moatlab.market.state.codes import HOST, UNPUBLISHED
from moatlab.market.state.compiled import PLAIN_PYTHON, Rows
from moatlab.market.state.fields import (
    BUYER_DTYPE,
    CACHE_LINE,
    CATEGORY_DTYPE,
    FIRM_DTYPE,
    LAYER_DTYPE,
    MARKET_DTYPE,
    NOW_DTYPE,
    OFFER_DTYPE,
    SHARED_DTYPE,
    dtype_of,
)
from moatlab.market.state.posting import POSTING_DTYPE
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS, OUTSIDE_PARTIES

#: Layers with a fixed number of rows, in the order of their accounts.
FIXED = LAYERS[1:]
#: Generations of chips that fleets tell apart, months that a pipeline and a construction site look ahead.
GENERATIONS, PIPELINE, CONSTRUCTION = 12, 32, 64
#: Room for further apps, relative to those there are, when arrays are made or grow; and when many grow.
SLACK, SLACK_OF_MANY, MANY = 2.0, 1.25, 10_000


#: Arrays that are blocks of the ledger or of the recorder.
HANDED_OVER = ("book", "market_records", "layer_records", "category_records", "firm_records", "payment_records")
Matrix = NDArray[np.float64]
Mask = NDArray[np.uint8]


class PlainRow(np.record):  # type: ignore[misc]
    """A row whose fields are attributes, for kernels that run as plain Python; fields win over numpy's own names."""

    def __getattribute__(self, name: str) -> Any:
        fields = np.record.__getattribute__(self, "dtype").fields
        return self[name] if fields and name in fields else np.record.__getattribute__(self, name)


def as_rows(array: Any) -> Rows:
    """``array`` as kernels take it: with fields as attributes of its rows where they run as plain Python."""
    return array.view(np.dtype((PlainRow, array.dtype))) if PLAIN_PYTHON and array.dtype.names else array


def rows(dtype: np.dtype[np.void], count: int) -> Rows:
    """``count`` zeroed rows, from the start of a cache line on."""
    size = dtype.itemsize * count
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return as_rows(memory[first : first + size].view(dtype))


def copied(array: Any) -> Any:
    """A copy of ``array``; of rows, from the start of a cache line on."""
    if not array.dtype.names:
        return array.copy()
    twin = rows(array.dtype, array.shape[0])
    twin.view(np.uint8)[:] = array.view(np.uint8)
    return twin


def enlarged(array: Any, length: int) -> Any:
    """A copy of ``array`` with room for ``length`` rows; the new ones are zero."""
    larger = rows(array.dtype, length) if array.dtype.names else np.zeros((length, *array.shape[1:]), array.dtype)
    larger[: array.shape[0]] = array
    return larger


class State:
    """Arrays of one market.  Shapes: A apps (with room), L labs, H hosts, C clouds, V chipmakers, F foundries.

    ``routing`` [A, offers + 1] shares of an app's tokens by offer, its own model last; ``grades`` [offers, categories]
    capability (points); ``sellers`` [A, L + H] edges to
    labs and hosts; ``app_edges``, ``app_places`` [A, C] edges and shares of hours; ``edges``, ``places``
    [L + H + 1, C] the same for labs, hosts and outside demand; ``licences`` [H, L] edges from hosts to makers of open
    models; ``vendors``, ``backlog``, ``prepaid`` [C, V] edges, orders (kGPU) and what is paid of them (M$); ``fabs``
    [V, F] edges; ``fleet`` [C, V, generations] kGPU; ``pipeline`` [V, months] kGPU; ``construction`` [F, months]
    kpackages per month;
    ``specialisation`` [L, categories] points; ``cash`` [accounts] M$; ``buyers`` of GPU-hours of the month, and in
    ``matrices`` [4, buyers, C] their shares last month, affinities, hours of inference and hours of training.
    ``book`` and the ``*_records`` are blocks that the ledger and the recorder hand over; ``totals`` [kinds of payment
    + 1] are the month's payments by kind (M$), and the place of the next posting in ``book``.
    """

    def __init__(self, counts: dict[str, int], apps: int) -> None:
        room = int(apps * (SLACK if apps < MANY else SLACK_OF_MANY if apps < 10 * MANY else 1.01)) + 8
        self.users: Rows = rows(dtype_of("users"), counts["users"])
        self.apps: Rows = rows(dtype_of("apps"), room)
        self.labs: Rows = rows(dtype_of("labs"), counts["labs"])
        self.hosts: Rows = rows(dtype_of("hosts"), counts["hosts"])
        self.clouds: Rows = rows(dtype_of("clouds"), counts["clouds"])
        self.chipmakers: Rows = rows(dtype_of("chipmakers"), counts["chipmakers"])
        self.foundry: Rows = rows(dtype_of("foundry"), counts["foundry"])
        self.shared: Rows = rows(SHARED_DTYPE, 1)
        self.now: Rows = rows(NOW_DTYPE, 1)
        self.now["rows"] = apps
        #: Values that ``apps.*.name`` of the scenario gives to generated apps, at the start and at entry.
        self.app_defaults: dict[str, float] = {}
        #: Counts the changes of edges, for those who keep a copy of them.
        self.edges_version = 0
        #: Rows of apps that are alive, in the first ``_living`` places.
        self._rows: NDArray[np.int64] = np.zeros(room, np.int64)
        self._rows[:apps] = np.arange(apps)
        self._living = apps
        labs, hosts, clouds = counts["labs"], counts["hosts"], counts["clouds"]
        self.offers: Rows = rows(OFFER_DTYPE, labs)
        for lab in range(labs):
            self.offers["seller"][lab] = lab
            self.offers["lab"][lab] = lab
        self.grades: Matrix = np.zeros((labs, counts["users"]))
        self.routing: Matrix = np.zeros((room, labs + 1))
        self.next_routing: Matrix = np.zeros((room, labs + 1))
        self.sellers: Mask = np.zeros((room, labs + hosts), np.uint8)
        self.app_edges: Mask = np.zeros((room, clouds), np.uint8)
        self.app_places: Matrix = np.zeros((room, clouds))
        self.edges: Mask = np.ones((labs + hosts + 1, clouds), np.uint8)
        self.places: Matrix = np.zeros((labs + hosts + 1, clouds))
        self.licences: Mask = np.ones((hosts, labs), np.uint8)
        self.vendors: Mask = np.ones((clouds, counts["chipmakers"]), np.uint8)
        self.backlog: Matrix = np.zeros((clouds, counts["chipmakers"]))
        self.prepaid: Matrix = np.zeros((clouds, counts["chipmakers"]))
        self.fabs: Mask = np.ones((counts["chipmakers"], counts["foundry"]), np.uint8)
        self.fleet: NDArray[np.float64] = np.zeros((clouds, counts["chipmakers"], GENERATIONS))
        self.pipeline: Matrix = np.zeros((counts["chipmakers"], PIPELINE))
        self.construction: Matrix = np.zeros((counts["foundry"], CONSTRUCTION))
        self.specialisation: Matrix = np.zeros((labs, counts["users"]))
        self.entrants: NDArray[np.int64] = np.zeros(counts["users"], np.int64)
        #: A startup as founders imagine it.
        self.newcomer: Rows = rows(dtype_of("apps"), 1)
        account = len(OUTSIDE_PARTIES)
        self.first_account: dict[str, int] = {}
        for kind in FIXED:
            self.first_account[kind] = account
            self.kind(kind)["account"] = account + np.arange(counts[kind])
            account += counts[kind]
        self.first_account["apps"] = account
        self.now["app_account"] = account
        self.cash: NDArray[np.float64] = np.zeros(account + room)
        self.buyers: Rows = rows(BUYER_DTYPE, 0)
        self.matrices: NDArray[np.float64] = np.zeros((4, 0, clouds))
        self.book: Rows = rows(POSTING_DTYPE, 0)
        self.totals: NDArray[np.float64] = np.zeros(len(KINDS_OF_PAYMENT) + 1)
        self.market_records: Rows = rows(MARKET_DTYPE, 0)
        self.layer_records: Rows = rows(LAYER_DTYPE, 0)
        self.category_records: Rows = rows(CATEGORY_DTYPE, 0)
        self.firm_records: Rows = rows(FIRM_DTYPE, 0)
        self.payment_records: Matrix = np.zeros((0, len(KINDS_OF_PAYMENT)))
        self.arrays = Arrays()
        #: The months completed, a view of ``now`` [1]: looking a field of one row up costs more than a kernel's entry.
        self.clock: Any
        self.make_room_for_buyers(labs + hosts + 1)

    def gather(self) -> None:
        """Take up arrays that were replaced; whoever replaces one calls this."""
        for name in NAMES:
            self.arrays.take(name, getattr(self, name))
        self.clock = self.now["month"]

    def __deepcopy__(self, memo: dict[int, Any]) -> State:
        """A copy with arrays of its own, made for every run: the general way takes ten times as long."""
        twin = State.__new__(State)
        for name, value in self.__dict__.items():
            # Blocks of the journal and of records belong to the ledger and the recorder, who hand theirs over.
            own = isinstance(value, np.ndarray) and name not in HANDED_OVER
            twin.__dict__[name] = copied(value) if own else value
        twin.app_defaults = dict(self.app_defaults)
        twin.first_account = dict(self.first_account)
        twin.arrays = Arrays()
        twin.gather()
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "arrays"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.arrays = Arrays()
        self.gather()

    @property
    def count(self) -> int:
        """Rows of apps in use, those of firms that have left included."""
        return int(self.now["rows"][0])

    @property
    def buyer_count(self) -> int:
        """Buyers of GPU-hours this month: rows of ``buyers`` in use."""
        return int(self.now["buyers"][0])

    @property
    def live(self) -> NDArray[np.int64]:
        """Rows of the apps alive, in the order of their birth."""
        return self._rows[: self._living]

    def turn_over(self) -> None:
        """Keep the rows of `live` that stay, and make room for the startups that come, which are not yet numbered."""
        kept, coming = int(self.now["kept"][0]), int(self.now["coming"][0])
        if coming:
            self.reserve(coming)
        if kept + coming != self._living:
            self._living = kept + coming
            self.arrays.take("live", self.live)

    def kind(self, name: str) -> Rows:
        """The rows of a kind, by its name."""
        return getattr(self, name)

    def reserve(self, further: int) -> None:
        """Make room for ``further`` apps beyond those there are."""
        needed = self.count + further
        if needed <= self.apps.shape[0]:
            return
        room = int(needed * (SLACK if needed < MANY else SLACK_OF_MANY)) + 8
        for name in ("apps", "routing", "next_routing", "sellers", "app_edges", "app_places"):
            setattr(self, name, enlarged(getattr(self, name), room))
        self._rows = enlarged(self._rows, room)
        self.cash = enlarged(self.cash, self.first_account["apps"] + room)
        self.fill_rows(self.count)
        self.gather()

    def fill_rows(self, first: int) -> None:
        """Give the rows from ``first`` on what the scenario says of all generated apps, those to come included."""
        for name, value in self.app_defaults.items():
            self.apps[name][first:] = value
            self.newcomer[name] = value

    def make_room_for_buyers(self, needed: int) -> None:
        """Room for ``needed`` buyers of GPU-hours: labs, hosts, outside demand and apps with models of their own."""
        if needed > self.buyers.shape[0]:
            room = int(needed * SLACK) + 8
            self.buyers = rows(BUYER_DTYPE, room)
            self.matrices = np.zeros((4, room, self.clouds.shape[0]))
        self.gather()

    def list_offers(self) -> None:
        """Bring the columns of the routing in line with which labs publish and which hosts are licensed to serve them.

        New columns are appended before the last, which is the apps' own models; a column once made stays, and is not
        for sale while it is not licensed.
        """
        for offer in self.offers:
            hosted = offer["seller_kind"] == HOST
            offer["licensed"] = int(not hosted or self.licences[offer["seller"], offer["lab"]] != 0)
            if offer["licensed"] == 0:
                offer["open"] = 0
        have = {(int(o["seller_kind"]), int(o["seller"]), int(o["lab"])) for o in self.offers}
        new = [
            (HOST, host, lab)
            for host in range(self.hosts.shape[0])
            for lab in range(self.labs.shape[0])
            if (self.labs["open"][lab] == 1 or self.labs["published"][lab] > UNPUBLISHED)
            and self.licences[host, lab]
            and (HOST, host, lab) not in have
        ]
        if not new:
            return
        before = self.offers.shape[0]
        self.offers = enlarged(self.offers, before + len(new))
        self.grades = enlarged(self.grades, before + len(new))
        for place, (kind, host, lab) in enumerate(new, start=before):
            self.offers["seller_kind"][place] = kind
            self.offers["seller"][place] = host
            self.offers["lab"][place] = lab
            self.offers["service"][place] = 1.0
            self.offers["licensed"][place] = 1
        for name in ("routing", "next_routing"):
            old = getattr(self, name)
            wide = np.zeros((old.shape[0], before + len(new) + 1))
            wide[:, :before] = old[:, :before]
            wide[:, -1] = old[:, -1]
            setattr(self, name, wide)
        self.gather()

    def account_party(self, account: int) -> tuple[str, int]:
        """The (party or kind, row) that an account belongs to."""
        if account < len(OUTSIDE_PARTIES):
            return OUTSIDE_PARTIES[account], 0
        for kind in reversed((*FIXED, "apps")):
            if account >= self.first_account[kind]:
                return kind, account - self.first_account[kind]
        raise IndexError(account)

    def bytes(self) -> int:
        """Memory of all arrays (bytes)."""
        return sum(value.nbytes for value in self.__dict__.values() if isinstance(value, np.ndarray))

    def bytes_per_app(self) -> float:
        """Memory of the arrays that grow with apps, per row of room (bytes)."""
        arrays = [self.apps, self.routing, self.next_routing, self.sellers, self.app_edges, self.app_places]
        total: int = sum(int(a.nbytes) for a in arrays)
        return total / int(self.apps.shape[0]) + 16.0
