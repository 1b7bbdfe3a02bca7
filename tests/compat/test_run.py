"""What `make compat` tries: every bound of pyproject.toml, every Mesa on the Pythons that it supports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.compat import run


def test_every_dependency_has_the_lower_bound_that_is_tried() -> None:
    wanted = run.requirements("dask", "analysis", "excel")
    pinned = run.lowest(wanted)
    assert len(pinned) == len(wanted) > 14
    assert "mesa==3.3.0" in pinned and "dask[distributed]==2024.9.0" in pinned
    with pytest.raises(run.CompatError, match="'numpy' has no lower bound"):
        run.lowest(["mesa>=3.3", "numpy"])


def test_every_mesa_is_tried_where_it_can_be() -> None:
    tried = [str(each) for each in run.combinations(["3.11", "3.13"])]
    assert tried == [
        "Python 3.11, Mesa 3.3.0, lowest dependencies",
        "Python 3.11, Mesa 3.3, newest dependencies",
        "Python 3.13, Mesa 3.3, newest dependencies",
        "Python 3.13, Mesa 3.5, newest dependencies",
        "Python 3.13, Mesa 4.0.0a0, newest dependencies",
    ]
    assert {each.mesa for each in run.combinations(["3.11", "3.12"], browser=True)} == set(run.MESAS)
    assert [each.mesa for each in run.combinations(["3.11"], browser=True)] == ["3.3.*"]


def test_the_python_that_runs_is_among_those_here() -> None:
    here = run.interpreters()
    assert here[f"{sys.version_info.major}.{sys.version_info.minor}"] == Path(sys.executable)


def test_what_is_run_is_there() -> None:
    assert all((run.ROOT / path).exists() for path in run.SHORT)


def test_a_failure_and_a_run_of_nothing_are_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = run.Combination("3.13", "3.5.*", run.NEWEST)
    for said, good in (
        ("12 passed, 2 skipped in 3 s", True),
        ("1 failed, 12 passed in 3 s", False),
        ("12 passed, 7 errors in 3 s", False),
        ("no tests ran in 3 s", False),
        ("12 passed in 3 s\nexit code 3", False),
    ):
        monkeypatch.setattr(run, "call", lambda *_, said=said, **__: said)
        line, passed = run.run(Path(sys.executable), one, tmp_path, 1, browser=False)
        assert passed is good and ("see" in line) is not good, said
