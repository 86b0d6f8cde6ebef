from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acinus import GlandSegmenter
from acinus.core.errors import InputError, MppError, OutputError, UsageError
from acinus.core.image import RgbImage
from acinus.grouping.settings import GroupingSettings
from acinus.inference.instances import InstanceSettings
from acinus.mining.settings import MiningSettings
from acinus.mining.train import ShallowSettings
from acinus.networks.unet import UNetSpec

TINY = {
    "mining": MiningSettings(shallow=ShallowSettings(steps=2, batch_crops=2, crop_px=32)),
    "grouping": GroupingSettings(
        steps=6, rounds=2, batch_crops=2, crop_px=32, network=UNetSpec(widths=(4, 8))
    ),
    "instances": InstanceSettings(threshold=0.4),
}


def array_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def fitted(tiles: Path) -> GlandSegmenter:
    return GlandSegmenter(**TINY, seed=1).fit([tiles], processes=1)


def test_paths_images_and_arrays_of_the_same_pixels_give_the_same_model(tiles, fitted):
    paths = sorted(tiles.glob("tile_00?.png"))
    mpp = fitted.segment(paths[0]).image.mpp
    images = [RgbImage(array_of(path), mpp, path.stem) for path in paths]
    arrays = [array_of(path) for path in paths]
    expected = fitted.segment(paths[0]).probability
    for given, more in ((images, {}), (arrays, {"mpp": mpp})):
        model = GlandSegmenter(**TINY, seed=1).fit(given, processes=1, **more)
        assert np.array_equal(model.segment(paths[0]).probability, expected)


def test_a_saved_model_segments_as_the_one_that_was_fitted(tmp_path, tiles, fitted):
    image = tiles / "tile_001.png"
    fitted.save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}
    loaded = GlandSegmenter.load(tmp_path / "model")
    assert loaded.settings == fitted.settings
    assert loaded.stain == fitted.stain
    assert np.array_equal(loaded.segment(image).probability, fitted.segment(image).probability)
    assert np.array_equal(loaded.segment(image).labels, fitted.segment(image).labels)


def test_a_segmentation_has_labels_and_probability_of_the_image_s_size(tiles, fitted):
    result = fitted.segment(array_of(tiles / "tile_000.png")[:100, :180], mpp=0.62)
    assert result.labels.shape == result.probability.shape == (100, 180)
    assert (result.probability.dtype, result.labels.dtype) == (np.float32, np.int32)
    assert 0.0 <= result.probability.min() <= result.probability.max() <= 1.0
    assert sorted(set(result.labels.ravel()) - {0}) == list(range(1, result.gland_count + 1))


def test_the_folder_of_a_fit_can_be_loaded(tmp_path, tiles):
    image = tiles / "tile_002.png"
    model = GlandSegmenter(**TINY).fit([image], folder=tmp_path / "run", processes=1)
    loaded = GlandSegmenter.load(tmp_path / "run")
    assert np.array_equal(loaded.segment(image).probability, model.segment(image).probability)


def test_a_model_that_was_not_fitted_says_so(tiles):
    for use in (lambda m: m.segment(tiles / "tile_000.png"), lambda m: m.save("/tmp/never")):
        with pytest.raises(UsageError, match="call fit first, or load a model folder"):
            use(GlandSegmenter())


def test_what_cannot_be_fitted_is_refused_with_a_reason(tmp_path, tiles):
    model, tile = GlandSegmenter(**TINY), array_of(tiles / "tile_000.png")
    with pytest.raises(UsageError, match="no image to learn from"):
        model.fit([])
    with pytest.raises(UsageError, match="an array has no µm/px; pass mpp="):
        model.fit([tile])
    with pytest.raises(MppError, match="pass --mpp"):
        model.fit([tile], mpp=40.0)
    with pytest.raises(InputError, match="expected an"):
        model.fit([tile[..., 0]], mpp=0.5)
    with pytest.raises(UsageError, match="two images have one name"):
        model.fit([RgbImage(tile, 0.5, "a"), RgbImage(tile, 0.5, "a")])
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="a file stands in its way"):
        model.fit([tile], mpp=0.62, folder=tmp_path / "file")
    with pytest.raises(UsageError, match="the seed is -1"):
        GlandSegmenter(seed=-1)


def plain(height: int, width: int, grey: int = 255, mpp: float = 0.5, name: str = "plain") -> RgbImage:
    return RgbImage(np.full((height, width, 3), grey, np.uint8), mpp, name)


def noise(height: int, width: int, mpp: float, name: str) -> RgbImage:
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return RgbImage(pixels, mpp, name)


@pytest.mark.parametrize(
    "images",
    [
        [plain(100, 100)],
        [plain(100, 100, 0)],
        [plain(40, 90), plain(90, 40, 0, 2.0, "dark")],
        [noise(32, 32, 0.5, "a")],
        [noise(32, 32, 0.1, "fine")],
        [noise(32, 200, 4.0, "coarse")],
        [noise(64, 80, 0.25, "a"), noise(33, 47, 1.0, "b"), noise(120, 32, 2.0, "c")],
    ],
    ids=["white", "black", "white-and-black", "32px", "3px-at-work", "4-um", "sizes-and-resolutions"],
)
def test_images_with_nothing_to_learn_from_give_a_model_of_finite_numbers(images):
    model = GlandSegmenter(**TINY).fit(images, processes=1)
    for image in images:
        result = model.segment(image)
        assert result.labels.shape == image.shape
        assert np.isfinite(result.probability).all()
    assert model.segment(plain(50, 60)).gland_count == 0


def test_the_result_of_a_large_image_does_not_show_the_windows_it_was_computed_in(tiles, fitted):
    from acinus.inference.windows import probability_in_windows

    tile = array_of(tiles / "tile_000.png")
    wide = RgbImage(np.tile(tile, (1, 5, 1))[:64], 2.5, "wide")  # 3.2 mm, windows have 2.5 mm
    whole = fitted.fitted.probability(wide)
    assert np.allclose(probability_in_windows(wide, fitted.fitted), whole, atol=1e-5)
