"""Makes the pictures of the README and the tutorial again, over synthetic images.

    python examples/make_pictures.py --work pictures-work --out docs/pictures

Runs `acinus demo`, makes a synthetic slide and segments it with the demo's model; what `--work` already holds
is used. Screenshots are taken with Chromium, as in the tests of the viewer, so this needs `make install` and
Chromium (in $ACINUS_CHROMIUM or on the path). No real image is ever shown.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from acinus.core.errors import AcinusError, InputError
from acinus.core.files import atomic_path, make_folder
from acinus.data.synthetic import write_synthetic_slide
from acinus.report import write_report

MOST_BYTES = 250_000
CENTRE, SCALE = (1950, 1850), 1.6  # of the viewer's picture: level-0 pixels, and level-0 per screen pixel
DRIVER = Path(__file__).parents[1] / "tests" / "viewer" / "chromium.py"
SERVE = """
import sys
from pathlib import Path
from acinus.viewer import serve
serve(Path(sys.argv[1]), open_browser=False, announce=lambda url: print(url, flush=True))
"""


def main() -> None:
    """Make all pictures, or say in one line what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--work", type=Path, default=Path("pictures-work"), help="keeps what is computed")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    try:
        make_folder(options.out)
        demo, slide = options.work / "demo", make_folder(options.work) / "slide.tif"
        acinus("demo", "--out", str(demo))
        if not slide.is_file():
            write_synthetic_slide(slide, seed=2, width_px=3072, height_px=3072, tissue_fraction=0.6)
        results = options.work / "slide"
        acinus("segment", str(slide), "--model", str(demo / "model"), "--out", str(results))
        picture_of_tiles(demo, options.out / "tutorial-tiles.jpg")
        picture_of_steps(demo, options.out / "tutorial-steps.jpg")
        picture_of_report(demo, options.out / "report.jpg")
        picture_of_viewer(results, options.out / "viewer.jpg")
    except AcinusError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def acinus(*words: str) -> None:
    """Run a command of acinus."""
    if subprocess.run([sys.executable, "-m", "acinus", *words], check=False).returncode:
        raise InputError(f"acinus {' '.join(words)} failed; see above")


def picture_of_tiles(demo: Path, target: Path, *, count: int = 4) -> Path:
    """Save some of the demo's tiles side by side."""
    paths = sorted((demo / "images").glob("tile_???.png"))[:count]
    return side_by_side([Image.open(path) for path in paths], target)


def picture_of_steps(demo: Path, target: Path, *, tile: str = "tile_001") -> Path:
    """Save a tile beside its proposals, its probability and its outlines."""
    (overlay,) = (demo / tile).glob("overlay.*")
    paths = (
        demo / "images" / f"{tile}.png",
        demo / "model" / "proposals" / f"{tile}.regions.png",
        demo / tile / "probability.png",
        overlay,
    )
    return side_by_side([Image.open(path) for path in paths], target)


def side_by_side(
    pictures: Sequence[Image.Image], target: Path, *, side_px: int = 384, gap_px: int = 8
) -> Path:
    """Save pictures in a row, each scaled to one size."""
    row = Image.new("RGB", (len(pictures) * (side_px + gap_px) - gap_px, side_px), "white")
    for number, picture in enumerate(pictures):
        row.paste(picture.convert("RGB").resize((side_px, side_px)), (number * (side_px + gap_px), 0))
    return save(np.asarray(row), target)


def picture_of_report(results: Path, target: Path, *, width_px: int = 1240, height_px: int = 1500) -> Path:
    """Save the upper part of the report about a folder of results."""
    page = results / "report.html"
    if not page.is_file():
        write_report(results)
    chromium = driver()
    with chromium.chromium(program(chromium), width=width_px, height=height_px) as tab:
        tab.send("Page.navigate", url=page.resolve().as_uri())
        tab.wait_for("location.protocol === 'file:' && document.readyState === 'complete'")
        return save(tab.screenshot(), target)


def picture_of_viewer(results: Path, target: Path, *, width_px: int = 1400, height_px: int = 860) -> Path:
    """Save the viewer's page over a slide's results, the gland nearest to the picture's centre chosen."""
    chromium = driver()
    (x, y), gland = CENTRE, nearest_gland(results / "slide", mpp=0.62)
    with (
        subprocess.Popen(
            [sys.executable, "-c", SERVE, str(results)], stdout=subprocess.PIPE, text=True
        ) as server,
        chromium.chromium(program(chromium), width=width_px, height=height_px) as tab,
    ):
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            tab.open(f"{url}#slide=slide&x={x}&y={y}&scale={SCALE}&by=Solidity&gland={gland}")
            tab.wait_for(f"acinus.state.gland?.index === {gland}")
            return save(tab.screenshot(), target)
        finally:
            server.terminate()


def nearest_gland(folder: Path, *, mpp: float) -> int:
    """Return the row of the gland whose centroid is nearest to the centre of the viewer's picture."""
    with (folder / "glands.csv").open(encoding="utf-8", newline="") as file:
        places = [(float(row["centroid_x_um"]), float(row["centroid_y_um"])) for row in csv.DictReader(file)]
    centre = CENTRE[0] * mpp, CENTRE[1] * mpp
    return min(range(len(places)), key=lambda row: math.dist(places[row], centre))


def save(pixels: object, target: Path) -> Path:
    """Save a screenshot as the best JPEG of at most `MOST_BYTES`."""
    with atomic_path(target) as temporary:
        for quality in range(90, 20, -5):
            Image.fromarray(pixels).save(temporary, quality=quality, optimize=True, progressive=True)
            if temporary.stat().st_size <= MOST_BYTES:
                break
    return target


def driver() -> ModuleType:
    """Return the browser's driver, which the tests of the viewer use too."""
    spec = importlib.util.spec_from_file_location("chromium", DRIVER)
    if spec is None or spec.loader is None or not DRIVER.is_file():
        raise InputError(f"{DRIVER} is missing; run this from a whole checkout")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(chromium: ModuleType) -> str:
    """Return the browser's program."""
    found = chromium.find_chromium()
    if found is None:
        raise InputError("no Chromium found; install it or set ACINUS_CHROMIUM to its program")
    return str(found)


if __name__ == "__main__":
    main()
