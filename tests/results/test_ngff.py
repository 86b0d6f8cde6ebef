"""labels.zarr: what is laid in comes out, at the right place, in the form that OME-NGFF 0.5 asks for."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05 import ImageLabel, Labels

from acinus.core.geometry import Box, Size
from acinus.results import ngff
from acinus.results.ngff import LabelPyramid, open_labels

SIZE = Size(2600, 1300)  # three by two chunks, cut at both sides


def pyramid_of(folder, size: Size = SIZE, **settings: object) -> LabelPyramid:
    return LabelPyramid(folder, **({"size": size, "mpp": 2.5, "native_mpp": 0.5} | settings))


def crops(seed: int, count: int, size: Size) -> list[tuple[Box, np.ndarray]]:
    rng = np.random.default_rng(seed)
    boxes = []
    for number in range(1, count + 1):
        width, height = (int(rng.integers(1, min(side, 700))) for side in (size.width, size.height))
        x, y = int(rng.integers(0, size.width - width + 1)), int(rng.integers(0, size.height - height + 1))
        boxes.append(
            (Box(x, y, width, height), (number * (rng.random((height, width)) < 0.5)).astype(np.int32))
        )
    return boxes


@settings(max_examples=4)
@given(seed=st.integers(0, 99), cache=st.sampled_from([1, 2, 32]))
def test_crops_that_share_chunks_lie_as_in_one_array_however_few_chunks_are_kept(
    tmp_path_factory, seed, cache
):
    folder = tmp_path_factory.mktemp("ngff") / "labels.zarr"
    expected = np.zeros((SIZE.height, SIZE.width), np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngff, "_CACHE_CHUNKS", cache)
        pyramid = pyramid_of(folder)
        for box, labels in crops(seed, 6, SIZE):
            pyramid.base.add(box, labels)
            window = expected[box.y : box.bottom, box.x : box.right]
            window[labels > 0] = labels[labels > 0]
            assert np.array_equal(pyramid.base.read(box), window)
        pyramid.finish()
    assert open_labels(folder).size == SIZE
    assert np.array_equal(open_labels(folder).read(Box(0, 0, SIZE.width, SIZE.height)), expected)
    levels = zarr.open_group(folder / "glands", mode="r")
    for level, step in enumerate((1, 2, 4, 8)):
        assert np.array_equal(levels[str(level)][:], expected[::step, ::step])


def test_the_pyramid_ends_at_512_pixels_and_its_arrays_are_compressed_chunks(tmp_path):
    pyramid = pyramid_of(tmp_path / "labels.zarr", Size(2049, 700))
    pyramid.finish()
    group = zarr.open_group(tmp_path / "labels.zarr" / "glands", mode="r")
    assert [group[str(k)].shape for k in range(4)] == [(700, 2049), (350, 1025), (175, 513), (88, 257)]
    assert sorted(group.array_keys()) == ["0", "1", "2", "3"]
    for _, array in group.arrays():
        assert array.chunks == (1024, 1024)
        assert array.dtype == np.uint32
        assert [type(codec).__name__ for codec in array.compressors] == ["ZstdCodec"]
    assert not list((tmp_path / "labels.zarr").rglob("c/*"))  # a chunk without a label takes no room


def test_the_file_is_valid_ome_ngff_labels(tmp_path):
    pyramid = pyramid_of(tmp_path / "labels.zarr")
    pyramid.base.add(Box(5, 6, 2, 1), np.array([[3, 3]], np.int32))
    pyramid.finish()
    model = Labels.from_zarr(zarr.open_group(tmp_path / "labels.zarr", mode="r"))
    assert model.label_paths == ["glands"]
    image = ImageLabel.from_zarr(zarr.open_group(tmp_path / "labels.zarr", path="glands", mode="r"))
    assert image.attributes.ome.version == "0.5"
    assert image.attributes.ome.image_label is not None
    [multiscale] = image.attributes.ome.multiscales
    assert [(axis.name, axis.unit) for axis in multiscale.axes] == [("y", "micrometer"), ("x", "micrometer")]


def test_every_level_s_pixels_have_their_centres_where_the_slide_s_pixels_are(tmp_path):
    origin_um = (100.0, 30.0)  # x, y
    pyramid_of(tmp_path / "labels.zarr", origin_um=origin_um).finish()
    datasets = zarr.open_group(tmp_path / "labels.zarr" / "glands", mode="r").attrs["ome"]["multiscales"][0][
        "datasets"
    ]
    for level, dataset in enumerate(datasets):
        scale, translation = (t[t["type"]] for t in dataset["coordinateTransformations"])
        # Pixel j of the level is pixel j·2^k of the grid: slide pixels 5·2^k·j to 5·2^k·j + 4, whose middle
        # one has number 5·2^k·j + 2, at 0.5 µm each.
        for axis, start in (("x", origin_um[0]), ("y", origin_um[1])):
            index = 1 if axis == "x" else 0
            for j in (0, 3):
                expected = (5 * 2**level * j + 2) * 0.5 - start
                assert scale[index] * j + translation[index] == pytest.approx(expected)


def test_a_folder_that_is_there_is_not_written_over(tmp_path):
    pyramid_of(tmp_path / "labels.zarr", Size(10, 10))
    with pytest.raises(FileExistsError):
        pyramid_of(tmp_path / "labels.zarr", Size(10, 10))


def test_the_boxes_of_the_chunks_cover_every_pixel_once(tmp_path):
    pyramid = pyramid_of(tmp_path / "labels.zarr")
    covered = np.zeros((SIZE.height, SIZE.width), np.uint8)
    boxes = list(pyramid.base.boxes())
    for box in boxes:
        covered[box.slices_in(Box(0, 0, SIZE.width, SIZE.height))] += 1
    assert len(boxes) == 6
    assert np.all(covered == 1)
