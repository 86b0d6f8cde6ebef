"""The page's own files: a fixed list made at the start, so that no address can name another file."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from acinus.viewer.openseadragon import vendored_script

__all__ = ["page_routes"]

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_MISSING = b"// OpenSeadragon is missing; the page explains what to do.\n"


def page_routes() -> list[Route]:
    """Return the routes of ``/`` and ``/static/…``, each answered from memory."""
    files = {path.name: path for path in sorted(_STATIC.iterdir()) if path.suffix in _TYPES}
    routes = [
        _route(f"/static/{name}", path.read_bytes(), _TYPES[path.suffix]) for name, path in files.items()
    ]
    script = vendored_script()
    content = _MISSING if script is None else script.read_bytes()
    return [
        _route("/", files["index.html"].read_bytes(), _TYPES[".html"]),
        _route("/static/vendor/openseadragon.min.js", content, _TYPES[".js"]),
        *routes,
    ]


def _route(address: str, content: bytes, media_type: str) -> Route:
    def answer(request: Request) -> Response:
        return Response(content, headers={"content-type": media_type, "cache-control": "no-cache"})

    return Route(address, answer, methods=["GET"])
