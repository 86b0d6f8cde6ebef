"""Does the label-free estimate of quality rank images of all sets as their true mIoU does?

Run ``python benchmarks/quality.py --data DATA MODEL...`` with folders of ``acinus fit`` and one that holds
``glas``, ``ebhi``, ``rings`` and ``slides``. Prints for each set, and for all together, Spearman's rank
correlation of the quality before and after rings were asked (`acinus.pipeline.familiarity`), how many images
are called unfamiliar, and the mean mIoU within each band of trust that the report shows; means and standard
deviations over the models. On the slides, skin and a squamous carcinoma, nothing is a gland. ``--out FILE``
keeps a line per model and image, and ``--table FILE...`` prints the table of such files, of ``--sets``, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
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
_READERS = {"glas": glas, "ebhi": ebhi, "rings": rings}
_SETS = (*_READERS, "synthetic", *_SLIDES)
_FIELD_PX = 640
_SYNTHETIC = 8


@dataclass(frozen=True)
class Judged:
    """One image: its set, its true mIoU, and what is said of it without labels."""

    model: str
    data_set: str
    name: str
    miou: float
    certainty: float
    quality: float
    unfamiliar: str


def images(data: Path, names: Sequence[str], *, every: int) -> Iterator[tuple[str, RgbImage, LabelMap]]:
    """Yield set, image and truth: of each set every so manieth image, of slides twice as many fields."""
    for name in [name for name in _READERS if name in names]:
        samples = _READERS[name](data / name)
        for sample in samples[:: every if len(samples) > 2 * every else 1]:
            yield name, sample.image(), sample.truth()
    for seed in range(_SYNTHETIC if "synthetic" in names else 0):
        tile = synthetic_tile(seed=seed, height_px=512, width_px=512)
        yield "synthetic", tile.image, tile.labels
    for name, (file, mpp) in [(name, slide) for name, slide in _SLIDES.items() if name in names]:
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


def judge(path: Path, data: Path, names: Sequence[str], *, every: int) -> Iterator[Judged]:
    """Segment all images with a model and compare."""
    model = GlandSegmenter.load(path)
    for data_set, image, truth in images(data, names, every=every):
        result = model.segment(image)
        certainty = Confidence.of(result.certainty, result.tissue).mean
        miou = ConfusionMatrix.of(result.labels > 0, truth > 0).miou
        quality = np.nan if result.quality is None else result.quality
        sure = np.nan if certainty is None else certainty
        reasons = " ".join(result.unfamiliar)
        yield Judged(str(path), data_set, image.name, miou, sure, quality, reasons)


def _judged(line: bytes) -> Judged:
    """Read a line that was kept; what was not estimated is null there."""
    kept = orjson.loads(line)
    values: dict[str, Any] = {name: np.nan if value is None else value for name, value in kept.items()}
    return Judged(**values)


def line(name: str, chosen: Sequence[Judged]) -> str:
    """Return one row of the table: means over the models, with standard deviations of what differs."""
    models = [
        [image for image in chosen if image.model == model]
        for model in dict.fromkeys(image.model for image in chosen)
    ]
    cells = [
        name,
        str(len(models[0])),
        _spread(models, lambda own: float(np.mean([image.miou for image in own]))),
        _spread(models, lambda own: _spearman([image.certainty for image in own], own)),
        _spread(models, lambda own: _spearman([image.quality for image in own], own)),
    ]
    for band in ("high", "fair", "low"):
        own = [image.miou for image in chosen if trust(image.quality)[0] == band]
        share = len(own) / len(chosen)
        cells.append(f"{100 * share:.0f} %, {np.mean(own):.2f}" if own else "none")
    unfamiliar = sum(bool(image.unfamiliar) for image in chosen) / len(chosen)
    return "| " + " | ".join([*cells, f"{100 * unfamiliar:.0f} %"]) + " |"


def _spearman(values: Sequence[float], own: Sequence[Judged]) -> float:
    """Return the rank correlation with the truth; none of less than three values, or of equal ones."""
    pairs = np.array([(value, image.miou) for value, image in zip(values, own, strict=True)])
    pairs = pairs[np.isfinite(pairs[:, 0])]
    if len(pairs) < 3 or (pairs == pairs[0]).all(axis=0).any():
        return np.nan
    return float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)


def _spread(models: Sequence[Sequence[Judged]], of: Callable[[Sequence[Judged]], float]) -> str:
    values = [value for value in map(of, models) if np.isfinite(value)]
    if not values:
        return "–"
    return f"{np.mean(values):.2f}" + (f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else "")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="*", metavar="MODEL")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=_SETS, default=_SETS)
    parser.add_argument("--every", type=int, default=1, help="take every so manieth image, to save time")
    parser.add_argument("--out", type=Path, help="keep a line of JSON per model and image here")
    parser.add_argument("--table", type=Path, nargs="+", default=[], help="files of such lines")
    arguments = parser.parse_args()
    if arguments.models and arguments.data is None:
        parser.error("give --data, the folder of the data sets")
    found = [_judged(line) for path in arguments.table for line in path.read_bytes().splitlines()]
    for model in arguments.models:
        found += judge(model, arguments.data, arguments.sets, every=arguments.every)
    if arguments.out:
        arguments.out.write_bytes(b"".join(orjson.dumps(asdict(each)) + b"\n" for each in found))
    bands = "high: images, mIoU | fair: images, mIoU | low: images, mIoU"
    print(f"| set | images | mIoU | Spearman, certainty | Spearman, quality | {bands} | unfamiliar |")
    print("|" + "---|" * 9)
    for name in dict.fromkeys(image.data_set for image in found):
        print(line(name, [image for image in found if image.data_set == name]))
    print(line("all", found))


if __name__ == "__main__":
    main()
