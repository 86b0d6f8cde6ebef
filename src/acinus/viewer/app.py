"""The web application: addresses on the left, what `Library` answers on the right."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from acinus.core.cores import usable_cores
from acinus.core.errors import AcinusError, InputError, OutputError, UsageError
from acinus.viewer.entries import find_entries
from acinus.viewer.layer import View
from acinus.viewer.library import Library, UnknownSlideError
from acinus.viewer.marks import as_mark
from acinus.viewer.pages import page_routes
from acinus.viewer.security import Guard, is_exposed

__all__ = ["create_app"]

_LARGEST_BODY_BYTES = 1000
_GONE = 499  # the browser closed the request; nobody reads this answer


def create_app(
    path: Path, *, host: str = "127.0.0.1", token: str | None = None, public_name: str | None = None
) -> Starlette:
    """Return the application over a folder or a slide.

    Parameters
    ----------
    path : Path
        See `acinus.viewer.entries.find_entries`.
    host : str
        Address it will be bound to, which decides the host names it answers under.
    token : str, optional
        What a browser must know.
    public_name : str, optional
        Another host name it answers under: that of a container's host, or of a proxy.

    Raises
    ------
    InputError
        When there is nothing to show.
    UsageError
        When it is to be reachable from other machines without a token.
    """
    if token is None and is_exposed(host, public_name):
        raise UsageError(f"{public_name or host} can be reached from other machines; a token is required")
    library = Library(find_entries(path))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        library.close()

    return Starlette(
        routes=[*page_routes(), *_Answers(library).routes()],
        middleware=[Middleware(Guard, host=host, token=token, public_name=public_name)],
        exception_handlers={AcinusError: _as_json},
        lifespan=lifespan,
    )


class _Answers:
    """One method an address. Those without ``async`` run in a thread."""

    def __init__(self, library: Library) -> None:
        self._library = library
        # More tiles at once than processors would only make each of them late.
        self._rendering = anyio.CapacityLimiter(max(2, usable_cores()))

    def routes(self) -> list[Route]:
        slide = "/api/slides/{name}"
        get: list[tuple[str, Callable[..., object]]] = [
            ("/api/slides", self.slides),
            (slide, self.slide),
            (slide + "/thumbnail.jpg", self.thumbnail),
            (slide + "/tiles/{level:int}/{column:int}_{row:int}.jpg", self.tile),
            (slide + "/artefacts", self.artefacts),
            (slide + "/glands", self.glands),
            (slide + "/centroids", self.centroids),
            (slide + "/values/{statistic:int}", self.values),
            (slide + "/outlines", self.outlines),
            (slide + "/at", self.at),
            (slide + "/glands/{index:int}", self.gland),
            (slide + "/ids/{gland}", self.gland_of_id),
            (slide + "/marks", self.marks),
            (slide + "/marks.geojson", self.marks_geojson),
        ]
        return [
            *(Route(address, answer, methods=["GET"]) for address, answer in get),
            Route(slide + "/marks/{gland}", self.set_mark, methods=["PUT", "DELETE"]),
        ]

    def slides(self, request: Request) -> Response:
        entries = self._library.entries
        listed = [{"name": e.name, "segmented": e.glands_file is not None} for e in entries.by_name.values()]
        return _json(
            {
                "title": entries.title,
                "slides": listed,
                "notices": entries.notices,
                "session": self._library.session,
            }
        )

    def slide(self, request: Request) -> Response:
        return _json(self._library.describe(request.path_params["name"]))

    async def tile(self, request: Request) -> Response:
        async with self._rendering:
            if await request.is_disconnected():  # zoomed past while it waited
                return Response(status_code=_GONE)
            where = request.path_params
            jpeg = await anyio.to_thread.run_sync(
                lambda: self._library.tile(
                    where["name"], level=where["level"], column=where["column"], row=where["row"]
                )
            )
        return _jpeg(jpeg)

    async def thumbnail(self, request: Request) -> Response:
        async with self._rendering:
            if await request.is_disconnected():
                return Response(status_code=_GONE)
            return _jpeg(await anyio.to_thread.run_sync(self._library.thumbnail, request.path_params["name"]))

    def artefacts(self, request: Request) -> Response:
        return _json(self._library.artefacts(request.path_params["name"]))

    def glands(self, request: Request) -> Response:
        return _json(self._library.describe_glands(request.path_params["name"]))

    def centroids(self, request: Request) -> Response:
        return _binary(self._library.glands(request.path_params["name"]).layer.centroids())

    def values(self, request: Request) -> Response:
        layer = self._library.glands(request.path_params["name"]).layer
        statistic: int = request.path_params["statistic"]
        if statistic >= len(layer.statistics):
            raise UnknownSlideError("there is no such statistic")
        return _binary(layer.values(statistic))

    def outlines(self, request: Request) -> Response:
        left, top, right, bottom, scale = _numbers(request, "left", "top", "right", "bottom", "scale")
        layer = self._library.glands(request.path_params["name"]).layer
        return _binary(layer.in_view(View(left=left, top=top, right=right, bottom=bottom, scale=scale)))

    def at(self, request: Request) -> Response:
        x, y, reach_px = _numbers(request, "x", "y", "reach")
        layer = self._library.glands(request.path_params["name"]).layer
        return _json({"glands": layer.at(x, y, reach_px=reach_px)})

    def gland(self, request: Request) -> Response:
        layer = self._library.glands(request.path_params["name"]).layer
        index: int = request.path_params["index"]
        if index >= len(layer):
            raise UnknownSlideError("there is no such gland")
        return _json(layer.describe(index))

    def gland_of_id(self, request: Request) -> Response:
        layer = self._library.glands(request.path_params["name"]).layer
        index = layer.index_of.get(request.path_params["gland"])
        if index is None:
            raise UnknownSlideError("the gland of this link is gone; the results have changed since")
        return _json(layer.describe(index))

    def marks(self, request: Request) -> Response:
        glands = self._library.glands(request.path_params["name"])
        marks = glands.marks.all()
        return _json(
            {glands.layer.index_of[i]: mark for i, mark in marks.items() if i in glands.layer.index_of}
        )

    def marks_geojson(self, request: Request) -> Response:
        name = request.path_params["name"]
        glands = self._library.glands(name)
        plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
        return Response(
            glands.marks.geojson(glands.layer),
            media_type="application/geo+json",
            headers={"content-disposition": f'attachment; filename="{plain}_marks.geojson"'},
        )

    async def set_mark(self, request: Request) -> Response:
        name, gland = request.path_params["name"], request.path_params["gland"]
        mark = None if request.method == "DELETE" else as_mark(await _small_json(request))
        await anyio.to_thread.run_sync(self._mark, name, gland, mark)
        return _json({"mark": mark})

    def _mark(self, name: str, gland: str, mark: str | None) -> None:
        glands = self._library.glands(name)
        if gland not in glands.layer.index_of:
            raise UnknownSlideError("there is no such gland")
        glands.marks.set(gland, None if mark is None else as_mark(mark))


async def _small_json(request: Request) -> object:
    """Return the ``mark`` of a body such as ``{"mark": "wrong"}``.

    JSON only: a form on another site can post text, but not this type without asking first.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InputError("a mark must be sent as application/json")
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _LARGEST_BODY_BYTES:
                raise InputError("the request is too large for a mark")
    except ClientDisconnect as error:
        raise InputError("the request ended early") from error
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError("a mark must be JSON") from error
    return value.get("mark") if isinstance(value, dict) else None


def _numbers(request: Request, *names: str) -> list[float]:
    """Return finite numbers of the query string."""
    try:
        values = [float(request.query_params[name]) for name in names]
    except (KeyError, ValueError) as error:
        raise InputError(f"expected the numbers {', '.join(names)}") from error
    if not all(math.isfinite(value) for value in values):
        raise InputError(f"expected finite numbers for {', '.join(names)}")
    return values


def _as_json(request: Request, error: Exception) -> Response:
    """Answer with the one line that the command line would print."""
    status = 404 if isinstance(error, UnknownSlideError) else 507 if isinstance(error, OutputError) else 422
    return _json({"error": str(error)}, status)


def _json(value: object, status: int = 200) -> Response:
    content = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    return Response(content, status, media_type="application/json")


def _binary(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})
