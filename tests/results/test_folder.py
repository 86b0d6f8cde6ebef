"""A folder of results as one object, whatever is missing or damaged in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from acinus.core.errors import InputError
from acinus.core.image import RgbImage
from acinus.results.folder import Results, read_records, read_results, read_run
from acinus.results.record import ImageRecord
from acinus.results.writing import write_image_result

LABELS = np.zeros((60, 80), np.int32)
LABELS[10:30, 10:30] = 1
LABELS[35:55, 40:70] = 2


def write(out: Path, name: str, labels: np.ndarray = LABELS) -> ImageRecord:
    rgb = np.full((*labels.shape, 3), (200, 120, 180), np.uint8)
    return write_image_result(
        out / name,
        RgbImage(rgb, 0.5, name),
        labels,
        (labels > 0).astype(np.float32),
        tissue=np.ones(labels.shape, bool),
        quality=0.9,
        run={"command": f"segment {name}"},
        path=Path(f"{name}.png"),
    )


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    for name in ("tile_10", "tile_9"):
        write(tmp_path, name)
    (tmp_path / "run.json").write_text(json.dumps({"command": "acinus segment"}))
    return tmp_path


def test_results_come_in_natural_order_with_record_table_and_files(batch):
    results = read_results(batch)
    assert [image.name for image in results.images] == ["tile_9", "tile_10"]
    assert (results.run, results.problems) == ({"command": "acinus segment"}, ())
    image = results.images[0]
    assert image.glands["area_um2"].tolist() == [400 * 0.25, 600 * 0.25]
    assert (image.record.gland_count, image.record.quality, image.record.is_slide) == (2, 0.9, False)
    assert image.source is None
    files = (image.labels_file, image.overlay_file, image.outlines_file, image.table_file)
    assert [file.name for file in files] == ["labels.png", "overlay.jpg", "glands.geojson", "glands.csv"]


def test_a_source_beside_the_batch_is_found(batch):
    (batch / "tile_9.png").write_text("pixels")
    assert read_results(batch).images[0].source == batch / "tile_9.png"


def test_one_result_alone_has_its_own_run_file_and_an_old_one_that_of_its_batch(batch):
    alone = read_results(str(batch / "tile_9"))
    assert ([image.name for image in alone.images], alone.run) == (["tile_9"], {"command": "segment tile_9"})
    (batch / "tile_9" / "run.json").unlink()
    assert read_results(batch / "tile_9").run == {"command": "acinus segment"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("image.json", "{", "image.json is damaged"),
        ("glands.csv", "label\n1\n", "glands.csv: not a table of glands"),
        ("glands.csv", "", "glands.csv cannot be read as a table of glands (it is empty)"),
    ],
)
def test_a_damaged_result_is_a_problem_and_the_others_are_read(batch, name, content, said):
    (batch / "tile_9" / name).write_text(content)
    results = read_results(batch)
    assert [image.name for image in results.images] == ["tile_10"]
    assert len(results.problems) == 1
    assert said in results.problems[0]


def test_a_table_that_was_cut_within_its_last_column_is_noticed(batch):
    path = batch / "tile_9" / "glands.csv"
    path.write_text(path.read_text()[:-2])  # the end of the line, and a digit or an empty field
    [problem] = read_results(batch).problems
    assert "glands.csv cannot be read as a table of glands (line 3 has " in problem


def test_a_table_that_was_cut_between_two_lines_is_told_beside_its_result(batch):
    path = batch / "tile_9" / "glands.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    results = read_results(batch)
    assert [len(image.glands) for image in results.images] == [1, 2]
    [problem] = results.problems
    assert "tile_9/glands.csv has 1 gland, image.json beside it has 2" in problem


def test_inputs_without_a_result_are_a_problem(batch):
    inputs = [{"name": name} for name in ("tile_9", "tile_10", "gone")] + [{"path": "x/lost.svs"}]
    (batch / "run.json").write_text(json.dumps({"inputs": inputs}))
    assert read_results(batch).problems == ("no result for 2 of 4 inputs: gone, lost",)


@pytest.mark.parametrize(("content", "said"), [("{", "cannot be read"), ("[]", "is not an object")])
def test_a_damaged_run_file_costs_only_itself(batch, content, said):
    (batch / "run.json").write_text(content)
    results = read_results(batch)
    assert (len(results.images), results.run) == (2, {})
    assert said in results.problems[0]
    with pytest.raises(InputError, match=said):
        read_run(batch)


def test_a_folder_without_a_run_file_has_an_empty_run(tmp_path):
    assert read_run(tmp_path) == {}


def test_no_results_at_all_are_an_error_that_says_why(tmp_path):
    with pytest.raises(InputError, match=r"no <image>/image\.json in it"):
        read_results(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_results(tmp_path / "absent")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "image.json").write_text("{")
    with pytest.raises(InputError, match=r"holds no results that can be read: .*a/image\.json is damaged"):
        read_results(tmp_path)


def test_the_summary_is_named_where_there_is_one(batch):
    assert read_results(batch).summary_file is None
    (batch / "summary.csv").write_text("image\n")
    assert read_results(batch).summary_file == batch / "summary.csv"


def as_version_1(folder: Path) -> None:
    """Turn a result into what acinus 0.1 wrote."""
    facts = json.loads((folder / "image.json").read_text())
    for name in ("version", "kind", "working_mpp", "scanned", "origin", "tissue_area_um2", "seconds"):
        del facts[name]
    (folder / "image.json").write_text(json.dumps(facts))
    (folder / "overlay.jpg").rename(folder / "overlay.png")
    (folder / "glands.parquet").unlink()
    (folder / "run.json").unlink()


def test_results_of_version_1_say_the_same(batch):
    def said(results: Results) -> list[tuple[object, ...]]:
        return [
            (image.name, image.record.tissue_area_um2, image.overlay_file is not None)
            for image in results.images
        ]

    before = said(read_results(batch))
    as_version_1(batch / "tile_9")
    results = read_results(batch)
    assert said(results) == before
    assert [image.record.version for image in results.images] == [1, 2]
    assert results.problems == ()


def test_a_link_that_leads_nowhere_is_a_problem_since_it_may_have_been_a_case(batch):
    (batch / "tile_11").symlink_to("gone")
    (batch / "report.html").symlink_to("gone.html")
    [problem] = read_results(batch).problems
    assert problem == f"{batch / 'tile_11'} is a link that leads nowhere; mend or delete it"
    assert read_records(batch)[1] == [problem]
