"""Pictures are the same whatever backend and style the user has, and show names of any script, length and likeness."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import matplotlib.style
import pytest

from moatlab import Market, Scenario, show
from moatlab.cli.main import run_cli
from moatlab.results.frames import Frames
from moatlab.show import settings
from moatlab.show.names import ROOM, distinct, legible

NAMES = {
    "moonshot": "月之暗面",
    "rocket": "🚀🚀",
    "mixed": "OpenAI 🚀",
    "one": "The Very Long Company of Northern California, first",
    "two": "The Very Long Company of Northern California, second",
    "acme": "Acme",
    "acme-2": "Acme",
    "plain": "Jasper",
}


@pytest.fixture(scope="module")
def frames() -> Frames:
    market = Market("tiny", rng=1)
    return market.run(14).frames(market.graph)


def drawn(frames: Frames, name: str = "shares") -> bytes:
    held = io.BytesIO()
    show.PICTURES[name](frames).savefig(held, format="png")
    return held.getvalue()


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense", "TkAgg"])
def test_the_environment_may_name_any_backend(backend: str) -> None:
    code = "import moatlab.show, os, matplotlib; print(os.environ['MPLBACKEND'])"
    environment = {**os.environ, "MPLBACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, backend), done.stderr


def test_a_picture_shows_itself_in_a_notebook_without_pyplot(frames: Frames) -> None:
    figure: Any = show.share(frames, "labs")
    width, height = figure.canvas.get_width_height()
    picture = matplotlib.image.imread(io.BytesIO(figure._repr_png_()))
    assert picture.shape[:2] == (height, width)
    assert picture.min() < 0.5 < picture.max()


def test_the_users_style_does_not_reach_pictures_nor_ours_the_user(frames: Frames) -> None:
    before = drawn(frames)
    with matplotlib.rc_context():
        matplotlib.style.use("dark_background")
        users: dict[Any, Any] = {
            "text.usetex": True, "font.family": ["serif"], "font.size": 30.0, "lines.linewidth": 9.0, "axes.grid": True,
            "axes.labelcolor": "red",
        }  # fmt: skip
        matplotlib.rcParams.update(users)
        assert drawn(frames) == before
        assert {key: matplotlib.rcParams[key] for key in users} == users
        figure = show.PICTURES["shares"](frames)
    # A notebook draws a figure long after it was made.
    with matplotlib.rc_context({"text.usetex": True}):
        figure.canvas.draw()


def test_names_tell_firms_apart_in_what_a_label_has_room_for() -> None:
    shown = distinct(NAMES)
    assert len({name[:ROOM] for name in shown.values()}) == len(NAMES)
    assert shown["plain"] == "Jasper"
    assert shown["acme"] == "Acme (acme)" and shown["acme-2"] == "Acme (acme-2)"
    assert shown["one"].endswith("first") and shown["two"].endswith("second") and len(shown["two"]) <= ROOM
    assert all(settings.drawable(name) == name for name in shown.values())


def test_what_no_font_has_gives_way_to_what_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    latin = frozenset(range(32, 0x250))
    monkeypatch.setattr(settings, "_letters", lambda: latin)
    shown = distinct(NAMES)
    assert shown["moonshot"] == "moonshot" and shown["rocket"] == "rocket" and shown["mixed"] == "OpenAI"
    monkeypatch.setattr(settings, "_letters", lambda: latin | {ord(letter) for letter in NAMES["moonshot"]})
    assert distinct(NAMES)["moonshot"] == NAMES["moonshot"]


def test_many_alike_names_stay_apart() -> None:
    alike = {f"the-very-long-company-of-northern-california-{n:03d}": "Same name" for n in range(120)}
    assert len({name[:ROOM] for name in distinct(alike).values()}) == 120
    odd = {f"{'x' * 40}-{n}-{'y' * 40}": "z" * 60 for n in range(5)}
    assert len({name[:ROOM] for name in distinct(odd).values()}) == 5
    assert distinct({}) == {}


def test_names_of_a_packaged_scenario_are_shown_as_they_are() -> None:
    essay = Scenario("essay-2023")
    for kind in ("apps", "labs", "clouds", "chipmakers"):
        given = {slug: essay.display_name(kind, slug) for slug in essay.slugs(kind)}
        assert distinct(given) == given


def test_every_picture_is_drawn_without_a_warning(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    titled = replace(frames, title="月之暗面 🚀 $x_1$", events=((3, "month 3: 月"),))
    slugs = list(frames.firms["slug"].drop_duplicates())
    given = dict(zip(slugs, [*NAMES.values(), *(f"名{n}" for n in range(len(slugs)))], strict=False))
    firms = titled.firms.assign(name=[given[slug] for slug in titled.firms["slug"]])
    graph = frames.graph.copy()
    for node in graph:
        graph.nodes[node]["name"] = given.get(node.split(".")[-1], "🚀")
    renamed = replace(titled, firms=firms, graph=graph)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for picture in show.plan(renamed).values():
            picture().savefig(io.BytesIO(), format="png")
    assert legible(renamed) is legible(renamed) is legible(legible(renamed))
    assert legible("text") == "text"
    assert not firms.equals(legible(renamed).firms) and list(firms["name"]) == [given[s] for s in firms["slug"]]


def test_results_are_written_before_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(show, "draw_all", fails)
    out = tmp_path / "out"
    assert run_cli(["simulate", "tiny", "--months", "2", "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert "the pictures could not be drawn: no ink; tables and summary are in" in told and "Traceback" not in told
    kept = {path.name for path in out.rglob("*")}
    assert {"manifest.json", "market.parquet", "summary.txt", "scenario.toml"} <= kept
    assert not [name for name in kept if name.startswith(".moatlab") or name.endswith(".png")]
    monkeypatch.undo()
    assert run_cli(["simulate", "tiny", "--months", "2", "--out", str(out)]) == 0
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert set(json.loads((out / "manifest.json").read_text())["files"]) == files
    assert "pictures/shares.png" in files
