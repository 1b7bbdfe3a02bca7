"""Where machine code is kept, for users with and without a home, a writable cache, or a cache of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from moatlab.market.state import cache
from moatlab.market.state.cache import COMPLETE, alone, is_complete, kernel_folder

NOBODY = 54_321


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files of the test's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of caches that takes no files, whoever runs the test."""
    made = cache._made
    base = Path(tempfile.gettempdir()).parent / "shared"
    monkeypatch.setattr(cache, "_made", lambda folder: base not in folder.parents and made(folder))
    return base


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    tail = Path("moatlab") / "kernels" / "d"
    home = tmp_path / "home"
    assert kernel_folder("d", {"MOATLAB_CACHE": str(tmp_path / "mine"), "XDG_CACHE_HOME": "/x"}) == (
        tmp_path / "mine" / tail
    )
    assert kernel_folder("d", {"MOATLAB_CACHE": "~/mc"}) == home / "mc" / tail
    assert kernel_folder("d", {"XDG_CACHE_HOME": "~/xdg"}) == home / "xdg" / tail
    assert kernel_folder("d", {"XDG_CACHE_HOME": ""}) == kernel_folder("d", {}) == home / ".cache" / tail
    monkeypatch.chdir(tmp_path)
    assert kernel_folder("d", {"MOATLAB_CACHE": "here"}) == tmp_path / "here" / tail
    assert left(tmp_path / "here" / tail) == []
    assert not (tmp_path / "~").exists()


def test_a_user_without_a_home_has_one_folder_for_all_processes(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    folder = kernel_folder("d", {})
    assert folder == temporary / f"moatlab-{os.getuid()}" / "kernels" / "d" == kernel_folder("d", {})
    assert left(temporary) == [f"moatlab-{os.getuid()}"]
    assert (temporary / f"moatlab-{os.getuid()}").stat().st_mode & 0o077 == 0


def test_a_cache_that_takes_no_files_is_used_when_it_is_complete(unwritable: Path, temporary: Path) -> None:
    ready = unwritable / "moatlab" / "kernels" / "d"
    (ready / "rules_1").mkdir(parents=True)
    (ready / "rules_1" / "month.nbi").write_bytes(b"index")
    environment = {"MOATLAB_CACHE": str(unwritable)}
    assert kernel_folder("d", environment) == temporary / f"moatlab-{os.getuid()}" / "kernels" / "d"
    (ready / COMPLETE).touch()
    folder = kernel_folder("d", environment)
    assert folder is not None and folder.parent == temporary and is_complete(folder)
    assert (folder / "rules_1" / "month.nbi").read_bytes() == b"index"
    # What numba writes replaces a link, and not what it leads to.
    (folder / "rules_1" / "new").write_bytes(b"new")
    os.replace(folder / "rules_1" / "new", folder / "rules_1" / "month.nbi")
    assert (ready / "rules_1" / "month.nbi").read_bytes() == b"index"
    cache._remove(folder, os.getpid() + 1)
    assert folder.exists()
    cache._remove(folder, os.getpid())
    assert not folder.exists() and is_complete(ready)


def test_links_are_gone_when_python_ends(tmp_path: Path) -> None:
    ready = tmp_path / "shared" / "moatlab" / "kernels" / "d"
    ready.mkdir(parents=True)
    (ready / COMPLETE).touch()
    code = (
        "from moatlab.market.state import cache; cache._made = lambda folder: False;"
        f"print(cache.kernel_folder('d', {{'MOATLAB_CACHE': {str(tmp_path / 'shared')!r}}}))"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path / "tmp" / "moatlab-links-"))
    assert left(tmp_path / "tmp") == []


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_temporary_folder_that_others_may_write_to_is_not_trusted(mode: int, temporary: Path) -> None:
    own = temporary / f"moatlab-{os.getuid()}"
    own.mkdir()
    own.chmod(mode)
    assert cache._temporary("d") is None


def test_a_temporary_folder_of_another_user_or_a_link_is_not_trusted(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (temporary / f"moatlab-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    assert cache._temporary("d") is None
    (temporary / f"moatlab-{NOBODY}").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    assert cache._temporary("d") is None


def test_without_any_folder_nothing_is_kept(unwritable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(unwritable / "none"))
    assert kernel_folder("d", {"MOATLAB_CACHE": str(unwritable)}) is None


def test_one_process_at_a_time_fills_a_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from moatlab.market.state.cache import alone, is_complete\n"
        "folder = Path(sys.argv[1])\n"
        "with alone(folder):\n"
        "    if not is_complete(folder):\n"
        "        (folder / f'filled-{sys.argv[2]}').touch(); time.sleep(0.3); (folder / 'complete').touch()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)], env=environment)
        for number in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(list(tmp_path.glob("filled-*"))) == 1


def test_a_folder_that_cannot_be_locked_is_filled_all_the_same(tmp_path: Path) -> None:
    with alone(tmp_path / "absent"):
        pass
