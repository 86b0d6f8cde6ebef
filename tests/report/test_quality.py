"""Warnings come for the images that deserve them, and for no others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from acinus.data.synthetic import synthetic_tile
from acinus.report import write_report
from acinus.report.pictures import focus_samples, opened
from acinus.report.quality import MIN_FOCUS, picture_facts
from acinus.results.folder import read_results

SIDE = 320
H_AND_E = {"mean_od": [0.35, 0.75, 0.45], "std_od": [0.05, 0.1, 0.05]}


@pytest.fixture
def good(results, stained):
    for seed in range(6):
        results.add(f"good {seed}", stained(seed))
    return results


def warnings(results, read_page):
    return {name: kinds for name, kinds in read_page(write_report(results.root)).warnings().items() if kinds}


def test_good_images_have_no_warning(good, read_page):
    assert warnings(good, read_page) == {}
    assert "Look at these first" not in read_page(good.root / "report.html").source


def slide(tissue: np.ndarray, *, left: int) -> np.ndarray:
    """Return 8 × 1 mm of glass at 1 µm per pixel with tissue on it: too large to be judged whole."""
    rgb = np.full((1000, 8000, 3), 243, np.uint8)
    rgb[300 : 300 + len(tissue), left : left + tissue.shape[1]] = tissue
    return rgb


def add_slide(results, name: str, rgb: np.ndarray, stained) -> None:
    results.add(name, stained(0), width_px=rgb.shape[1], height_px=rgb.shape[0])
    Image.fromarray(rgb).save(results.root / f"{name}.png", compress_level=0)


@pytest.mark.parametrize("left", [0, 1340, 5300, 7680])
def test_tissue_is_found_wherever_on_a_slide_it_lies(results, stained, read_page, left):
    """320 µm squared, an 80th of the slide."""
    add_slide(results, "biopsy", slide(stained(1), left=left), stained)
    assert warnings(results, read_page) == {}


def test_a_slide_is_judged_by_fields_with_tissue_and_by_them_alone(results, stained):
    add_slide(results, "biopsies", slide(np.tile(stained(1), (1, 4, 1)), left=2500), stained)
    [image] = read_results(results.root).images
    with opened(image) as reader:
        samples, mpp, tissue_fraction = focus_samples(image, reader)
    assert mpp == 1.0
    assert tissue_fraction == pytest.approx(4 * 320 * 320 / 8_000_000, rel=0.05)
    assert len(samples) == 2  # of 1000 px, from 2000 and from 3000
    for field, columns in zip(samples, (500, 780), strict=True):
        assert (field < 230).any(axis=2).any(axis=0).sum() == columns


def test_a_slide_full_of_tissue_is_judged_by_sixteen_fields_from_one_side_to_the_other(results, stained):
    rgb = np.tile(stained(1), (2, 33, 1))[:600, :10_400]
    add_slide(results, "resection", rgb, stained)
    [image] = read_results(results.root).images
    with opened(image) as reader:
        samples, _, tissue_fraction = focus_samples(image, reader)
    assert tissue_fraction == 1.0
    assert len(samples) == 16
    assert (samples[0] == rgb[:, :600]).all()
    assert (samples[-1] == rgb[:, -600:]).all()


def test_blurred_tissue_of_a_slide_is_out_of_focus_wherever_it_lies(results, stained, read_page):
    blurred = cv2.GaussianBlur(slide(stained(9), left=1340), (0, 0), 3.0)
    add_slide(results, "blurred", blurred, stained)
    assert warnings(results, read_page) == {"blurred": {"focus"}}


def test_a_slide_of_glass_and_dust_has_no_tissue(results, stained, discs, read_page):
    for name, side in (("glass", 0), ("dust", 90)):
        results.add(name, stained(0), discs(), width_px=8000, height_px=1000)
        rgb = slide(stained(1)[:side, :side], left=1340)
        Image.fromarray(rgb).save(results.root / f"{name}.png")
    assert warnings(results, read_page) == {"glass": {"tissue"}, "dust": {"tissue"}}


def test_white_glass_has_no_tissue(good, discs, read_page):
    good.add("white", np.full((SIDE, SIDE, 3), 243, np.uint8), discs())
    assert warnings(good, read_page) == {"white": {"tissue"}}


def test_small_white_picture_has_no_tissue_either():
    assert picture_facts([np.full((100, 100, 3), 243, np.uint8)], mpp=1.0).tissue_fraction == 0.0


def test_blurred_image_is_out_of_focus(good, stained, read_page):
    good.add("blurred", cv2.GaussianBlur(stained(9), (0, 0), 3.0))
    assert warnings(good, read_page) == {"blurred": {"focus"}}


def test_brown_tissue_is_stained_unlike_the_others(good, stained, read_page):
    good.add("brown", stained(9, colour=(150, 100, 80)))
    assert warnings(good, read_page) == {"brown": {"stain"}}


def test_stain_is_compared_with_the_training_images_where_they_are_known(results, stained, read_page):
    results.add("usual", stained(1))
    results.add("brown", stained(2, colour=(150, 100, 80)))
    assert warnings(results, read_page) == {}  # two images are no cohort
    results.run(stain=H_AND_E)
    assert warnings(results, read_page) == {"brown": {"stain"}}
    results.run(stain={})
    assert warnings(results, read_page) == {}


def test_glands_cut_by_the_side_are_counted(good, stained, discs, read_page):
    good.add(
        "cut", stained(9), discs((0, 60, 40), (320, 60, 30), (100, 320, 40), (0, 200, 30), (160, 160, 30))
    )
    assert warnings(good, read_page) == {"cut": {"cut"}}
    assert "4 of 5 glands are cut" in read_page(good.root / "report.html").source


def test_warnings_of_pixels_do_not_depend_on_glands(good, discs, read_page):
    good.add("white", np.full((SIDE, SIDE, 3), 243, np.uint8), discs((160, 160, 40), (60, 60, 30)))
    assert warnings(good, read_page) == {"white": {"tissue"}}


@pytest.mark.parametrize("seed", [1, 2])
def test_drawn_tissue_is_sharp_until_blurred_by_two_micrometres(seed):
    tile = synthetic_tile(seed, height_px=160, width_px=160)
    size = round(160 * tile.image.mpp)
    focus = []
    for blur_um in (0.0, 2.0):
        rgb = tile.image.rgb
        if blur_um:
            rgb = cv2.GaussianBlur(rgb, (0, 0), blur_um / tile.image.mpp)
        small = cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA)
        focus.append(picture_facts([small], mpp=1.0).focus)
    assert focus[0] > 4 * MIN_FOCUS
    assert focus[1] < MIN_FOCUS


def test_focus_is_not_judged_on_pixels_too_coarse_for_it(stained):
    assert picture_facts([stained(1)], mpp=2.0).focus is None


def test_stain_and_focus_do_not_depend_on_how_a_picture_is_cut_into_fields(stained):
    rgb = stained(3)
    whole = picture_facts([rgb], mpp=1.0)
    halves = picture_facts([rgb[:160], rgb[160:]], mpp=1.0)
    assert whole.tissue_fraction == halves.tissue_fraction == 1.0
    np.testing.assert_allclose(halves.mean_od, whole.mean_od, rtol=1e-5)
    np.testing.assert_allclose(halves.focus, whole.focus, rtol=0.05)


def test_glass_in_view_does_not_change_the_stain(stained):
    rgb = stained(3)
    half = rgb.copy()
    half[:, SIDE // 2 :] = 243
    np.testing.assert_allclose(
        picture_facts([half], mpp=1.0).mean_od, picture_facts([rgb], mpp=1.0).mean_od, atol=0.04
    )


def test_images_of_low_trust_come_first_the_lowest_before_the_others(good, stained, read_page):
    good.add("a doubtful", stained(7), quality=0.4)
    good.add("b worse", stained(8), quality=0.3)
    assert warnings(good, read_page) == {"a doubtful": {"trust"}, "b worse": {"trust"}}
    source = read_page(good.root / "report.html").source
    head = source.split("Look at these first")[1].split("</section>")[0]
    assert "2 images of low trust" in head
    assert head.index("b worse") < head.index("a doubtful")


def test_what_the_record_calls_unfamiliar_is_a_grave_warning_and_an_unsegmented_image_is_not_empty_too(
    results, stained, read_page
):
    results.add("strange", stained(0), unfamiliar={"look": "looks unlike the images of the fit"})
    reason = "a brown immunostain, and the model was fitted on H&E: not segmented"
    results.add("brown", stained(1), np.zeros((320, 320), np.int32), unfamiliar={"stain": reason})
    page = read_page(write_report(results.root))
    assert warnings(results, read_page) == {"strange": {"unfamiliar"}, "brown": {"unfamiliar"}}
    assert "Unfamiliar: looks unlike the images of the fit." in page.source
    assert "Look at these first" in page.source
