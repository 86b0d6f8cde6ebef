"""Serving the page until Ctrl-C."""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from acinus.core.errors import UsageError
from acinus.viewer.app import create_app
from acinus.viewer.security import is_exposed

__all__ = ["page_url", "serve", "split_address"]


def serve(
    path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    public_address: str | None = None,
    open_browser: bool = True,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve a folder of results, a folder of slides or one slide until the process is interrupted.

    Parameters
    ----------
    path : Path
        See `acinus.viewer.entries.find_entries`.
    host : str
        Address to bind to; anything but this machine itself makes a token necessary.
    port : int
        0 lets the system choose a free one.
    token : str, optional
        What the browser must know. Where others can reach the server, one is made up when none is given.
    public_address : str, optional
        ``name`` or ``name:port`` that browsers use where the server cannot know it: behind a proxy, or in a
        container, whose host passes a port on.
    open_browser : bool
        Whether to show the page at once.
    announce : callable, optional
        Given the page's address before the first request; by default it is written to standard output.

    Raises
    ------
    InputError
        When there is nothing to show.
    UsageError
        When the address cannot be bound, or `public_address` is none.
    """
    public_name, public_port = split_address(public_address) if public_address else (None, None)
    if token is None and is_exposed(host, public_name):
        token = secrets.token_urlsafe(24)
    app = create_app(path, host=host, token=token, public_name=public_name)
    with _bind(host, port) as listening:
        url = page_url(public_name or host, public_port or listening.getsockname()[1], token)
        (announce or _to_stdout)(url)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        if open_browser and _has_screen():
            webbrowser.open(url)  # the socket listens already, so the browser waits for the server, not fails
        with suppress(KeyboardInterrupt):  # the usual way to end it
            uvicorn.Server(config).run(sockets=[listening])


def page_url(host: str, port: int, token: str | None) -> str:
    """Return the page's address as a person would open it.

    Examples
    --------
    >>> page_url("127.0.0.1", 8000, None), page_url("0.0.0.0", 80, "abc").endswith(":80/?token=abc")
    ('http://127.0.0.1:8000/', True)
    """
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def split_address(address: str) -> tuple[str, int | None]:
    """Return host name and port of ``name`` or ``name:port``; None where no port is given.

    Raises
    ------
    UsageError
        When it is neither, a whole link for example.

    Examples
    --------
    >>> split_address("lab.example:9000"), split_address("localhost"), split_address("[::1]:80")
    (('lab.example', 9000), ('localhost', None), ('::1', 80))
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?", address, re.ASCII)
    port = None if found is None or found[3] is None else int(found[3])
    if found is None or not (port is None or 1 <= port <= 65535):
        raise UsageError(f"--public-address is {address!r}; give a name or name:port, such as localhost:8000")
    return found[1] or found[2], port


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise UsageError(f"cannot listen on {host} port {port} ({error}); choose another --port") from error
    return listening


def _has_screen() -> bool:
    """Whether a graphical browser can open; a text browser would take over the terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _to_stdout(url: str) -> None:
    sys.stdout.write(f"Viewing at {url} (Ctrl-C ends)\n")
    sys.stdout.flush()
