"""Run the notebooks of this folder from top to bottom and keep what comes out in them: `make notebooks`.

python notebooks/run.py [FILE ...]
"""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image
from traitlets.config import Config

HERE = Path(__file__).parent
#: Seconds that one cell may take.
LIMIT = 300
#: Pixels and colours of pictures that are kept.
WIDTH, COLOURS = 1200, 96


def executed(path: Path) -> Any:
    """A notebook with its outputs; an exception in a cell is raised."""
    notebook = nbformat.read(path, as_version=4)
    # The kernel of this environment, whatever the notebook names.
    with TemporaryDirectory() as folder:
        # It is spoken to through files instead of ports, which others on the machine could listen to.
        through = {} if sys.platform == "win32" else {"transport": "ipc", "ip": f"{folder}/kernel"}
        client = NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", record_timing=False,
                                resources={"metadata": {"path": str(path.parent)}},
                                config=Config({"KernelManager": through}))  # fmt: skip
        client.execute()
    return plain(notebook)


def plain(notebook: Any) -> Any:
    """The notebook without what says something of the machine only: equal outputs are equal files."""
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                         "language_info": {"name": "python"}}  # fmt: skip
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            for output in cell.outputs:
                data = output.get("data", {})
                if "image/png" in data:
                    data["image/png"] = small(data["image/png"])
            # What goes to the error stream is news of the run, such as that rules are compiled.
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def small(picture: str) -> str:
    """A PNG in base64 with a palette and of a page's width, which is a quarter of the bytes."""
    image = Image.open(BytesIO(b64decode(picture))).convert("RGB")
    image.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
    written = BytesIO()
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT).save(written, "PNG", optimize=True)
    return b64encode(written.getvalue()).decode()


def main(names: list[str]) -> None:
    """Run the files named, or all."""
    for path in [Path(name) for name in names] or sorted(HERE.glob("*.ipynb")):
        nbformat.write(executed(path), path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
