"""Options and arguments that several commands share, and what the shell completes them with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: Options that several commands share.
PicturesOption = Annotated[
    str | None, typer.Option("--pictures", metavar="NAMES", help="Pictures to draw: all, none, or names and commas.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", metavar="FORMATS", help="Formats of pictures: png, svg, pdf, with commas.")
]
ExcelOption = Annotated[bool, typer.Option("--excel", help="Also write the tables as one Excel workbook.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


#: Selections out of a batch.
MetricOption = Annotated[list[str] | None, typer.Option("--metric", help="A recorded metric (by default all).")]
ArmOption = Annotated[list[str] | None, typer.Option("--arm", help="An arm (by default all).")]
MonthsOption = Annotated[
    tuple[str, str] | None,
    typer.Option("--months", metavar="FIRST LAST", help="Months, as in 12 or 2024-01 (by default all)."),
]


def _files(suffix: str, incomplete: str) -> list[str]:
    """Files of that suffix and folders that a path so far could go on to, for the shell's completion."""
    folder = Path(incomplete).parent if incomplete and not incomplete.endswith("/") else Path(incomplete or ".")
    try:
        found = [path for path in sorted(folder.iterdir()) if path.suffix == suffix or path.is_dir()]
    except OSError:
        return []
    return [f"{path}/" if path.is_dir() else str(path) for path in found]


def scenario_names(incomplete: str) -> list[str]:
    """Packaged scenarios and files of the name so far."""
    from moatlab.scenario.reading import packaged

    return [name for name in [*packaged(), *_files(".toml", incomplete)] if name.startswith(incomplete)]


def experiment_names(incomplete: str) -> list[str]:
    """Packaged experiments and files of the name so far."""
    from moatlab.experiments.packaged import packaged_experiments

    return [name for name in [*packaged_experiments(), *_files(".toml", incomplete)] if name.startswith(incomplete)]


ScenarioArgument = Annotated[
    str,
    typer.Argument(help="Name of a packaged scenario, or path of a TOML file.", autocompletion=scenario_names),
]
