from __future__ import annotations

import copy
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
from acinus.pipeline.segment import segment_files
from acinus.results.folder import read_results

TINY = {
    "mining": MiningSettings(shallow=ShallowSettings(steps=2, batch_crops=2, crop_px=32)),
    "grouping": GroupingSettings(
        steps=6, rounds=2, batch_crops=2, crop_px=32, mpp=2.5, network=UNetSpec(widths=(4, 8))
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
    assert loaded.fitted_settings == fitted.fitted_settings
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
        with pytest.raises(UsageError, match="is not fitted; call fit first, or load a model folder"):
            use(GlandSegmenter())


def test_what_cannot_be_fitted_is_refused_with_a_reason(tmp_path, tiles):
    model, tile = GlandSegmenter(**TINY), array_of(tiles / "tile_000.png")
    with pytest.raises(UsageError, match="no image to learn from"):
        model.fit([])
    with pytest.raises(UsageError, match="an array has no µm/px; pass mpp="):
        model.fit([tile])
    with pytest.raises(MppError, match="pass mpp="):
        model.fit([tile], mpp=40.0)
    with pytest.raises(InputError, match="expected an"):
        model.fit([tile[..., 0]], mpp=0.5)
    with pytest.raises(UsageError, match="two images have the same name"):
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
    from acinus.inference.windows import maps_in_windows

    tile = array_of(tiles / "tile_000.png")
    wide = RgbImage(np.tile(tile, (1, 5, 1))[:64], 2.5, "wide")  # 3.2 mm, windows have 2.5 mm
    whole = fitted.fitted.probability(wide)
    assert np.allclose(maps_in_windows(wide, fitted.fitted).probability, whole, atol=1e-5)


def test_a_picture_of_pillow_is_segmented_as_its_pixels_are(tiles, fitted):
    with Image.open(tiles / "tile_000.png") as opened:
        picture = opened.convert("RGBA")
    pixels = array_of(tiles / "tile_000.png")
    assert np.array_equal(fitted.segment(picture, mpp=0.62).labels, fitted.segment(pixels, mpp=0.62).labels)
    with pytest.raises(UsageError, match="a Pillow image has no µm/px; pass mpp="):
        fitted.segment(picture)


def test_what_is_no_image_is_refused(fitted):
    for wrong in (3, None, [1, 2]):
        with pytest.raises(UsageError, match=r"expected a path, an \(H, W, 3\) uint8 array"):
            fitted.segment(wrong, mpp=0.5)
    with pytest.raises(UsageError, match="got int"):
        GlandSegmenter().fit([3], mpp=0.5)


def test_the_table_and_the_outlines_of_a_result_are_those_of_its_label_map(tiles, fitted):
    result = fitted.segment(tiles / "tile_000.png")
    area_um2 = np.bincount(result.labels.ravel())[1:] * result.image.mpp**2
    assert len(result.glands) == result.gland_count > 0
    assert result.glands["area_um2"] == pytest.approx(area_um2)
    assert list(result.outlines) == list(range(1, result.gland_count + 1))
    for label, outline in result.outlines.items():  # in pixels of the image
        assert outline.area == pytest.approx((result.labels == label).sum(), rel=0.02)
        x, y = np.array(outline.centroid.coords[0]) * result.image.mpp
        assert x == pytest.approx(result.glands["centroid_x_um"][label - 1], abs=3.0)
        assert y == pytest.approx(result.glands["centroid_y_um"][label - 1], abs=3.0)


def test_a_saved_result_is_read_back_as_that_of_acinus_segment(tmp_path, tiles, fitted):
    result = fitted.segment(tiles / "tile_000.png")
    saved = result.save(tmp_path / "results" / "tile_000")
    [read] = read_results(tmp_path / "results").images
    assert saved.folder == read.folder
    assert read.record.gland_count == result.gland_count
    assert read.record.quality == pytest.approx(result.quality)
    assert read.source == (tiles / "tile_000.png").resolve()
    assert read.glands["area_um2"] == pytest.approx(result.glands["area_um2"], abs=0.01)
    for file in (read.labels_file, read.outlines_file, read.overlay_file, read.table_file):
        assert file is not None
        assert file.is_file()
    segment_files([tiles / "tile_000.png"], fitted, model_name="model", out=tmp_path / "batch")
    names = {path.name for path in (tmp_path / "batch" / "tile_000").iterdir()}
    assert {path.name for path in read.folder.iterdir()} == names


def test_a_result_of_an_array_is_saved_too(tmp_path, tiles, fitted):
    saved = fitted.segment(array_of(tiles / "tile_001.png"), mpp=0.62).save(tmp_path / "mine")
    assert saved.record.path is None
    assert saved.name == "image"


def test_a_slide_s_result_has_its_table_and_its_files(tmp_path, fitted):
    from acinus.data.synthetic import write_synthetic_slide

    slide = tmp_path / "slide.tif"
    write_synthetic_slide(slide, seed=1, width_px=600, height_px=500)
    result = fitted.segment_slide(slide, tmp_path / "out")
    assert result.folder == tmp_path / "out" / "slide"
    assert len(result.glands) == result.record.gland_count
    assert result.record.is_slide
    assert result.labels_file == tmp_path / "out" / "slide" / "labels.zarr"
    with pytest.raises(UsageError, match="is not fitted"):
        GlandSegmenter().segment_slide(slide, tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_settings_of_segmenting_change_without_a_new_fit_and_others_undo_it(tiles, fitted):
    image = tiles / "tile_000.png"
    model = copy.copy(fitted).set_params(instances__threshold=0.0)
    assert model.segment(image).gland_count >= 1
    assert np.array_equal(model.segment(image).probability, fitted.segment(image).probability)
    assert model.stain == fitted.stain
    assert model.__sklearn_is_fitted__()
    model.set_params(grouping__steps=7)
    assert not model.__sklearn_is_fitted__()
    with pytest.raises(UsageError, match="is not fitted"):
        model.segment(image)


def test_glands_of_a_result_of_a_saved_one_and_of_a_folder_become_anndata(tmp_path, tiles, fitted):
    results = [fitted.segment(tiles / f"tile_00{number}.png") for number in (0, 1)]
    for result in results:
        result.save(tmp_path / result.image.name)
    alone, pooled = results[1].to_anndata(), read_results(tmp_path).to_anndata()
    assert list(alone.obs_names) == [f"tile_001:{label}" for label in range(1, results[1].gland_count + 1)]
    assert pooled.n_obs == sum(result.gland_count for result in results) > 0
    assert list(pooled.obs["image"].cat.categories) == ["tile_000", "tile_001"]
    again = read_results(tmp_path / "tile_001").images[0].to_anndata()
    assert again.obsm["spatial"] == pytest.approx(alone.obsm["spatial"], abs=0.01)  # as the CSV rounds them
    assert list(again.obs_names) == list(alone.obs_names)


def test_two_arrays_are_learnt_from_under_names_of_their_own(tmp_path, tiles):
    pixels = array_of(tiles / "tile_000.png")
    GlandSegmenter(**TINY).fit([pixels, pixels[::-1]], mpp=0.62, processes=1, folder=tmp_path / "run")
    names = {path.name for path in (tmp_path / "run" / "proposals").glob("*.regions.png")}
    assert names == {"image_000.regions.png", "image_001.regions.png"}


def test_one_image_needs_no_list(tiles):
    picture = Image.fromarray(array_of(tiles / "tile_000.png"))
    one = GlandSegmenter(**TINY).fit(picture, mpp=0.62, processes=1)
    several = GlandSegmenter(**TINY).fit([picture], mpp=0.62, processes=1)
    assert np.array_equal(
        one.segment(picture, mpp=0.62).probability, several.segment(picture, mpp=0.62).probability
    )


def test_a_black_and_white_image_is_not_segmented_and_says_why(tmp_path, tiles, fitted):
    rgb = array_of(tiles / "tile_000.png")
    grey = np.repeat(rgb.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    result = fitted.segment(grey, mpp=0.62)
    assert (result.gland_count, result.quality, list(result.unfamiliar)) == (0, None, ["stain"])
    assert not result.probability.any()
    assert result.save(tmp_path / "grey").record.unfamiliar == result.unfamiliar
    Image.fromarray(grey).save(tmp_path / "grey.png")
    batch = segment_files([tmp_path / "grey.png"], fitted, model_name="m", out=tmp_path / "out", mpp=0.62)
    [line] = batch.warnings
    assert line.startswith("grey: black and white, and the model was fitted on H&E: not segmented; fit")
    assert (tmp_path / "out" / "summary.csv").read_text().splitlines()[1].endswith(",,stain")
