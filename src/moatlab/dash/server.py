"""The page over HTTP, on the loopback interface only.  Every answer follows from the address that was asked for.

=================  =====================================================================================
``/``              the page; what it shows stands in its query
``/controls``      what the controls are made from, JSON
``/slider``        one more slider, for a parameter by its address, JSON
``/view``          picture, words, command and address of a state, JSON; ``width`` are the page's pixels
``/picture.png``   the picture, to be saved
``/numbers.csv``   what it shows
``/scenario.toml`` the scenario
=================  =====================================================================================
"""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moatlab.dash.controls import as_data, one_more
from moatlab.dash.laboratory import Laboratory
from moatlab.dash.state import Presets, State, command, query, read, toml
from moatlab.errors import EngineError, InputError

#: The one address on which a page is served, and the port unless another one is asked for.
HOST, PORT = "127.0.0.1", 8710
#: Files of the page.  All that it loads is here: nothing comes from the network.
FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
#: Widest page that is asked about, pixels.
WIDEST = 4000

Answer = Callable[[Request], Awaitable[Response]]


def make_app(presets: Presets, laboratory: Laboratory, ready: Callable[[], object] = lambda: None) -> Starlette:
    """The pages as an application.  It refuses hosts' names other than loopback's, and other sites' scripts."""

    def of(request: Request) -> State:
        return read([(k, v) for k, v in request.query_params.multi_items() if k != "width"], presets)

    async def page(request: Request) -> Response:
        name, kind = FILES[request.url.path]
        return Response(files("moatlab.dash").joinpath("page", name).read_bytes(), media_type=kind)

    async def controls(request: Request) -> Response:
        state = of(request)
        return JSONResponse({**as_data(state, presets), "state": _state(state)})

    async def slider(request: Request) -> Response:
        scenario = presets[request.query_params.get("scenario", presets.first)]
        return JSONResponse({"sliders": [asdict(one_more(scenario, request.query_params.get("parameter", "")))]})

    async def view(request: Request) -> Response:
        state = of(request)
        drawn = await laboratory.draw(state, _pixels(request.query_params.get("width", "")))
        return JSONResponse({
            "picture": drawn.picture.image.decode(), "heading": drawn.heading, "note": drawn.note,
            "told": state.told, "preset": state.preset, "query": query(state), "state": _state(state),
            "command": command(state, presets.arguments[state.preset], drawn.metrics),
        })  # fmt: skip

    async def picture(request: Request) -> Response:
        state = of(request)
        drawn = await laboratory.draw(state, form="png")
        return _file(drawn.picture.image, "image/png", f"{_name(state)}.png")

    async def numbers(request: Request) -> Response:
        state = of(request)
        drawn = await laboratory.draw(state)
        return _file(drawn.picture.csv.encode(), "text/csv; charset=utf-8", f"{_name(state)}.csv")

    async def scenario(request: Request) -> Response:
        state = of(request)
        stem = f"{_plain(state.base.name)}{'-changed' if state.changed else ''}"
        return _file(toml(state).encode(), "application/toml", f"{stem}.toml")

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        ready()
        yield
        laboratory.close()

    answers: dict[str, Answer] = {
        **dict.fromkeys(FILES, page), "/controls": controls, "/slider": slider, "/view": view, "/picture.png": picture,
        "/numbers.csv": numbers, "/scenario.toml": scenario,
    }  # fmt: skip
    return Starlette(
        routes=[Route(path, _answered(answer), methods=["GET"]) for path, answer in answers.items()],
        # A name that a stranger's domain server points at loopback would let that stranger's page read this one.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        lifespan=life,
    )


def _answered(answer: Answer) -> Answer:
    """The same with our headers; a mistake in an address is one line, with status 400."""

    async def answered(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") == "cross-site" and request.url.path != "/":
            response: Response = JSONResponse({"problem": "only moatlab's own page is answered"}, 403)
        else:
            try:
                response = await answer(request)
            except InputError as problem:
                response = JSONResponse({"problem": str(problem)}, 400)
            except (EngineError, RuntimeError) as problem:
                response = JSONResponse({"problem": f"the runs failed: {problem}"}, 500)
        response.headers.update(HEADERS)
        return response

    return answered


def _pixels(text: str) -> float:
    return float(min(int(text), WIDEST)) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else 800.0


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _plain(name: str) -> str:
    """A name that a header and every file system take."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name) or "scenario"


def _name(state: State) -> str:
    what = [state.layer, state.firm, state.measure] if state.view == "time" else [state.view, str(state.year)]
    return "-".join(["moatlab", _plain(state.base.name), *filter(None, what)])


def _state(state: State) -> dict[str, Any]:
    """What the controls have to show."""
    return {
        "changes": dict(state.changes), "events": list(state.events), "view": state.view, "layer": state.layer,
        "firm": state.firm, "measure": state.measure, "year": state.year, "plain": state.plain,
        "scenario": state.preset, "seeds": state.seeds, "seed": state.seed, "months": state.months,
        "horizon": state.base.months,
    }  # fmt: skip


def listen(port: int | None) -> socket.socket:
    """A socket on loopback, at the port given, or at ours or a free one.  Raises `InputError` where it is taken."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for wanted in [port] if port is not None else [PORT, 0]:
        try:
            door.bind((HOST, wanted))
        except OSError as problem:
            if wanted == 0 or port is not None:
                door.close()
                raise InputError(f"--port: nothing can be served at {HOST}:{wanted}: {problem.strerror}") from None
        else:
            break
    # From here on whoever comes waits in a queue until the server answers.
    door.listen()
    return door


def serve(presets: Presets, port: int | None, browser: bool, told: Callable[[str], object] = print) -> None:
    """Serve until Ctrl-C; ``told`` is called with the address once the page is there."""
    door = listen(port)
    address = f"http://{HOST}:{door.getsockname()[1]}/"
    try:
        laboratory = Laboratory(presets)
        app = make_app(presets, laboratory, lambda: _announce(address, browser, told))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[door])
        laboratory.close()
    finally:
        door.close()


def _announce(address: str, browser: bool, told: Callable[[str], object]) -> None:
    told(f"moatlab: the dashboard is at {address} (Ctrl-C ends it)")
    if browser:
        # Some browsers return only when they are closed.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
