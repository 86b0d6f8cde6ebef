from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from acinus.core.errors import UsageError
from acinus.core.image import RgbImage
from acinus.core.limits import Share
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap
from acinus.core.settings import apply_settings, settings_class
from acinus.mining.cue import AgreedBackground, Cue, DarkestCluster
from acinus.mining.settings import MiningSettings

STROMA, RING, LUMEN, INK = (220, 160, 195), (95, 55, 135), (240, 235, 240), (0, 0, 0)


def ring_picture(
    mpp: float, *, outer_um: float = 60.0, inner_um: float = 42.0
) -> tuple[RgbImage, np.ndarray]:
    """A dark ring around a pale lumen, and its three clusters: 0 stroma, 1 lumen, 2 ring."""
    side = round(200 / mpp)
    rows, columns = (np.mgrid[:side, :side] + 0.5) * mpp
    distance = np.hypot(rows - 100, columns - 100)
    clusters = np.zeros((side, side), np.uint8)
    clusters[distance <= outer_um] = 2
    clusters[distance <= inner_um] = 1
    rgb = np.array([STROMA, LUMEN, RING], np.uint8)[clusters]
    return RgbImage(rgb, mpp=mpp), clusters


@pytest.mark.parametrize("mpp", [0.62, 1.25, 2.5])
def test_the_dark_ring_is_exterior_and_what_it_encloses_interior(mpp: float):
    image, clusters = ring_picture(mpp)
    proposal = DarkestCluster()(image, clusters)
    expected = np.array([BACKGROUND, INTERIOR, EXTERIOR])[clusters]
    assert (proposal.regions == expected).mean() > 0.99
    assert proposal.mpp == mpp
    assert (proposal.confidence == 1.0).all()


def test_the_numbers_of_the_clusters_do_not_matter():
    image, clusters = ring_picture(1.25)
    renumbered = np.array([4, 0, 7], np.uint8)[clusters]
    expected = DarkestCluster()(image, clusters).regions
    assert np.array_equal(DarkestCluster()(image, renumbered).regions, expected)


def test_without_interiors_only_the_ring_is_gland():
    image, clusters = ring_picture(1.25)
    proposal = DarkestCluster(interior=False)(image, clusters)
    assert not (proposal.regions == INTERIOR).any()
    assert np.array_equal(proposal.regions == EXTERIOR, DarkestCluster()(image, clusters).regions == EXTERIOR)


def test_an_interior_too_large_to_trust_stays_background():
    image, clusters = ring_picture(1.25)  # the lumen has π · 42² = 5,542 µm²
    assert (DarkestCluster(max_interior_um2=6000)(image, clusters).regions == INTERIOR).any()
    assert not (DarkestCluster(max_interior_um2=5000)(image, clusters).regions == INTERIOR).any()


def test_a_darker_cluster_too_small_to_be_exterior_is_passed_over():
    image, clusters = ring_picture(1.25)
    rgb = image.rgb.copy()
    rgb[2:32, 2:32] = INK  # 900 px of ink are 1,406 µm²
    clusters[2:32, 2:32] = 3
    inked = RgbImage(rgb, mpp=1.25)
    ink_only = np.zeros_like(clusters, dtype=bool)
    ink_only[2:32, 2:32] = True
    assert not (DarkestCluster()(inked, clusters).regions[ink_only] == EXTERIOR).any()
    assert (DarkestCluster(min_cluster_um2=1400)(inked, clusters).regions[ink_only] == EXTERIOR).mean() > 0.95


def test_the_least_cluster_area_is_physical():
    image, clusters = ring_picture(1.25)  # the ring has π · (60² − 42²) = 5,768 µm²
    assert (DarkestCluster(min_cluster_um2=5600)(image, clusters).regions == EXTERIOR)[
        clusters == 2
    ].mean() > 0.9
    fine_image, fine_clusters = ring_picture(0.62)
    passed = DarkestCluster(min_cluster_um2=5900)(fine_image, fine_clusters).regions
    assert (passed == EXTERIOR)[fine_clusters == 2].mean() < 0.01


def test_in_an_image_smaller_than_the_area_the_largest_cluster_has_to_do():
    rgb = np.zeros((30, 30, 3), np.uint8)
    rgb[:, :20] = STROMA
    clusters = np.ones((30, 30), np.uint8)
    clusters[:, :20] = 0
    regions = DarkestCluster(opening_um=1.0, closing_um=1.0)(RgbImage(rgb, mpp=1.0), clusters).regions
    assert (regions[:, :20] == EXTERIOR).all()
    assert (regions[:, 20:] != EXTERIOR).all()


@pytest.mark.parametrize("colour", [STROMA, (255, 255, 255), INK])
def test_an_image_of_one_colour_is_background_throughout(colour: tuple[int, int, int]):
    noise = np.random.default_rng(0).integers(0, 4, (100, 120, 3))
    image = RgbImage(np.clip(np.array(colour) - noise, 0, 255).astype(np.uint8), mpp=1.25)
    proposal = DarkestCluster()(image, np.zeros(image.shape, np.uint8))
    assert (proposal.regions == BACKGROUND).all()


def test_gaps_between_the_nuclei_of_a_ring_are_closed_and_lone_nuclei_removed():
    image, clusters = ring_picture(1.25)
    clusters = clusters.copy()
    clusters[80, 120:140] = 0  # a crack through the ring, one pixel wide
    clusters[10:13, 10:13] = 2  # a nucleus of 4 µm
    regions = DarkestCluster()(image, clusters).regions
    assert regions[80, 80] == INTERIOR
    assert not regions[5:20, 5:20].any()


@dataclass(frozen=True)
class Fixed:
    """Says the same of every image."""

    regions: np.ndarray
    confidence: float = 1.0
    glands: np.ndarray | None = None

    def __call__(self, image: RgbImage, clusters: np.ndarray) -> ProposalMap:
        confidence = np.full(self.regions.shape, self.confidence, np.float32)
        return ProposalMap(self.regions, confidence, image.mpp, self.glands)


@pytest.mark.parametrize(
    ("trusted", "doubter", "expected"),
    [
        (BACKGROUND, BACKGROUND, BACKGROUND),
        (BACKGROUND, EXTERIOR, IGNORE),
        (BACKGROUND, INTERIOR, IGNORE),
        (BACKGROUND, IGNORE, BACKGROUND),
        (EXTERIOR, BACKGROUND, EXTERIOR),
        (EXTERIOR, EXTERIOR, EXTERIOR),
        (EXTERIOR, INTERIOR, EXTERIOR),
        (EXTERIOR, IGNORE, EXTERIOR),
        (INTERIOR, BACKGROUND, INTERIOR),
        (INTERIOR, EXTERIOR, INTERIOR),
        (INTERIOR, INTERIOR, INTERIOR),
        (INTERIOR, IGNORE, INTERIOR),
        (IGNORE, BACKGROUND, IGNORE),
        (IGNORE, EXTERIOR, IGNORE),
        (IGNORE, INTERIOR, IGNORE),
        (IGNORE, IGNORE, IGNORE),
    ],
)
def test_agreed_background_is_what_neither_cue_claims(trusted: int, doubter: int, expected: int):
    image = RgbImage(np.zeros((1, 1, 3), np.uint8), mpp=2.0)
    said, doubted = (np.full((1, 1), value, np.uint8) for value in (trusted, doubter))
    cue = AgreedBackground(trusted=Fixed(said, confidence=0.3), doubter=Fixed(doubted))
    proposal = cue(image, np.zeros((1, 1), np.uint8))
    assert proposal.regions.tolist() == [[expected]]
    assert proposal.confidence.tolist() == [[np.float32(0.3)]]
    assert proposal.mpp == 2.0
    assert said.tolist() == [[trusted]]  # the trusted cue's own map is left alone


@settings_class
class Everything(Cue):
    """Claims all of an image.

    Attributes
    ----------
    trust : float
        In all of it.
    """

    trust: Share = 0.5

    def __call__(self, image: RgbImage, clusters: np.ndarray) -> ProposalMap:
        regions = np.full(image.shape, EXTERIOR, np.uint8)
        return ProposalMap(regions, np.full(image.shape, self.trust, np.float32), mpp=image.mpp)


def test_a_new_cue_is_a_class_and_no_other_change():
    chosen = apply_settings(MiningSettings(), {"cue": {"kind": "Everything", "trust": 0.25}}).cue
    assert chosen == Everything(0.25)
    image = RgbImage(np.full((32, 40, 3), 200, np.uint8), 1.0)
    found = chosen(image, np.zeros((32, 40), np.uint8))
    assert (found.regions == EXTERIOR).all()
    assert (found.confidence == 0.25).all()


def test_a_cue_that_combines_cues_takes_any():
    cues = {"trusted": {"kind": "Everything"}, "doubter": {"kind": "DarkestCluster"}}
    changes = {"cue": {"kind": "AgreedBackground", **cues}}
    assert apply_settings(MiningSettings(), changes).cue == AgreedBackground(Everything(), DarkestCluster())
    with pytest.raises(UsageError, match=r"AgreedBackground.doubter is 3; expected one of AgreedBackground"):
        AgreedBackground(Everything(), 3)  # type: ignore[arg-type]


def test_a_function_serves_as_a_cue_where_no_file_has_to_name_it():
    def nothing(image: RgbImage, clusters: np.ndarray) -> ProposalMap:
        return Everything(0.0)(image, clusters)

    assert MiningSettings(cue=nothing).cue is nothing


def test_glands_keep_the_numbers_of_the_trusted_cue():
    image = RgbImage(np.zeros((1, 3), np.uint8)[..., None].repeat(3, axis=2), mpp=2.0)
    regions, numbers = np.array([[EXTERIOR, BACKGROUND, INTERIOR]], np.uint8), np.array([[1, 0, 2]], np.int32)
    doubted = Fixed(np.full((1, 3), EXTERIOR, np.uint8), glands=np.array([[3, 3, 3]], np.int32))
    cue = AgreedBackground(trusted=Fixed(regions, glands=numbers), doubter=doubted)
    proposal = cue(image, np.zeros((1, 3), np.uint8))
    assert proposal.regions.tolist() == [[EXTERIOR, IGNORE, INTERIOR]]
    assert proposal.glands is not None
    assert proposal.glands.tolist() == [[1, 0, 2]]


def test_the_darkest_cluster_cannot_tell_one_gland_from_its_neighbour():
    image, clusters = ring_picture(2.5)
    assert DarkestCluster()(image, clusters).glands is None


def test_a_wide_gap_in_the_tissue_that_no_shape_claims_is_no_background():
    rgb = np.full((300, 300, 3), STROMA, np.uint8)
    rgb[100:200, 50:250] = (244, 243, 244)  # 250 × 500 µm
    rgb[20:40, 20:40] = (244, 243, 244)  # 50 µm: narrower than a lumen
    image = RgbImage(rgb, mpp=2.5)
    unclaimed = Fixed(np.full((300, 300), BACKGROUND, np.uint8))
    regions = AgreedBackground(unclaimed, unclaimed)(image, np.zeros((300, 300), np.uint8)).regions
    assert (regions[110:190, 60:240] == IGNORE).all()
    assert (regions[:90] == BACKGROUND).all()
