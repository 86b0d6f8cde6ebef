"""``acinus view``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from acinus.cli.numbers import Whole
from acinus.cli.output import say

__all__ = ["view"]


def view(
    path: Path,
    /,
    *,
    host: str = "127.0.0.1",
    port: Whole = 0,
    token: Annotated[str | None, Parameter(env_var="ACINUS_TOKEN")] = None,
    public_address: Annotated[str | None, Parameter(env_var="ACINUS_PUBLIC_ADDRESS")] = None,
    browser: bool = True,
) -> int:
    """Look around in results or in a slide, on a local web page.

    Example: acinus view results

    Parameters
    ----------
    path
        What acinus segment wrote with --out, a folder of slides, or one slide.
    host
        Address to bind to. On any but this machine's own, a token is required and made up when none is given.
    port
        0 takes a free one.
    token
        What the browser must know.
    public_address
        Name or name:port that browsers use, where a container or a proxy stands between. A token is required.
    browser
        Open the page at once; --no-browser only prints its address.
    """
    from acinus.viewer.server import serve

    serve(
        path,
        host=host,
        port=port,
        token=token,
        public_address=public_address,
        open_browser=browser,
        announce=lambda url: say(f"Showing {path} at {url} (Ctrl-C ends)"),
    )
    return 0
