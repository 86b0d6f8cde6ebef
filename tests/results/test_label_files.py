"""Which label maps a folder holds, in every layout that people have."""

from __future__ import annotations

from pathlib import Path

import pytest

from acinus.core.errors import InputError
from acinus.results.label_files import is_annotation, is_one_map, label_files


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".zarr"):
            path.mkdir()
        else:
            path.write_text("")
    return folder


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a/labels.png", "b/labels.tif", "c/labels.zarr", "glands.csv"], ["a", "b", "c"]),
        (["a.png", "a_anno.png", "b.png", "b_mask.tif"], ["a", "b"]),  # the images beside them are none
        (["a10.png", "a9.png", "A1.bmp"], ["A1", "a9", "a10"]),
        (["a.png", "labels/a.png", "labels/b.tif"], ["a", "b"]),
        (["a/labels.png", ".b.0123abcd.tmp/labels.png"], ["a"]),
        (["a/labels.png", "b.png"], ["a"]),
        (["_anno.png"], ["_anno"]),
    ],
)
def test_maps_go_by_the_stem_of_their_image_in_natural_order(tmp_path, names, found):
    assert list(label_files(fill(tmp_path, *names))) == found


def test_annotations_are_taken_only_where_they_are_asked_for(tmp_path):
    fill(tmp_path, "a.geojson", "b.geojson.gz", "c_anno.png", "d.svs.geojson")
    assert list(label_files(tmp_path)) == ["c"]
    assert list(label_files(tmp_path, annotations=True)) == ["a", "b", "c", "d.svs"]


def test_the_folder_of_one_result_and_its_map_alone_are_taken_by_the_folder_s_name(tmp_path):
    folder = fill(tmp_path / "tile", "labels.png")
    assert label_files(folder) == label_files(folder / "labels.png") == {"tile": folder / "labels.png"}


def test_two_maps_of_one_image_are_refused(tmp_path):
    with pytest.raises(InputError, match="are label maps of one image; leave only one of them there"):
        label_files(fill(tmp_path, "a/labels.png", "a/labels.zarr"))
    with pytest.raises(InputError, match="are label maps of one image"):
        label_files(fill(tmp_path / "more", "a_anno.png", "a.geojson"), annotations=True)


def test_nothing_there_is_told_with_what_was_expected(tmp_path):
    with pytest.raises(InputError, match=r"holds no label map; expected .*<stem>\.png files$"):
        label_files(tmp_path)
    with pytest.raises(InputError, match=r"or <stem>\.geojson files$"):
        label_files(tmp_path, annotations=True)
    with pytest.raises(InputError, match="does not exist; check the path"):
        label_files(tmp_path / "absent")


def test_a_slide_s_map_is_one_map_although_it_is_a_folder(tmp_path):
    fill(tmp_path, "labels.zarr", "other.zarr", "a.png")
    assert [is_one_map(tmp_path / name) for name in ("labels.zarr", "other.zarr", "a.png")] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [("a.geojson", True), ("A.GeoJSON.GZ", True), ("a.geojson.zip", True), ("a.json", False)],
)
def test_annotations_are_known_by_their_ending(name, said):
    assert is_annotation(Path(name)) == said


def test_links_that_lead_nowhere_are_among_the_maps_in_every_layout(tmp_path):
    """Left out in silence, they would be cases lost; whoever reads them says what they are."""
    layouts = {
        "marked": (["a_anno.png", "a.png"], "b_anno.png"),
        "flat": (["a.png"], "b.png"),
        "results": (["a/labels.png", "glands.csv"], "b"),
        "outlines": (["a.geojson"], "b.geojson"),
    }
    for layout, (names, link) in layouts.items():
        folder = fill(tmp_path / layout, *names)
        (folder / link).symlink_to("elsewhere")
        found = label_files(folder, annotations=True)
        assert list(found) == ["a", "b"], layout
        assert found["b"] == folder / link


def test_a_name_counts_as_one_however_its_accents_are_stored(tmp_path):
    apart, composed = "cafe\u0301", "caf\u00e9"
    assert list(
        label_files(fill(tmp_path, f"{apart}.png", f"labels/{apart}.png", f"{apart}/labels.png"))
    ) == [composed]
    with pytest.raises(InputError, match="are label maps of one image"):
        label_files(fill(tmp_path / "two", f"{apart}.png", f"{composed}.png"))
