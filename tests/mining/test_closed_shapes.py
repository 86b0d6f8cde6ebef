from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.shape_candidates import Candidate, find_candidates
from acinus.mining.shape_score import ImageTexture, score_candidate

STROMA, NUCLEI, MUCIN, CYTOPLASM = (220, 160, 195), (95, 55, 135), (238, 225, 238), (190, 130, 180)
HEIGHT_UM, WIDTH_UM, RADIUS_UM, RIM_UM = 300, 400, 60, 12
BODY_UM = 44  # where the smoothed pale body ends
LEFT, RIGHT = (150, 130), (150, 300)


class Drawing:
    """Stroma with scattered round nuclei, on which shapes are drawn at places in µm."""

    def __init__(self, mpp: float) -> None:
        self.mpp = mpp
        height, width = round(HEIGHT_UM / mpp), round(WIDTH_UM / mpp)
        self.rows, self.columns = (np.mgrid[:height, :width] + 0.5) * mpp
        self.rgb = np.empty((height, width, 3), np.float32)
        self.rgb[:] = STROMA
        rng = np.random.default_rng(3)
        for _ in range(300):
            self.disc((rng.uniform(0, HEIGHT_UM), rng.uniform(0, WIDTH_UM)), 2.5, NUCLEI)

    def distance(self, centre: tuple[float, float]) -> np.ndarray:
        return np.hypot(self.rows - centre[0], self.columns - centre[1])

    def disc(self, centre: tuple[float, float], radius_um: float, colour: tuple[int, int, int]) -> None:
        reach = np.array([radius_um + self.mpp, radius_um + self.mpp])
        top, left = np.maximum(0, (np.array(centre) - reach) / self.mpp).astype(int)
        bottom, right = np.maximum(0, (np.array(centre) + reach) / self.mpp).astype(int) + 1
        near = np.s_[top:bottom, left:right]
        inside = np.hypot(self.rows[near] - centre[0], self.columns[near] - centre[1]) <= radius_um
        self.rgb[near][inside] = colour

    def gland(self, centre: tuple[float, float], inside: tuple[int, int, int]) -> None:
        self.disc(centre, RADIUS_UM, NUCLEI)
        self.disc(centre, RADIUS_UM - RIM_UM, inside)

    def lymphocytes(self, centre: tuple[float, float]) -> None:
        self.disc(centre, RADIUS_UM, STROMA)
        rng = np.random.default_rng(1)
        for y, x in rng.uniform(-RADIUS_UM, RADIUS_UM, (250, 2)):
            if np.hypot(y, x) < RADIUS_UM:
                self.disc((centre[0] + y, centre[1] + x), 2.5, NUCLEI)

    def image(self) -> RgbImage:
        noise = np.random.default_rng(0).normal(size=(HEIGHT_UM * 4, WIDTH_UM * 4)).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 6)
        size = (self.rgb.shape[1], self.rgb.shape[0])
        noise = cv2.resize(noise / noise.std(), size, interpolation=cv2.INTER_AREA)
        return RgbImage(np.clip(self.rgb + 10 * noise[..., None], 0, 255).astype(np.uint8), mpp=self.mpp)


@cache
def two_glands(mpp: float) -> Drawing:
    drawing = Drawing(mpp)
    drawing.gland(LEFT, MUCIN)
    drawing.gland(RIGHT, CYTOPLASM)
    return drawing


def everywhere(image: RgbImage) -> np.ndarray:
    return np.ones(image.shape, bool)


def amid_glass(rgb: np.ndarray, margin: int, mpp: float) -> RgbImage:
    framed = cv2.copyMakeBorder(rgb, *[margin] * 4, cv2.BORDER_CONSTANT, value=(243, 243, 243))
    return RgbImage(np.asarray(framed, np.uint8), mpp=mpp)


def proposed(image: RgbImage, cue: ClosedShapes | None = None) -> ProposalMap:
    return (cue or ClosedShapes())(image, np.zeros(image.shape, np.uint8))


@cache
def proposed_for_two_glands(mpp: float) -> ProposalMap:
    return proposed(two_glands(mpp).image())


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("mpp", [1.25, 2.5])
@pytest.mark.parametrize(("centre", "inside"), [(LEFT, MUCIN), (RIGHT, CYTOPLASM)])
def test_a_pale_disc_with_a_dark_rim_and_a_dark_ring_are_glands(
    mpp: float, centre: tuple[int, int], inside: tuple[int, int, int]
):
    drawing = Drawing(mpp)
    drawing.gland(centre, inside)
    proposal = proposed(drawing.image())
    distance = drawing.distance(centre)
    assert overlap(proposal.gland, distance <= RADIUS_UM) > 0.65
    assert (proposal.regions[distance < 30] == INTERIOR).all()
    assert proposal.gland[distance > RADIUS_UM + 25].mean() < 0.03


def test_the_dark_rim_is_exterior_and_lies_around_the_interior():
    drawing = two_glands(1.25)
    proposal = proposed_for_two_glands(1.25)
    for centre in (LEFT, RIGHT):
        distance = drawing.distance(centre)
        near = distance < RADIUS_UM + 15
        exterior = distance[near & (proposal.regions == EXTERIOR)]
        interior = distance[near & (proposal.regions == INTERIOR)]
        assert exterior.mean() > interior.mean() + 15
        assert 40 < exterior.mean() < 65


def test_a_patch_of_lymphocytes_is_no_gland():
    drawing = Drawing(2.5)
    drawing.lymphocytes(LEFT)
    assert not proposed(drawing.image()).gland[drawing.distance(LEFT) < RADIUS_UM].any()


def test_a_plain_image_is_all_background():
    for colour in (STROMA, (255, 255, 255), (0, 0, 0), (37, 99, 203)):
        proposal = proposed(RgbImage(np.full((80, 100, 3), colour, np.uint8), mpp=2.5))
        assert (proposal.regions == BACKGROUND).all()
        assert (proposal.confidence == 1.0).all()


def test_an_image_smaller_than_a_gland_is_no_error():
    image = RgbImage(np.random.default_rng(0).integers(0, 255, (3, 4, 3), dtype=np.uint8), mpp=2.5)
    assert proposed(image).regions.shape == (3, 4)


def test_a_mirrored_image_has_the_mirrored_proposals():
    image = two_glands(2.5).image()
    mirrored = RgbImage(np.ascontiguousarray(image.rgb[:, ::-1]), mpp=2.5)
    assert (proposed(mirrored).regions[:, ::-1] == proposed_for_two_glands(2.5).regions).mean() > 0.98


def test_the_same_tissue_at_two_resolutions_has_the_same_glands():
    fine = proposed_for_two_glands(1.25).gland
    coarse = proposed_for_two_glands(2.5).gland
    assert overlap(fine[::2, ::2], coarse) > 0.9


def test_the_cue_does_not_look_at_the_clusters():
    image = two_glands(2.5).image()
    clusters = np.random.default_rng(0).integers(0, 5, image.shape).astype(np.uint8)
    assert np.array_equal(ClosedShapes()(image, clusters).regions, proposed_for_two_glands(2.5).regions)


def test_every_closed_shape_has_a_number_of_its_own():
    proposal = proposed_for_two_glands(2.5)
    drawing = two_glands(2.5)
    assert proposal.glands is not None
    assert proposal.glands.dtype == np.int32
    assert np.array_equal(proposal.glands > 0, proposal.gland)
    left, right = (np.unique(proposal.glands[drawing.distance(place) < 30]) for place in (LEFT, RIGHT))
    assert len(left) == len(right) == 1
    assert left != right
    assert np.unique(proposal.glands).tolist() == list(range(proposal.glands.max() + 1))


def test_a_gland_has_its_number_where_its_interior_is_ignored():
    image = two_glands(2.5).image()
    proposal = proposed(image, ClosedShapes(interior=False))
    assert proposal.glands is not None
    assert np.array_equal(proposal.glands, proposed_for_two_glands(2.5).glands)


def test_shapes_that_are_not_taken_have_no_number():
    proposal = proposed(two_glands(2.5).image(), ClosedShapes(gland_score=1.0))
    assert proposal.glands is not None
    assert not proposal.glands.any()


def test_a_plain_image_has_no_number():
    proposal = proposed(RgbImage(np.full((80, 100, 3), STROMA, np.uint8), mpp=2.5))
    assert proposal.glands is not None
    assert not proposal.glands.any()


def test_without_interiors_their_pixels_are_ignored():
    image = two_glands(2.5).image()
    whole = proposed_for_two_glands(2.5).regions
    ring = proposed(image, ClosedShapes(interior=False)).regions
    expected = np.where(whole == INTERIOR, IGNORE, whole)
    assert np.array_equal(ring, expected)


def test_glands_are_found_in_tissue_amid_much_glass_as_without_it():
    image = two_glands(1.25).image()
    margin = 250  # three quarters of the picture are glass
    found = proposed(amid_glass(image.rgb, margin, 1.25)).gland
    inside = found[margin:-margin, margin:-margin]
    expected = proposed_for_two_glands(1.25).gland
    assert np.count_nonzero(inside & expected) > 0.9 * np.count_nonzero(inside | expected)
    assert np.count_nonzero(found) == np.count_nonzero(inside)


def test_a_piece_of_tissue_amid_glass_is_no_closed_shape():
    stroma = Drawing(1.25).image().rgb[:160, :160]  # 200 × 200 µm, the size of a gland
    assert not proposed(amid_glass(stroma, 100, 1.25)).gland.any()


def test_glands_are_trusted_by_half_at_least_and_good_ones_and_background_fully():
    proposal = proposed_for_two_glands(2.5)
    assert proposal.confidence.min() >= 0.5
    assert (proposal.confidence[proposal.regions == BACKGROUND] == 1.0).all()
    drawing = two_glands(2.5)
    assert (proposal.confidence[drawing.distance(LEFT) < 30] == 1.0).all()


def test_shapes_too_poor_to_be_taken_are_ignored_and_still_poorer_ones_are_background():
    image = two_glands(2.5).image()
    gland = proposed_for_two_glands(2.5).gland
    doubted = proposed(image, ClosedShapes(gland_score=1.0)).regions
    assert (doubted[gland] == IGNORE).all()
    assert np.isin(doubted, (BACKGROUND, IGNORE)).all()
    refused = proposed(image, ClosedShapes(gland_score=1.0, background_score=1.0)).regions
    assert (refused == BACKGROUND).all()


def candidates(image: RgbImage, **changes: float) -> list[Candidate]:
    settings = {
        "opening_um": 3.0,
        "min_area_um2": 1000.0,
        "max_area_um2": 60_000.0,
        "min_solidity": 0.82,
        "blur_um": 4.0,
    } | changes
    return find_candidates(image, everywhere(image), thresholds=6, **settings)


@pytest.mark.parametrize("mpp", [1.25, 2.5])
def test_candidates_keep_to_the_range_of_areas_in_micrometres(mpp: float):
    image = two_glands(mpp).image()
    found = candidates(image, min_area_um2=3000.0, max_area_um2=9000.0)
    area_um2 = [cv2.contourArea(candidate.contour) * mpp**2 for candidate in found]
    assert area_um2
    assert min(area_um2) >= 3000
    assert max(area_um2) <= 9000
    assert candidates(image, min_area_um2=60_001.0, max_area_um2=60_000.0) == []


def test_candidates_are_as_solid_as_asked():
    image = two_glands(2.5).image()
    assert min(candidate.solidity for candidate in candidates(image)) >= 0.82
    assert len(candidates(image, min_solidity=0.95)) < len(candidates(image))


def test_a_candidate_knows_its_box_and_its_pixels_with_holes_filled():
    contour = np.array([[[3, 2]], [[7, 2]], [[7, 5]], [[3, 5]]], np.int32)
    candidate = Candidate(contour=contour, dark=True, solidity=1.0)
    assert candidate.box == Box(3, 2, 5, 4)
    expected = np.zeros((10, 12), bool)
    expected[2:6, 3:8] = True
    assert np.array_equal(candidate.mask(Box(0, 0, 12, 10)), expected)
    assert np.array_equal(candidate.mask(Box(2, 1, 4, 3)), expected[1:4, 2:6])


def circle(radius_um: float, *, mpp: float, centre: tuple[float, float]) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    x, y = centre[1] + radius_um * np.cos(angle), centre[0] + radius_um * np.sin(angle)
    return np.rint(np.stack([x, y], axis=1)[:, None] / mpp).astype(np.int32)


def test_a_shape_on_the_drawn_gland_scores_high_and_one_on_stroma_low():
    image = two_glands(1.25).image()
    texture = ImageTexture.of(image, everywhere(image), blur_um=4.0, fine_um=2.5)

    def score(centre: tuple[float, float], *, dark: bool, radius_um: float) -> float:
        contour = circle(radius_um, mpp=1.25, centre=centre)
        return score_candidate(Candidate(contour=contour, dark=dark, solidity=0.97), texture, nuclei_um=10.0)

    assert score(LEFT, dark=False, radius_um=BODY_UM) > 0.8
    assert score(RIGHT, dark=True, radius_um=RADIUS_UM) > 0.3
    for dark in (False, True):
        assert score((40, 215), dark=dark, radius_um=30) < 0.02


def test_a_less_solid_shape_and_one_cut_by_the_side_score_less():
    drawing = Drawing(1.25)
    drawing.gland(LEFT, MUCIN)
    drawing.gland((150, 380), MUCIN)
    image = drawing.image()
    texture = ImageTexture.of(image, everywhere(image), blur_um=4.0, fine_um=2.5)
    whole = circle(BODY_UM, mpp=1.25, centre=LEFT)
    cut = circle(BODY_UM, mpp=1.25, centre=(150, 380))
    cut[..., 0] = np.minimum(cut[..., 0], 319)

    def score(contour: np.ndarray, solidity: float) -> float:
        return score_candidate(
            Candidate(contour=contour, dark=False, solidity=solidity), texture, nuclei_um=10.0
        )

    assert score(whole, 0.85) < 0.5 * score(whole, 0.97)
    assert score(cut, 0.97) < 0.8 * score(whole, 0.97)


def test_a_shape_that_fills_the_image_scores_nothing():
    image = two_glands(2.5).image()
    height, width = image.shape
    corners = [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)]
    contour = np.array(corners, np.int32)[:, None]
    texture = ImageTexture.of(image, everywhere(image), blur_um=4.0, fine_um=2.5)
    shape = Candidate(contour=contour, dark=True, solidity=1.0)
    assert score_candidate(shape, texture, nuclei_um=10.0) == 0.0


def test_a_gland_too_large_for_the_first_scale_is_found_at_the_second():
    drawing = Drawing(1.25)
    drawing.disc((150, 200), 120, NUCLEI)
    drawing.disc((150, 200), 100, MUCIN)
    image, centre = drawing.image(), (round(150 / 1.25), round(200 / 1.25))
    clusters = np.zeros(image.shape, np.uint8)
    one = ClosedShapes(max_area_um2=20_000.0, max_share=0.9, scales=(1.0,))
    assert one(image, clusters).glands[centre] == 0
    found = ClosedShapes(max_area_um2=20_000.0, max_share=0.9)(image, clusters).glands
    assert found[centre] > 0
    area_um2 = (found == found[centre]).sum() * 1.25**2
    assert area_um2 == pytest.approx(np.pi * (92 + 16) ** 2, rel=0.04)  # the smoothed body, and its rim


def test_a_shape_of_the_second_scale_needs_the_higher_score():
    drawing = Drawing(1.25)
    drawing.disc((150, 200), 120, NUCLEI)
    drawing.disc((150, 200), 100, MUCIN)
    image, clusters = drawing.image(), np.zeros((240, 320), np.uint8)
    strict = ClosedShapes(max_area_um2=20_000.0, max_share=0.9, coarse_score=1.0)(image, clusters)
    assert strict.regions[120, 160] == IGNORE


def test_a_shape_that_covers_most_of_the_image_is_a_field():
    drawing = Drawing(1.25)
    drawing.disc((150, 200), 120, NUCLEI)
    drawing.disc((150, 200), 100, MUCIN)  # a quarter of the image
    image, clusters = drawing.image(), np.zeros((240, 320), np.uint8)
    assert ClosedShapes(max_share=0.3)(image, clusters).glands[120, 160] > 0
    assert ClosedShapes(max_share=0.1)(image, clusters).glands[120, 160] == 0
