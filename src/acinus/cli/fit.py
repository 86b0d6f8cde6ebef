"""``acinus fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from acinus.cli.numbers import GlandSize, Whole
from acinus.cli.output import as_word, console_progress, say, say_error
from acinus.core.naming import plural

__all__ = ["fit"]


def fit(
    images: Annotated[list[Path] | None, Parameter(negative=())] = None,
    /,
    *,
    out: Path,
    mpp: float | None = None,
    seed: Whole = 0,
    settings: Path | None = None,
    preset: Literal["proposal", "mssg"] | None = None,
    weights: str | None = None,
    device: str = "auto",
    devices: Whole = 1,
    processes: Whole | None = None,
    gland_size: GlandSize | None = None,
    regions: Whole | None = None,
    roi: Path | None = None,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    corrections: Path | None = None,
) -> int:
    """Learn to segment glands from slides and images without labels, and write a model folder.

    Example: acinus fit slides/ --out model

    Example: acinus fit new_slides/ --from model --out new_model

    Example: acinus fit --from model --corrections corrected --out new_model

    Of slides, regions are chosen over all of them together: with closed rings, unlike each other, and some
    without any ring. RUN/regions/ shows them, as a contact sheet and as a GeoJSON per slide for QuPath.

    An interrupted fit resumes when the same command is run again. Progress and metrics of each step are in
    RUN/metrics.jsonl, the proposals of stage 1 as pictures in RUN/proposals/.

    Parameters
    ----------
    images
        Slides and images, or folders of them. A few slides or a dozen images of one stain are a good start.
    out
        The model folder: a new one, or that of an interrupted fit.
    mpp
        µm per pixel of the images; overrides what the files say.
    seed
        Seed of everything random.
    settings
        JSON or TOML file with settings that differ from the defaults, which acinus settings prints.
    preset
        A published method as a whole, in place of the default: proposal, the founding document as written, or
        mssg, its successor. A settings file changes it.
    weights
        Initial weights of a PSPNet's ResNet: a .pth or .safetensors file, or 'imagenet' (downloads them).
        A backbone of timm or transformers is chosen in the settings instead: {"grouping": {"network":
        {"kind": "PretrainedSpec", "library": "timm", "model": FOLDER}}}.
    device
        auto, cpu, cuda or mps.
    devices
        Number of GPUs (or processes on the CPU) of this machine that train together; see docs/cluster.md.
    processes
        Processes that look at slides, and of stage 1; by default one per core.
    gland_size
        Diameters of the smallest and the largest glands in µm, such as 40:1500; by default they are estimated
        from the images.
    regions
        Number of regions of slides to learn from, all together; by default 200. Time and memory depend on it,
        not on the number of slides.
    roi
        Folder of GeoJSON files from QuPath, each named after its slide: learn only where outlines of class
        Region* are (or of any class without a star), and not where those of Ignore* are.
    from_
        Go on from a fitted model: in minutes the new one learns the new images and keeps what the old one
        knew. Its settings and the size of glands are inherited; --settings changes them.
    corrections
        Learn from what people corrected: the folder that acinus measure RESULTS --out wrote. Without images,
        all images in it are learnt from, corrected or not.
    """
    from acinus.grouping.torchrun import is_first_process
    from acinus.pipeline.fit_files import fit_files
    from acinus.pipeline.gland_size import size_in_words

    result = fit_files(
        images or [],
        out=out,
        mpp=mpp,
        seed=seed,
        settings_path=settings,
        preset=preset,
        weights=weights,
        device=device,
        devices=devices,
        processes=processes,
        gland_size_um=gland_size,
        regions=regions,
        roi=roi,
        from_model=from_,
        corrections=corrections,
        progress=console_progress(),
    )
    if not is_first_process():
        return 0  # the first reports
    for warning in result.warnings:
        say_error(warning)
    for failure in result.failures:
        say_error(failure.reason)
    say(f"Learnt from {plural(len(result.done), 'image')}; the model is in {out}")
    say(f"Glands: {size_in_words(out)}")
    say(f"Next: acinus segment IMAGES --model {as_word(out)} --out results")
    return result.exit_code
