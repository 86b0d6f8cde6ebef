"""Does the label-free estimate of quality rank images of all sets as their true mIoU does?

Run ``python benchmarks/quality.py --data DATA MODEL`` with a folder of ``acinus fit`` and one that holds
``glas``, ``ebhi``, ``rings`` and ``slides``. Prints for each set, and for all together, Spearman's rank
correlation of the quality before and after rings were asked (`acinus.pipeline.familiarity`), how many images
are called unfamiliar, and the mean mIoU within each band of trust that the report shows. On the slides, skin
and a squamous carcinoma, nothing is a gland.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from acinus import GlandSegmenter
from acinus.core.geometry import Box
from acinus.core.image import LabelMap, RgbImage
from acinus.data.ebhi import ebhi
from acinus.data.glas import glas
from acinus.data.rings import rings
from acinus.data.synthetic import synthetic_tile
from acinus.inference.confidence import Confidence
from acinus.metrics.confusion import ConfusionMatrix
from acinus.report.wording import trust
from acinus.slides.opening import open_slide

_SLIDES = {"skin": ("CMU-1-Small-Region.svs", None), "squamous": ("tcga-cr-7395-01a-01-ts1.svs", 0.5)}
_FIELD_PX = 640
_SYNTHETIC = 8


@dataclass(frozen=True)
class Judged:
    """One image: its set, its true mIoU, and what is said of it without labels."""

    data_set: str
    miou: float
    certainty: float
    quality: float
    unfamiliar: str


def images(data: Path, *, every: int) -> Iterator[tuple[str, RgbImage, LabelMap]]:
    """Yield set, image and truth: of each set every so manieth image, of slides twice as many fields."""
    for name, read in (("glas", glas), ("ebhi", ebhi), ("rings", rings)):
        samples = read(data / name)
        for sample in samples[:: every if len(samples) > 2 * every else 1]:
            yield name, sample.image(), sample.truth()
    for seed in range(_SYNTHETIC):
        tile = synthetic_tile(seed=seed, height_px=512, width_px=512)
        yield "synthetic", tile.image, tile.labels
    for name, (file, mpp) in _SLIDES.items():
        with open_slide(data / "slides" / file, mpp=mpp) as slide:
            places = [
                Box(x, y, _FIELD_PX, _FIELD_PX)
                for y in range(0, slide.size.height - _FIELD_PX + 1, _FIELD_PX)
                for x in range(0, slide.size.width - _FIELD_PX + 1, _FIELD_PX)
            ]
            assert slide.mpp is not None
            for place in places[:: max(1, every // 2)]:
                rgb = slide.read(place, mpp=slide.mpp)
                yield name, RgbImage(rgb, slide.mpp, name), np.zeros(rgb.shape[:2], np.int32)


def judge(model: GlandSegmenter, data: Path, *, every: int) -> list[Judged]:
    """Segment all images and compare."""
    found = []
    for data_set, image, truth in images(data, every=every):
        result = model.segment(image)
        certainty = Confidence.of(result.certainty, result.tissue).mean
        miou = ConfusionMatrix.of(result.labels > 0, truth > 0).miou
        quality = np.nan if result.quality is None else result.quality
        sure = np.nan if certainty is None else certainty
        found.append(Judged(data_set, miou, sure, quality, " ".join(result.unfamiliar)))
    return found


def line(name: str, chosen: list[Judged]) -> str:
    """Return one row of the table."""
    miou = np.array([image.miou for image in chosen])
    quality = np.array([image.quality for image in chosen])
    before = spearmanr([image.certainty for image in chosen], miou, nan_policy="omit").statistic
    after = spearmanr(quality, miou, nan_policy="omit").statistic
    bands = []
    for band in ("high", "fair", "low"):
        own = miou[[trust(value)[0] == band for value in quality]]
        bands.append(f"{len(own)}, {own.mean():.2f}" if len(own) else "none")
    unfamiliar = sum(bool(image.unfamiliar) for image in chosen)
    cells = [
        name,
        str(len(chosen)),
        f"{miou.mean():.2f}",
        f"{before:.2f}",
        f"{after:.2f}",
        *bands,
        str(unfamiliar),
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="take every so manieth image, to save time")
    arguments = parser.parse_args()
    found = judge(GlandSegmenter.load(arguments.model), arguments.data, every=arguments.every)
    bands = "high: images, mIoU | fair: images, mIoU | low: images, mIoU"
    print(f"| set | images | mIoU | Spearman before | Spearman | {bands} | unfamiliar |")
    print("|" + "---|" * 9)
    for name in dict.fromkeys(image.data_set for image in found):
        print(line(name, [image for image in found if image.data_set == name]))
    print(line("all", found))


if __name__ == "__main__":
    main()
