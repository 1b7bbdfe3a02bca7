"""The list of mutants is up to date: each text stands once in its file.  (`make mutants` puts the faults in.)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_every_text_stands_once_in_its_file() -> None:
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import run; print(len(run.listed()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 60
