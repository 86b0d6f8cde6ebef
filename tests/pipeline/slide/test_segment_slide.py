"""What is written of a slide lies where the glands are, in every file."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
import zarr
from ome_zarr_models.v05 import Labels
from PIL import Image
from torch import nn

from acinus.core.errors import OutputError
from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.data.stain import stain_of
from acinus.networks.unet import UNetSpec
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.segment_slide import segment_slide
from acinus.results.files import LIST, SLIDE_FILES
from acinus.results.ngff import LabelChunks, open_labels
from acinus.results.tables import read_table
from acinus.slides.pyramid import PyramidReader

from .drawn import DISCS, GLAND, HEIGHT, MPP, TISSUE, WIDTH, SeesPurple, discs, purple_model, write_slide

BOUNDS = Box(90, 80, 1350, 1050)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, disc_slide: Path) -> Path:
    out = tmp_path_factory.mktemp("written")
    segment_slide(disc_slide, purple_model(), out=out, model_name="purple")
    return out / "discs"


def by_place(folder: Path) -> list[int]:
    """Return the label of each disc."""
    labels = open_labels(folder / "labels.zarr")
    return [int(labels.read(Box(round(x / 5), round((y - 0.7 * r) / 5), 1, 1))[0, 0]) for x, y, r in DISCS]


def test_the_folder_holds_all_files_and_nothing_else_is_left(written):
    names = sorted(path.name for path in written.iterdir())
    assert names == sorted({Path(name).parts[0] for name in SLIDE_FILES} | {"image.json", "windows", LIST})
    assert [path.name for path in written.parent.iterdir()] == ["discs"]


def test_every_disc_is_one_gland_with_the_place_and_the_size_of_the_disc_in_both_tables(written):
    labels = by_place(written)
    assert sorted(labels) == [1, 2, 3, 4, 5, 6]
    for name in ("glands.csv", "glands.parquet"):
        glands = read_table(written / name)
        assert glands["label"].tolist() == [1, 2, 3, 4, 5, 6]
        for (x, y, radius), label in zip(DISCS, labels, strict=True):
            row = label - 1
            assert glands["centroid_x_um"][row] == pytest.approx(x * MPP, abs=0.2)
            assert glands["centroid_y_um"][row] == pytest.approx(y * MPP, abs=0.2)
            assert glands["area_um2"][row] == pytest.approx(np.pi * (radius * MPP) ** 2, rel=0.06)
            assert glands["lumen_fraction"][row] == pytest.approx(1 / 9, abs=0.06)
        assert not glands["touches_side"].any()


def test_neighbours_are_those_of_the_whole_slide(written):
    glands = read_table(written / "glands.parquet")
    for (x, y, radius), label in zip(DISCS, by_place(written), strict=True):
        others = [(a, b, r) for a, b, r in DISCS if (a, b) != (x, y)]
        gap = min(np.hypot(a - x, b - y) - r - radius for a, b, r in others) * MPP
        assert glands["nearest_gap_um"][label - 1] == pytest.approx(gap, abs=3)


def features_of(folder: Path) -> dict[int, dict]:
    with gzip.open(folder / "glands.geojson.gz") as file:
        features = json.load(file)["features"]
    return {int(feature["properties"]["name"].split()[-1]): feature for feature in features}


def test_outlines_are_in_pixels_of_the_slide(written):
    features = features_of(written)
    for (x, y, radius), label in zip(DISCS, by_place(written), strict=True):
        outline = shapely.geometry.shape(features[label]["geometry"])
        assert outline.is_valid
        assert outline.centroid.distance(shapely.Point(x, y)) < 0.5
        assert outline.hausdorff_distance(shapely.Point(x, y).buffer(radius)) < 5  # one working pixel
        measured = features[label]["properties"]["measurements"]
        assert measured["Area µm^2"] == read_table(written / "glands.parquet")["area_um2"][label - 1]


def test_the_label_map_is_valid_and_its_transforms_put_it_on_the_slide(written):
    root = zarr.open_group(written / "labels.zarr", mode="r")
    assert Labels.from_zarr(root).label_paths == ["glands"]
    glands = root["glands"]
    [multiscale] = glands.attrs["ome"]["multiscales"]
    for dataset in multiscale["datasets"]:
        values = glands[dataset["path"]][:]
        scale, shift = (np.array(t[t["type"]]) for t in dataset["coordinateTransformations"])
        for (x, y, _), label in zip(DISCS, by_place(written), strict=True):
            centre = np.argwhere(values == label).mean(axis=0) * scale + shift  # y, x in µm
            # The slide's pixel k has its centre at k · 0.5 µm, so its corner, from which x counts, at −0.25.
            assert centre == pytest.approx((y * MPP - MPP / 2, x * MPP - MPP / 2), abs=1.5 * scale[0] / 2.5)


def test_the_overlay_shows_a_line_around_each_disc_at_the_slide_s_own_size(written):
    with Image.open(written / "overlay.jpg") as picture:
        assert picture.size == (WIDTH, HEIGHT)
        rgb = np.asarray(picture).astype(int)
    green = (rgb[..., 1] > rgb[..., 0] + 60) & (rgb[..., 1] > rgb[..., 2] + 60)
    places = np.argwhere(green)[:, ::-1] + 0.5
    distances = np.min([np.abs(np.hypot(*(places - (x, y)).T) - r) for x, y, r in DISCS], axis=0)
    assert distances.max() < 8
    for x, y, r in DISCS:
        for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            at = (x + r * np.cos(angle), y + r * np.sin(angle))
            assert np.hypot(*(places - at).T).min() < 6


def test_the_description_has_what_images_have_and_what_slides_have(written, disc_slide):
    facts = json.loads((written / "image.json").read_text())
    assert (facts["name"], facts["width_px"], facts["height_px"], facts["mpp"]) == ("discs", 1500, 1200, MPP)
    assert (facts["working_mpp"], facts["gland_count"]) == (2.5, 6)
    assert 0.97 < facts["certainty"] < 1.0  # undecided only where a pixel is half gland
    assert facts["origin"] == {"from": "level0", "x_px": 0, "y_px": 0}
    assert facts["scanned"] == {"x_px": 0, "y_px": 0, "width_px": 1500, "height_px": 1200}
    assert facts["path"] == str(disc_slide)
    assert facts["tissue_area_um2"] == facts["summary"]["tissue_area_um2"]
    assert facts["tissue_area_um2"] == pytest.approx(1300 * 1000 * MPP**2, rel=0.05)
    discs_um2 = sum(np.pi * (r * MPP) ** 2 for _, _, r in DISCS)
    assert facts["summary"]["gland_area_um2"] == pytest.approx(discs_um2, rel=0.03)
    assert facts["gland_area_fraction"] == pytest.approx(discs_um2 / (WIDTH * HEIGHT * MPP**2), rel=0.03)
    phases = {"read", "network", "write", "colours", "refine", "label", "measure", "output"}
    assert phases <= set(facts["seconds"])
    record = json.loads((written / "run.json").read_text())
    assert record["model"] == "purple"
    assert record["inputs"][0]["size_bytes"] == disc_slide.stat().st_size


def test_coordinates_count_from_the_scanned_part_in_every_file_when_told_so(
    tmp_path, disc_slide, written, monkeypatch
):
    monkeypatch.setattr(PyramidReader, "bounds", property(lambda reader: BOUNDS))
    segment_slide(disc_slide, purple_model(), out=tmp_path, origin="bounds")
    moved = tmp_path / "discs"
    facts = json.loads((moved / "image.json").read_text())
    assert facts["origin"] == {"from": "bounds", "x_px": 90, "y_px": 80}
    assert facts["scanned"] == {"x_px": 90, "y_px": 80, "width_px": 1350, "height_px": 1050}
    before, after = (read_table(folder / "glands.parquet") for folder in (written, moved))
    assert before["centroid_x_um"] - after["centroid_x_um"] == pytest.approx(np.full(6, 45.0))
    assert before["centroid_y_um"] - after["centroid_y_um"] == pytest.approx(np.full(6, 40.0))
    for label, feature in features_of(written).items():
        here = shapely.geometry.shape(feature["geometry"])
        there = shapely.geometry.shape(features_of(moved)[label]["geometry"])
        assert shapely.transform(there, lambda xy: xy + np.array([90, 80])).equals_exact(here, tolerance=0.02)
    shifts = []
    for folder in (written, moved):
        [multiscale] = zarr.open_group(folder / "labels.zarr" / "glands", mode="r").attrs["ome"][
            "multiscales"
        ]
        shifts.append(multiscale["datasets"][0]["coordinateTransformations"][1]["translation"])
    assert np.subtract(*shifts) == pytest.approx((40.0, 45.0))  # y, x
    with Image.open(moved / "overlay.jpg") as picture:
        assert picture.size == (BOUNDS.width, BOUNDS.height)


def test_a_slide_without_tissue_has_whole_and_empty_results(tmp_path):
    glass = np.full((700, 900, 3), 244, np.uint8)
    slide = write_slide(tmp_path / "glass.tif", glass, mpp=MPP)
    result = segment_slide(slide, purple_model(), out=tmp_path)
    assert (result.gland_count, result.tissue_area_um2) == (0, 0.0)
    folder = tmp_path / "glass"
    assert all((folder / name).is_file() for name in SLIDE_FILES)
    assert features_of(folder) == {}
    assert len(read_table(folder / "glands.csv")) == len(read_table(folder / "glands.parquet")) == 0
    assert Labels.from_zarr(zarr.open_group(folder / "labels.zarr", mode="r")).label_paths == ["glands"]
    facts = json.loads((folder / "image.json").read_text())
    assert (facts["summary"]["glands"], facts["quality"]) == (0, None)


def full(chunks: LabelChunks, key: tuple[int, int]) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def windows_seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Sizes of the windows that the model was shown."""
    seen: list[tuple[int, int]] = []
    see = SeesPurple.probability

    def counted(segmenter: SeesPurple, image: RgbImage) -> np.ndarray:
        seen.append(image.shape)
        return see(segmenter, image)

    monkeypatch.setattr(SeesPurple, "probability", counted)
    return seen


def test_a_full_disk_in_the_middle_of_the_label_map_is_said_in_a_line_and_the_windows_are_kept(
    tmp_path, disc_slide, monkeypatch, windows_seen
):
    with monkeypatch.context() as patch:
        patch.setattr(LabelChunks, "_store", full)
        with pytest.raises(OutputError, match=r"no space left while writing .*discs; free some disk space"):
            segment_slide(disc_slide, purple_model(), out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".discs.work"]
    assert len(windows_seen) == 1
    assert segment_slide(disc_slide, purple_model(), out=tmp_path).gland_count == 6
    assert [path.name for path in tmp_path.iterdir()] == ["discs"]
    assert len(windows_seen) == 1


@pytest.mark.parametrize("kept", [".discs.work", "discs"])
@pytest.mark.parametrize("change", ["weights", "architecture", "slide", "mpp", "code", "note"])
def test_windows_that_were_computed_from_something_else_are_not_used(
    tmp_path, disc_slide, monkeypatch, windows_seen, change, kept
):
    slide = tmp_path / "discs.tif"
    slide.write_bytes(disc_slide.read_bytes())
    if kept == "discs":
        segment_slide(slide, purple_model(), out=tmp_path)
    else:
        with monkeypatch.context() as patch:
            patch.setattr(LabelChunks, "_store", full)
            with pytest.raises(OutputError):
                segment_slide(slide, purple_model(), out=tmp_path)
    model, mpp = purple_model(), None
    if change == "weights":
        model.fitted.network = nn.Linear(1, 1)
    elif change == "architecture":
        grouping = replace(model.settings.grouping, network=UNetSpec(context_cells=11))
        model.settings = replace(model.settings, grouping=grouping)
    elif change == "slide":
        slide.write_bytes(disc_slide.read_bytes() + b"\0")
    elif change == "mpp":
        mpp = 0.51
    elif change == "code":
        monkeypatch.setattr("acinus.pipeline.segment_slide.results_code", lambda: "another version")
    else:
        (tmp_path / kept / "windows" / "made_from.json").write_text("{")
    segment_slide(slide, model, out=tmp_path, mpp=mpp)
    assert len(windows_seen) == 2


def changed(model: GlandSegmenter, change: str) -> GlandSegmenter:
    """Return a model of the same network with other settings after it."""
    refinement, instances = model.settings.refinement, model.settings.instances
    if change == "instances":
        instances = replace(instances, min_area_um2=2000.0)  # the discs have 1,257 to 2,827
    elif change == "colours":
        refinement = replace(refinement, smoothing_um=8.0)
    elif change == "network alone":
        refinement = replace(refinement, colour_weight=0.0)
    model.settings = replace(model.settings, refinement=refinement, instances=instances)
    return model


@pytest.mark.parametrize("change", ["instances", "colours", "network alone"])
def test_other_settings_after_the_network_use_the_windows_again(tmp_path, disc_slide, windows_seen, change):
    out = tmp_path / "out"
    assert segment_slide(disc_slide, purple_model(), out=out).gland_count == 6
    again = segment_slide(disc_slide, changed(purple_model(), change), out=out)
    assert len(windows_seen) == 1
    assert again.gland_count == (3 if change == "instances" else 6)
    segment_slide(disc_slide, changed(purple_model(), change), out=tmp_path / "afresh")
    assert len(windows_seen) == 2
    files = [path for path in (tmp_path / "afresh" / "discs").rglob("*") if path.is_file()]
    same = [path for path in files if path.name not in ("image.json", "run.json")]
    for path in same:
        name = path.relative_to(tmp_path / "afresh")
        assert (out / name).read_bytes() == path.read_bytes(), name
    assert len(same) > 5
    segment_slide(disc_slide, purple_model(), out=out)  # and once more, with the first settings
    assert len(windows_seen) == 2


def test_a_run_that_fails_after_it_took_the_windows_does_not_lose_them(
    tmp_path, disc_slide, monkeypatch, windows_seen
):
    segment_slide(disc_slide, purple_model(), out=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(LabelChunks, "_store", full)
        with pytest.raises(OutputError):
            segment_slide(disc_slide, changed(purple_model(), "instances"), out=tmp_path)
    assert (tmp_path / "discs" / "image.json").is_file()
    segment_slide(disc_slide, purple_model(), out=tmp_path)
    assert len(windows_seen) == 1


def test_whoever_deletes_the_windows_loses_nothing_but_time(tmp_path, disc_slide, windows_seen):
    segment_slide(disc_slide, purple_model(), out=tmp_path)
    shutil.rmtree(tmp_path / "discs" / "windows")
    again = segment_slide(disc_slide, changed(purple_model(), "instances"), out=tmp_path)
    assert (again.gland_count, len(windows_seen)) == (3, 2)
    assert (tmp_path / "discs" / "windows" / "made_from.json").is_file()


def test_only_the_network_s_probability_is_kept(written):
    names = sorted(path.name for path in (written / "windows").iterdir())
    assert names == ["made_from.json", "tissue.mask", "y00000_x00000.window"]


def test_the_table_for_people_and_the_one_for_programs_agree(written):
    precise = read_table(written / "glands.parquet")
    with (written / "glands.csv").open(encoding="utf-8", newline="") as file:
        areas = [float(row["area_um2"]) for row in csv.DictReader(file)]
    assert areas == pytest.approx(precise["area_um2"], abs=0.01)


class HardlySees(SeesPurple):
    """Knows the glands on a slide's left and half believes in the others: P is 0.4 there."""

    def probability(self, image: RgbImage) -> np.ndarray:
        probability = super().probability(image)
        # Cuts the slide where no disc lies, at 1000 px of 0.5 µm; a window begins at the slide's own side.
        probability[:, 200:] *= 0.4
        return probability


def hardly_seen(*, colour_weight: float) -> GlandSegmenter:
    model = purple_model()
    model._segmenter = HardlySees()  # type: ignore[assignment]
    refinement = replace(model.settings.refinement, colour_weight=colour_weight)
    model.settings = replace(model.settings, refinement=refinement)
    return model


def test_glands_the_network_half_missed_are_found_by_the_slide_s_colours(tmp_path, disc_slide):
    missed = [x > 1000 for x, _, _ in DISCS]
    assert sum(missed) == 2
    alone = segment_slide(disc_slide, hardly_seen(colour_weight=0.0), out=tmp_path / "alone")
    coloured = segment_slide(disc_slide, hardly_seen(colour_weight=0.6), out=tmp_path / "coloured")
    assert (alone.gland_count, coloured.gland_count) == (4, 6)
    assert [label == 0 for label in by_place(tmp_path / "alone" / "discs")] == missed
    assert sorted(by_place(tmp_path / "coloured" / "discs")) == [1, 2, 3, 4, 5, 6]
    glands = read_table(tmp_path / "coloured" / "discs" / "glands.parquet")
    for (_, _, radius), label in zip(DISCS, by_place(tmp_path / "coloured" / "discs"), strict=True):
        assert glands["area_um2"][label - 1] == pytest.approx(np.pi * (radius * MPP) ** 2, rel=0.15)


def test_quality_falls_where_the_colours_contradict_the_network(tmp_path, disc_slide):
    """P is 0.4 on the tissue of two glands, |2 P − 1| = 0.2, and the colours say 1: no certainty is left."""
    facts = {}
    for weight in (0.0, 0.6):
        segment_slide(disc_slide, hardly_seen(colour_weight=weight), out=tmp_path / str(weight))
        facts[weight] = json.loads((tmp_path / str(weight) / "discs" / "image.json").read_text())
    missed = sum(np.pi * (r * MPP) ** 2 * 8 / 9 for x, _, r in DISCS if x > 1000) / (1300 * 1000 * MPP**2)
    assert facts[0.0]["certainty"] == pytest.approx(1.0 - 0.8 * missed, abs=0.006)
    # Beyond that, the lumina: white as the glass around the tissue, and along borders colours are mixed.
    assert facts[0.6]["certainty"] == pytest.approx(1.0 - missed, abs=0.03)
    assert facts[0.6]["certainty"] < facts[0.0]["certainty"]


@pytest.mark.parametrize("colour_weight", [0.0, 0.6])
def test_colours_are_stored_only_where_they_have_a_weight(tmp_path, disc_slide, monkeypatch, colour_weight):
    monkeypatch.setattr(LabelChunks, "_store", full)
    with pytest.raises(OutputError):
        segment_slide(disc_slide, hardly_seen(colour_weight=colour_weight), out=tmp_path)
    assert (tmp_path / ".discs.work" / "windows" / "y00000_x00000.window").is_file()
    colours = [path.name for path in (tmp_path / ".discs.work").rglob("colours*/*.window")]
    assert colours == (["y00000_x00000.window"] if colour_weight else [])


def test_a_brown_slide_is_not_segmented_by_a_model_of_other_stains_and_is_by_its_own(tmp_path):
    rgb = discs()
    rgb[(rgb == TISSUE).all(axis=2)] = (190, 160, 205)
    rgb[(rgb == GLAND).all(axis=2)] = (120, 75, 40)
    slide = write_slide(tmp_path / "brown.tif", rgb, mpp=MPP)
    model = purple_model()
    model.stain = {"kinds": {"he": 10}}
    record = segment_slide(slide, model, out=tmp_path / "foreign")
    assert (record.gland_count, record.quality, list(record.unfamiliar)) == (0, None, ["stain"])
    assert "a brown immunostain, and the model was fitted on H&E" in record.unfamiliar["stain"]
    assert not open_labels(tmp_path / "foreign" / "brown" / "labels.zarr").read(Box(0, 0, 300, 240)).any()
    model.stain = {"kinds": {"brown": 10}}
    record = segment_slide(slide, model, out=tmp_path / "own")
    assert record.gland_count == 6
    assert "stain" not in record.unfamiliar


def test_a_slide_is_judged_by_its_fields_as_an_image_is(tmp_path, written, disc_slide):
    record = json.loads((written / "image.json").read_text())
    assert "look" not in record["unfamiliar"]  # this model knows no images of a fit
    model = purple_model()
    model.stain = stain_of([RgbImage(np.full((200, 200, 3), (130, 60, 200), np.uint8), 2.5)])
    strange = segment_slide(disc_slide, model, out=tmp_path)
    assert strange.unfamiliar["look"].startswith("looks unlike the images of the fit")
    assert strange.gland_count == 6
    assert 0.0 <= strange.quality <= 1.0
