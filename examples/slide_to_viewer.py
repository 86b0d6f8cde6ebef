"""From a slide to the viewer: learn from fields of the slide itself, segment it, look around in it.

    python examples/slide_to_viewer.py                          # makes a slide first
    python examples/slide_to_viewer.py slide.svs --view         # your own; serves the page at once

1. Fields of 400 µm with the most tissue are cut out and saved (`out/fields/`), to learn from.
2. The whole slide is segmented, window by window: it may have any size.
3. `acinus view out/results` shows it: zoom with the wheel, click a gland for its numbers, drag over the
   histogram to see only some, press R or W to mark a gland as right or wrong and export the marks for QuPath.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from acinus.core.errors import AcinusError, InputError
from acinus.core.files import make_folder
from acinus.core.geometry import Box
from acinus.data.synthetic import write_synthetic_slide
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.fit_files import fit_files
from acinus.pipeline.segment import segment_files
from acinus.slides import SlideReader, open_slide, overview, resolved_mpp, tissue_mask
from acinus.viewer import serve

FIELD_UM = 400.0
FIELD_MPP = 1.0  # µm per pixel of the saved fields: finer than anything that fitting looks at


def main() -> None:
    """Run the three steps, or say in one line what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("slide", type=Path, nargs="?", help="a slide; a synthetic one is made when left out")
    parser.add_argument("--mpp", type=float, help="µm per pixel, where the slide does not say")
    parser.add_argument("--out", type=Path, default=Path("slide-to-viewer"))
    parser.add_argument("--fields", type=int, default=12, help="how many fields are learnt from")
    parser.add_argument("--side-px", type=int, default=3072, help="side of the synthetic slide")
    parser.add_argument("--settings", type=Path, help="JSON, as for acinus fit --settings")
    parser.add_argument("--view", action="store_true", help="serve the page at once")
    options = parser.parse_args()
    try:
        slide = options.slide or draw_slide(make_folder(options.out) / "slide.tif", options.side_px)
        results = segment_slide(
            slide, out=options.out, mpp=options.mpp, fields=options.fields, settings=options.settings
        )
        if options.view:
            serve(results)
        else:
            print(f"Look at it with:  acinus view {results}")
    except AcinusError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def draw_slide(path: Path, side_px: int) -> Path:
    """Draw a slide with one piece of tissue, unless that was done before."""
    if not path.is_file():
        print(f"Drawing {path}")
        write_synthetic_slide(path, seed=2, width_px=side_px, height_px=side_px, tissue_fraction=0.6)
    return path


def segment_slide(slide: Path, *, out: Path, mpp: float | None, fields: int, settings: Path | None) -> Path:
    """Learn from a slide's own fields, segment the slide, and return the folder of results."""
    with open_slide(slide, mpp=mpp) as reader:
        folder = save_fields(reader, make_folder(out / "fields"), count=fields)
    print("Learning without labels")
    fit_files([folder], out=out / "model", settings_path=settings)
    print("Segmenting")
    model = GlandSegmenter.load(out / "model")
    result = segment_files([slide], model, model_name="model", out=out / "results", mpp=mpp)
    if result.failures:
        raise InputError(result.failures[0].reason)
    return out / "results"


def save_fields(reader: SlideReader, folder: Path, *, count: int) -> Path:
    """Save the fields of a regular grid that hold the most tissue."""
    mpp = resolved_mpp(reader)
    side = min(round(FIELD_UM / mpp), reader.size.width, reader.size.height)  # level-0 pixels
    tissue = tissue_mask(overview(reader), mpp=8.0)
    scale = tissue.shape[1] / reader.size.width  # pixels of the overview per level-0 pixel
    boxes = [
        Box(x, y, side, side)
        for y in range(0, reader.size.height - side + 1, side)
        for x in range(0, reader.size.width - side + 1, side)
    ]
    boxes.sort(key=lambda box: -_share(tissue, box, scale))
    for box in boxes[:count]:
        field_mpp = max(mpp, FIELD_MPP)
        field = Image.fromarray(reader.read(box, mpp=field_mpp))
        # PNG keeps the resolution as dots per inch; acinus reads the µm per pixel from there.
        field.save(folder / f"field_{box.x}_{box.y}.png", dpi=(25400 / field_mpp, 25400 / field_mpp))
    return folder


def _share(tissue: np.ndarray, box: Box, scale: float) -> float:
    """Return how much of a box is tissue."""
    rows = slice(round(box.y * scale), max(round(box.bottom * scale), round(box.y * scale) + 1))
    columns = slice(round(box.x * scale), max(round(box.right * scale), round(box.x * scale) + 1))
    return float(tissue[rows, columns].mean())


if __name__ == "__main__":
    main()
