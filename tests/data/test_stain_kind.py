"""Brown and black-and-white pictures are told from H&E, whatever tints the glass."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from acinus.data.stain_kind import stain_kind

GLASS, EOSIN, NUCLEI, DAB, BLOOD = (
    (243, 243, 244),
    (225, 150, 190),
    (110, 70, 150),
    (130, 80, 40),
    (220, 80, 70),
)


def picture(*colours: tuple[int, int, int], share: float = 1.0, glass=GLASS) -> np.ndarray:
    """Return 200 × 200 µm with a stripe of each colour; the last one's is that share of its width."""
    rgb = np.full((100, 100, 3), glass, np.uint8)
    width = 80 // len(colours)
    for k, colour in enumerate(colours):
        last = k == len(colours) - 1
        rgb[10:90, 10 + k * width : 10 + k * width + (round(share * width) if last else width)] = colour
    return rgb


def test_h_and_e_is_no_other_kind_not_even_with_blood_on_it():
    assert stain_kind(picture(EOSIN, NUCLEI, BLOOD), mpp=2.0) == "he"


def test_a_twentieth_of_brown_among_blue_nuclei_is_an_immunostain_and_a_hundredth_is_dirt():
    nuclei = (150, 150, 200)
    assert stain_kind(picture(nuclei, DAB, share=0.05), mpp=2.0) == "brown"  # 2 of 42 columns
    rgb = picture(nuclei, nuclei)
    rgb[40:50, 40:44] = DAB  # 40 of 6400 pixels
    assert stain_kind(rgb, mpp=2.0) == "he"


def test_a_yellow_lamp_makes_no_immunostain():
    yellow = np.array([1.0, 0.98, 0.8])
    rgb = (picture(EOSIN, NUCLEI) * yellow).astype(np.uint8)
    assert stain_kind(rgb, mpp=2.0) == "he"


def test_colours_that_are_equal_in_all_channels_are_black_and_white():
    grey = picture(EOSIN, NUCLEI).mean(axis=2, keepdims=True).astype(np.uint8)
    assert stain_kind(np.repeat(grey, 3, axis=2), mpp=2.0) == "grey"


@pytest.mark.parametrize("rgb", [picture(GLASS), picture((0, 0, 0)), np.zeros((5, 5, 3), np.uint8)])
def test_bare_glass_and_black_borders_are_not_called_black_and_white(rgb):
    assert stain_kind(rgb, mpp=2.0) == "he"


@pytest.mark.parametrize("mpp", [0.25, 1.0, 4.0])
def test_the_answer_is_the_same_at_every_resolution(mpp):
    side = round(200 / mpp)
    for colour, kind in ((EOSIN, "he"), (DAB, "brown"), ((128, 128, 128), "grey")):
        rgb = np.asarray(Image.fromarray(picture(colour)).resize((side, side), Image.Resampling.NEAREST))
        assert stain_kind(rgb, mpp=mpp) == kind


@pytest.mark.real_data
def test_no_real_h_and_e_is_taken_for_another_stain(acinus_data):
    paths = [
        *sorted((acinus_data / "ebhi").glob("*[0-9].png"))[::10],
        *sorted((acinus_data / "rings").glob("*[0-9].png")),
    ]
    assert len(paths) > 20
    assert {stain_kind(np.asarray(Image.open(path).convert("RGB")), mpp=2.0) for path in paths} == {"he"}
