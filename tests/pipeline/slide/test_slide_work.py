"""The windows of a slide go from a run to its results and from there to the next run, or are made anew."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from acinus.core.errors import ModelError, OutputError
from acinus.core.image import RgbImage
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.grouping.settings import GroupingSettings
from acinus.networks.unet import UNetSpec
from acinus.pipeline.estimator import GlandSegmenter
from acinus.pipeline.model import save_model
from acinus.pipeline.settings import Settings
from acinus.pipeline.slide_model import SavedModel, prepared
from acinus.pipeline.slide_work import keep_windows, network_state, prepare_work

from .drawn import SeesPurple

NETWORK = UNetSpec(widths=(4, 8), context_cells=3)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return a work folder that does not exist yet and a folder of results."""
    (tmp_path / "slide").mkdir()
    return tmp_path / ".slide.work", tmp_path / "slide"


def compute(windows: Path, content: str) -> None:
    (windows / "y00000_x00000.window").write_text(content)


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_windows_end_in_the_results_and_the_work_folder_is_gone(folders: tuple[Path, Path]):
    work, result = folders
    windows = prepare_work(work, result, made_from="this")
    assert windows.parent == work
    compute(windows, "first")
    (work / "colours").mkdir()
    (windows / ".y00000_x00001.0123abcd.tmp.window").write_text("half writ")
    keep_windows(work, result)
    assert not work.exists()
    assert contents(result / "windows") == ["made_from.json", "y00000_x00000.window"]


def test_a_run_made_from_the_same_resumes_with_what_lies_in_its_work_folder(folders: tuple[Path, Path]):
    work, result = folders
    compute(prepare_work(work, result, made_from="this"), "first")
    (work / "model").mkdir()
    windows = prepare_work(work, result, made_from="this")
    assert (windows / "y00000_x00000.window").read_text() == "first"
    assert (work / "model").is_dir()


def test_windows_of_results_move_into_the_next_run(folders: tuple[Path, Path]):
    work, result = folders
    compute(prepare_work(work, result, made_from="this"), "first")
    keep_windows(work, result)
    windows = prepare_work(work, result, made_from="this")
    assert (windows / "y00000_x00000.window").read_text() == "first"
    assert not (result / "windows").exists()


def test_what_was_made_from_something_else_is_not_taken_and_results_keep_theirs(folders: tuple[Path, Path]):
    work, result = folders
    compute(prepare_work(work, result, made_from="this"), "first")
    keep_windows(work, result)
    (work / "colours").mkdir(parents=True)
    windows = prepare_work(work, result, made_from="that")
    assert contents(windows) == ["made_from.json"]
    assert contents(work) == ["windows"]
    assert (result / "windows" / "y00000_x00000.window").read_text() == "first"
    compute(windows, "second")
    again = prepare_work(work, result, made_from="this")  # the results' are whole still
    assert (again / "y00000_x00000.window").read_text() == "first"


@pytest.mark.parametrize("note", ["", "{", '"that"', "null", "[1]"])
def test_a_damaged_note_makes_windows_anew(folders: tuple[Path, Path], note: str):
    work, result = folders
    compute(prepare_work(work, result, made_from="this"), "first")
    (work / "windows" / "made_from.json").write_text(note)
    assert contents(prepare_work(work, result, made_from="this")) == ["made_from.json"]
    assert json.loads((work / "windows" / "made_from.json").read_text()) == "this"


def test_results_that_have_gone_take_nothing_and_raise_nothing(folders: tuple[Path, Path]):
    work, result = folders
    compute(prepare_work(work, result, made_from="this"), "first")
    result.rmdir()
    keep_windows(work, result)
    assert not work.exists()
    assert not result.exists()


def test_a_work_folder_that_cannot_be_made_ends_in_one_line(folders: tuple[Path, Path]):
    work, result = folders
    work.write_text("a file of this name")
    with pytest.raises(OutputError) as caught:
        prepare_work(work, result, made_from="this")
    assert "\n" not in str(caught.value)


def model_of(seed: int = 0, **settings: object) -> GlandSegmenter:
    torch.manual_seed(seed)
    model = GlandSegmenter(grouping=GroupingSettings(network=NETWORK, **settings), device="cpu")  # type: ignore[arg-type]
    network = NETWORK.build().eval()
    model._segmenter = NetworkSegmenter(network, mpp=model.settings.grouping.mpp, device=torch.device("cpu"))
    return model


def test_the_network_s_state_follows_weights_architecture_and_resolution_alone():
    first = network_state(model_of())
    assert network_state(model_of()) == first
    assert network_state(model_of(steps=7, learning_rate=0.1)) == first
    other = model_of()
    instances = replace(other.settings.instances, threshold=0.7)
    refinement = replace(other.settings.refinement, colour_weight=0.1)
    other.settings = replace(other.settings, instances=instances, refinement=refinement)
    assert network_state(other) == first
    wider = model_of()
    grouping = replace(wider.settings.grouping, network=UNetSpec(widths=(4, 8), context_cells=5))
    wider.settings = replace(wider.settings, grouping=grouping)
    different = {network_state(model) for model in (model_of(seed=1), model_of(mpp=2.0), wider)}
    assert len(different | {first}) == 4


def test_a_saved_model_travels_and_answers_as_the_one_that_was_saved(tmp_path: Path):
    model = model_of()
    save_model(tmp_path / "model", model.fitted.network, Settings(grouping=model.settings.grouping), stain={})
    saved = SavedModel(tmp_path / "model", "cpu")
    travelled = pickle.loads(pickle.dumps(saved))
    assert travelled == saved
    assert hash(travelled) == hash(saved)
    image = RgbImage(np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8), mpp=2.5)
    expected = prepared(model.fitted).probability(image)
    assert travelled().probability(image) == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(travelled().probability(image), prepared(model.fitted).probability(image))


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelError):
        SavedModel(tmp_path, "cpu")()


def test_a_method_that_is_no_network_is_taken_as_it_is():
    segmenter = SeesPurple()
    assert prepared(segmenter) is segmenter
