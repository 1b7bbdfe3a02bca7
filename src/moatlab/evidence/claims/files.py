"""Claim files: experiments that say what decides them, checked in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from moatlab.errors import InputError
from moatlab.experiments.experiment import Experiment
from moatlab.experiments.packaged import packaged_experiments
from moatlab.experiments.registered import declared, digest
from moatlab.experiments.spec import Contrast, Outcome, Spec, read_toml
from moatlab.scenario.addresses import nearest
from moatlab.scenario.scenario import Scenario

#: The order in which the essay comes to them: the question, apps, models, infrastructure, and what it concludes.
ORDER = (
    "value-accrual", "app-margins", "churn-identified", "hype-strategy", "vertical-integration", "features-or-apps",
    "end-customer", "commoditization", "graduation", "public-benefit", "open-models", "hosting-commercialisation",
    "hosting-hubs", "stateless-workloads", "end-of-scarcity", "challenger-cloud", "chip-moat", "single-foundry",
    "network-effects", "skewed-customers", "many-players", "sameness", "moat-durability",
)  # fmt: skip
#: What a claim has to say in words, beside its tables.
_WORDS = ("title", "question", "prediction", "argument")


@dataclass(frozen=True)
class Claim:
    """A claim: an experiment with a headline, the effects that decide it together."""

    id: str
    path: Path
    experiment: Experiment

    @property
    def spec(self) -> Spec:
        """What its file declares."""
        return self.experiment.spec

    @property
    def own(self) -> bool:
        """Whether it is the user's own and does not come with moatlab."""
        return packaged_experiments().get(self.id) != self.path

    @property
    def scenario(self) -> Scenario:
        """The base scenario."""
        scenario = self.experiment.scenario
        assert scenario is not None  # files run the market
        return scenario

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """Its outcomes by name."""
        return self.spec.outcomes

    @cached_property
    def contrasts(self) -> dict[str, Contrast]:
        """What is compared, by name."""
        if self.spec.contrasts:
            return dict(self.spec.contrasts)
        return {name: Contrast(**table) for name, table in declared(self.spec)["contrasts"].items()}

    @property
    def headline(self) -> list[tuple[str, str]]:
        """The outcomes and contrasts that decide it, all of them together."""
        return [(entry.outcome, entry.contrast) for entry in self.spec.headline]

    @property
    def headline_arms(self) -> list[str]:
        """The arms that these compare."""
        return list(dict.fromkeys(arm for _, name in self.headline for arm in self.contrasts[name].weights))

    @property
    def command(self) -> str:
        """What runs it."""
        return f"moatlab claims {self.path if self.own else self.id}"

    @property
    def registered(self) -> str:
        """The digest of what it predicts."""
        return digest(declared(self.spec))

    def predicted(self, outcome: str, contrast: str) -> str:
        """The sign that was written down for an effect."""
        return self.contrasts[contrast].predicted.get(outcome, self.outcomes[outcome].predicted)

    def tag(self, outcome: str) -> str:
        """How an outcome is judged."""
        return self.outcomes[outcome].claim or self.spec.claim


def packaged_claims() -> dict[str, Path]:
    """The claims that come with moatlab, by id: packaged experiments with a headline, in the essay's order."""
    found = {name: path for name, path in packaged_experiments().items() if "headline" in read_toml(path)}
    return {name: found[name] for name in sorted(found, key=lambda n: ORDER.index(n) if n in ORDER else len(ORDER))}


def load(names: Sequence[str]) -> list[Claim]:
    """Claims by id or path of a file, all packaged ones without any names, in that order and each once.

    Raises `InputError` in one line for a name that is none, and for whatever is wrong with a file.
    """
    known = packaged_claims()
    found: dict[str, Claim] = {}
    for name in names or known:
        path = known.get(name)
        if path is None:
            path = Path(name)
            if not name.endswith(".toml") and not path.is_file():
                raise InputError(f"there is no claim {name!r}; {nearest(name, known)}; a file of yours ends in .toml")
        claim = read(path)
        if claim.id in found and found[claim.id].path != path:
            raise InputError(f"two claims are called {claim.id!r}: {found[claim.id].path} and {path}")
        found[claim.id] = claim
    return list(found.values())


def read(path: Path) -> Claim:
    """The claim of a file.  Raises `InputError` in one line for whatever is wrong with it."""
    experiment = Experiment.load(path)
    claim = Claim(experiment.name, path, experiment)
    for problem in _problems(claim):
        raise InputError(problem, str(path))
    return claim


def _problems(claim: Claim) -> list[str]:
    """What a claim lacks, or says beyond what `moatlab claims` can run."""
    spec = claim.spec
    found = [f"a claim says its {word} in words" for word in _WORDS if not getattr(spec, word)]
    if not spec.headline:
        found.append('a claim has a headline, as in headline = [{ outcome = "rent", contrast = "twice - control" }]')
    if spec.claim == "emergent" and spec.frozen is None:
        found.append("an emergent claim has a table frozen, which takes its feedback out of the market")
    if spec.design.kind != "replications" or spec.uncertainties:
        found.append("a claim varies all assumed parameters, and has no design or uncertainties of its own")
    if spec.set or spec.events:
        found.append("a claim says what it changes in its arms, not for all of them")
    for name, arm in spec.all_arms.items():
        if arm.scenario is not None or arm.replace or arm.luck != "shared":
            found.append(f"arms.{name}: an arm of a claim has set and events, and nothing else")
    for name, contrast in claim.contrasts.items():
        if contrast.points:
            found.append(f"contrasts.{name}: a claim has no points")
    for name, _ in claim.headline:
        if claim.outcomes[name].smallest_effect is None:
            found.append(f"outcomes.{name}: what decides a claim has a smallest_effect")
    if spec.frozen is not None and not (spec.frozen.set or spec.frozen.events):
        found.append("frozen sets something, or has an event")
    return found


def frozen_arm(claim: Claim, arm: str) -> dict[str, Any]:
    """An arm with the claim's feedback frozen; what the arm itself says goes before."""
    declared_arm, frozen = claim.spec.all_arms[arm], claim.spec.frozen
    assert frozen is not None
    return {"set": {**frozen.set, **declared_arm.set}, "events": [*frozen.events, *declared_arm.events]}
