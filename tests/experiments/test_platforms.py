"""Where the engine of local processes works."""

from __future__ import annotations

import sys

import pytest

from moatlab import InputError
from moatlab.experiments.engines import check_engine


def test_the_local_engine_refuses_in_a_line_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    check_engine("local", 2, None)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(InputError, match="works on Linux and macOS only: on Windows, use the engine serial or dask"):
        check_engine("local", 2, None)
    check_engine("serial", None, None)
