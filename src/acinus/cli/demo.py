"""``acinus demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from acinus.cli.numbers import Whole
from acinus.cli.output import as_word, console_progress, say
from acinus.core.errors import UsageError
from acinus.core.naming import plural

__all__ = ["demo"]

_IMAGES = 12


def demo(
    *,
    out: Path = Path("demo-output"),
    images: Whole = _IMAGES,
    slides: Annotated[bool, Parameter(negative=())] = False,
    seed: Whole = 0,
    small: bool = False,
) -> int:
    """Run everything on synthetic images: learn without labels, segment, measure, report.

    Example: acinus demo

    Makes H&E images whose true glands are known, learns from the images alone, and compares the glands it
    finds with the true ones. Takes a few minutes on two cores; an interrupted demo resumes when it is run
    again.

    Parameters
    ----------
    out
        Folder for the results.
    images
        Number of images, without --slides.
    slides
        On three synthetic slides instead: learn from regions of them, segment all of them; some minutes.
    seed
        Seed of the images or slides and of the training.
    small
        A version of about a minute, which shows that everything works but learns little.
    """
    if slides and images != _IMAGES:
        raise UsageError("--slides draws three slides and no images; leave out --images, or --slides")
    if slides:
        return _demo_on_slides(out, seed=seed, small=small)
    from acinus.pipeline.demo import run_demo

    result = run_demo(out, images=images, seed=seed, small=small, progress=console_progress())
    found = f"{plural(result.glands, 'gland')} on {plural(result.images, 'image')}"
    say(f"{found}, pooled mIoU {result.miou:.3f} without a label")
    for name, path in result.files.items():
        say(f"{name:<10} {path}")
    return 0


def _demo_on_slides(out: Path, *, seed: int, small: bool) -> int:
    from acinus.pipeline.demo_slides import run_slide_demo

    result = run_slide_demo(out, seed=seed, small=small, progress=console_progress())
    found = f"{plural(result.glands, 'gland')} on {plural(result.slides, 'slide')}"
    say(f"{found}, {result.tissue_mm2:.1f} mm² of tissue")
    for name, path in result.files.items():
        say(f"{name:<10} {path}")
    say(f"Next: acinus view {as_word(out)}")
    return 0
