from __future__ import annotations

import numpy as np
import pytest

from acinus.inference.lumina import lined_lumina

HEIGHT, WIDTH = 80, 100


def scene(*, gap: tuple[slice, slice], gland: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    bare = np.zeros((HEIGHT, WIDTH), bool)
    bare[gap] = True
    probability = np.full((HEIGHT, WIDTH), 0.1, np.float32)
    probability[gland] = 0.9
    return bare, probability


def found(bare: np.ndarray, probability: np.ndarray, least_lined: float = 0.5) -> np.ndarray:
    return lined_lumina(bare, probability, rim_px=4, least_lined=least_lined)


def test_a_gap_in_a_gland_is_a_lumen_and_one_in_stroma_is_not():
    gap = np.s_[20:60, 20:70]
    bare, probability = scene(gap=gap, gland=np.s_[14:66, 14:76])
    assert np.array_equal(found(bare, probability), bare)
    stroma = np.full_like(probability, 0.1)
    assert not found(bare, stroma).any()


def test_the_share_of_the_rim_that_is_gland_decides():
    # Gland to the left of the gap's middle: half of the rim.
    bare, probability = scene(gap=np.s_[20:60, 20:70], gland=np.s_[:, :45])
    assert found(bare, probability, least_lined=0.4).any()
    assert not found(bare, probability, least_lined=0.6).any()


def test_each_gap_is_judged_by_itself():
    bare, probability = scene(gap=np.s_[20:60, 10:30], gland=np.s_[14:66, 4:36])
    bare[20:60, 60:80] = True
    assert np.array_equal(np.flatnonzero(found(bare, probability).any(axis=0)), np.arange(10, 30))


@pytest.mark.parametrize("turns", range(4))
def test_a_strip_of_glass_along_a_side_is_no_lumen_even_beside_epithelium(turns):
    bare, probability = scene(gap=np.s_[:6, :], gland=np.s_[:20, :])
    assert not found(np.rot90(bare, turns), np.rot90(probability, turns)).any()


@pytest.mark.parametrize("turns", range(4))
def test_a_lumen_that_a_side_or_a_corner_cuts_is_one(turns):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for centre in ((0, 50), (0, 0)):
        distance = np.hypot(rows - centre[0], columns - centre[1])
        bare, probability = distance < 20, (distance < 30).astype(np.float32)
        turned = np.rot90(bare, turns)
        assert np.array_equal(found(turned, np.rot90(probability, turns)), turned)


def test_without_bare_background_there_is_no_lumen():
    bare, probability = np.zeros((5, 6), bool), np.ones((5, 6), np.float32)
    assert not found(bare, probability).any()
    assert found(np.zeros((0, 6), bool), np.ones((0, 6), np.float32)).shape == (0, 6)


def test_glass_in_a_corner_is_no_lumen_even_beside_epithelium():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for bend in (0.0, 0.004, -0.004):  # the tissue's border is straight, or bends to either side a little
        bare = rows + columns + bend * (rows - columns) ** 2 < 40
        probability = np.ones((HEIGHT, WIDTH), np.float32)
        assert not found(bare, probability).any(), bend
