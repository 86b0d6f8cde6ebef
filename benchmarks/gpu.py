"""Measure acinus on CUDA beside the CPU, on drawn images and slides; ``benchmarks/gpu.sh`` runs it.

Every fit and every segmentation is a process of its own, started as a user would start it. The parts are in
the order of their worth, each row is printed as soon as it is known, and what would begin after the time that
is given is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from acinus.core.geometry import Box
from acinus.data.synthetic import write_synthetic_slide, write_synthetic_tiles
from acinus.grouping.settings import GroupingSettings
from acinus.pipeline.evaluate import evaluate_folders
from acinus.results.record import read_record
from acinus.slides import open_slide
from acinus.slides.tissue import overview, tissue_mask


@dataclass(frozen=True)
class Sizes:
    """How much is drawn and computed."""

    tiles: int
    tile_px: int
    slide_px: int
    steps: int
    settings: dict[str, object]


FULL = Sizes(tiles=16, tile_px=512, slide_px=8192, steps=60, settings={})
DRY = Sizes(  # the slide is large enough to have two levels
    tiles=2,
    tile_px=128,
    slide_px=1024,
    steps=2,
    settings={
        "mining": {"shallow": {"steps": 2, "batch_crops": 2, "crop_px": 32}},
        "grouping": {"steps": 2, "rounds": 1, "batch_crops": 2, "crop_px": 64},
    },
)


def acinus(*words: str | Path) -> float:
    """Run the command line and return its seconds."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "acinus", *map(str, words)], check=True, stdout=sys.stderr, stderr=sys.stderr
    )
    return time.perf_counter() - start


def fits(folder: Path, sizes: Sizes, devices: list[str]) -> Iterator[str]:
    """Yield seconds and accuracy of the default fit on each device."""
    for device in devices:
        model, results = folder / f"model_{device}", folder / f"tiles_{device}"
        settings = ["--settings", folder / "settings.json"]
        seconds = acinus("fit", folder / "tiles", "--out", model, "--device", device, *settings)
        acinus("segment", folder / "tiles", "--model", model, "--out", results, "--device", device)
        pooled = evaluate_folders(results, folder / "tiles").pooled.as_dict()
        yield f"fit on {sizes.tiles} tiles, {device} | {seconds:.0f} s, mIoU {pooled['miou_label_free']:.3f}"


def steps(sizes: Sizes, device: str) -> Iterator[str]:
    """Yield training steps per second of the default network, plain and with what could make it faster."""
    settings = GroupingSettings()
    crops, side = (settings.batch_crops, settings.crop_px) if sizes is FULL else (2, 64)
    for name in ("float32, contiguous", "float32, channels last", "bf16, channels last", "bf16, compiled"):
        images = torch.rand(crops, 3, side, side, device=device)
        try:
            speed = rate(training_step(name, images), sizes.steps, device)
        except Exception as error:  # no compiler, say: the other rows count
            yield f"steps, {name} | did not run: {type(error).__name__}"
        else:
            yield f"steps of {crops} crops of {side} px, {name} | {speed:.1f} a second"


def training_step(name: str, images: torch.Tensor) -> Callable[[], None]:
    """Return a step of the default network, forward and backward, on images that stay on the device."""
    network = GroupingSettings().network.build().to(images.device).train()
    if "contiguous" not in name:
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    called = network
    if "compiled" in name:  # on the CPU only traced: a compiler may be missing, and takes a minute
        called = torch.compile(network, backend="inductor" if images.is_cuda else "aot_eager")
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step() -> None:
        with torch.autocast(images.device.type, torch.bfloat16, enabled="bf16" in name):
            loss = called(images).logits.float().square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def rate(step: Callable[[], None], count: int, device: str) -> float:
    """Return how many steps a second are made, once warm."""
    for _ in range(max(1, count // 6)):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def slides(folder: Path, device: str) -> Iterator[str]:
    """Yield what is segmented per second, in one and in two processes, and what is read alone."""
    slide = folder / "slide.tif"
    read_s, tissue_mm2 = reading_alone(slide)
    yield f"reading {tissue_mm2:.1f} mm² of tissue without a network | {tissue_mm2 / read_s:.2f} mm² a second"
    for processes, name in ((1, "one process"), (2, "two processes on one device")):
        words = ["--workers", str(processes)] if processes > 1 else []
        out = folder / f"slide_{device}_{processes}"
        wall = acinus(
            "segment", slide, "--model", folder / f"model_{device}", "--out", out, "--device", device, *words
        )
        record = read_record(out / "slide")
        # Sums over the processes, which work at the same time.
        of_phases = (record.seconds[phase] for phase in ("read", "network", "write"))
        windows_s = max(of_phases) / processes
        speed = tissue_mm2 / wall
        share = 100 * read_s / max(windows_s, 1e-9)  # of the windows, without what comes after them
        yield f"slide, {device}, {name} | {speed:.2f} mm² a second, {share:.0f} % of the reader's own speed"


def reading_alone(path: Path) -> tuple[float, float]:
    """Return the seconds that reading a slide's tissue takes at the model's resolution, and its mm²."""
    mpp, side = GroupingSettings().mpp, 1024
    with open_slide(path) as reader:
        picture = overview(reader)
        tissue = tissue_mask(picture, mpp=8.0)
        scale = mpp / (reader.mpp or mpp)
        start = time.perf_counter()
        for y in range(0, int(reader.size.height / scale), side):
            for x in range(0, int(reader.size.width / scale), side):
                rows, columns = (slice(int(k * mpp / 8), int((k + side) * mpp / 8) + 1) for k in (y, x))
                if tissue[rows, columns].any():
                    reader.read_working(Box(x, y, side, side), mpp=mpp)
        return time.perf_counter() - start, float(tissue.sum()) * 64 / 1e6


def rows_of(part: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Yield the rows of a part, and instead of those that fail a row that says so: the other parts count."""
    try:
        yield from part()
    except (subprocess.CalledProcessError, RuntimeError, OSError) as error:
        yield f"the rest of this part | did not run: {str(error).splitlines()[-1][-200:]}"


def draw(folder: Path, sizes: Sizes) -> None:
    """Draw what is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(sizes.settings))
    if not (folder / "tiles").is_dir():
        write_synthetic_tiles(
            folder / "tiles", count=sizes.tiles, seed=1, height_px=sizes.tile_px, width_px=sizes.tile_px
        )
    if not (folder / "slide.tif").is_file():
        write_synthetic_slide(
            folder / "slide.tif",
            seed=1,
            width_px=sizes.slide_px,
            height_px=sizes.slide_px,
            tissue_fraction=0.3,
        )


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dry", action="store_true", help="tiny and on the CPU")
    parser.add_argument("--seconds", type=float, default=600.0, help="no part begins later than this")
    arguments = parser.parse_args()
    if not arguments.dry and not torch.cuda.is_available():
        raise SystemExit("no CUDA here; --dry tries everything on the CPU")
    start = time.perf_counter()
    sizes = DRY if arguments.dry else FULL
    device = "cpu" if arguments.dry else "cuda"
    draw(arguments.folder, sizes)
    card = torch.cuda.get_device_name() if device == "cuda" else "no GPU: a dry run"
    head = f"{card}; {os.cpu_count()} cores, {platform.machine()}; PyTorch {torch.__version__}"
    lines = [head, "", "| what | measured |", "|---|---|"]
    print("\n".join(lines), flush=True)
    others = [] if arguments.dry else ["cpu"]
    parts: list[Callable[[], Iterator[str]]] = [
        lambda: steps(sizes, device),
        lambda: fits(arguments.folder, sizes, [device]),
        lambda: slides(arguments.folder, device),
        lambda: fits(arguments.folder, sizes, others),
    ]
    for part in parts:
        if time.perf_counter() - start > arguments.seconds:
            break
        for row in rows_of(part):
            lines.append(f"| {row} |")
            print(lines[-1], flush=True)
    (arguments.folder / "gpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
