"""The page over HTTP: on loopback only, one line for what is wrong, files to keep, and the command."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from moatlab import Scenario
from moatlab.cli.main import run_cli

ROOT = Path(__file__).parents[2]
LACKING = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
served = pytest.mark.skipif(bool(LACKING), reason=f"no {' and no '.join(LACKING)}: pip install 'moatlab[viz]'")


def test_a_missing_extra_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("moatlab.cli.dash.find_spec", lambda name: None)
    assert run_cli(["dash"]) == 2
    said = capsys.readouterr()
    assert (
        said.err == "moatlab: moatlab dash needs starlette and uvicorn: pip install 'moatlab[viz]'\n" and not said.out
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["essay"], "did you mean essay-2023"),
        (["no.toml"], "there is no scenario file 'no.toml'"),
        (["--port", "70000"], "--port is a whole number from 0 (any that is free) to 65535, not 70000"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("moatlab.cli.dash.find_spec", lambda name: True)
    assert run_cli(["dash", "--no-browser", *arguments]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """`moatlab dash tiny` on a free port."""
    folder = tmp_path_factory.mktemp("dash")
    process = subprocess.Popen(
        [sys.executable, "-m", "moatlab", "dash", "tiny", "--port", "0", "--no-browser"], text=True, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("moatlab: the dashboard is at http://127.0.0.1:"), (line, process.poll())
        yield int(line.split("http://127.0.0.1:")[1].split("/")[0]), process
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@served
def test_it_listens_on_loopback_only(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, process = server
    listening = [line.split() for line in Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]]
    mine = [words[1] for words in listening if words[3] == "0A" and words[1].endswith(f":{port:04X}")]
    # 127.0.0.1 in the byte order of the machine.
    assert mine == [f"0100007F:{port:04X}"]
    six = Path(f"/proc/{process.pid}/net/tcp6").read_text() if Path("/proc/net/tcp6").exists() else ""
    assert not any(line.split()[1].endswith(f":{port:04X}") for line in six.splitlines()[1:] if line.split()[3] == "0A")
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        if not str(address).startswith("127."):
            with socket.socket() as door:
                assert door.connect_ex((str(address), port)) != 0


@served
def test_strangers_are_refused(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, _ = server
    assert get(port, "/", Host="rebound.example")[0] == 400
    assert get(port, "/view", **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert get(port, "/", **{"Sec-Fetch-Site": "cross-site"})[0] == 200
    assert get(port, "/view?seeds=1&months=2", **{"Sec-Fetch-Site": "same-origin"})[0] == 200
    assert get(port, "/../state.py")[0] == 404 and get(port, "/page.py")[0] == 404


@served
def test_all_that_the_page_loads_is_its_own(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, _ = server
    for path in ("/", "/page.css", "/page.js"):
        status, headers, body = get(port, path)
        text = body.decode().replace("http://www.w3.org", "")
        assert status == 200 and "http:" not in text and "https:" not in text and "@import" not in text
        assert "default-src 'none'" in headers["content-security-policy"]


@served
def test_a_view_and_its_files(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, _ = server
    query = f"seeds=2&months=14&set={quote('users.*.switching_cost=1.0')}&layer=market"
    status, _, body = get(port, f"/view?{query}&width=390")
    view = json.loads(body)
    assert status == 200 and "<svg" in view["picture"] and view["preset"] == "tiny"
    assert view["told"] == ["users.*.switching_cost = 1.0"] and view["state"]["changes"] == {
        "users.*.switching_cost": "1.0"
    }
    assert view["command"].startswith("moatlab whatif tiny --set 'users.*.switching_cost=1.0'")
    assert get(port, f"/view?{view['query']}&width=390")[2] == body

    status, headers, csv = get(port, f"/numbers.csv?{query}")
    assert status == 200 and headers["content-disposition"] == 'attachment; filename="moatlab-tiny-market-rent.csv"'
    assert len(csv.decode().splitlines()) == 1 + 2 * 14
    status, headers, png = get(port, f"/picture.png?{query}")
    assert status == 200 and png.startswith(b"\x89PNG") and headers["content-type"] == "image/png"
    status, headers, text = get(port, f"/scenario.toml?{query}")
    assert headers["content-disposition"] == 'attachment; filename="tiny-changed.toml"'
    assert "switching_cost" in text.decode()


@served
def test_a_wrong_address_is_answered_in_a_line(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, _ = server
    for path, says in (
        ("/view?set=labs.openia.markup=1", "labs has no"), ("/controls?scenario=/etc/passwd", "there is no preset"),
        ("/slider?parameter=labs", "is no address"), ("/numbers.csv?event=soon", "not understood"),
    ):  # fmt: skip
        status, _, body = get(port, path)
        assert status == 400 and says in json.loads(body)["problem"], path


@served
def test_a_taken_port_is_one_line_and_the_default_gives_way(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, _ = server
    from moatlab.dash import server as module
    from moatlab.errors import InputError

    with pytest.raises(InputError, match=f"nothing can be served at 127.0.0.1:{port}"):
        module.listen(port)
    old, module.PORT = module.PORT, port
    try:
        with module.listen(None) as door:
            assert door.getsockname()[0] == "127.0.0.1" and door.getsockname()[1] != port
    finally:
        module.PORT = old


@served
def test_ctrl_c_ends_it_and_its_workers(server: tuple[int, subprocess.Popen[str]]) -> None:
    """The last test of this file: the server is gone after it."""
    _, process = server
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    end = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert process.stderr is not None and "Traceback" not in process.stderr.read()


def test_the_scenario_of_a_file_is_served_under_its_name(tmp_path: Path) -> None:
    from moatlab.dash.state import Presets
    from moatlab.scenario.reading import packaged

    file = tmp_path / "mine.toml"
    file.write_text(Scenario("tiny").to_toml().replace('name = "tiny"', 'name = "mine"'))
    presets = Presets.of(str(file), packaged())
    assert presets.first == "mine" and presets.arguments["mine"] == str(file)
