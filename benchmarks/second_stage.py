"""Stage 2 in several forms on one stage 1: what networks, resolutions and losses make of the same masks.

    python benchmarks/second_stage.py --data glas --root DATA/glas --out runs/stage2 --forms prior plain
    python benchmarks/second_stage.py --out runs/stage2 --table plain

Stage 1 runs once for each seed and is shared by all forms that learn from it; a form is then trained as
``acinus fit`` trains it, one round unless it says otherwise, and each image is segmented by the network
alone, without refinement. Pixels are counted as ``acinus benchmark`` counts them, holes filled. Each fit is
a line of OUT/fits.jsonl, with the counts of every image, and is not computed again. ``--table FORM`` prints
what is there, beside each form its difference from FORM with the interval of the paired bootstrap over
images.

``--regions`` computes no network and prints what stage 1 gives each form to learn from: how much of the true
gland lies in its exterior regions, in their interiors and in the background, and how much of each is gland.

``lite0-...`` needs ``--backbones FOLDER``, which ``benchmarks/pretrained.py --out FOLDER`` writes.

Labels score the finished masks and do nothing else.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch

from acinus.benchmark.bootstrap import paired_bootstrap, pooled_miou
from acinus.benchmark.datasets import DATASETS
from acinus.benchmark.settings import merged
from acinus.core.image import RgbImage
from acinus.core.progress import SilentProgress
from acinus.core.proposal import BACKGROUND, EXTERIOR, INTERIOR
from acinus.data.resample import resize_map, resize_regions, rgb_at_mpp
from acinus.data.sample import Sample
from acinus.grouping.device import choose_device
from acinus.grouping.rounds import train_rounds
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.inference.instances import gland_mask
from acinus.mining.proposals import load_proposals, mine_into
from acinus.pipeline.fit import reduced
from acinus.pipeline.presets import PRESETS, preset_changes
from acinus.pipeline.settings import Settings, settings_from_plain


@dataclass(frozen=True)
class Form:
    """What a stage 2 is like, on the stage 1 of a preset or of acinus.

    Attributes
    ----------
    stage1 : str
        A preset, or acinus.
    grouping : mapping or None
        Changes to the preset's stage 2, or to acinus' with one round; None scores the masks themselves.
    interior : bool
        Whether the masks that are scored have their interior.
    """

    stage1: str = "proposal"
    grouping: Mapping[str, Any] | None = field(default_factory=dict)
    interior: bool = True


PLAIN: dict[str, Any] = {"diffusion_weight": 0.0}
ONE_ROUND: dict[str, Any] = {"rounds": 1, "last_round_factor": 1.0, "self_training": None, "batch_crops": 8}
COARSE: dict[str, Any] = {"mpp": 2.5, "crop_px": 112}


def pspnet(**changes: Any) -> dict[str, Any]:
    """Return the settings of the preset's PSPNet with changes."""
    return {"network": {"kind": "PSPNetSpec", "width": 32, "auxiliary": True} | changes}


def lite0(folder: str, *, frozen: bool) -> dict[str, Any]:
    """Return the settings of EfficientNet-lite0, as `benchmarks/pretrained.py` has them."""
    network = {"kind": "PretrainedSpec", "library": "timm", "model": folder, "frozen": frozen}
    return {"network": network, "learning_rate": 2e-3 if frozen or folder == "random" else 5e-4}


NETWORKS: dict[str, dict[str, Any]] = {
    "stride4": pspnet(output_stride=4),
    "coarse": pspnet() | COARSE,
    "coarse-stride4": pspnet(output_stride=4) | COARSE,
    "coarse-no-auxiliary": pspnet(auxiliary=False) | COARSE,
    "coarse-width64": pspnet(width=64) | COARSE,
    "unet": {"network": {"kind": "BorderUNetSpec"}},
    "lite0-frozen": lite0("imagenet", frozen=True),
    "lite0-learning": lite0("imagenet", frozen=False),
    "lite0-random": lite0("random", frozen=False),
}
"""Networks and resolutions, by the name that forms give them; 1.25 µm/px but for those that are coarse."""

FORMS: dict[str, Form] = {
    "exterior": Form(grouping=None, interior=False),
    "prior": Form(grouping=None),
    "plain": Form(grouping=PLAIN),
    "diffusion": Form(),
    **{name: Form(grouping=PLAIN | changes) for name, changes in NETWORKS.items()},
    **{
        f"{name}-diffusion": Form(grouping=NETWORKS[name])
        for name in ("stride4", "coarse", "lite0-frozen", "lite0-learning")
    },
    **{
        f"contrast-{weight}": Form(
            grouping={
                "diffusion_weight": weight,
                "diffusion": {"normalise": True, "stop_gradient": True, "contrast": True},
            }
        )
        for weight in (0.03, 0.1)
    },
    "plain-features": Form(
        grouping={"diffusion_weight": 0.01, "diffusion": {"normalise": False, "stop_gradient": False}}
    ),
    "long": Form(grouping=PLAIN | {"steps": 1000}),
    "averaged": Form(grouping=PLAIN | {"averaging": 0.98}),
    "balanced": Form(grouping=PLAIN | {"balanced": True}),
    "mssg-prior": Form("mssg", None),
    "mssg": Form("mssg"),
    "mssg-plain": Form("mssg", PLAIN | {"omission": None, "rounds": 1, "steps": 250}),
    "mssg-omission": Form("mssg", PLAIN),
    "mssg-variation": Form("mssg", {"omission": None, "rounds": 1, "steps": 250}),
    "shapes-prior": Form("acinus", None),
    "shapes-plain": Form("acinus", ONE_ROUND | pspnet()),
    **{f"shapes-{name}": Form("acinus", ONE_ROUND | changes) for name, changes in NETWORKS.items()},
}


def settings_of(form: Form, *, backbones: Path | None, steps: int | None) -> Settings:
    """Return all settings of a form."""
    base = preset_changes(form.stage1) if form.stage1 in PRESETS else {"gland_size_um": [36.0, 276.0]}
    changes = dict(form.grouping or {})
    if steps is not None:
        changes["steps"] = steps
    network = dict(changes.get("network", {}))
    if network.get("kind") == "PretrainedSpec":
        if backbones is None:
            raise SystemExit("give --backbones, the folder that benchmarks/pretrained.py wrote")
        changes["network"] = network | {"model": str((backbones / network["model"]).resolve())}
    return settings_from_plain(merged(base, {"grouping": changes}))


@dataclass(frozen=True)
class Bench:
    """The images of a data set, and where stage 1 is kept."""

    data: str
    samples: Sequence[Sample]
    images: Sequence[RgbImage]
    stage1: Path
    device: torch.device

    def mined(self, name: str, settings: Settings, *, seed: int) -> Path:
        """Return the folder of a stage 1, computed where it is not there."""
        folder = self.stage1 / f"{self.data}-{name}-seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        small = [reduced(image, settings) for image in self.images]
        mine_into(folder, small, settings.mining, seed=seed, processes=1, progress=SilentProgress())
        return folder

    def masks(self, form: Form, settings: Settings, *, seed: int) -> Iterable[np.ndarray]:
        """Yield P(gland) of each image, (H, W) float32, by stage 1 or by the network that learnt from it."""
        names = [image.name for image in self.images]
        proposals = load_proposals(self.mined(form.stage1, settings, seed=seed), names)
        if form.grouping is None:
            for image, proposal in zip(self.images, proposals, strict=True):
                region = proposal.gland if form.interior else proposal.regions == EXTERIOR
                yield resize_map(region.astype(np.float32), image.shape)
            return
        with tempfile.TemporaryDirectory() as folder:
            network = train_rounds(
                [rgb_at_mpp(image, settings.grouping.mpp) for image in self.images],
                names,
                proposals,
                settings.grouping,
                seed=seed,
                device=self.device,
                folder=Path(folder),
                weights=None,
                on_step=lambda number, record: None,
            )
        segmenter = NetworkSegmenter.of(network, settings.grouping, device=self.device)
        for image in self.images:
            yield segmenter.probability(image)

    def counts(self, form: Form, settings: Settings, *, seed: int) -> list[list[int]]:
        """Return TP, FP, FN, TN pixels of each image."""
        counts = []
        masks = self.masks(form, settings, seed=seed)
        for sample, image, probability in zip(self.samples, self.images, masks, strict=True):
            gland = gland_mask(probability, settings.instances, mpp=image.mpp)
            truth = sample.truth() > 0
            pairs = ((gland, truth), (gland, ~truth), (~gland, truth), (~gland, ~truth))
            counts.append([int((found & true).sum()) for found, true in pairs])
        return counts


def bench_of(arguments: argparse.Namespace) -> Bench:
    """Read the images of a data set."""
    samples = DATASETS[arguments.data].read(arguments.root)[:: arguments.every]
    return Bench(
        data=arguments.data,
        samples=samples,
        images=[sample.image() for sample in samples],
        stage1=arguments.stage1 or arguments.out / "stage1",
        device=choose_device("auto"),
    )


def regions(arguments: argparse.Namespace) -> None:
    """Print shares of true gland in the regions of stage 1, and of gland in each, in percent."""
    bench = bench_of(arguments)
    names = ("exterior", "interior", "background")
    print("| stage 1 | seed | " + " | ".join(f"of gland in {name}" for name in names), end=" | ")
    print(" | ".join(f"gland in {name}" for name in names) + " |")
    print("| --- | ---: |" + " ---: |" * 6)
    for stage1, seed in itertools.product(arguments.regions, arguments.seeds):
        form = Form(stage1, None)
        folder = bench.mined(stage1, settings_of(form, backbones=None, steps=None), seed=seed)
        proposals = load_proposals(folder, [image.name for image in bench.images])
        areas = np.zeros((2, 3))  # gland and all, in each region
        for sample, proposal in zip(bench.samples, proposals, strict=True):
            truth = sample.truth() > 0
            found = resize_regions(proposal.regions, (truth.shape[0], truth.shape[1]))
            for number, region in enumerate((EXTERIOR, INTERIOR, BACKGROUND)):
                areas[:, number] += (truth & (found == region)).sum(), (found == region).sum()
        shares = [*areas[0] / areas[0].sum(), *areas[0] / np.maximum(areas[1], 1.0)]
        print(f"| {stage1} | {seed} | " + " | ".join(f"{100 * share:.0f}" for share in shares) + " |")


def compute(arguments: argparse.Namespace) -> None:
    """Compute the fits that are not there yet."""
    log = arguments.out / "fits.jsonl"
    arguments.out.mkdir(parents=True, exist_ok=True)
    done = [(line["data"], line["form"], line["seed"]) for line in read(log)]
    bench = bench_of(arguments)
    samples, device = bench.samples, bench.device
    card = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    for seed in arguments.seeds:
        for name in arguments.forms:
            if (arguments.data, name, seed) in done:
                continue
            start = time.monotonic()
            settings = settings_of(FORMS[name], backbones=arguments.backbones, steps=arguments.steps)
            counts = bench.counts(FORMS[name], settings, seed=seed)
            line = {
                "data": arguments.data,
                "form": name,
                "seed": seed,
                "miou": float(pooled_miou(np.sum(counts, axis=0).astype(np.float64))),
                "seconds": round(time.monotonic() - start, 1),
                "device": card,
                "counts": dict(zip((sample.name for sample in samples), counts, strict=True)),
            }
            with log.open("ab") as file:
                file.write(orjson.dumps(line) + b"\n")
            print(*(f"{key} {line[key]}" for key in ("data", "form", "seed", "miou", "seconds")), flush=True)


def read(log: Path) -> list[dict[str, Any]]:
    """Return the fits that are there."""
    return [orjson.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []


def table(lines: Sequence[Mapping[str, Any]], reference: str) -> None:
    """Print mean ± standard deviation over seeds in percent, and the difference from a form, as Markdown.

    Seeds that both forms have are compared.
    """
    found: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    for line in lines:
        counts = np.array(list(line["counts"].values()), dtype=np.int64)  # (N, 4)
        found.setdefault((line["data"], line["form"]), {})[line["seed"]] = counts
    print(f"| data | form | seeds | mIoU | gland IoU | called gland | minus {reference} |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    for (data, form), seeds in sorted(found.items(), key=lambda item: item[0][0]):
        pooled = np.array([each.sum(axis=0) for each in seeds.values()], dtype=np.float64)  # (S, 4)
        miou = 100 * pooled_miou(pooled)
        iou = 100 * pooled[:, 0] / pooled[:, :3].sum(axis=1)
        gland = 100 * pooled[:, :2].sum(axis=1) / pooled.sum(axis=1)
        spread = f"{miou.mean():.1f} ± {miou.std(ddof=min(1, len(miou) - 1)):.1f}"
        text = ""
        others = found.get((data, reference), {})
        both = sorted(seeds.keys() & others.keys())
        if both and form != reference:
            here, there = (np.stack([each[seed] for seed in both]) for each in (seeds, others))
            difference = paired_bootstrap(here, there)
            low, high = difference.interval or (np.nan, np.nan)
            text = f"{100 * difference.mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
        figures = f"{spread} | {iou.mean():.1f} | {gland.mean():.0f} % | {text}"
        print(f"| {data} | {form} | {', '.join(map(str, sorted(seeds)))} | {figures} |")


def main() -> None:
    """Compute fits that are not there yet, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=sorted(DATASETS))
    parser.add_argument("--root", type=Path, help="folder of the data set")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stage1", type=Path, help="folder of what stage 1 found; by default OUT/stage1")
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=["plain"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--every", type=int, default=1, help="for a trial: take every so many images")
    parser.add_argument("--steps", type=int, help="for a trial: so many steps a round")
    parser.add_argument("--backbones", type=Path, help="folder that benchmarks/pretrained.py wrote")
    parser.add_argument("--regions", nargs="+", choices=[*PRESETS, "acinus"], help="look at stage 1 alone")
    parser.add_argument("--table", metavar="FORM", help="print what is there, each form beside this one")
    arguments = parser.parse_args()
    if arguments.table:
        table(read(arguments.out / "fits.jsonl"), arguments.table)
    elif arguments.data is None or arguments.root is None:
        raise SystemExit("give --data and --root, or --table FORM")
    elif arguments.regions:
        regions(arguments)
    else:
        compute(arguments)


if __name__ == "__main__":
    main()
