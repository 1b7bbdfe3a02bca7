"""The gallery: pictures, each with the command that draws it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: what it shows, the command that draws it, and the file that the command writes."""

    title: str
    text: str
    command: str
    file: str

    @property
    def page(self) -> str:
        """Its file on the site."""
        return "gallery/" + self.file.removeprefix("results/").replace("/pictures/", "-")


RUN = "moatlab simulate essay-2023 --seeds 8"
CHIPS = "moatlab whatif essay-2023 --event '2024-01: scale foundry.tsmc.capacity 2' --seeds 16 --out results/more-chips"
GALLERY = (
    Picture("Who earns the profit", "Economic profit by layer and by owner, and gross profit, as shares and in dollars, over ten years.",
            RUN, "results/essay-2023/pictures/accrual.png"),
    Picture("What a GPU-hour costs, and why",
            "Its rent as running cost, markup and scarcity rent; chips, fleets and tokens.",
            RUN, "results/essay-2023/pictures/prices.png"),
    Picture("How concentrated each layer is", "The HHI of revenue by layer, medians of the seeds with their range.",
            RUN, "results/essay-2023/pictures/concentration.png"),
    Picture("Labs against each other", "Shares of labs' revenue; who leads at the end is named.",
            RUN, "results/essay-2023/pictures/share-labs.png"),
    Picture("Where the dollars go", "Payments between the layers in the last full year.",
            RUN, "results/essay-2023/pictures/flow.png"),
    Picture("Who stays", "Customers left of each cohort, by the months since they joined; monthly churn.",
            RUN, "results/essay-2023/pictures/retention.png"),
    Picture("Who buys from whom", "The trade graph in the last month of the first seed.",
            RUN, "results/essay-2023/pictures/graph.png"),
    Picture("What twice the packages would change", "Paired effects with their intervals and verdicts.",
            CHIPS, "results/more-chips/pictures/effects.png"),
)  # fmt: skip


def page() -> str:
    """The page of the gallery."""
    parts = [
        "# Gallery\n",
        "Each picture was drawn by the command below it when this site was built; a CSV file with its numbers lies "
        "beside it. `--format svg,pdf` draws it for print, `--pictures NAME` draws one alone.\n",
    ]
    for picture in GALLERY:
        parts += [
            f"## {picture.title}\n", f"{picture.text}\n", f"[![{picture.title}]({picture.page})]({picture.page})\n",
            f"    {picture.command}\n", f"(`{picture.file}`)\n",
        ]  # fmt: skip
    return "\n".join(parts)


def pictures(folder: Path) -> dict[str, Path]:
    """The files that `draw` has drawn in ``folder``, by their file on the site."""
    return {picture.page: folder / picture.file for picture in GALLERY}


def draw(folder: Path) -> None:
    """Run every command of the gallery once, in ``folder``, which is emptied first."""
    # A folder of runs of another version would be refused.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in dict.fromkeys(picture.command for picture in GALLERY):
        print(command, flush=True)
        words = [sys.executable, "-m", *shlex.split(command)]
        subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    lacking = [path for path in pictures(folder).values() if not path.exists()]
    if lacking:
        raise SystemExit(f"not drawn: {', '.join(map(str, lacking))}")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
