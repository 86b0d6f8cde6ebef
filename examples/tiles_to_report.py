"""From image tiles to a report: learn without labels, segment, measure, write one HTML page.

    python examples/tiles_to_report.py                                  # makes a dozen H&E tiles first
    python examples/tiles_to_report.py my_tiles/ --mpp 0.5 --out out    # with your own

Three calls do it, those that `acinus fit`, `acinus segment` and `acinus report` make. Afterwards there are

    model/                 what was learnt; segments other tiles of the same stain, too
    results/report.html    open it in a browser: pictures, distributions, tables, warnings
    results/summary.csv    one row per image: gland area and glands per mm² of tissue, means, quantiles
    results/glands.csv     one row per gland, in µm
    results/<tile>/        labels, outlines for QuPath, overlay, table of each tile

Twelve synthetic tiles take some minutes on two cores. An interrupted run resumes when it is started again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from acinus.core.errors import AcinusError
from acinus.core.files import atomic_path, make_folder
from acinus.data.synthetic import write_synthetic_tiles
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.fit_files import fit_files
from acinus.pipeline.segment import segment_files
from acinus.report import write_report


def main() -> None:
    """Run the three steps, or say in one line what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("tiles", type=Path, nargs="?", help="folder of H&E images; made when left out")
    parser.add_argument("--mpp", type=float, help="µm per pixel, where the files do not say")
    parser.add_argument("--out", type=Path, default=Path("tiles-to-report"))
    parser.add_argument("--count", type=int, default=12, help="how many synthetic tiles")
    parser.add_argument("--side-px", type=int, default=512, help="side of the synthetic tiles")
    parser.add_argument("--settings", type=Path, help="JSON, as for acinus fit --settings")
    options = parser.parse_args()
    try:
        tiles = options.tiles or draw_tiles(options.out / "tiles", options.count, options.side_px)
        page = report_on(tiles, out=options.out, mpp=options.mpp, settings=options.settings)
    except AcinusError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"The report is {page}")


def draw_tiles(folder: Path, count: int, side_px: int) -> Path:
    """Make H&E tiles of benign and malignant glands, unless that was done before."""
    if not folder.is_dir():
        print(f"Making {count} tiles in {folder}")
        make_folder(folder.parent)
        with atomic_path(folder) as whole:  # a part of them, left by an interrupted run, would pass for all
            write_synthetic_tiles(whole, count=count, seed=0, height_px=side_px, width_px=side_px)
    return folder


def report_on(tiles: Path, *, out: Path, mpp: float | None, settings: Path | None) -> Path:
    """Learn from a folder of tiles, segment them, and return the page about them."""
    # 1. Learn. Label maps that lie beside the tiles are not even opened.
    print("Learning without labels")
    fit_files([tiles], out=out / "model", mpp=mpp, settings_path=settings)

    # 2. Segment and measure. Tiles that fail are listed in the result and do not stop the others.
    print("Segmenting")
    model = GlandSegmenter.load(out / "model")
    result = segment_files([tiles], model, model_name="model", out=out / "results", mpp=mpp)
    for failure in result.failures:
        print(failure.reason, file=sys.stderr)

    # 3. Show.
    return write_report(out / "results", title=f"Glands in {tiles.name}")


if __name__ == "__main__":
    main()
