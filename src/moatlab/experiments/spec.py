"""An experiment file: what may stand in it, checked before anything runs.

See docs/experiments.md for the file by example.  Declared apart are the base scenario, the arms, the uncertainties with
their design, the replications, and the outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from moatlab.errors import InputError
from moatlab.results.outcomes import Reduce
from moatlab.scenario.addresses import SLUG, nearest
from moatlab.scenario.files import decoded, read_tables
from moatlab.scenario.reading import LONGEST
from moatlab.scenario.values import plain


def _plain(value: Any) -> Any:
    """A value of a parameter as TOML writes it; numpy's scalars become Python's."""
    plain = value.item() if hasattr(value, "item") else value
    if not isinstance(plain, bool | int | float | str) or (isinstance(plain, float) and not math.isfinite(plain)):
        raise ValueError(f"takes a number, text, or true or false, not {value!r}")
    return plain


Value = Annotated[Any, BeforeValidator(_plain)]
Kind = Literal["replications", "grid", "chosen", "latin", "random", "sobol", "morris"]
#: Most runs that one experiment may have.
MOST_RUNS = 1_000_000
#: The arm that the others are compared with, if one has this name.
CONTROL = "control"
_WORDS = {
    "a valid dictionary": "a table",
    "a valid tuple": "a list",
    "a valid list": "a list",
    "a valid string": "text",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
}


def _scenario(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("scenario is the name of a packaged one or the path of a file")
    if value is None or isinstance(value, bool | int | float | list | dict):
        raise ValueError(f"scenario is the name of a packaged one or the path of a file, not {value!r}")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Arm(_Table):
    """One arm: what it changes in the base scenario.

    ``luck`` "own" gives the arm draws of its own, so that it shares none with the others (for null experiments).
    ``replace`` puts agent classes of one's own in the place of firms; only Python can say that.  ``scenario`` is a base
    scenario of the arm's own, by name, path or, in Python, itself.
    """

    scenario: Any = None

    meaning: StrictStr = ""
    set: dict[str, Value] = {}
    events: tuple[StrictStr, ...] = ()
    replace: dict[str, Any] = {}
    luck: Literal["shared", "own"] = "shared"

    @field_validator("scenario")
    @classmethod
    def _names_a_scenario(cls, value: Any) -> Any:
        return value if value is None else _scenario(value)


class Uncertainty(_Table):
    """The range of an uncertain parameter, or the ``values`` that it takes."""

    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"
    values: tuple[Value, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: Any) -> Any:
        """``[low, high]`` is short for a linear range."""
        if isinstance(given, list | tuple):
            if len(given) != 2:
                raise ValueError("a range is [low, high]; several values are { values = [...] }")
            return {"low": given[0], "high": given[1]}
        return given

    @field_validator("low", "high", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"a bound is a number, not {value!r}")
        return value

    @model_validator(mode="after")
    def _check(self) -> Uncertainty:
        if self.values:
            if self.low is not None or self.high is not None:
                raise ValueError("takes either a range or values")
            if len(set(map(repr, self.values))) < max(2, len(self.values)):
                raise ValueError("values takes at least two different values, none of them twice")
        elif self.low is None or self.high is None:
            raise ValueError("takes low and high, or values")
        elif self.low >= self.high:
            raise ValueError(f"its range is upside down: low {self.low:g} is not below high {self.high:g}")
        elif self.scale == "log" and self.low <= 0.0:
            raise ValueError(f"a logarithmic range starts above 0, not at {self.low:g}")
        return self


class Design(_Table):
    """How points are laid out over the uncertainties.

    ``samples`` is the number of points of ``latin`` and ``random``, the base sample N of ``sobol`` (N (k + 2) points
    for k uncertainties, N (2 k + 2) with ``second_order``) and the trajectories of ``morris`` (N (k + 1) points).
    """

    kind: Kind = "replications"
    samples: Annotated[StrictInt, Field(ge=1, le=MOST_RUNS)] | None = None
    seed: Annotated[StrictInt, Field(ge=0, lt=2**32)] = 0
    second_order: StrictBool = False
    levels: Annotated[StrictInt, Field(ge=2, le=1000)] = 4
    points: tuple[dict[str, Value], ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Design:
        sampled = self.kind in ("latin", "random", "sobol", "morris")
        if sampled and self.samples is None:
            raise ValueError(f"a {self.kind} design takes samples, its number of points")
        if not sampled and self.samples is not None:
            raise ValueError(f"a {self.kind} design takes no samples")
        if (self.kind == "chosen") != bool(self.points):
            raise ValueError("points are the chosen combinations of a design of kind 'chosen', which needs them")
        if self.kind == "sobol" and self.samples is not None and self.samples & (self.samples - 1):
            raise ValueError(f"the samples of a sobol design are a power of 2, not {self.samples}")
        if self.kind == "morris" and self.levels % 2:
            raise ValueError(f"the levels of a morris design are an even number, not {self.levels}")
        return self


class Outcome(_Table):
    """One number of a run: a metric over months, reduced.

    ``plus`` are further metrics that are added, reduced in the same way, and ``per`` those whose sum it is divided by
    (not-a-number where that is next to nothing); ``log`` takes the natural logarithm, so that differences are relative.
    ``predicted`` is the expected sign of a treatment's effect on it, ``smallest_effect`` the smallest effect of
    interest, in the unit that this makes: the metric's, a share with ``per``, log points with ``log``.  ``label`` says
    in words what it is, and ``claim`` how it is judged where that differs from the experiment's tag.
    """

    metric: StrictStr
    plus: tuple[StrictStr, ...] = ()
    per: tuple[StrictStr, ...] = ()
    log: StrictBool = False
    months: tuple[StrictInt, StrictInt] | None = None
    reduce: Reduce = "mean"
    predicted: Literal["higher", "lower", "none", "open"] = "open"
    smallest_effect: Annotated[float, Field(gt=0.0)] | None = None
    label: StrictStr = ""
    claim: Literal["input", "mechanical", "emergent"] | None = None

    @field_validator("months", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(f"months is [first, last], not {value!r}")
        return tuple(value)

    @model_validator(mode="after")
    def _check(self) -> Outcome:
        if self.months is not None and not 0 <= self.months[0] <= self.months[1]:
            raise ValueError(f"months {list(self.months)} is not [first, last] with first from 0 and last not before")
        return self


class Contrast(_Table):
    """A difference to judge: how much each arm counts, such as +1 and -1, or +1, -1, -1, +1 for an interaction.

    ``points`` are weights of the points of a design of kind ``chosen`` or ``grid``, in their order, where it is not
    their mean that is asked for: [-1, 0, 1] for how much the difference grows from the first to the third.
    ``against`` holds the weighted sum against a number, so that the level of one arm can be judged: ``{ control = 1 }``
    against 0.5.  ``outcomes`` names those that it is made of, where that is not all of them.  ``predicted`` replaces,
    by outcome, the sign that the outcomes themselves predict.
    """

    meaning: StrictStr = ""
    weights: dict[str, float]
    points: tuple[float, ...] = ()
    against: float | None = None
    outcomes: tuple[StrictStr, ...] = ()
    predicted: dict[str, Literal["higher", "lower", "none", "open"]] = {}

    @model_validator(mode="after")
    def _balance(self) -> Contrast:
        if not any(self.weights.values()) or (self.against is None and abs(sum(self.weights.values())) > 1e-9):
            raise ValueError(
                "weights sum to 0 and are not all 0, as +1 and -1 do, unless they are held against a number"
            )
        return self


class Headline(_Table):
    """The effect that decides a claim: an outcome, and a contrast by name or as ``ARM - CONTROL``."""

    outcome: StrictStr
    contrast: StrictStr


class Frozen(_Table):
    """What takes a claim's feedback out of the market: the claim's arms are run with it as well (`moatlab claims`)."""

    meaning: StrictStr
    set: dict[str, Value] = {}
    events: tuple[StrictStr, ...] = ()


class Units(_Table):
    """Draws of the parameters, and seeds of each, that a claim asks for; `moatlab claims` takes the most of any."""

    draws: Annotated[StrictInt, Field(ge=2, le=MOST_RUNS)] = 128
    seeds: Annotated[StrictInt, Field(ge=1, le=1000)] = 2


class Inference(_Table):
    """How effects are judged."""

    kind: Literal["paired", "equivalence"] = "paired"
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95


class Spec(_Table):
    """A whole experiment file."""

    name: StrictStr
    scenario: Any = "essay-2023"
    title: StrictStr = ""
    question: StrictStr = ""
    essay: StrictStr = ""
    prediction: StrictStr = ""
    claim: Literal["input", "mechanical", "emergent"] = "emergent"
    #: Why the claim has its tag, and what of the question this market has no mechanism for.
    argument: StrictStr = ""
    untested: StrictStr = ""
    headline: tuple[Headline, ...] = ()
    frozen: Frozen | None = None
    units: Units = Units()
    months: Annotated[StrictInt, Field(ge=1, le=LONGEST)] | None = None
    replications: Annotated[StrictInt, Field(ge=1, le=MOST_RUNS)] = 1
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 1
    #: Seeds of the replications, in the place of those drawn from ``seed``.
    seeds: tuple[Annotated[StrictInt, Field(ge=0, lt=2**63)], ...] = ()
    time_limit: Annotated[float, Field(gt=0.0, le=1e7)] = 600.0
    set: dict[str, Value] = {}
    events: tuple[StrictStr, ...] = ()
    arms: dict[str, Arm] = {}
    uncertainties: dict[str, Uncertainty] = {}
    design: Design = Design()
    outcomes: dict[str, Outcome]
    contrasts: dict[str, Contrast] = {}
    paths: tuple[StrictStr, ...] = ()
    test: Inference = Inference()

    @model_validator(mode="before")
    @classmethod
    def _count(cls, given: Any) -> Any:
        """A list of seeds is as many replications."""
        if isinstance(given, dict) and isinstance(given.get("seeds"), list | tuple) and given["seeds"]:
            given = {"replications": len(given["seeds"]), **given}
        return given

    @field_validator("scenario")
    @classmethod
    def _names_a_scenario(cls, value: Any) -> Any:
        return _scenario(value)

    @model_validator(mode="after")
    def _check(self) -> Spec:
        _slug(self.name, "name")
        for name in self.arms:
            _slug(name, "arms")
        for name in self.outcomes:
            _slug(name, "outcomes")
        for name, contrast in self.contrasts.items():
            _slug(name, "contrasts")
            for arm in contrast.weights:
                if arm not in self.all_arms:
                    raise ValueError(f"contrasts.{name}: there is no arm {arm!r}; {nearest(arm, self.all_arms)}")
            if contrast.points and self.design.kind not in ("chosen", "grid"):
                raise ValueError(f"contrasts.{name}: points are those of a chosen or grid design")
            count = len(self.design.points) or math.prod(len(u.values) for u in self.uncertainties.values())
            if contrast.points and (len(contrast.points) != count or not any(contrast.points)):
                raise ValueError(f"contrasts.{name}: points takes {count} weights, one a point and not all of them 0")
            for outcome in (*contrast.predicted, *contrast.outcomes):
                if outcome not in self.outcomes:
                    raise ValueError(f"contrasts.{name}: no outcome {outcome!r}; {nearest(outcome, self.outcomes)}")
        for entry in self.headline:
            names = list(self.contrasts) or [f"{a} - {self.control}" for a in self.all_arms if a != self.control]
            for what, name, known in (
                ("outcome", entry.outcome, list(self.outcomes)),
                ("contrast", entry.contrast, names),
            ):
                if name not in known:
                    raise ValueError(f"headline: there is no {what} {name!r}; {nearest(name, known)}")
        if self.seeds and (len(set(self.seeds)) < len(self.seeds) or len(self.seeds) != self.replications):
            raise ValueError(f"seeds are {self.replications} different whole numbers, one a replication")
        if self.seeds and any(arm.luck == "own" for arm in self.arms.values()):
            raise ValueError('seeds are shared by all arms, so no arm can have draws of its own (luck = "own")')
        if not self.outcomes:
            raise ValueError("outcomes is empty: an experiment has at least one outcome")
        kind = self.design.kind
        if kind in ("replications", "chosen") and self.uncertainties:
            raise ValueError(f"uncertainties need a design that samples them: design.kind is {kind!r}")
        if kind not in ("replications", "chosen") and not self.uncertainties:
            raise ValueError(f"a {kind} design needs uncertainties")
        if kind == "grid" and any(not u.values for u in self.uncertainties.values()):
            name = next(n for n, u in self.uncertainties.items() if not u.values)
            raise ValueError(f"a grid takes values, as in uncertainties.{name!r} = {{ values = [...] }}")
        return self

    @property
    def all_arms(self) -> dict[str, Arm]:
        """The arms, or one control if none is declared."""
        return self.arms or {CONTROL: Arm()}

    @property
    def control(self) -> str:
        """The arm called control, else the first."""
        return CONTROL if CONTROL in self.all_arms else next(iter(self.all_arms))


def _slug(name: str, where: str) -> None:
    if not SLUG.fullmatch(name):
        raise ValueError(f"{where}: {name!r} is no name: lower-case letters and digits, joined by single hyphens")


def read_spec(mapping: Mapping[str, Any], where: str) -> Spec:
    """Check a whole experiment file given as nested tables.  Raises `InputError` in one line."""
    try:
        return Spec.model_validate(plain(mapping))
    except ValidationError as error:
        raise InputError(_first(error), where) from None
    except RecursionError:
        raise InputError("nested too deeply", where) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.  Raises `InputError` for what is no such file."""
    try:
        return toml_of(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise InputError(f"there is no experiment file {str(path)!r}") from None
    except (IsADirectoryError, NotADirectoryError):
        raise InputError(f"{path} is no experiment file") from None


def toml_of(data: bytes, where: str) -> dict[str, Any]:
    """The tables in the bytes of a TOML file.  Raises `InputError` for what is no TOML or beyond the limits."""
    return read_tables(decoded(data, where), where)


def _first(error: ValidationError) -> str:
    """The first complaint of pydantic in our words; keys that are unknown come first, since they explain the rest."""
    told = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    loc = [str(part) for part in told["loc"]]
    place = ".".join(f'"{p}"' if "." in p else p for p in loc)
    if told["type"] == "extra_forbidden":
        inside = f" in {'.'.join(loc[:-1])}" if loc[:-1] else ""
        return f"unknown key {loc[-1]!r}{inside}; {nearest(loc[-1], _keys(loc[:-1]))}"
    if told["type"] == "missing":
        return f"{place} is missing"
    if told["type"] == "value_error":
        return f"{place}: {told['ctx']['error']}" if place else str(told["ctx"]["error"])
    message = str(told["msg"]).removeprefix("Input ")
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    shown = repr(told.get("input"))
    return f"{place} {message}, not {shown if len(shown) < 80 else shown[:77] + '...'}"


def _keys(loc: list[str]) -> list[str]:
    """The keys that may stand in the table at a place."""
    model: type[BaseModel] = Spec
    inside: dict[str, type[BaseModel]] = {
        "arms": Arm, "uncertainties": Uncertainty, "outcomes": Outcome, "contrasts": Contrast,
        "design": Design, "test": Inference, "headline": Headline, "frozen": Frozen, "units": Units,
    }  # fmt: skip
    if loc:
        model = inside.get(loc[0], Spec)
    return list(model.model_fields)
