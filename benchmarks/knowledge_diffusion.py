"""Knowledge diffusion where rings are known everywhere and interiors of few glands: a grid of small fits.

    python benchmarks/knowledge_diffusion.py --root DATA/glas --out runs/diffusion --slices core written

Stage 1 runs once and its maps are shared: rims and insides of closed shapes (the default of acinus), or the
darkest cluster, filled (the proposal's). Each fit then keeps a share of the interior regions, drawn by its
seed; the others are ignored or, as where no ring closes, background. Fits are small on purpose: 2.5 µm/px,
six crops of 160 µm, 100 steps, scored on every third image. Each ends as a line of OUT/fits.jsonl and is not
computed again; `--table` prints what is there and computes nothing. `--part 2/6` computes the second of six
shares of the fits, so that several processes can divide them among themselves, each with an OUT of its own
and one `--stage1` for all.

Labels score the finished masks and do nothing else.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import orjson
import torch
from scipy import ndimage
from torch.nn import functional

from acinus.core.image import RgbImage
from acinus.core.progress import SilentProgress
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.data.augment import normalise
from acinus.data.glas import glas
from acinus.data.resample import resize_regions, rgb_at_mpp
from acinus.grouping.batch import TrainingImage, draw_batch
from acinus.grouping.device import choose_device
from acinus.grouping.mask_loss import mask_loss
from acinus.inference.instances import InstanceSettings, gland_mask
from acinus.metrics import ConfusionMatrix
from acinus.mining.proposals import load_proposals, mine_into
from acinus.mining.settings import MiningSettings
from acinus.networks.pspnet import PSPNetSpec
from acinus.networks.unet import UNetSpec
from acinus.pipeline.settings import load_settings

MPP, CROP_PX, CROPS, STEPS, LEARNING_RATE = 2.5, 64, 6, 100, 2e-3
NETWORKS = {"unet": UNetSpec(), "pspnet": PSPNetSpec(width=32)}
RINGS = {
    "darkest": load_settings(None, preset="proposal").mining,
    "shapes": MiningSettings(),
}
LEAST_PIXELS = 4.0
SCORED_EVERY = 3  # images
TEMPERATURE = 0.5  # of the contrast against background, and of what looks alike


@dataclass(frozen=True)
class Fit:
    """One cell of the grid, for one seed."""

    network: str = "unet"
    share: float = 0.1  # of interiors that are given
    rest: str = "background"  # what the others are: background or ignored
    weight: float = 0.0
    stopped: bool = True  # no gradient through the embedding
    normalised: bool = True
    embedding: str = "image"  # image, batch or running
    cure: str = "none"  # none, centred, whitened, contrast, alike
    boost: float = 1.0  # weight of given interiors in the cross-entropy, in place of the term
    rings: str = "shapes"
    seed: int = 0


def cells(name: str) -> Iterator[Fit]:
    """Yield the fits of a slice for seed 0."""
    rests = ("background", "ignored")
    if name == "core":  # the most telling cells, in the order in which they tell
        for rest in rests:
            yield Fit(rest=rest)
            yield Fit(rest=rest, weight=0.5, cure="contrast")
            yield Fit(rest=rest, weight=0.5)
        yield Fit(weight=0.1)
        yield from (Fit(weight=0.5, cure=cure) for cure in ("whitened", "centred"))
        yield Fit(weight=0.5, stopped=False)
    elif name == "darkest":
        for rest, cure in itertools.product(rests, ("none", "contrast")):
            yield from (
                Fit(rings="darkest", rest=rest, cure=cure, weight=weight) for weight in (0.0, 0.1, 0.5)
            )
    elif name in ("written", "written-few"):  # the proposal's own form, all interiors found or a tenth
        form = Fit(rings="darkest", network="pspnet", stopped=False, normalised=False)
        share = 1.0 if name == "written" else 0.1
        yield from (replace(form, share=share, weight=weight) for weight in (0.0, 0.1))
    elif name == "weight":
        yield from (Fit(rest=rest) for rest in rests)
        for rest, weight, stopped in itertools.product(rests, (0.1, 0.5, 2.0), (True, False)):
            yield Fit(rest=rest, weight=weight, stopped=stopped)
    elif name == "cures":
        for cure, weight in itertools.product(("centred", "whitened", "contrast"), (0.5, 2.0)):
            yield Fit(cure=cure, weight=weight)
    elif name == "share":
        for rest, share in itertools.product(rests, (0.0, 0.05, 0.25, 1.0)):
            yield Fit(rest=rest, share=share)
            if share > 0.0:
                yield Fit(rest=rest, share=share, weight=0.5, cure="contrast")
    elif name == "small":  # small weights where 0, 5 and 25 % of the interiors are given
        for rest in rests:
            yield Fit(rings="darkest", rest=rest, share=0.0)
            for share in (0.05, 0.25):
                cell = Fit(rings="darkest", rest=rest, share=share)
                yield cell
                yield replace(cell, weight=0.1)
                yield replace(cell, weight=0.1, cure="contrast")
                yield replace(cell, weight=0.1, cure="alike")
                yield replace(cell, weight=0.1, stopped=False)
                yield replace(cell, weight=0.01)
    elif name == "collapse":  # what becomes of the features as the weight grows
        cell = Fit(rings="darkest", share=0.25)
        yield from (replace(cell, weight=weight) for weight in (0.0, 0.5, 1.0))
        yield from (replace(cell, weight=weight, stopped=False) for weight in (0.5, 1.0))
        yield from (replace(cell, weight=1.0, cure=cure) for cure in ("contrast", "whitened", "centred"))
    elif name == "form":  # the weight of plain features is less: their squares are not bounded
        yield Fit()
        for (normalised, weight), stopped, embedding in itertools.product(
            ((True, 0.1), (False, 0.01)), (True, False), ("image", "batch", "running")
        ):
            yield Fit(weight=weight, stopped=stopped, normalised=normalised, embedding=embedding)
    elif name == "regime":  # shares of interiors, small weights, and the cure that keeps features apart
        for rest, share in (*itertools.product(rests, (0.0, 0.05, 0.25)), ("background", 1.0)):
            yield Fit(rest=rest, share=share)
            if share > 0.0:
                yield from (Fit(rest=rest, share=share, weight=weight) for weight in (0.01, 0.03, 0.1))
                for weight in (0.03, 0.1):
                    yield Fit(rest=rest, share=share, weight=weight, cure="contrast")
    elif name == "works":  # cells that gain with three seeds, for more of them
        for share in (0.25, 1.0):
            cell = Fit(share=share)
            yield from (cell, replace(cell, weight=0.01), replace(cell, weight=0.03, cure="contrast"))
        for rest in rests:
            cell = Fit(rings="darkest", share=0.25, rest=rest)
            yield from (cell, replace(cell, weight=0.1, stopped=False))
    elif name == "controls":  # is it more than another weight for given interiors; does it reach others
        for rest, share in itertools.product(rests, (0.05, 0.25)):
            yield Fit(rest=rest, share=share, boost=4.0)
            yield Fit(rest=rest, share=share, weight=0.1, cure="alike")
    elif name == "pspnet":
        for rest in rests:
            yield Fit(network="pspnet", rest=rest)
            for weight, cure in ((0.1, "none"), (0.1, "contrast"), (0.5, "none"), (0.5, "contrast")):
                yield Fit(network="pspnet", rest=rest, weight=weight, cure=cure)
    else:
        slices = (
            "core, regime, works, controls, form, pspnet, weight, cures, share, darkest, small, collapse, "
            "written, written-few"
        )
        raise SystemExit(f"there is no slice {name!r}; choose of {slices}")


@dataclass
class Diffusion:
    """The loss in all its forms; remembers the running mean of the embedding."""

    fit: Fit
    running: torch.Tensor | None = None

    def __call__(
        self, features: torch.Tensor, exterior: torch.Tensor, interior: torch.Tensor, rest: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of features (B, D, h, w) and shares of regions (B, 1, h, w), a scalar."""
        features = self._spread(features)
        axes = (2, 3) if self.fit.embedding == "image" else (0, 2, 3)
        embedding = self._embedding(features, exterior, axes)
        if self.fit.embedding == "running":
            before = embedding if self.running is None else self.running
            embedding = 0.9 * before + 0.1 * embedding
            self.running = embedding.detach()
        if self.fit.stopped:
            embedding = embedding.detach()
        distance = ((features - embedding) ** 2).sum(dim=1, keepdim=True)
        if self.fit.cure == "contrast":
            background = self._embedding(features, rest, axes).detach()
            other = ((features - background) ** 2).sum(dim=1, keepdim=True)
            distance = functional.softplus((distance - other) / TEMPERATURE)
        if self.fit.cure == "alike":
            interior = interior + self._alike(features.detach(), exterior, interior, rest)
        counts = [region.sum(dim=axes, keepdim=True) for region in (exterior, interior)]
        known = torch.stack([count >= LEAST_PIXELS for count in counts]).all(dim=0)
        weight = interior * known
        return (distance * weight).sum() / weight.sum().clamp_min(1.0)

    def _alike(
        self, features: torch.Tensor, exterior: torch.Tensor, interior: torch.Tensor, rest: torch.Tensor
    ) -> torch.Tensor:
        """Return how much unclaimed pixels look like the batch's interiors rather than background, 0..1."""
        distances = [
            ((features - self._embedding(features, region, (0, 2, 3))) ** 2).sum(dim=1, keepdim=True)
            for region in (interior, rest)
        ]
        unclaimed = (1.0 - exterior - interior).clamp(0.0, 1.0) * (interior.sum() >= LEAST_PIXELS)
        return unclaimed * torch.sigmoid((distances[1] - distances[0]) / TEMPERATURE)

    def _spread(self, features: torch.Tensor) -> torch.Tensor:
        if self.fit.cure in ("centred", "whitened"):
            features = features - features.mean(dim=(0, 2, 3), keepdim=True)
        if self.fit.cure == "whitened":
            flat = features.permute(1, 0, 2, 3).flatten(1)  # (D, B·h·w)
            covariance = flat @ flat.T / flat.shape[1] + 1e-3 * torch.eye(len(flat), device=flat.device)
            white = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), flat, upper=False)
            features = white.unflatten(1, (features.shape[0], *features.shape[2:])).transpose(0, 1)
        return functional.normalize(features, dim=1) if self.fit.normalised else features

    def _embedding(self, features: torch.Tensor, region: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
        mean = (features * region).sum(dim=axes, keepdim=True) / region.sum(dim=axes, keepdim=True).clamp_min(
            1.0
        )
        return functional.normalize(mean, dim=1) if self.fit.normalised else mean


def withheld(proposal: ProposalMap, fit: Fit, rng: np.random.Generator) -> ProposalMap:
    """Keep a share of the interior regions; a larger share of the same seed keeps those and more."""
    numbers, count = ndimage.label(proposal.regions == INTERIOR)
    kept = np.append(True, rng.random(count) < fit.share)
    regions = proposal.regions.copy()
    regions[~kept[numbers]] = IGNORE if fit.rest == "ignored" else BACKGROUND
    return replace(proposal, regions=regions, glands=None)


def train(
    fit: Fit, images: list[TrainingImage], device: torch.device
) -> tuple[torch.nn.Module, dict[str, float]]:
    """Train one small network; return it with the means of its loss terms over the last tenth of the steps.

    The distance of interior features to the embedding is measured without the loss, too.
    """
    torch.manual_seed(fit.seed)
    network = NETWORKS[fit.network].build().to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-3)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=STEPS, pct_start=0.1)
    diffusion = Diffusion(fit)
    terms: list[tuple[float, float]] = []
    for step in range(STEPS):
        batch = draw_batch(
            images,
            crops=CROPS,
            crop_px=CROP_PX,
            scale_range=0.25,
            stain_strength=1.0,
            rng=np.random.default_rng([fit.seed, step]),
        ).to(device)
        prediction = network(batch.images)
        weight = batch.weight + (fit.boost - 1.0) * batch.interior
        mask = mask_loss(prediction.logits, batch.gland, weight)
        size = prediction.features.shape[2:]
        exterior, interior, rest = (
            functional.adaptive_avg_pool2d(region, size)
            for region in (batch.exterior, batch.interior, batch.background)
        )
        distance = diffusion(prediction.features, exterior, interior, rest)
        loss = mask + fit.weight * distance if fit.weight > 0.0 else mask
        terms.append((mask.item(), distance.item()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
    ends = np.mean(terms[-STEPS // 10 :], axis=0).tolist()
    return network.eval(), dict(zip(TERMS, ends, strict=True))


def score(
    network: torch.nn.Module,
    rgbs: list[np.ndarray],
    truths: list[np.ndarray],
    full: list[ProposalMap],
    given: list[ProposalMap],
) -> dict[str, float]:
    """Return the figures of a network.

    ``miou`` is of the thresholded probability, ``miou_filled`` after holes are filled as in segmenting;
    ``unclaimed_recall`` the share of true gland found where stage 1 gave neither exterior nor interior;
    ``withheld_recall`` that of withheld interiors, ``gland`` that of all pixels, ``spread`` the standard
    deviation of normalised features over an image's pixels, √(sum over channels), 0 where all are one.
    """
    raw, filled = ConfusionMatrix(), ConfusionMatrix()
    found = {"unclaimed": [0, 0], "withheld": [0, 0]}
    share, spread = [], []
    for rgb, truth, all_of_it, part in list(zip(rgbs, truths, full, given, strict=True))[::SCORED_EVERY]:
        probability, features = look(network, rgb)
        mask = probability >= 0.5
        raw += ConfusionMatrix.of(mask, truth)
        filled += ConfusionMatrix.of(gland_mask(probability, InstanceSettings(), mpp=MPP), truth)
        unclaimed = truth & ~np.isin(part.regions, (EXTERIOR, INTERIOR))
        held = (all_of_it.regions == INTERIOR) & (part.regions != INTERIOR)
        for name, region in (("unclaimed", unclaimed), ("withheld", held)):
            found[name][0] += int((mask & region).sum())
            found[name][1] += int(region.sum())
        share.append(mask.mean())
        length = np.linalg.norm(features, axis=2, keepdims=True)
        spread.append(np.sqrt((features / np.maximum(length, 1e-6)).var(axis=(0, 1)).sum()))
    return {
        "miou": raw.miou,
        "miou_filled": filled.miou,
        "unclaimed_recall": found["unclaimed"][0] / max(1, found["unclaimed"][1]),
        "withheld_recall": found["withheld"][0] / max(1, found["withheld"][1]),
        "gland": float(np.mean(share)),
        "spread": float(np.mean(spread)),
    }


@torch.no_grad()
def look(network: torch.nn.Module, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return P(gland) (H, W) and the features at their own stride (h, w, D)."""
    stride = int(network.stride)
    batch = torch.from_numpy(normalise(rgb)).permute(2, 0, 1)[None]
    bottom, right = -rgb.shape[0] % stride, -rgb.shape[1] % stride
    batch = functional.pad(batch, (0, right, 0, bottom), mode="replicate")
    device = next(network.parameters()).device
    prediction = network(batch.to(device, memory_format=torch.channels_last))
    probability = prediction.logits.sigmoid()[0, 0, : rgb.shape[0], : rgb.shape[1]].cpu().numpy()
    return probability, prediction.features[0].permute(1, 2, 0).cpu().numpy()


def mined(folder: Path, rings: str, images: list[RgbImage], rgbs: list[np.ndarray]) -> list[ProposalMap]:
    """Return the proposals of stage 1 at the working resolution, from `folder` where they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    mine_into(folder, images, RINGS[rings], seed=0, processes=1, progress=SilentProgress())
    maps = []
    for proposal, rgb in zip(load_proposals(folder, [image.name for image in images]), rgbs, strict=True):
        regions = resize_regions(proposal.regions, rgb.shape[:2])
        maps.append(ProposalMap(regions, np.ones(regions.shape, np.float32), mpp=MPP))
    return maps


TERMS = ("mask", "diffusion")
FIGURES = ("miou", "miou_filled", "unclaimed_recall", "withheld_recall", "gland", "spread", *TERMS)


def table(lines: list[dict]) -> None:
    """Print mean ± standard deviation over seeds, a row for each cell, as Markdown."""
    groups: dict[tuple, list[dict]] = {}
    for line in lines:
        cell = tuple(value for name, value in (asdict(Fit()) | line["fit"]).items() if name != "seed")
        groups.setdefault(cell, []).append(line)
    names = [name for name in asdict(Fit()) if name != "seed"]
    print("| " + " | ".join([*names, "seeds", *FIGURES]) + " |")
    print("|" + " --- |" * len(names) + " ---: |" * (1 + len(FIGURES)))
    for cell, rows in groups.items():
        figures = [np.array([row["figures"][name] for row in rows]) for name in FIGURES]
        texts = [f"{each.mean():.3f} ± {each.std(ddof=min(1, len(each) - 1)):.3f}" for each in figures]
        print("| " + " | ".join([*map(str, cell), str(len(rows)), *texts]) + " |")


def main() -> None:
    """Compute the fits of some slices that are not there yet, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of GlaS")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--slices", nargs="+", default=["weight"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--stage1", type=Path, help="folder of what stage 1 found; by default OUT")
    parser.add_argument("--part", default="1/1", help="which share of the fits, such as 2/6")
    parser.add_argument("--table", action="store_true", help="print the table and compute nothing")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    log = arguments.out / "fits.jsonl"
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []
    if arguments.table:
        table(lines)
        return
    samples = glas(arguments.root)
    images = [sample.image() for sample in samples]
    rgbs = [rgb_at_mpp(image, MPP) for image in images]
    truths = [
        resize_regions(sample.truth().astype(np.int32), rgb.shape[:2]) > 0
        for sample, rgb in zip(samples, rgbs, strict=True)
    ]
    done = [Fit(**line["fit"]) for line in lines]
    todo = dict.fromkeys(
        replace(cell, seed=seed)
        for seed in arguments.seeds
        for name in arguments.slices
        for cell in cells(name)
    )
    device = choose_device("auto")
    number, parts = map(int, arguments.part.split("/"))
    full: dict[str, list[ProposalMap]] = {}
    for fit in list(todo)[number - 1 :: parts]:
        if fit in done:
            continue
        if fit.rings not in full:
            folder = (arguments.stage1 or arguments.out) / fit.rings
            full[fit.rings] = mined(folder, fit.rings, images, rgbs)
        maps = full[fit.rings]
        rng = np.random.default_rng(fit.seed)
        given = [withheld(each, fit, rng) for each in maps]
        training = [TrainingImage.of(rgb, each) for rgb, each in zip(rgbs, given, strict=True)]
        network, terms = train(fit, training, device)
        figures = {**score(network, rgbs, truths, maps, given), **terms}
        with log.open("ab") as file:
            file.write(orjson.dumps({"fit": asdict(fit), "figures": figures}) + b"\n")
        print(fit, {name: round(value, 3) for name, value in figures.items()}, flush=True)


if __name__ == "__main__":
    main()
