"""The README's Python runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


def test_readme_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parent.parent / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(blocks) == 3
    scope: dict[str, object] = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)
    assert "chipmakers" in capsys.readouterr().out
