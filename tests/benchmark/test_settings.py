from __future__ import annotations

import json

import pytest

from acinus.benchmark.methods import FitMethod, own_methods
from acinus.benchmark.settings import SMALL, BenchmarkSettings, SyntheticImages, load_settings, merged
from acinus.core.errors import UsageError


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"folds": 5, "baselines": {"PiCIE": {"epochs": 9}}, "synthetic": {"fit": 2}}))
    assert load_settings(path, small=False) == BenchmarkSettings(
        folds=5, baselines={"PiCIE": {"epochs": 9}}, synthetic=SyntheticImages(fit=2)
    )
    small = load_settings(path, small=True)
    assert small.fit == SMALL.fit
    assert small.baselines["PiCIE"] == {**SMALL.baselines["PiCIE"], "epochs": 9}
    assert small.synthetic == SyntheticImages(fit=2, held_out=4, side_px=256)


def test_changes_of_the_fit_leave_presets_alone_and_those_of_a_preset_are_its_own():
    settings = BenchmarkSettings().changed(
        {"fit": {"grouping": {"steps": 9}}, "presets": {"mssg": {"grouping": {"steps": 7}}}}
    )
    steps = {
        method.name: method.fitting.grouping.steps
        for method in own_methods(settings)
        if isinstance(method, FitMethod)
    }
    assert (steps["acinus"], steps["proposal"], steps["mssg"]) == (9, 250, 7)
    with pytest.raises(UsageError, match=r"presets\.msg is not a preset; there are proposal, mssg"):
        list(own_methods(BenchmarkSettings(presets={"msg": {}})))


def test_toml_says_the_same_as_json(tmp_path):
    changes = {"device": "cpu", "patient_disjoint": True, "fit": {"grouping": {"steps": 9}}}
    (tmp_path / "bench.json").write_text(json.dumps(changes))
    text = 'device = "cpu"\npatient_disjoint = true\n[fit.grouping]\nsteps = 9\n'
    (tmp_path / "bench.toml").write_text(text)
    read = [load_settings(tmp_path / f"bench.{kind}", small=False) for kind in ("json", "toml")]
    assert read[0] == read[1] == BenchmarkSettings().changed(changes)


def test_method_files_are_relative_to_the_settings_that_name_them(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"method_files": ["grey.py", "/elsewhere/other.py"]}))
    assert load_settings(path, small=False).method_files == (str(tmp_path / "grey.py"), "/elsewhere/other.py")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fits": {}},
            r"settings\.fits is not a setting; there are fit, baselines, presets, synthetic",
        ),
        ({"fit": 3}, r"settings\.fit: expected an object, got 3"),
        ([], "settings: expected an object"),
        ({"folds": "five"}, r"settings: folds is \"five\"; expected a whole number of at least 2"),
        ({"device": "gpu"}, 'settings: device is "gpu"'),
        ({"method_files": "grey.py"}, "settings: method_files is"),
        ({"synthetic": {"fit": 0}}, r"settings\.synthetic: fit is 0; expected a whole number of at least 1"),
        ({"synthetic": {"images": 3}}, r"settings\.synthetic: images is not a setting"),
    ],
)
def test_what_is_not_a_setting_is_refused_by_its_place(changes, message):
    with pytest.raises(UsageError, match=message):
        BenchmarkSettings().changed(changes)


@pytest.mark.parametrize(("name", "text"), [("a.json", "{"), ("a.toml", "x ="), ("a.json", b"\xff")])
def test_a_file_that_cannot_be_read_is_reported_in_one_line(name, text, tmp_path):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(
        UsageError, match=rf"{name} is not (JSON|TOML) .*--settings takes a JSON or TOML file"
    ):
        load_settings(path, small=False)
    with pytest.raises(UsageError, match="cannot be read"):
        load_settings(tmp_path / "none.json", small=False)


def test_an_object_of_another_kind_replaces_what_was_there():
    base = {"cue": {"kind": "A", "x": 1}}
    assert merged(base, {"cue": {"kind": "B"}}) == {"cue": {"kind": "B"}}
    assert merged(base, {"cue": {"y": 2}}) == {"cue": {"kind": "A", "x": 1, "y": 2}}
