"""Is a model from slides as good as one from images of the same tissue, and a slide segmented as well?

Run ``python benchmarks/slides/mosaics.py GLAS OUT [--seed S]`` with the folder of the GlaS data. The training
images of each patient, who has one stain, are laid side by side on a slide of their own, with 100 µm of glass
between and around them. One model is fitted on the images and one on the slides; each segments both, and what
is found on a slide is cut back into its images, so that all four rows of the table are scored on the same
pixels and pooled alike. ``--network-alone`` adds what there is before colours refine it, ``--glass`` slides
whose tissue the network does not see continued into the glass. Labels are read to score alone.

Everything is kept in OUT; when the script is killed, the same command resumes. ``--learn`` fits and scores
one of the two models alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from acinus.core.files import write_json
from acinus.core.geometry import Box, Size
from acinus.core.image import LabelMap, RgbArray
from acinus.data.glas import glas
from acinus.data.sample import Sample
from acinus.data.synthetic.pyramid import write_pyramid
from acinus.metrics import ImageScores, evaluate_pair, pool
from acinus.results.labels import LabelFile, open_label_file

MARGIN_UM = 100.0
GLASS = (243, 243, 243)
TILE_PX = 256
REGIONS = 100  # more than the 85 images: all tissue is learnt from
KINDS = ("images", "slides")
CHANGES = {
    "network_alone": {"refinement": {"colour_weight": 0.0}},
    "glass": {"refinement": {"continued_um": 0.0}},
}


@dataclass(frozen=True)
class Mosaic:
    """Where the images of one patient lie on a slide, in its pixels."""

    name: str
    samples: tuple[Sample, ...]
    places: tuple[Box, ...]
    size: Size


def laid_out(name: str, samples: Sequence[Sample], sizes: Sequence[Size], *, margin_px: int) -> Mosaic:
    """Return a mosaic with images in about as many rows as columns, in cells as large as the largest."""
    columns = int(np.ceil(np.sqrt(len(samples))))
    rows = -(-len(samples) // columns)
    width = margin_px + max(size.width for size in sizes)
    height = margin_px + max(size.height for size in sizes)
    corners = [
        (margin_px + n % columns * width, margin_px + n // columns * height) for n in range(len(sizes))
    ]
    places = tuple(Box(*corner, *astuple(size)) for corner, size in zip(corners, sizes, strict=True))
    return Mosaic(name, tuple(samples), places, Size(margin_px + columns * width, margin_px + rows * height))


def painted(mosaic: Mosaic, images: Sequence[RgbArray]) -> RgbArray:
    """Return the whole slide, glass where there is no image."""
    rgb = np.full((mosaic.size.height, mosaic.size.width, 3), GLASS, np.uint8)
    for place, image in zip(mosaic.places, images, strict=True):
        rgb[place.y : place.bottom, place.x : place.right] = image
    return rgb


def mosaics(samples: Sequence[Sample], folder: Path) -> Iterator[Mosaic]:
    """Yield a mosaic for each patient, drawn into `folder` without loss unless it is there."""
    of_patient = defaultdict(list)
    for sample in samples:
        of_patient[str(sample.patient)].append(sample)
    folder.mkdir(parents=True, exist_ok=True)
    for patient, theirs in sorted(of_patient.items(), key=lambda item: int(item[0])):
        images = [sample.image() for sample in theirs]
        mpp = images[0].mpp
        sizes = [Size(image.shape[1], image.shape[0]) for image in images]
        mosaic = laid_out(f"patient_{patient}", theirs, sizes, margin_px=round(MARGIN_UM / mpp))
        path = folder / f"{mosaic.name}.tif"
        if not path.exists():
            whole = painted(mosaic, [image.rgb for image in images])
            write_pyramid(
                path,
                partial(tile_of, whole),
                size=mosaic.size,
                tile_px=TILE_PX,
                mpp=mpp,
                blank=GLASS,
                jpeg_quality=None,
                description="images of one patient side by side",
            )
        yield mosaic


def tile_of(whole: RgbArray, box: Box) -> RgbArray:
    """Return a box of the slide, glass where it reaches beyond."""
    tile = np.full((box.height, box.width, 3), GLASS, np.uint8)
    part = whole[box.y : box.bottom, box.x : box.right]
    tile[: part.shape[0], : part.shape[1]] = part
    return tile


def linked(samples: Sequence[Sample], folder: Path) -> Path:
    """Return a folder of the images alone: beside them lie annotations, which no fit may read."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        link = folder / sample.image_path.name
        if not link.exists():
            link.symlink_to(sample.image_path.resolve())
    return folder


def cut_out(found: LabelFile, place: Box) -> LabelMap:
    """Return the labels under the centres of a place's pixels, (place.height, place.width)."""
    assert found.pixels_per_level0 is not None
    scale, (height, width) = found.pixels_per_level0, (found.size.height, found.size.width)
    rows, columns = (
        np.minimum(((first + np.arange(length) + 0.5) * scale).astype(int), last - 1)
        for first, length, last in ((place.y, place.height, height), (place.x, place.width, width))
    )
    box = Box(int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    return found.read(box)[np.ix_(rows - rows[0], columns - columns[0])]


def scores(kind: str, results: Path, drawn: Sequence[Mosaic]) -> list[ImageScores]:
    """Score the results of images, or of slides cut back into images, image by image."""
    found = []
    for mosaic in drawn:
        if kind == "slides":
            on_slide = open_label_file(results / mosaic.name / "labels.zarr")
        for sample, place in zip(mosaic.samples, mosaic.places, strict=True):
            labels = (
                cut_out(on_slide, place)
                if kind == "slides"
                else open_label_file(results / sample.name / "labels.png").whole()
            )
            found.append(evaluate_pair(labels, sample.truth(), mpp=sample.mpp, name=sample.name))
    return found


def run(*words: object) -> None:
    """Run a verb as a user would."""
    subprocess.run([sys.executable, "-m", "acinus", *map(str, words)], check=True)


def main() -> None:
    """Draw, fit, segment, score; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("glas", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regions", type=int, default=REGIONS)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--learn", nargs="*", choices=KINDS, default=KINDS)
    for change in CHANGES:
        parser.add_argument(f"--{change.replace('_', '-')}", action="store_true")
    arguments = parser.parse_args()
    out = arguments.out
    samples = glas(arguments.glas, split="train")
    drawn = list(mosaics(samples, out / "slides"))
    inputs = {"images": linked(samples, out / "images"), "slides": out / "slides"}
    ways: list[tuple[str, str, list[object]]] = [(kind, kind, []) for kind in KINDS]
    for change, settings in CHANGES.items():
        if getattr(arguments, change):
            write_json(out / f"{change}.json", settings)
            kinds = ("slides",) if change == "glass" else KINDS
            options = ["--settings", out / f"{change}.json"]
            ways += [(f"{kind}_{change}", kind, options) for kind in kinds]
    rows = []
    for learnt in arguments.learn:
        folder = out / f"seed_{arguments.seed}" / learnt
        options = ["--seed", arguments.seed, "--processes", arguments.processes]
        if learnt == "slides":
            folder = folder.with_name(f"slides_{arguments.regions}")
            options += ["--regions", arguments.regions]
        mpp = ["--mpp", samples[0].mpp]
        run("fit", inputs[learnt], *mpp, "--out", folder / "model", *options)
        for way, kind, changes in ways:
            results = folder / way
            run("segment", inputs[kind], *mpp, "--model", folder / "model", "--out", results, *changes)
            scored = scores(kind, results, drawn)
            write_json(results.with_suffix(".json"), [each.as_dict() for each in scored])
            pooled = pool(scored)
            figures = pooled.pixels.miou, pooled.detection.f1, pooled.object_dice
            name = way.replace("_", ", ", 1).replace("_", " ")
            rows.append(f"| {learnt} | {name} | {' | '.join(f'{each:.3f}' for each in figures)} |")
    print("| learnt from | segmented as | mIoU | F1 | object Dice |\n|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
