"""Everything on synthetic slides, end to end: what ``acinus demo --slides`` runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acinus.core.files import make_folder
from acinus.core.naming import plural
from acinus.core.progress import Progress, SilentProgress
from acinus.data.synthetic import write_synthetic_slide
from acinus.mining.regions.folder import CONTACT_SHEET
from acinus.pipeline.arguments import check_seed
from acinus.pipeline.demo import check_same_demo, learn_and_segment
from acinus.pipeline.fit_inputs import REGIONS
from acinus.report import write_report
from acinus.results.files import GLANDS_CSV, OUTLINES_GZ
from acinus.results.record import read_record

__all__ = ["SlideDemoResult", "run_slide_demo"]

_COUNT = 3
_SIDE_PX, _SMALL_PX = 6144, 1536
_SETTINGS = {"grouping": {"steps": 240, "rounds": 1, "batch_crops": 8}, "mining": {"regions": {"count": 30}}}
_SMALL_SETTINGS = {
    "mining": {"shallow": {"steps": 5}, "regions": {"count": 9, "side_mm": 0.2}},
    "grouping": {"steps": 20, "rounds": 1, "batch_crops": 4},
}
_INTRO = (
    "These slides are synthetic. acinus chose regions of them, learnt from these without a label, and "
    "segmented all of the tissue. The green outlines are what it found."
)


@dataclass(frozen=True)
class SlideDemoResult:
    """Counts, and the files to look at."""

    slides: int
    glands: int
    tissue_mm2: float
    files: dict[str, Path]


def run_slide_demo(
    out: Path, *, seed: int, small: bool = False, progress: Progress | None = None
) -> SlideDemoResult:
    """Draw three slides, learn from regions of them, segment them and write a report.

    Parameters
    ----------
    out : Path
        Takes ``slides/``, ``model/``, a folder for each slide and ``report.html``. What an interrupted demo
        left there is used.
    seed : int
        Of the slides and of the training.
    small : bool
        Small slides and few steps, for a check that everything works.
    """
    check_seed(seed)
    progress = progress or SilentProgress()
    check_same_demo(out, {"slides": _COUNT, "seed": seed, "small": small})
    slides = _slides(out / "slides", side_px=_SMALL_PX if small else _SIDE_PX, seed=seed, progress=progress)
    learn_and_segment(slides, _SMALL_SETTINGS if small else _SETTINGS, out=out, seed=seed, progress=progress)
    report = write_report(out, title="acinus demo: slides", intro=_INTRO)
    records = [read_record(out / path.stem) for path in slides]
    return SlideDemoResult(
        slides=len(slides),
        glands=sum(record.gland_count for record in records),
        tissue_mm2=sum(record.tissue_area_um2 or 0.0 for record in records) / 1e6,
        files={
            "report": report,
            "learnt": out / "model" / REGIONS / CONTACT_SHEET,
            "outlines": out / slides[0].stem / OUTLINES_GZ,
            "table": out / GLANDS_CSV,
        },
    )


def _slides(folder: Path, *, side_px: int, seed: int, progress: Progress) -> Sequence[Path]:
    """Return the synthetic slides; those that are there are not drawn again."""
    paths = [make_folder(folder) / f"slide_{number}.tif" for number in range(1, _COUNT + 1)]
    missing = [(number, path) for number, path in enumerate(paths) if not path.is_file()]
    with progress.task("Drawing slides", total=_COUNT, done=_COUNT - len(missing)) as advance:
        for number, path in missing:
            write_synthetic_slide(
                path,
                seed=1000 * seed + number,
                width_px=side_px,
                height_px=side_px,
                tissue_fraction=0.35,
                pieces=1 + number % 2,
            )
            advance(plural(number + 1, "slide"))
    return paths
