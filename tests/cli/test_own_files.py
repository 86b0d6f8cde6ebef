"""No verb replaces or removes what acinus did not write; each says what is in its way before it computes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from acinus.cli import run
from acinus.core.errors import UsageError
from acinus.pipeline.estimator import GlandSegmenter

MINE = b"hours of my work"


def mine(folder: Path, *names: str) -> Callable[[], bool]:
    """Put files of mine into a folder; return a check that each is as it was."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(MINE)
    return lambda: all((folder / name).read_bytes() == MINE for name in names)


@pytest.fixture
def refused(error_lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a verb that has to refuse its work before it reads an image; returns its line."""

    def check(*words: str | Path) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(
                "acinus.slides.pyramid.PyramidReader.read", lambda *a, **k: pytest.fail("computed")
            )
            assert run([str(word) for word in words]) == 2
        [line] = error_lines()
        return line

    return check


@pytest.mark.parametrize(
    "name", ["labels.png", "glands.geojson", "image.json", "run.json", "overlay.png", "windows/x"]
)
def test_segment_leaves_a_file_in_an_image_s_folder_alone(tmp_path, tiles, tiny_model, refused, name):
    out = tmp_path / "c"
    unchanged = mine(out / "tile_000", name)
    shutil.copy(tiles / "tile_000.png", out / "tile_000" / "tile_000.png")
    words = ["segment", out / "tile_000" / "tile_000.png", "--model", tiny_model, "--out", out]
    assert f"{out / 'tile_000' / Path(name).parts[0]} is in the way" in refused(*words)
    assert unchanged()
    assert sorted(path.name for path in (out / "tile_000").iterdir()) == sorted(
        [Path(name).parts[0], "tile_000.png"]
    )


def test_segment_names_all_that_is_in_the_way(tmp_path, tiles, tiny_model, refused):
    out = tmp_path / "c"
    for name in ("tile_000/labels.png", "tile_002/glands.geojson", "summary.csv"):
        mine((out / name).parent, Path(name).name)
    named = ", ".join(
        str(out / name) for name in ("tile_000/labels.png", "tile_002/glands.geojson", "summary.csv")
    )
    assert f"{named} are in the way" in refused("segment", tiles, "--model", tiny_model, "--out", out)


@pytest.mark.parametrize("name", ["glands.csv", "summary.csv", "run.json", "failures.log"])
def test_segment_leaves_a_table_in_the_output_folder_alone(tmp_path, tiles, tiny_model, refused, name):
    unchanged = mine(tmp_path / "c", name)
    line = refused("segment", tiles, "--model", tiny_model, "--out", tmp_path / "c")
    assert f"{tmp_path / 'c' / name} is in the way" in line
    assert unchanged()
    assert [path.name for path in (tmp_path / "c").iterdir()] == [name]


def test_segment_keeps_the_image_that_lies_in_its_own_result_folder(tmp_path, tiles, tiny_model):
    image = tmp_path / "tile_000" / "tile_000.png"
    image.parent.mkdir()
    shutil.copy(tiles / "tile_000.png", image)
    for _ in range(2):
        assert run(["segment", str(image), "--model", str(tiny_model), "--out", str(tmp_path)]) == 0
        assert image.read_bytes() == (tiles / "tile_000.png").read_bytes()


def test_outlines_corrected_in_place_are_not_replaced_by_another_model_s(
    tmp_path, tiles, tiny_model, refused, capsys
):
    out, image = tmp_path / "out", tiles / "tile_000.png"
    words = ["segment", image, "--model", tiny_model, "--out", out]
    assert run([str(word) for word in words]) == 0
    unchanged = mine(out / "tile_000", "glands.geojson")
    assert run([str(word) for word in words]) == 0  # the result is there
    assert "1 other had results already" in capsys.readouterr().out
    line = refused(*words, "--mpp", "1.0")
    assert "glands.geojson is in the way: not written by acinus, or changed since" in line
    assert unchanged()


def test_segment_does_not_write_into_a_model_or_a_benchmark(tmp_path, tiles, tiny_model, refused):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    before = (model / "run.json").read_bytes()
    assert "holds a model" in refused("segment", tiles, "--model", tiny_model, "--out", model)
    assert (model / "run.json").read_bytes() == before


def test_measure_leaves_tables_alone(tmp_path, tiles, refused):
    for name in ("glands.csv", "glands.geojson", "summary.json", "glands.parquet", "image.json"):
        unchanged = mine(tmp_path / name, name)
        words = ["measure", tiles / "tile_000_anno.png", tiles / "tile_000.png", "--out", tmp_path / name]
        assert f"{name} is in the way" in refused(*words)
        assert unchanged()


def test_measure_replaces_what_it_wrote(tmp_path, tiles):
    words = ["measure", str(tiles / "tile_000_anno.png"), str(tiles / "tile_000.png"), "--out", str(tmp_path)]
    assert (run(words), run([*words, "--mpp", "1.0"])) == (0, 0)


def test_report_leaves_a_page_alone_wherever_it_is_to_be(tmp_path, tiles, refused):
    results = tmp_path / "results"
    words = ["measure", str(tiles / "tile_000_anno.png"), str(tiles / "tile_000.png"), "--out", str(results)]
    assert run(words) == 0
    unchanged = mine(tmp_path, "index.html", "site/report.html")
    for place, named in (("index.html", "index.html"), ("site", "site/report.html")):
        line = refused("report", results, "--out", tmp_path / place)
        assert f"{tmp_path / named} is in the way" in line
    assert unchanged()
    for _ in range(2):  # its own page it writes again
        assert run(["report", str(results), "--out", str(tmp_path / "own.html")]) == 0
    with (tmp_path / "own.html").open("a") as file:
        file.write("<!-- my notes -->")
    assert "own.html is in the way" in refused("report", results, "--out", tmp_path / "own.html")


def test_fit_leaves_weights_alone_that_were_put_into_an_interrupted_fit(tmp_path, tiles, tiny_model, refused):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    (model / "model.json").unlink()  # as if it had been interrupted
    unchanged = mine(model, "weights.safetensors")
    assert "weights.safetensors is in the way" in refused("fit", tiles, "--seed", "1", "--out", model)
    assert unchanged()


def test_a_model_is_not_saved_over_somebody_s_weights(tmp_path, tiny_model):
    unchanged = mine(tmp_path, "weights.safetensors")
    model = GlandSegmenter.load(tiny_model, device="cpu")
    with pytest.raises(UsageError, match=r"weights\.safetensors is in the way"):
        model.save(tmp_path)
    assert unchanged()
    for _ in range(2):
        model.save(tmp_path / "own")


@pytest.mark.parametrize("name", ["settings.json", "images/photo.png", "model/notes.txt", "demo.json"])
def test_the_demo_takes_no_folder_of_somebody_s(tmp_path, refused, name):
    unchanged = mine(tmp_path, name)
    assert "is not empty and holds no demo" in refused("demo", "--small", "--out", tmp_path)
    assert unchanged()
    assert [path.name for path in tmp_path.iterdir()] == [Path(name).parts[0]]


@pytest.mark.parametrize("name", ["results.md", "results.html", "grid.png", "chart-fit.svg", "failures.log"])
def test_benchmark_leaves_files_beside_its_own_alone(tmp_path, tiles, refused, name):
    benchmark = {"versions": {"acinus": "0.2.0"}}
    (tmp_path / "benchmark.json").write_text(json.dumps(benchmark))
    (tmp_path / ".acinus.json").write_text(json.dumps({"version": 1, "written": {"benchmark.json": None}}))
    unchanged = mine(tmp_path, name)
    words = [
        "benchmark",
        "folder",
        "--root",
        tiles,
        "--methods",
        "kmeans-rgb",
        "--seeds",
        "1",
        "--out",
        tmp_path,
    ]
    assert f"{name} is in the way" in refused(*words)
    assert unchanged()


def test_benchmark_takes_no_folder_for_a_file_of_the_name_of_its_record(tmp_path, tiles, refused):
    unchanged = mine(tmp_path, "benchmark.json")
    assert "holds no benchmark" in refused("benchmark", "folder", "--root", tiles, "--out", tmp_path)
    assert unchanged()


def test_fit_reads_no_image_where_a_model_json_is_somebody_s(tmp_path, refused):
    unchanged = mine(tmp_path / "model", "model.json")
    line = refused("fit", tmp_path / "nowhere", "--out", tmp_path / "model")
    assert "model is not empty and holds no fit; choose an empty or new folder for --out" in line
    assert unchanged()
