"""Opens an installed viewer in Chromium and prints what is to be seen: ``look.py ACINUS RESULTS FOLDER``.

A process of its own, so that viewer and browser share one network namespace. Screenshots with and without
outlines are left in FOLDER.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "viewer"))

from chromium import Page, chromium, find_chromium


def look(page: Page, url: str, folder: Path) -> dict[str, object]:
    """Return what the page says of itself once the first image is shown."""
    page.open(url)
    page.screenshot(folder / "outlines.png")
    seen = {
        "openseadragon": page.evaluate("OpenSeadragon.version.versionStr"),
        "image_px": page.evaluate(
            "(({x, y}) => [x, y])(acinus.stage.osd.world.getItemAt(0).getContentSize())"
        ),
        "overlay": page.evaluate("acinus.overlay.state"),
        "count": page.evaluate("document.getElementById('count').textContent"),
        "view": page.evaluate("acinus.stage.view()"),
    }
    page.key("h")
    time.sleep(0.3)
    page.screenshot(folder / "hidden.png")
    return seen | {"problems": page.problems}


def main(acinus: str, results: str, folder: str) -> None:
    """Serve, look, and end the server as a person does."""
    command = [acinus, "view", results, "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            [url] = [word for word in server.stdout.readline().split() if word.startswith("http://")]
            with chromium(find_chromium() or "chromium") as page:
                seen = look(page, url, Path(folder))
        finally:
            server.terminate()
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
