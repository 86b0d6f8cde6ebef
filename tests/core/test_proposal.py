from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from acinus.core.errors import InputError
from acinus.core.proposal import BACKGROUND, EXTERIOR, IGNORE, INTERIOR, ProposalMap

REGIONS = [BACKGROUND, EXTERIOR, INTERIOR, IGNORE]


@pytest.fixture
def proposal() -> ProposalMap:
    rng = np.random.default_rng(0)
    regions = rng.choice(np.array(REGIONS, np.uint8), (20, 30))
    return ProposalMap(regions=regions, confidence=rng.random((20, 30), np.float32), mpp=1.25)


def test_the_numbers_of_the_regions_are_those_of_the_method():
    assert REGIONS == [0, 1, 2, 255]


def test_gland_is_exterior_and_interior_and_nothing_else():
    proposal = ProposalMap(np.array([REGIONS], np.uint8), np.ones((1, 4), np.float32), mpp=1.0)
    assert proposal.gland.tolist() == [[False, True, True, False]]


@settings(max_examples=20)
@given(
    st.data(),
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    st.floats(0.1, 4.0),
)
def test_a_saved_map_comes_back(tmp_path_factory, data: st.DataObject, shape: tuple[int, int], mpp: float):
    regions = data.draw(arrays(np.uint8, shape, elements=st.sampled_from(REGIONS)))
    confidence = data.draw(arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))
    path = tmp_path_factory.mktemp("maps") / "crypt.1.png"
    ProposalMap(regions=regions, confidence=confidence, mpp=mpp).save(path)
    again = ProposalMap.load(path)
    assert again.regions.dtype == np.uint8
    assert np.array_equal(again.regions, regions)
    assert again.confidence.dtype == np.float32
    assert np.abs(again.confidence - confidence).max() <= 0.5 / 255 + 1e-6  # 8 bits
    assert again.mpp == pytest.approx(mpp, rel=1e-5)


@pytest.mark.parametrize("mpp", [0.5, 1.25, 2.5])
def test_the_resolutions_in_use_come_back_to_the_last_digits(
    tmp_path: Path, proposal: ProposalMap, mpp: float
):
    ProposalMap(proposal.regions, proposal.confidence, mpp).save(tmp_path / "a.png")
    assert ProposalMap.load(tmp_path / "a.png").mpp == pytest.approx(mpp, rel=1e-12)


def test_what_was_loaded_saves_and_loads_as_itself(tmp_path: Path, proposal: ProposalMap):
    proposal.save(tmp_path / "a.png")
    first = ProposalMap.load(tmp_path / "a.png")
    first.save(tmp_path / "b.png")
    second = ProposalMap.load(tmp_path / "b.png")
    assert np.array_equal(first.regions, second.regions)
    assert np.array_equal(first.confidence, second.confidence)
    assert first.mpp == second.mpp


def test_the_file_looks_like_four_colours_dark_for_the_ring(tmp_path: Path):
    ProposalMap(np.array([REGIONS], np.uint8), np.ones((1, 4), np.float32), mpp=1.0).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        colours = np.asarray(picture.convert("RGB"))[0].astype(int)
    brightness = colours.sum(axis=1)
    assert brightness.argmin() == 1
    assert brightness.argmax() == 0
    distances = [np.abs(a - b).sum() for n, a in enumerate(colours) for b in colours[:n]]
    assert min(distances) > 100


def test_saving_writes_the_confidence_beside_the_map(tmp_path: Path, proposal: ProposalMap):
    proposal.save(tmp_path / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_confidence.png"]


@settings(max_examples=20)
@given(st.data(), array_shapes(min_dims=2, max_dims=2, max_side=12))
def test_the_numbers_of_glands_come_back(tmp_path_factory, data: st.DataObject, shape: tuple[int, int]):
    glands = data.draw(arrays(np.int32, shape, elements=st.integers(0, 65_535)))
    path = tmp_path_factory.mktemp("maps") / "crypt.1.png"
    regions = np.where(glands > 0, EXTERIOR, BACKGROUND).astype(np.uint8)
    ProposalMap(regions, np.ones(shape, np.float32), mpp=1.25, glands=glands).save(path)
    again = ProposalMap.load(path)
    assert again.glands is not None
    assert again.glands.dtype == np.int32
    assert np.array_equal(again.glands, glands)
    assert np.array_equal(again.regions, regions)


def with_glands(proposal: ProposalMap) -> ProposalMap:
    return replace(proposal, glands=np.arange(600, dtype=np.int32).reshape(20, 30))


def test_numbers_are_a_file_of_their_own_which_goes_when_they_do(tmp_path: Path, proposal: ProposalMap):
    with_glands(proposal).save(tmp_path / "a.png")
    names = ["a.png", "a_confidence.png", "a_glands.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    proposal.save(tmp_path / "a.png")
    assert ProposalMap.load(tmp_path / "a.png").glands is None


def test_a_map_of_an_older_version_has_no_numbers(tmp_path: Path, proposal: ProposalMap):
    with_glands(proposal).save(tmp_path / "a.png")
    (tmp_path / "a_glands.png").unlink()
    again = ProposalMap.load(tmp_path / "a.png")
    assert again.glands is None
    assert np.array_equal(again.regions, proposal.regions)


def test_more_glands_than_the_file_can_number_keep_their_regions(tmp_path: Path):
    glands = np.array([[1, 65_535, 65_536, 70_000]], np.int32)
    regions = np.full((1, 4), EXTERIOR, np.uint8)
    ProposalMap(regions, np.ones((1, 4), np.float32), mpp=1.0, glands=glands).save(tmp_path / "a.png")
    again = ProposalMap.load(tmp_path / "a.png")
    assert again.glands is not None
    assert again.glands.tolist() == [[1, 65_535, 0, 0]]
    assert np.array_equal(again.regions, regions)


def test_numbers_of_another_size_are_refused(tmp_path: Path, proposal: ProposalMap):
    with_glands(proposal).save(tmp_path / "a.png")
    Image.new("I;16", (7, 7)).save(tmp_path / "a_glands.png")
    with pytest.raises(InputError, match="not a proposal map written by acinus"):
        ProposalMap.load(tmp_path / "a.png")


def test_a_missing_map_and_a_missing_confidence_ask_for_another_fit(tmp_path: Path, proposal: ProposalMap):
    with pytest.raises(InputError, match=r"a\.png is not a proposal map .*; delete it and run fit again"):
        ProposalMap.load(tmp_path / "a.png")
    proposal.save(tmp_path / "a.png")
    (tmp_path / "a_confidence.png").unlink()
    with pytest.raises(InputError, match=r"a\.png is not a proposal map"):
        ProposalMap.load(tmp_path / "a.png")


def test_a_photograph_is_not_a_proposal_map(tmp_path: Path, proposal: ProposalMap):
    proposal.save(tmp_path / "a.png")
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png", dpi=(300, 300))
    with pytest.raises(InputError, match="not a proposal map written by acinus"):
        ProposalMap.load(tmp_path / "a.png")


def test_a_map_without_resolution_is_refused(tmp_path: Path, proposal: ProposalMap):
    proposal.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        picture.info.clear()
        picture.save(tmp_path / "a.png")
    with pytest.raises(InputError, match="not a proposal map written by acinus"):
        ProposalMap.load(tmp_path / "a.png")


def test_a_confidence_of_another_size_is_refused(tmp_path: Path, proposal: ProposalMap):
    proposal.save(tmp_path / "a.png")
    Image.new("L", (7, 7)).save(tmp_path / "a_confidence.png")
    with pytest.raises(InputError, match="not a proposal map written by acinus"):
        ProposalMap.load(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a_confidence.png", "a_glands.png"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, proposal: ProposalMap, name: str):
    with_glands(proposal).save(tmp_path / "a.png")
    whole = (tmp_path / name).read_bytes()
    for length in range(0, len(whole) - 20, 23):  # the last 12 bytes only say that the file ends
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"a\.png is not a proposal map"):
            ProposalMap.load(tmp_path / "a.png")


def test_a_byte_that_changed_is_noticed_or_harmless_but_never_another_error(
    tmp_path: Path, proposal: ProposalMap
):
    proposal.save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    for place in [*range(0, 60, 3), *range(60, len(whole), 37)]:
        changed = bytearray(whole)
        changed[place] ^= 0x55
        (tmp_path / "a.png").write_bytes(changed)
        try:
            regions = ProposalMap.load(tmp_path / "a.png").regions
        except InputError:
            continue
        assert regions.shape == proposal.regions.shape
