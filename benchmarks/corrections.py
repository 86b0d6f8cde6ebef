"""What are corrections worth on images never seen? The truth of GlaS plays the annotator.

Run ``python benchmarks/corrections.py --root DATA/glas --out FOLDER``. A model is fitted on images of some
patients and segments them. The annotator then outlines all glands of 1, 5 or 20 of these images, or looks at
what was found and marks 10, 50 or 200 glands as wrong (those of which less than half is gland; all of them,
where there are fewer). Each time training goes on from the model as ``acinus fit --from MODEL --corrections``
does (stage 1, which sees no correction, is mined once for all), and the images of the other patients are
segmented. Prints a line per seed and way of correcting, and keeps them in ``FOLDER/scores.jsonl``; lines that
are there are not computed again. ``--table`` prints means over the seeds, with the annotator's minutes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import orjson
import torch

from acinus.core.files import make_folder, write_json
from acinus.core.image import LabelMap
from acinus.core.naming import natural_key
from acinus.core.progress import SilentProgress
from acinus.core.run import checksum
from acinus.data.glas import glas
from acinus.data.resample import rgb_at_mpp
from acinus.data.sample import Sample
from acinus.data.splits import hold_out
from acinus.glands import gland_id
from acinus.glands.geojson import write_geojson
from acinus.glands.polygons import gland_polygons
from acinus.grouping.corrections import ImageCorrections
from acinus.grouping.rounds import train_rounds
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.inference.reading import ImageReading
from acinus.inference.refinement import RefinedSegmenter
from acinus.inference.segmentation import segment_image
from acinus.metrics import evaluate_pair, pool
from acinus.mining.proposals import load_proposals, mine_into
from acinus.pipeline.correct import measure_corrected
from acinus.pipeline.corrections import corrected_images, corrected_results
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.fit import reduced
from acinus.pipeline.fit_files import fit_files
from acinus.pipeline.parent import load_parent, parent_settings
from acinus.pipeline.segment import segment_files
from acinus.results.files import MARKS
from acinus.results.folder import read_results
from acinus.results.labels import open_label_file

_HELD_OUT = 0.4  # of the images, by patient: 40 of 85
_SECONDS_PER_OUTLINE = 80.0  # of an object of COCO (Lin et al. 2014, arXiv 1405.0312)
_SECONDS_PER_CLICK = 3.0  # to look at a gland that the viewer shows and press a key: assumed
_FIGURES = ("miou_label_free", "detection_f1", "object_dice")
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Way:
    """One way of correcting: so many images outlined, or so many glands marked as wrong."""

    images: int = 0
    clicks: int = 0

    def __str__(self) -> str:
        """Return how it is called in tables."""
        if self.images:
            return f"{self.images} image{'s' if self.images > 1 else ''} outlined"
        return f"{self.clicks} glands marked wrong" if self.clicks else "no correction"


def corrected(
    way: Way,
    results: Path,
    truths: dict[str, LabelMap],
    wrong: Sequence[tuple[str, int]],
    *,
    seed: int,
    folder: Path,
) -> tuple[Path | None, float]:
    """Let the annotator correct results; return the corrected ones and the minutes that it took."""
    rng = np.random.default_rng(seed)
    names = sorted(truths, key=natural_key)
    if way.images:
        exported = make_folder(folder / "exported")
        outlined = 0
        for name in rng.permutation(names)[: way.images].tolist():
            mpp = read_results(results / name).images[0].record.mpp
            polygons = gland_polygons(truths[name], mpp=mpp)
            outlined += write_geojson(exported / f"{name}.geojson", polygons, name=name)
        measure_corrected(results, out=folder / "corrected", corrections=exported, by="truth")
        return folder / "corrected", outlined * _SECONDS_PER_OUTLINE / 60.0
    if way.clicks:
        chosen = rng.permutation(len(wrong))[: way.clicks].tolist()
        marked = [wrong[number] for number in chosen]
        for name in names:
            labels = [label for image, label in marked if image == name]
            path = results / name / MARKS
            path.unlink(missing_ok=True)
            if labels:
                outlines = read_results(results / name).images[0].outlines_file
                assert outlines is not None
                verdict = {"mark": "wrong", "at": None, "by": "truth"}
                marks = {gland_id(name, label): verdict for label in labels}
                write_json(path, {"version": 1, "outlines_sha256": checksum(outlines), "marks": marks})
        measure_corrected(results, out=folder / "corrected")
        for name in names:
            (results / name / MARKS).unlink(missing_ok=True)
        return folder / "corrected", len(marked) * _SECONDS_PER_CLICK / 60.0
    return None, 0.0


def _wrong_glands(results: Path, truths: dict[str, LabelMap]) -> Iterator[tuple[str, int]]:
    """Yield image and label of the glands that were found of which less than half is gland."""
    for image in read_results(results).images:
        assert image.labels_file is not None
        file = open_label_file(image.labels_file)
        found, truth = file.read(file.frame), truths[image.name] > 0
        areas, true = np.bincount(found.ravel()), np.bincount(found[truth], minlength=found.max() + 1)
        for label in range(1, len(areas)):
            if areas[label] and true[label] < 0.5 * areas[label]:
                yield image.name, label


def score(network: torch.nn.Module, model: Path, held: Sequence[Sample]) -> dict[str, float]:
    """Return the figures of a network on images never seen."""
    settings = parent_settings(model)
    alone = NetworkSegmenter(network, mpp=settings.grouping.mpp, device=_CPU)
    segmenter = RefinedSegmenter(alone, settings.refinement)
    scores = []
    for sample in held:
        labels = segment_image(sample.image(), segmenter, settings.instances).labels
        scores.append(evaluate_pair(labels, sample.truth(), mpp=sample.mpp, name=sample.name))
    pooled = pool(scores).as_dict()
    return {name: float(pooled[name]) for name in _FIGURES}


def go_on(
    model: Path, mined: Path, corrections: Path | None, kept: Sequence[Sample], *, seed: int, folder: Path
) -> torch.nn.Module:
    """Train as ``acinus fit --from MODEL --corrections FOLDER`` does, on proposals that are there."""
    parent, settings = load_parent(model, device=_CPU), parent_settings(model)
    said: dict[str, ImageCorrections] = {}
    if corrections is not None:
        for each in corrected_results(corrections)[0]:
            said |= {
                image.name: words for image, words in corrected_images(each, settings) if words is not None
            }
    names = [sample.name for sample in kept]
    grouping = settings.grouping.continued()
    return train_rounds(
        [rgb_at_mpp(reduced(sample.image(), settings), grouping.mpp) for sample in kept],
        names,
        load_proposals(mined, names),
        grouping,
        seed=seed,
        device=_CPU,
        folder=folder,
        weights=None,
        on_step=lambda number, record: None,
        reading=ImageReading(settings.refinement, settings.instances),
        start=parent.network,
        corrections=said,
    )


def prepared(kept: Sequence[Sample], model: Path | None, out: Path) -> tuple[Path, Path, Path]:
    """Return model, results and mined proposals of the images that are corrected; what is there is kept."""
    paths = [sample.image_path for sample in kept]
    mpp = kept[0].mpp
    if model is None:
        model = out / "model"
        fit_files(paths, out=model, mpp=mpp, seed=0)
    results = out / "results"
    segment_files(paths, GlandSegmenter.load(model), model_name=str(model), out=results, mpp=mpp)
    settings = parent_settings(model)
    images = [reduced(sample.image(), settings) for sample in kept]
    mined = make_folder(out / "mined")
    mine_into(mined, images, settings.mining, seed=0, processes=1, progress=SilentProgress())
    return model, results, mined


def measure(arguments: argparse.Namespace) -> None:
    """Compute the lines that are missing."""
    kept, held = hold_out(glas(arguments.root, split="train"), fraction=_HELD_OUT, seed=0, by_patient=True)
    out: Path = make_folder(arguments.out)
    model, results, mined = prepared(kept, arguments.model, out)
    truths = {sample.name: sample.truth() for sample in kept}
    wrong = list(_wrong_glands(results, truths))
    clicks = [min(count, len(wrong)) for count in arguments.clicks]
    ways = [
        Way(),
        *(Way(images=n) for n in arguments.images),
        *(Way(clicks=n) for n in dict.fromkeys(clicks)),
    ]
    lines = _lines(out)
    if not any(line["way"] == "the model itself" for line in lines):
        _keep(
            out,
            {"way": "the model itself", "seed": 0, "minutes": 0.0},
            score(load_parent(model, device=_CPU).network, model, held),
        )
    for seed in arguments.seeds:
        for way in ways:
            if any((line["way"], line["seed"]) == (str(way), seed) for line in lines):
                continue
            folder = make_folder(out / f"{way}-{seed}".replace(" ", "-"))
            corrections, minutes = corrected(way, results, truths, wrong, seed=seed, folder=folder)
            start = time.process_time()
            network = go_on(model, mined, corrections, kept, seed=seed, folder=folder / "rounds")
            cpu = time.process_time() - start
            line = {"way": str(way), "seed": seed, "minutes": minutes, "cpu_seconds": round(cpu)}
            _keep(out, line, score(network, model, held))


def _lines(out: Path) -> list[dict[str, Any]]:
    path = out / "scores.jsonl"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _keep(out: Path, line: dict[str, Any], figures: dict[str, float]) -> None:
    line |= {name: round(value, 4) for name, value in figures.items()}
    print(line, flush=True)
    with (out / "scores.jsonl").open("ab") as file:
        file.write(orjson.dumps(line) + b"\n")


def table(out: Path) -> None:
    """Print the means over seeds."""
    lines = _lines(out)
    print("| correction | annotator's minutes | mIoU | F1 | object Dice |\n|---|---:|---:|---:|---:|")
    for way in dict.fromkeys(line["way"] for line in lines):
        mine = [line for line in lines if line["way"] == way]
        cells = [_spread([line[name] for line in mine]) for name in _FIGURES]
        print(f"| {way} | {fmean(line['minutes'] for line in mine):.1f} | {' | '.join(cells)} |")


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder of GlaS")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="fitted on the images that are corrected; else one is")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--images", type=int, nargs="*", default=[1, 5, 20])
    parser.add_argument("--clicks", type=int, nargs="*", default=[10, 50, 200])
    parser.add_argument("--table", action="store_true", help="print the means of what was computed")
    arguments = parser.parse_args()
    if arguments.table:
        table(arguments.out)
    else:
        measure(arguments)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
