"""Make the environment that builds the site: the packages of the extra `docs`, beside those of this environment.

.venv/bin/python docs/site/environment.py .venv-docs

The new environment sees this one's packages, so that a notebook can run a market, and installs nothing into it.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def make(folder: Path) -> None:
    """Make or renew the environment in ``folder``."""
    venv.create(folder, clear=True, with_pip=True, symlinks=sys.platform != "win32")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *project["optional-dependencies"]["docs"]], check=True)
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    # addsitedir, unlike a plain path, also follows the .pth file of the editable installation there.
    outer = sysconfig.get_path("purelib")
    (Path(packages) / "moatlab-environment.pth").write_text(
        f"import site; site.addsitedir({outer!r})\n", encoding="utf-8"
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
