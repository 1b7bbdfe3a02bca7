"""Claim files: those that come with moatlab say all that a claim has to; mistakes are one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moatlab.errors import InputError
from moatlab.evidence.claims.files import ORDER, frozen_arm, load, packaged_claims, read
from tests.evidence.claims.tiny import TEXT, claim


def test_every_row_of_the_essay_is_a_file_and_a_row_of_the_docs() -> None:
    assert tuple(packaged_claims()) == ORDER and len(ORDER) == 23
    page = (Path(__file__).parents[3] / "docs" / "claims.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| (\w+) \|$", page, re.M)
    assert rows == [(claim.id, claim.spec.claim) for claim in load(())]


@pytest.mark.parametrize("found", load(()), ids=lambda c: c.id)
def test_a_packaged_claim_says_what_a_reader_needs(found: object) -> None:
    from moatlab.evidence.claims.files import Claim

    assert isinstance(found, Claim)
    spec = found.spec
    assert not found.own and spec.essay and len(spec.argument) > 80 and spec.title[0].isupper()
    for name, outcome in spec.outcomes.items():
        assert outcome.label and "," in outcome.label, name
        assert outcome.smallest_effect is not None, name
    for name, arm in spec.all_arms.items():
        assert arm.meaning, name
    for name, contrast in found.contrasts.items():
        assert contrast.meaning, name
    # An emergent claim has its feedback frozen, and the frozen market differs from the free one.
    if spec.claim == "emergent":
        for place in found.headline_arms:
            frozen, free = frozen_arm(found, place), spec.all_arms[place]
            assert frozen["set"] != dict(free.set) or frozen["events"] != list(free.events)


def test_a_claim_of_ones_own_is_read_beside_the_packaged_ones() -> None:
    both = load(["graduation", str(claim().path)])
    assert [c.id for c in both] == ["graduation", "more-packages"] and [c.own for c in both] == [False, True]
    assert str(claim().path) in both[1].command and both[0].command == "moatlab claims graduation"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "More packages, more hours"\n', "", "a claim says its title in words"),
        ('argument = "Orders and prices answer."\n', "", "a claim says its argument in words"),
        ('outcome = "hours", contrast', 'outcome = "hour", contrast', "there is no outcome 'hour'"),
        ('contrast = "twice" }', 'contrast = "thrice" }', "there is no contrast 'thrice'"),
        ("smallest_effect = 0.02\n", "", "what decides a claim has a smallest_effect"),
        ("[frozen]", '[uncertainties]\n"apps.overhead" = [0.1, 0.2]\n[design]\nkind = "latin"\nsamples = 4\n[frozen]',
         "no design or uncertainties of its own"),
        ('set = { "clouds.capacity_rule" = "fixed" }', "", "frozen sets something"),
        ("log = true", 'logs = true', "unknown key 'logs'"),
        ('metric = "market.rent"', 'metric = "market.rent"\nper = ["market.rents"]', "market.rents"),
        ("weights = { control = 1 }\nagainst = 2.0", "weights = { control = 1 }", "held against a number"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value) and "mine.toml" in str(caught.value)


def test_an_emergent_claim_without_a_frozen_arm_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    start, end = TEXT.index("[frozen]"), TEXT.index("[arms.control]")
    path.write_text(TEXT[:start] + TEXT[end:])
    with pytest.raises(InputError, match="an emergent claim has a table frozen"):
        read(path)
    path.write_text(TEXT[:start].replace("scenario =", 'claim = "mechanical"\nscenario =') + TEXT[end:])
    assert read(path).spec.frozen is None


def test_an_unknown_claim_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"there is no claim 'gradation'.*graduation"):
        load(["gradation"])


def test_the_claim_in_the_docs_is_sound(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "claims.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    path = tmp_path / "cheap-chips.toml"
    path.write_text(block)
    found = read(path)
    assert found.id == "cheap-chips" and found.headline == [("apps", "twice")]
