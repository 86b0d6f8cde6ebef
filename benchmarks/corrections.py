"""What are corrections worth on images never seen? The truth of GlaS plays the annotator.

Run ``python benchmarks/corrections.py --root DATA/glas --out FOLDER``. A model per seed is fitted on images
of some patients and segments them. The annotator then outlines all glands of 1, 5 or 20 of these images, or
looks at what was found and marks 10, 50 or 200 glands as wrong (those of which less than half is gland; all
of them, where there are fewer), or looks at 200 of all glands and marks each as wrong, as right (IoU of 0.75
or more with a true gland), or not at all. Each time training goes on from the model as
``acinus fit --from MODEL --corrections`` does (with the model's own proposals of stage 1, which sees no
correction), and the images of the other patients are segmented. Prints a line per seed and way of correcting,
and keeps them in ``FOLDER/scores.jsonl``; lines that are there are not computed again.

``--table FILE...`` prints means over the seeds of such files, with the annotator's minutes. The ways can be
shared out over processes with a folder each: ``--model`` takes a model that was fitted before, and
``--uncorrected no`` leaves out the model itself and going on without corrections.
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
from acinus.core.image import BoolMask, LabelMap
from acinus.core.naming import natural_key
from acinus.core.run import checksum
from acinus.data.glas import glas
from acinus.data.resample import rgb_at_mpp
from acinus.data.sample import Sample
from acinus.data.splits import hold_out
from acinus.glands import gland_id
from acinus.glands.geojson import write_geojson
from acinus.glands.polygons import gland_polygons
from acinus.grouping.corrections import ImageCorrections
from acinus.grouping.device import choose_device
from acinus.grouping.rounds import train_rounds
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.inference.reading import ImageReading
from acinus.inference.refinement import RefinedSegmenter
from acinus.inference.segmentation import segment_image
from acinus.metrics import evaluate_pair, pool
from acinus.mining.proposals import load_proposals
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
_RIGHT = 0.75  # IoU with a true gland from which the annotator calls an outline right
_FIGURES = ("miou_label_free", "detection_f1", "object_dice")
_SCORES = "scores.jsonl"
_ALL = 10**9  # more than there are
_ITSELF, _GONE_ON = "the model itself", "gone on without corrections"


@dataclass(frozen=True)
class Way:
    """One way of correcting: so many images outlined, or so many glands marked."""

    images: int = 0
    wrong: int = 0
    glands: int = 0

    def __str__(self) -> str:
        """Return how it is called in tables."""
        if self.images:
            return f"{self.images} image{'s' if self.images > 1 else ''} outlined"
        if self.wrong == _ALL:
            return "all wrong glands marked"
        if self.wrong:
            return f"{self.wrong} wrong glands marked"
        return f"{self.glands} glands judged" if self.glands else _GONE_ON


@dataclass(frozen=True)
class FoundGland:
    """A gland that was found, and what the annotator marks it as: right, wrong, or not at all."""

    image: str
    label: int
    verdict: str | None

    @classmethod
    def of(cls, image: str, label: int, mask: BoolMask, truth: LabelMap) -> FoundGland:
        """Judge one of the glands that were found."""
        covered = np.bincount(truth[mask], minlength=1)
        if covered[0] > 0.5 * mask.sum():
            return cls(image, label, "wrong")
        partner = int(covered[1:].argmax()) + 1
        shared = covered[partner]
        iou = shared / (mask.sum() + (truth == partner).sum() - shared)
        return cls(image, label, "right" if iou >= _RIGHT else None)


@dataclass(frozen=True)
class Annotator:
    """Somebody who knows the truth of images that were segmented, and draws by chance what to look at."""

    results: Path
    truths: dict[str, LabelMap]
    found: Sequence[FoundGland]
    seed: int

    def corrected(self, way: Way, folder: Path) -> tuple[Path | None, int, float]:
        """Return corrected results in `folder`, the number of outlines or marks, and the minutes it took."""
        rng = np.random.default_rng(self.seed)
        if way.images:
            names = sorted(self.truths, key=natural_key)
            outlined = self._outline(rng.permutation(names)[: way.images].tolist(), folder)
            return folder / "corrected", outlined, outlined * _SECONDS_PER_OUTLINE / 60.0
        seen = [gland for gland in self.found if way.glands or gland.verdict == "wrong"]
        chosen = [seen[number] for number in rng.permutation(len(seen))[: way.wrong or way.glands]]
        if not chosen:
            return None, 0, 0.0
        marked = [gland for gland in chosen if gland.verdict is not None]
        self._mark(marked, folder)
        return folder / "corrected", len(marked), len(chosen) * _SECONDS_PER_CLICK / 60.0

    def _outline(self, names: Sequence[str], folder: Path) -> int:
        exported = make_folder(folder / "exported")
        outlined = 0
        for name in names:
            mpp = read_results(self.results / name).images[0].record.mpp
            polygons = gland_polygons(self.truths[name], mpp=mpp)
            outlined += write_geojson(exported / f"{name}.geojson", polygons, name=name)
        measure_corrected(self.results, out=folder / "corrected", corrections=exported, by="truth")
        return outlined

    def _mark(self, marked: Sequence[FoundGland], folder: Path) -> None:
        for name in self.truths:
            path = self.results / name / MARKS
            path.unlink(missing_ok=True)
            mine = [gland for gland in marked if gland.image == name]
            if mine:
                outlines = read_results(self.results / name).images[0].outlines_file
                assert outlines is not None
                marks = {
                    gland_id(name, gland.label): {"mark": gland.verdict, "at": None, "by": "truth"}
                    for gland in mine
                }
                write_json(path, {"version": 1, "outlines_sha256": checksum(outlines), "marks": marks})
        measure_corrected(self.results, out=folder / "corrected")
        for name in self.truths:
            (self.results / name / MARKS).unlink(missing_ok=True)


def found_glands(results: Path, truths: dict[str, LabelMap]) -> Iterator[FoundGland]:
    """Yield the glands that were found, with the verdict of somebody who knows the truth."""
    for image in read_results(results).images:
        assert image.labels_file is not None
        file = open_label_file(image.labels_file)
        found = file.read(file.frame)
        for label in np.unique(found[found > 0]).tolist():
            yield FoundGland.of(image.name, label, found == label, truths[image.name])


def score(
    network: torch.nn.Module, model: Path, held: Sequence[Sample], device: torch.device
) -> dict[str, float]:
    """Return the figures of a network on images never seen."""
    settings = parent_settings(model)
    alone = NetworkSegmenter(network, mpp=settings.grouping.mpp, device=device)
    segmenter = RefinedSegmenter(alone, settings.refinement)
    scores = []
    for sample in held:
        labels = segment_image(sample.image(), segmenter, settings.instances).labels
        scores.append(evaluate_pair(labels, sample.truth(), mpp=sample.mpp, name=sample.name))
    pooled = pool(scores).as_dict()
    return {name: float(pooled[name]) for name in _FIGURES}


def go_on(
    model: Path,
    corrections: Path | None,
    kept: Sequence[Sample],
    *,
    seed: int,
    device: torch.device,
    folder: Path,
) -> torch.nn.Module:
    """Train as ``acinus fit --from MODEL --corrections FOLDER`` does, on the model's own proposals."""
    parent, settings = load_parent(model, device=device), parent_settings(model)
    said: dict[str, ImageCorrections] = {}
    if corrections is not None:
        for each in corrected_results(corrections)[0]:
            said |= {
                image.name: words for image, _, words in corrected_images(each, settings) if words is not None
            }
    names = [sample.name for sample in kept]
    grouping = settings.grouping.continued()
    return train_rounds(
        [rgb_at_mpp(reduced(sample.image(), settings), grouping.mpp) for sample in kept],
        names,
        load_proposals(model, names),
        grouping,
        seed=seed,
        device=device,
        folder=folder,
        weights=None,
        on_step=lambda number, record: None,
        reading=ImageReading(settings.refinement, settings.instances),
        start=parent.network,
        corrections=said,
    )


def prepared(
    kept: Sequence[Sample], model: Path | None, out: Path, *, seed: int, device: str
) -> tuple[Path, Path]:
    """Return the model of a seed and its results on the images that are corrected; what is there is kept."""
    paths, mpp = [sample.image_path for sample in kept], kept[0].mpp
    if model is None:
        model = out / f"model-{seed}"
        fit_files(paths, out=model, mpp=mpp, seed=seed, device=device)
    results = out / f"results-{seed}"
    segmenter = GlandSegmenter.load(model, device=device)
    segment_files(paths, segmenter, model_name=str(model), out=results, mpp=mpp)
    return model, results


def measure(arguments: argparse.Namespace) -> None:
    """Compute the lines that are missing."""
    kept, held = hold_out(glas(arguments.root, split="train"), fraction=_HELD_OUT, seed=0, by_patient=True)
    out: Path = make_folder(arguments.out)
    for seed in arguments.seeds:
        measure_seed(seed, kept, held, out, arguments)


def measure_seed(
    seed: int, kept: Sequence[Sample], held: Sequence[Sample], out: Path, arguments: argparse.Namespace
) -> None:
    """Compute what is missing of one seed."""
    device = choose_device(arguments.device)
    model, results = prepared(kept, arguments.model, out, seed=seed, device=arguments.device)
    truths = {sample.name: sample.truth() for sample in kept}
    found = list(found_glands(results, truths))
    annotator = Annotator(results, truths, found, seed)
    wrong = sum(gland.verdict == "wrong" for gland in found)
    clicks = dict.fromkeys(count if count < wrong else _ALL for count in arguments.clicks)
    done = {line["way"] for line in read_lines(out / _SCORES) if line["seed"] == seed}
    ways = [Way()] if arguments.uncorrected == "yes" else []
    ways += [Way(images=count) for count in arguments.images]
    ways += [Way(wrong=count) for count in clicks]
    ways += [Way(glands=count) for count in arguments.judged]
    if arguments.uncorrected == "yes" and _ITSELF not in done:
        line = {"way": _ITSELF, "seed": seed, "said": 0, "minutes": 0.0}
        _keep(out, line | score(load_parent(model, device=device).network, model, held, device))
    for way in ways:
        if str(way) in done:
            continue
        folder = make_folder(out / f"{way}-{seed}".replace(" ", "-"))
        corrections, said, minutes = annotator.corrected(way, folder)
        start = time.process_time()
        rounds = folder / "rounds"
        network = go_on(model, corrections, kept, seed=seed, device=device, folder=rounds)
        line = {"way": str(way), "seed": seed, "said": said, "minutes": minutes}
        line |= {"cpu_seconds": round(time.process_time() - start), "found": len(found), "wrong": wrong}
        _keep(out, line | score(network, model, held, device))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines that were kept; none where there is no file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _keep(out: Path, line: dict[str, Any]) -> None:
    print(line, flush=True)
    with (out / _SCORES).open("ab") as file:
        file.write(orjson.dumps(line) + b"\n")


def table(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield means over seeds, and what is gained over going on without corrections from the same models."""
    yield "| correction (fits) | said | minutes | mIoU | F1 | object Dice | gained: mIoU, F1, object Dice |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    plain = {line["seed"]: line for line in lines if line["way"] == _GONE_ON}
    for way in dict.fromkeys(line["way"] for line in lines):
        mine = [line for line in lines if line["way"] == way]
        cells = [_spread([line[name] for line in mine]) for name in _FIGURES]
        pairs = [(line, plain[line["seed"]]) for line in mine if line["seed"] in plain]
        gains = [_spread([line[name] - before[name] for line, before in pairs], "+") for name in _FIGURES]
        said, minutes = (fmean(line[name] for line in mine) for name in ("said", "minutes"))
        cells = [f"{way} ({len(mine)})", f"{said:.0f}", f"{minutes:.1f}", *cells, ", ".join(gains)]
        yield f"| {' | '.join(cells)} |"


def _spread(values: Sequence[float], sign: str = "") -> str:
    if not values:
        return "–"
    return f"{fmean(values):{sign}.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of GlaS")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--model", type=Path, help="fitted on the images that are corrected; else one a seed is"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--images", type=int, nargs="*", default=[1, 5, 20])
    parser.add_argument("--clicks", type=int, nargs="*", default=[10, 50, 200])
    parser.add_argument("--judged", type=int, nargs="*", default=[200])
    parser.add_argument("--uncorrected", choices=("yes", "no"), default="yes")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--table", type=Path, nargs="+", help="print the means of what is in such files")
    arguments = parser.parse_args()
    if arguments.table:
        lines = [line for path in arguments.table for line in read_lines(path)]
        print(*table(lines), sep="\n")
    elif arguments.root is None or arguments.out is None:
        parser.error("give --root and --out, or --table")
    else:
        measure(arguments)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
