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
    """Browse results or slides on a local web page.

    Example: acinus view results

    Parameters
    ----------
    path
        The folder that acinus segment wrote, a folder of slides, or one slide.
    host
        Address to listen on. Any other than this machine's own needs a token; one is made if none is given.
    port
        0 picks a free port.
    token
        Secret that the browser must present.
    public_address
        Name or name:port that browsers use behind a container or a proxy. A token is required.
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
