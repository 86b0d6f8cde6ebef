"""Learning from corrected results: which images, what of them counts, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from acinus import GlandSegmenter
from acinus.cli import run
from acinus.core.errors import InputError, UsageError
from acinus.core.files import write_json
from acinus.core.proposal import BACKGROUND, EXTERIOR, ProposalMap, proposal_path
from acinus.core.run import checksum
from acinus.glands import gland_id
from acinus.pipeline.correct import measure_corrected
from acinus.pipeline.corrections import corrected_results
from acinus.pipeline.fit_files import fit_files
from acinus.results.folder import read_results

from .killing import Interrupting

MPP = 0.62  # of the tiles


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, tiles: Path) -> Path:
    """Return a folder of the three tiles without their truth."""
    folder = tmp_path_factory.mktemp("images")
    for path in sorted(tiles.glob("tile_00?.png")):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, images: Path, tiny_model: Path) -> Path:
    out = tmp_path_factory.mktemp("results") / "results"
    assert run(["segment", str(images), "--model", str(tiny_model), "--out", str(out)]) == 0
    return out


def export(folder: Path, name: str, *outlines: shapely.Geometry) -> Path:
    folder.mkdir(exist_ok=True)
    features = [{"geometry": json.loads(shapely.to_geojson(each))} for each in outlines]
    (folder / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return folder


DRAWN = shapely.Point(128, 100).buffer(60)


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory, results: Path) -> Path:
    """Return results of which somebody drew all glands of the first image, which are one."""
    folder = tmp_path_factory.mktemp("corrected")
    drawings = export(folder / "exported", "tile_000", DRAWN)
    measure_corrected(results, out=folder / "out", corrections=drawings)
    return folder / "out"


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory, corrected: Path, tiny_model: Path) -> Path:
    """Return a model that went on with these corrections."""
    out = tmp_path_factory.mktemp("child") / "model"
    settings = short(out.parent)
    words = ["fit", "--from", str(tiny_model), "--corrections", str(corrected), "--out", str(out)]
    assert run([*words, "--settings", str(settings), "--processes", "1"]) == 0
    return out


def short(folder: Path) -> Path:
    path = folder / "short.json"
    path.write_text(json.dumps({"grouping": {"continuation": {"steps": 4}}}))
    return path


def taught(model: Path, name: str) -> ProposalMap:
    return ProposalMap.load(proposal_path(model / "rounds" / "proposals_round0", name))


def test_without_images_all_images_of_the_results_are_learnt_from(child):
    record = json.loads((child / "run.json").read_text())
    assert [each["name"] for each in record["inputs"]] == ["tile_000", "tile_001", "tile_002"]
    assert (child / "model.json").is_file()


def test_what_was_drawn_is_all_that_is_taught_of_an_image_drawn_in_full(child):
    proposal = taught(child, "tile_000")
    height, width = proposal.regions.shape
    y, x = (np.mgrid[:height, :width] + 0.5) * 256 / height  # in pixels of the tile
    inside = np.hypot(x - 128, y - 100) < 60
    expected = np.where(inside, EXTERIOR, BACKGROUND)
    assert np.mean(proposal.regions == expected) > 0.99
    assert (proposal.confidence == 1.0).all()
    assert proposal.glands is not None
    assert len(np.unique(proposal.glands)) == 2  # that gland, and none


def test_images_without_corrections_are_treated_as_before(tmp_path, child, images, tiny_model):
    fit_files(
        [images],
        from_model=tiny_model,
        out=tmp_path / "plain",
        settings_path=short(tmp_path),
        processes=1,
    )
    for name in ("tile_001", "tile_002"):
        assert np.array_equal(taught(child, name).regions, taught(tmp_path / "plain", name).regions)
    weights = [(model / "weights.safetensors").read_bytes() for model in (child, tmp_path / "plain")]
    assert weights[0] != weights[1]


def test_a_gland_marked_as_wrong_is_taught_as_background_in_every_round_of_a_whole_fit(
    tmp_path, results, tiny_settings
):
    marked = tmp_path / "results"
    shutil.copytree(results, marked)
    image = max(read_results(marked).images, key=lambda each: len(each.glands))
    label = int(image.glands["label"][np.argmax(image.glands["area_um2"])])
    outlines = image.outlines_file
    assert outlines is not None
    mark = {gland_id(image.name, label): {"mark": "wrong", "at": None, "by": "anna"}}
    write_json(
        image.folder / "marks.json", {"version": 1, "outlines_sha256": checksum(outlines), "marks": mark}
    )
    measure_corrected(marked, out=tmp_path / "out")
    fit_files(
        [],
        corrections=tmp_path / "out",
        out=tmp_path / "model",
        settings_path=tiny_settings,
        processes=1,
    )
    proposal = ProposalMap.load(proposal_path(tmp_path / "model" / "rounds" / "proposals_round1", image.name))
    labels = np.asarray(Image.open(image.folder / "labels.png"))
    height, width = proposal.regions.shape
    y, x = ((np.mgrid[:height, :width] + 0.5) * len(labels) / height).astype(int)
    wrong = labels[y, x] == label
    assert np.mean(proposal.regions[wrong] == BACKGROUND) > 0.95  # but for pixels at its rim
    assert "parent" not in json.loads((tmp_path / "model" / "model.json").read_text())


def test_with_images_those_are_learnt_from_and_the_corrected_ones(tmp_path, corrected, images, tiny_model):
    fit_files(
        [images / "tile_001.png"],
        from_model=tiny_model,
        corrections=corrected,
        out=tmp_path / "model",
        settings_path=short(tmp_path),
        processes=1,
    )
    record = json.loads((tmp_path / "model" / "run.json").read_text())
    assert [each["name"] for each in record["inputs"]] == ["tile_000", "tile_001"]


def test_an_image_that_is_given_twice_is_read_once_and_corrected(tmp_path, corrected, images, tiny_model):
    words = ["fit", str(images), "--from", str(tiny_model), "--corrections", str(corrected)]
    more = ["--settings", str(short(tmp_path)), "--processes", "1"]
    assert run([*words, "--out", str(tmp_path / "model"), *more]) == 0
    record = json.loads((tmp_path / "model" / "run.json").read_text())
    assert [each["name"] for each in record["inputs"]] == ["tile_000", "tile_001", "tile_002"]
    assert (taught(tmp_path / "model", "tile_000").confidence == 1.0).all()


def test_another_image_of_the_same_name_is_refused(tmp_path, corrected, tiles, tiny_model):
    Image.open(tiles / "tile_001.png").save(tmp_path / "tile_000.png", dpi=(25400 / MPP, 25400 / MPP))
    with pytest.raises(UsageError, match=r"tile_000\.png has the name of another image in"):
        fit_files(
            [tmp_path / "tile_000.png"],
            from_model=tiny_model,
            corrections=corrected,
            out=tmp_path / "model",
            settings_path=short(tmp_path),
        )


def test_a_fit_with_other_corrections_is_another_fit(tmp_path, results, child, tiny_model):
    drawings = export(tmp_path / "exported", "tile_000", DRAWN.buffer(3))
    measure_corrected(results, out=tmp_path / "out", corrections=drawings)
    shutil.copytree(child, tmp_path / "model")
    with pytest.raises(UsageError, match="holds a fit of other images, settings or seed"):
        fit_files(
            [],
            from_model=tiny_model,
            corrections=tmp_path / "out",
            out=tmp_path / "model",
            settings_path=short(tmp_path),
        )


def test_an_interrupted_fit_with_corrections_resumes_to_the_same_model(
    tmp_path, corrected, tiny_model, child
):
    def fit(**more: Any) -> None:
        fit_files(
            [],
            from_model=tiny_model,
            corrections=corrected,
            out=tmp_path / "model",
            settings_path=short(tmp_path),
            processes=1,
            **more,
        )

    with pytest.raises(KeyboardInterrupt):
        fit(progress=Interrupting("Stage 2", 2))
    fit()
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "model" / name).read_bytes() == (child / name).read_bytes()


def test_results_that_nobody_corrected_are_refused_with_the_way_to_correct_them(tmp_path, results):
    with pytest.raises(InputError, match="holds no corrections; --corrections takes the folder that"):
        corrected_results(results)
    measure_corrected(results, out=tmp_path / "out")  # no mark, no outline
    with pytest.raises(InputError, match="holds no corrections"):
        corrected_results(tmp_path / "out")


def test_outlines_that_were_not_measured_yet_are_refused_with_the_command_that_is_missing(tmp_path):
    drawings = export(tmp_path / "exported", "tile_000", DRAWN)
    with pytest.raises(InputError, match="holds outlines and no results; run acinus measure RESULTS"):
        corrected_results(drawings)


def test_an_image_that_was_moved_away_is_named(tmp_path, corrected):
    moved = tmp_path / "moved"
    shutil.copytree(corrected, moved)
    record = json.loads((moved / "tile_001" / "image.json").read_text())
    record["path"] = str(tmp_path / "gone" / "tile_001.png")
    (moved / "tile_001" / "image.json").write_text(json.dumps(record))
    found, problems = corrected_results(moved)
    assert [each.result.name for each in found] == ["tile_000", "tile_002"]
    assert len(problems) == 1
    assert "tile_001.png was not found; put it where it was or beside" in problems[0]


def test_neither_images_nor_corrections_is_wrong_usage(tmp_path, capsys):
    assert run(["fit", "--out", str(tmp_path / "model")]) == 2
    assert "nothing to learn from; give images and slides, or corrected results" in capsys.readouterr().err


def test_the_estimator_learns_from_corrections(tmp_path, corrected, images, tiny_model):
    model = GlandSegmenter(from_model=tiny_model).set_params(grouping__continuation__steps=4)
    model.fit(corrections=corrected, folder=tmp_path / "model", processes=1)
    assert (taught(tmp_path / "model", "tile_000").confidence == 1.0).all()
    model.fit([images], corrections=corrected, folder=tmp_path / "both", processes=1)
    assert (taught(tmp_path / "both", "tile_000").confidence == 1.0).all()  # it takes the image's place
    with pytest.raises(UsageError, match="no image to learn from"):
        model.fit()
