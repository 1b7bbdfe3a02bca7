"""Run keys: equal for equal runs, different for anything that could change a number, refused for what has no digest."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import linecache
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from moatlab import Experiment, InputError, Lab, Scenario
from moatlab.experiments import MarketModel
from moatlab.experiments.fingerprint import class_source, function_source, model_version, own_modules

TABLES: dict[str, Any] = {
    "scenario": "tiny",
    "replications": 2,
    "arms": {"control": {}, "more": {"events": ["month 3: scale foundry.fab.capacity 2"]}},
    "outcomes": {"rent": {"metric": "market.rent", "months": [3, 9]}},
}


def keys(**changes: Any) -> list[str]:
    return Experiment.from_dict({**TABLES, **changes}).plan.keys


def test_the_key_does_not_depend_on_words() -> None:
    same = {"name": "other", "question": "why?", "time_limit": 5.0, "prediction": "none"}
    assert keys() == keys(**same)
    assert keys(replications=5)[:4] == keys()
    renamed = {"base": {}, "extra": {"meaning": "x", "events": ["month 3: scale foundry.fab.capacity 2.0"]}}
    assert keys(arms=renamed) == keys()
    assert keys(scenario=Scenario("tiny").set({"apps.entry_rate": 0.3})) == keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"months": 23},
        {"set": {"apps.entry_rate": 0.31}},
        {"events": ["month 5: set apps.entry_rate 1"]},
    ],
)
def test_the_key_depends_on_all_that_decides_a_run(changes: dict[str, Any]) -> None:
    assert not set(keys()) & set(keys(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"outcomes": {"rent": {"metric": "market.rent", "months": [3, 8]}}},
        {"outcomes": {"rent": {"metric": "market.rent", "months": [3, 9], "reduce": "max"}}},
        {"outcomes": {"rent": {"metric": "market.markup", "months": [3, 9]}}},
        {"paths": ["market.hype"]},
    ],
)
def test_what_is_recorded_of_a_run_changes_no_number_and_no_key(changes: dict[str, Any]) -> None:
    assert keys() == keys(**changes)


def test_an_arm_and_a_point_that_say_the_same_are_the_same_run() -> None:
    by_arm = keys(arms={"one": {"set": {"apps.entry_rate": 0.2}}})
    by_point = keys(arms={"one": {}}, design={"kind": "chosen", "points": [{"apps.entry_rate": 0.2}]})
    assert by_arm == by_point


def module(folder: Path, text: str, name: str = "own_firms") -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(text)
    description = importlib.util.spec_from_file_location(name, path)
    assert description is not None and description.loader is not None
    made = importlib.util.module_from_spec(description)
    sys.modules[name] = made
    description.loader.exec_module(made)
    import linecache

    linecache.checkcache()
    return made


OWN = """
from moatlab import Lab
FACTOR = 0.8
def cut(price): return FACTOR * price
class Own(Lab):
    depth = 3
    def set_price(self):
        return cut(self.marginal_cost) {more}
"""


def test_the_source_of_own_agents_is_in_the_key(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = class_source(module(tmp_path / "a", OWN.format(more="")).Own)
    assert class_source(module(tmp_path / "b", OWN.format(more="")).Own) == first
    for text in (
        OWN.format(more="+ 0.1"),
        OWN.format(more="").replace("0.8", "0.7"),
        OWN.format(more="").replace("FACTOR * price", "FACTOR * price * 1"),
        OWN.format(more="").replace("depth = 3", "depth = 4"),
    ):
        assert class_source(module(tmp_path / "b", text).Own) != first
    found = []
    for more in ("", "+ 1"):
        arm = {"replace": {"labs.closed": module(tmp_path / "a", OWN.format(more=more)).Own}}
        found.append(set(Experiment.from_dict({**TABLES, "arms": {"own": arm}}).plan.keys))
    assert not found[0] & found[1]


def test_what_cannot_be_hashed_is_refused(tmp_path: Path) -> None:
    text = "import threading\nlock = threading.Lock()\n" + OWN.format(more="if lock else 0")
    with pytest.raises(InputError, match="lock"):
        class_source(module(tmp_path, text).Own)
    scope: dict[str, Any] = {"Lab": Lab, "__name__": "nowhere"}
    exec("class Ghost(Lab):\n    def set_price(self): return 1.0", scope)
    with pytest.raises(InputError, match="source"):
        class_source(scope["Ghost"])
    with pytest.raises(InputError, match=r"labs\.closed"):
        Experiment.from_dict({**TABLES, "arms": {"own": {"replace": {"labs.closed": scope["Ghost"]}}}})


def test_captured_values_count() -> None:
    def make(factor: float) -> Any:
        return lambda values, seed, months: {"m": factor * seed}

    assert function_source(make(1.0)) == function_source(make(1.0)) != function_source(make(2.0))


class Undercut(Lab):
    """Sells at its marginal cost."""

    def set_price(self) -> float:
        """At cost."""
        return self.marginal_cost


def test_agents_of_ones_own_run_and_are_stored(tmp_path: Path) -> None:
    tables = copy.deepcopy(TABLES)
    tables["arms"] = {"control": {}, "own": {"replace": {"labs.closed": Undercut}}}
    tables["outcomes"] = {"price": {"metric": "labs.closed.price", "months": [3, 9]}}
    batch = Experiment.from_dict(tables).run(engine="serial", out=tmp_path / "out")
    values = batch.outcomes().groupby("arm")["value"].mean()
    assert values["own"] < values["control"]
    assert batch.manifest["own_agents"] == {"own": ["labs.closed"]}


def test_the_version_names_what_decides_numbers() -> None:
    assert set(model_version()) == {"model", "numpy", "numba"}


def test_a_point_has_the_digest_of_the_scenario_that_says_the_same() -> None:
    model = MarketModel(Scenario("essay-2023"))
    points: list[dict[str, Any]] = [
        {},
        {"users.*.network_taste": 0.7, "labs.openai.price": 3.0},
        {"apps.graduation": "off", "chipmakers.portability": 0.5, "compute.rent_sharpness": 9.0},
        {"labs.*.private_lead": 0.4},
    ]
    whole = [model.digests(model.at(model.scenario, point), [{}])[0] for point in points]
    assert [model.digests(model.scenario, [point])[0] for point in points] == whole and len(set(whole)) == 4
    steps: list[dict[str, Any]] = [{"labs.openai.price": float(p), "labs.*.price": 2.0} for p in (3, 4, 3)]
    there = [model.digests(model.at(model.scenario, point), [{}])[0] for point in steps]
    assert model.digests(model.scenario, steps) == there and len(set(there)) == 2


def test_the_first_point_that_contradicts_itself_is_the_one_that_a_scenario_refuses() -> None:
    model = MarketModel(Scenario("tiny"))
    draw = random.Random(3)
    names = ("apps.rnd_share", "apps.marketing_share", "users.copy.market_size", "users.*.market_size")
    for _ in range(20):
        points: list[dict[str, Any]] = [
            dict(zip(names, (draw.uniform(0.1, 0.55), draw.choice([0.2, 0.4, 0.5]), draw.uniform(1.0, 9.0),
                             draw.choice([2.0, 6.0])), strict=True))
            for _ in range(60)
        ]  # fmt: skip
        refused = [at for at, point in enumerate(points) if contradicts(model, point)]
        if refused:
            with pytest.raises(InputError, match=f"^point {refused[0]} of the design: "):
                model.digests(model.scenario, points)
        fine = [point for at, point in enumerate(points) if at not in refused]
        assert len(model.digests(model.scenario, fine)) == len(fine)


def contradicts(model: MarketModel, point: dict[str, Any]) -> bool:
    try:
        model.at(model.scenario, point)
    except InputError:
        return True
    return False


@pytest.mark.parametrize(
    ("folder", "own"),
    [("venv/lib/python3/site-packages", False), ("usr/lib/python3/dist-packages", False), ("work", True)],
)
def test_packages_of_an_environment_that_this_one_extends_are_not_code_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, own: bool
) -> None:
    place = tmp_path / folder
    name = f"mine_{place.name.replace('-', '_')}"
    (place / name).mkdir(parents=True)
    (place / name / "inner.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(place))
    # Without an __init__ the package has no file, and its module has.
    module = importlib.import_module(f"{name}.inner")
    assert (module in own_modules()) == own
    for loaded in (name, module.__name__):
        monkeypatch.delitem(sys.modules, loaded)


def of_a_cell(number: int, price: str) -> type:
    """A firm as a cell of a notebook defines it: in __main__, its text known to `linecache` only."""
    source = f"from moatlab import App\n\nclass Own(App):\n    def set_price(self):\n        return {price}\n"
    place = f"<cell {number}>"
    linecache.cache[place] = (len(source), None, source.splitlines(True), place)
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, place, "exec"), scope)
    found: type = scope["Own"]
    return found


def test_a_class_of_a_notebook_is_known_by_its_source() -> None:
    first, same, other = of_a_cell(1, "5.0"), of_a_cell(2, "5.0"), of_a_cell(3, "6.0")
    assert class_source(first) == class_source(same) != class_source(other)
    # Unpickling in this process, as a serial engine does, gives its methods code without a place.
    arms = {"control": {}, "own": {"replace": {"apps.writer": first}}}
    before = class_source(first)
    batch = Experiment.from_dict({**TABLES, "arms": arms, "months": 12}).run(engine="serial")
    assert set(batch.runs()["status"]) == {"done"} and class_source(first) == before


def test_a_class_without_source_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        class_source(type("Made", (Lab,), {"__module__": "__main__"}))
