from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile
from joblib.externals.loky import get_reusable_executor

from acinus.core.errors import InputError
from acinus.glands.roi import RegionOfInterest
from acinus.mining.regions.parallel import survey_slides
from acinus.mining.regions.settings import RegionSettings
from acinus.mining.regions.survey import SlideToSurvey, survey_slide

SETTINGS = RegionSettings(count=3, side_mm=0.128)  # 256 px


KILLING = """
import builtins, io, os, signal
opened = io.open
def deadly(file, *more, **named):
    if str(file).endswith("deadly.tif"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return opened(file, *more, **named)
builtins.open = io.open = deadly
"""


@pytest.fixture(scope="module")
def slide(tmp_path_factory) -> Path:
    """Tissue of 1024 × 768 px in a corner of a slide of 0.5 µm/px."""
    rgb = np.full((1536, 1536, 3), 244, np.uint8)
    noise = np.random.default_rng(0).integers(-20, 20, (768, 1024, 3))
    rgb[:768, :1024] = (np.array((220, 150, 190)) + noise).astype(np.uint8)
    path = tmp_path_factory.mktemp("slides") / "a.tif"
    tifffile.imwrite(path, rgb, tile=(256, 256), resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
    return path


def test_candidates_lie_on_tissue_and_the_first_ones_are_always_the_same(slide):
    surveys = [survey_slide(SlideToSurvey("a", slide), SETTINGS, count=count) for count in (4, 12, 13)]
    assert [len(survey.candidates) for survey in surveys] == [4, 12, 12]
    assert [survey.complete for survey in surveys] == [False, True, True]
    assert surveys[0].candidates == surveys[1].candidates[:4]
    assert surveys[1].candidates == surveys[2].candidates
    assert all(each.box.right <= 1024 and each.box.bottom <= 768 for each in surveys[1].candidates)
    assert all(each.shows.tissue > 0.9 for each in surveys[1].candidates)


def test_what_was_read_is_not_read_again(slide, tmp_path):
    cache = tmp_path / "cache"
    first = survey_slide(SlideToSurvey("a", slide), SETTINGS, count=4, cache=cache)
    kept = slide.read_bytes()
    identity = slide.stat()
    try:
        # The same to the identity of the file, yet no slide any more: reading it would fail.
        slide.write_bytes(kept[:1_048_576] + bytes(len(kept) - 2_097_152) + kept[-1_048_576:])

        os.utime(slide, ns=(identity.st_atime_ns, identity.st_mtime_ns))
        again = survey_slide(SlideToSurvey("a", slide), SETTINGS, count=4, cache=cache)
    finally:
        slide.write_bytes(kept)
    assert again == first
    more = survey_slide(SlideToSurvey("a", slide), SETTINGS, count=6, cache=cache)
    assert more == survey_slide(SlideToSurvey("a", slide), SETTINGS, count=6)


def test_a_damaged_cache_and_one_that_cannot_be_written_only_cost_time(slide, tmp_path):
    expected = survey_slide(SlideToSurvey("a", slide), SETTINGS, count=2)
    cache = tmp_path / "cache"
    survey_slide(SlideToSurvey("a", slide), SETTINGS, count=2, cache=cache)
    [kept] = cache.iterdir()
    for damage in ("{", "[]", '{"candidates": [{"box": [1]}], "complete": true}'):
        kept.write_text(damage)
        assert survey_slide(SlideToSurvey("a", slide), SETTINGS, count=2, cache=cache) == expected
    assert survey_slide(SlideToSurvey("a", slide), SETTINGS, count=2, cache=Path("/proc/cache")) == expected


def test_only_the_region_of_interest_is_looked_at(slide):
    roi = RegionOfInterest(
        inside=(shapely.box(300, 0, 900, 768),), outside=(shapely.box(0, 512, 1536, 1536),)
    )
    survey = survey_slide(SlideToSurvey("a", slide, roi=roi), SETTINGS, count=100)
    inside = shapely.box(300 - 16, -16, 900 + 16, 512 + 16)  # a pixel of the overview more
    assert survey.candidates
    assert all(
        inside.covers(shapely.box(each.box.x, each.box.y, each.box.right, each.box.bottom))
        for each in survey.candidates
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_a_slide_that_fails_stops_no_other(slide, tmp_path, processes):
    broken = tmp_path / "b.tif"
    broken.write_bytes(slide.read_bytes()[:1000])
    slides = [SlideToSurvey("a", slide), SlideToSurvey("b", broken), SlideToSurvey("c", slide)]
    found = list(survey_slides(slides, SETTINGS, cache=None, processes=processes))
    assert [each.name for each, _ in found] == ["a", "b", "c"]
    assert isinstance(found[1][1], InputError)
    alone = [survey_slide(each, SETTINGS, count=8) for each in (slides[0], slides[2])]
    assert [found[0][1], found[2][1]] == alone


@pytest.fixture
def deadly_library(tmp_path, monkeypatch):
    """Processes that are started now end when they open ``deadly.tif``, as by a fault in C code."""
    (tmp_path / "sitecustomize.py").write_text(KILLING, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    get_reusable_executor().shutdown(wait=True)  # those that were there before
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.usefixtures("deadly_library")
@pytest.mark.parametrize("processes", [1, 2])
def test_a_slide_that_kills_its_process_stops_no_other(slide, tmp_path, processes):
    deadly = tmp_path / "deadly.tif"
    deadly.write_bytes(slide.read_bytes())
    slides = [SlideToSurvey(name, slide) for name in "abcdefg"]
    slides[1:1] = [SlideToSurvey("deadly", deadly)]
    slides.append(SlideToSurvey("deadly too", deadly))
    found = list(survey_slides(slides, SETTINGS, cache=None, processes=processes))
    assert [each.name for each, _ in found] == [each.name for each in slides]
    failed = {each.name: str(survey) for each, survey in found if isinstance(survey, Exception)}
    assert list(failed) == ["deadly", "deadly too"]
    assert re.match(r"deadly\.tif ended the process that read it \(SIGSEGV\(-11\)\)", failed["deadly"])
    assert all(survey.candidates for each, survey in found if each.name not in failed)


@pytest.mark.usefixtures("deadly_library")
def test_a_single_slide_that_kills_its_process_is_told(slide, tmp_path):
    deadly = tmp_path / "deadly.tif"
    deadly.write_bytes(slide.read_bytes())
    [(_, survey)] = survey_slides([SlideToSurvey("deadly", deadly)], SETTINGS, cache=None, processes=2)
    assert isinstance(survey, InputError)
    assert str(survey).startswith("deadly.tif ended the process that read it (SIGSEGV(-11))")
