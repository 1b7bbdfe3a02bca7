"""The report: one page that holds all it shows, and the same as Markdown."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from moatlab.errors import InputError
from moatlab.evidence.claims import store
from moatlab.evidence.page.write import write
from moatlab.experiments import Experiment
from tests.evidence.claims.tiny import claim, folder


class Page(HTMLParser):
    """What a page refers to, and whether its tags close."""

    VOID = ("meta", "link", "img", "br", "path", "use", "rect", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag in self.VOID else [tag]
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "href", "xlink:href", "srcset"):
                self.loads.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    out = tmp_path_factory.mktemp("report") / "report.html"
    page, beside, size = write([folder()], out)
    assert size == page.stat().st_size
    return page.read_text().replace("\u00a0", " "), beside.read_text()


def test_the_page_loads_nothing_and_its_links_lead_somewhere(made: tuple[str, str]) -> None:
    page = Page(made[0])
    assert not page.open and len(page.ids) == len(set(page.ids))
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert all(load.startswith(("#", "data:")) for load in page.loads)
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", made[0])


def test_the_answer_comes_first_with_number_and_interval(made: tuple[str, str]) -> None:
    told = store.read(folder())["claims"][0]
    head = made[0][made[0].index("<header") : made[0].index("</header>")]
    assert told["finding"] in head.replace("&#39;", "'") and "runs of a simulated market" in head
    assert re.search(r"\(.* to .*\)", told["finding"])
    assert made[1].startswith("# ") and told["finding"] in made[1]


def test_a_claim_has_its_figures_picture_arms_and_command(made: tuple[str, str]) -> None:
    for part in (
        'id="more-packages"', "Draws", "Rival rules", "Nearest flip", "Money and demand from outside",
        "What would change it",
        "With the feedback frozen", "moatlab claims", "twice the packages", "month 2: scale foundry.fab.capacity 2",
        "What this does not mean", "Where every number comes from", claim().registered, "before the first run",
    ):  # fmt: skip
        assert part in made[0], part
    for row in store.read(folder())["claims"][0]["further"]:
        assert row["told"] in made[0] and row["told"] in made[1]


def test_pictures_and_their_numbers_are_links_inside_the_page(made: tuple[str, str]) -> None:
    (image,) = re.findall(r'href="data:image/svg\+xml;base64,([^"]+)"', made[0])
    svg = ElementTree.fromstring(b64decode(image))
    assert svg.tag.endswith("svg") and "GPU-hours" in b64decode(image).decode()
    assert "currentColor" in made[0] and 'role="img" aria-label="In the second year' in made[0].replace("&#39;", "'")
    tables = [b64decode(data).decode() for data in re.findall(r'href="data:text/csv;base64,([^"]+)"', made[0])]
    assert any(table.startswith("panel,name,median") for table in tables)
    assert any(table.startswith("claim,title,tag,verdict") for table in tables)


def test_what_claims_say_is_escaped(tmp_path: Path) -> None:
    told = store.read(folder())
    told["claims"][0]["title"] = "<script>alert(1)</script>"
    (tmp_path / store.FILE).write_text(json.dumps(told))
    page, _, _ = write([tmp_path], tmp_path / "report.html")
    assert "<script>" not in page.read_text() and "&lt;script&gt;" in page.read_text()


def test_durability_is_shown_where_it_is(tmp_path: Path) -> None:
    told = store.read(folder())
    (tmp_path / store.FILE).write_text(json.dumps(told))
    (tmp_path / "durability" / "pictures").mkdir(parents=True)
    row = {"moat": "data", "layer": "labs", "holder": "leader", "verdict": "fades", "value_per_dollar": 0.4}
    study = {"sentence": "Seven of nine moats are gone.", "verdict": "undecided", "rows": [row]}
    (tmp_path / "durability" / "durability.json").write_text(json.dumps(study))
    (tmp_path / "durability" / "pictures" / "durability.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    page, _, _ = write([tmp_path], tmp_path / "report.html")
    text = page.read_text()
    assert "Seven of nine moats are gone." in text and 'id="durability"' in text and "<td>fades</td>" in text
    assert 'alt="durability: Seven of nine moats are gone."' in text
    # The same by a folder of its own, without any claim.
    alone, _, _ = write([tmp_path / "durability"], tmp_path / "alone.html")
    assert "<h1>How long moats last, in equal dollars</h1>" in alone.read_text()
    (tmp_path / "durability" / "durability.json").write_text("{")
    with pytest.raises(InputError, match=r"durability\.json"):
        write([tmp_path], tmp_path / "report.html")


def test_studies_without_cases_show_their_tables(tmp_path: Path) -> None:
    (tmp_path / "drivers").mkdir()
    told = {"sentences": {"apps, month 24": "switching costs drive it."}, "rows": 16}
    (tmp_path / "drivers" / "drivers.json").write_text(json.dumps(told))
    rows = "\n".join(f"labs.leak_half_life,{at}" for at in range(60))
    (tmp_path / "drivers" / "parameters.csv").write_text(f"parameter,first_order\n{rows}\n")
    page, beside, _ = write([tmp_path / "drivers"], tmp_path / "report.html")
    for text in (page.read_text(), beside.read_text()):
        assert "Switching costs drive it." in text and "Parameters (the first 40 of 60 rows)" in text
        assert text.count("labs.leak_half_life") == 40


def test_a_batch_has_a_section_too(tmp_path: Path) -> None:
    batch = {
        "name": "capacity", "question": "Does capacity lower the rent?", "scenario": "tiny", "months": 6,
        "replications": 3,
        "arms": {"control": {}, "twice": {"meaning": "twice", "events": ["month 2: scale foundry.fab.capacity 2"]}},
        "outcomes": {"rent": {"metric": "market.rent", "predicted": "lower", "smallest_effect": 0.1}},
    }  # fmt: skip
    Experiment.from_dict(batch).run(engine="serial", out=tmp_path / "capacity")
    page, beside, _ = write([folder(), tmp_path / "capacity"], tmp_path / "report.html")
    text = page.read_text()
    assert (
        "Does capacity lower the rent?" in text
        and "twice - control" in text
        and "twice - control" in beside.read_text()
    )
    alone, _, _ = write([tmp_path / "capacity"], tmp_path / "alone.html")
    assert not Page(alone.read_text()).open


def test_what_is_no_folder_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no claims"):
        write([tmp_path], tmp_path / "report.html")
    with pytest.raises(InputError, match=r"ends in \.html"):
        write([folder()], tmp_path / "report.pdf")
    with pytest.raises(InputError, match="another version"):
        (tmp_path / store.FILE).write_text('{"schema": 0}')
        write([tmp_path], tmp_path / "report.html")
    assert not list(tmp_path.glob("report*"))


def test_a_large_picture_of_dots_is_made_lighter(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "durability.json").write_text(json.dumps({"sentence": "None lasts.", "rows": []}))
    noise = np.random.default_rng(1).integers(0, 255, (900, 3000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "forest.png")
    page, _, size = write([tmp_path], tmp_path / "report.html")
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page.read_text())
    with Image.open(io.BytesIO(b64decode(data))) as image:
        assert image.size == (1500, 450)
    assert size < (tmp_path / "forest.png").stat().st_size / 4
