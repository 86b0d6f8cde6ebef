from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pytest

from acinus.core.errors import UsageError
from acinus.pipeline.benchmark.ablations import ABLATIONS
from acinus.pipeline.benchmark.catalogue import find_methods
from acinus.pipeline.benchmark.plan import SMALL, Plan, load_plan, merged


@dataclass(frozen=True)
class Toy:
    name: str = "toy"
    title: str = "Toy"
    settings: Any = None

    def fit(self, images, *, seed, device, folder):
        raise NotImplementedError


@pytest.mark.parametrize("plan", [Plan(), SMALL], ids=["full", "small"])
def test_every_ablation_differs_from_the_default_in_what_it_names_or_is_the_default(plan):
    catalogue = find_methods(plan)
    default = catalogue.methods["acinus"].settings
    assert set(catalogue.ablations) == set(ABLATIONS)
    for names in catalogue.ablations.values():
        settings = [catalogue.methods[name].settings for name in names if name.startswith("acinus")]
        assert all(settings.count(one) == 1 for one in settings)
        assert any(one != default for one in settings)


def test_words_stand_for_methods_in_the_order_of_the_catalogue(catalogue):
    def names(*words: str) -> list[str]:
        return [method.name for method in catalogue.select(words)]

    assert names("acinus,picie", "iic") == ["iic", "picie", "acinus"]
    assert len(names("baselines")) == 7
    assert len(names("stage1")) == 4
    assert names("baselines", "stage1", "stage2") == names("all")
    assert names("ablation:omission") == ["acinus+omission-on", "acinus+omission-off"]
    assert len(names("ablations")) == len(set(names("ablations"))) > 20
    with pytest.raises(UsageError, match="no method 'picy'; choose all, "):
        names("picy")
    with pytest.raises(UsageError, match="no method was named"):
        names(",")


def test_an_entry_point_of_an_installed_package_is_found(monkeypatch):
    class Point:
        name = "toy"

        def load(self) -> object:
            return [Toy(), Toy("toy2")]

    monkeypatch.setattr(metadata, "entry_points", lambda *, group: [Point()] if "methods" in group else [])
    assert {"toy", "toy2"} <= {method.name for method in find_methods(Plan()).select(["all"])}


def test_a_file_is_run_and_its_mistakes_are_told_in_a_line(tmp_path):
    path = tmp_path / "mine.py"
    for text, message in (
        ("1 / 0", "cannot be run .ZeroDivisionError"),
        ("METHOD = 3", "no list METHODS"),
        ("METHODS = [3]", "int has no name and no title and no settings and no fit"),
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match=message):
            find_methods(Plan(), files=[path])


def test_a_name_is_had_once_and_can_be_a_folder():
    with pytest.raises(UsageError, match="'picie' already"):
        find_methods(Plan(), objects=[Toy("picie")])
    with pytest.raises(UsageError, match="must be of letters"):
        find_methods(Plan(), objects=[Toy("../up")])


def test_a_plan_refuses_what_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"baselines.PICY is not a baseline"):
        find_methods(Plan.from_plain({"baselines": {"PICY": {}}}))
    with pytest.raises(UsageError, match=r"fits is not a setting"):
        Plan.from_plain({"fits": {}})
    with pytest.raises(UsageError, match="at least one image"):
        Plan.from_plain({"synthetic": {"fit": 0}})
    with pytest.raises(UsageError, match="cannot be read"):
        load_plan(tmp_path / "none.json", small=False)


def test_a_plan_survives_json():
    assert Plan.from_plain(SMALL.as_plain()) == SMALL


def test_an_object_of_another_kind_replaces_what_was_there():
    base = {"cue": {"kind": "A", "x": 1}}
    assert merged(base, {"cue": {"kind": "B"}}) == {"cue": {"kind": "B"}}
    assert merged(base, {"cue": {"y": 2}}) == {"cue": {"kind": "A", "x": 1, "y": 2}}
