from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pytest

from acinus.benchmark.ablations import ABLATIONS
from acinus.benchmark.catalogue import find_methods, method_files, split_words
from acinus.benchmark.settings import SMALL, BenchmarkSettings
from acinus.core.errors import UsageError


@dataclass(frozen=True)
class Toy:
    name: str = "toy"
    title: str = "Toy"
    settings: Any = None

    def fit(self, images, *, seed, device, folder):
        raise NotImplementedError


@pytest.mark.parametrize("settings", [BenchmarkSettings(), SMALL], ids=["full", "small"])
def test_every_ablation_differs_from_the_default_in_what_it_names_or_is_the_default(settings):
    catalogue = find_methods(settings)
    default = catalogue.methods["acinus"].settings
    assert set(catalogue.ablations) == set(ABLATIONS)
    for names in catalogue.ablations.values():
        own = [catalogue.methods[name].settings for name in names if name.startswith("acinus")]
        assert all(own.count(one) == 1 for one in own)
        assert any(one != default for one in own)


def test_words_stand_for_methods_in_the_order_of_the_catalogue(catalogue):
    def names(*words: str) -> list[str]:
        return [method.name for method in catalogue.select(split_words(words))]

    assert names("acinus,picie", "iic") == ["iic", "picie", "acinus"]
    assert len(names("baselines")) == 7
    assert len(names("stage1")) == 7
    assert names("mssg", "proposal") == ["proposal", "mssg"]
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
    assert {"toy", "toy2"} <= {method.name for method in find_methods(BenchmarkSettings()).select(["all"])}


TOY = """
from pathlib import Path

import numpy as np


class Toy:
    name, title, settings, fit = "toy", "Toy", None, print

    def __init__(self, **parts):
        self.__dict__.update(parts)


class Function(Toy):
    def settings(self):
        return {}


class Needy(Toy):
    def __init__(self, share):
        pass


class Broken(Toy):
    @property
    def settings(self):
        return 1 / 0


"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", r"cannot be run \(ZeroDivisionError: division by zero\); python .*mine.py shows where"),
        ("raise SystemExit(3)", r"cannot be run \(SystemExit: 3\); python"),
        ("import beside", "files beside it are not loaded: copy what it needs of beside into it, or install"),
        ("METHOD = 3", "no list METHODS"),
        ("METHODS = [3]", "int has no name and no title and no settings and no fit; see docs"),
        ("METHODS = [Toy(name=3)]", "the name of Toy is 3, expected a text; see docs"),
        ("METHODS = [Toy(title=None)]", "the title of Toy is None, expected a text"),
        ("METHODS = [Toy(fit={})]", r"fit of toy is \{\}, expected a function"),
        ("METHODS = [Function()]", "settings of toy is a function, expected a value; write @property"),
        ("METHODS = [Broken()]", r"Broken.settings fails \(ZeroDivisionError: division by zero\)$"),
        ("METHODS = [Needy]", r"of the class Needy cannot be .* offer one, Needy\(...\), instead of"),
        ("METHODS = [Toy(settings=np.float32(1))]", r"the settings of toy are not JSON .* write float\(x\)"),
        ("METHODS = [Toy(settings={'of': Path('x')})]", r"of toy are not JSON .* str\(x\) for a path"),
    ],
)
def test_a_file_is_run_and_its_mistakes_are_reported_in_one_line_that_names_it(text, message, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TOY + text)
    (tmp_path / "beside.py").touch()
    with pytest.raises(UsageError, match=message) as caught:
        find_methods(BenchmarkSettings(), files=[path])
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there_is_asked_for(tmp_path):
    path = tmp_path / "none.py"
    with pytest.raises(UsageError, match=re.escape(f"{path} is not a file; expected a Python file")):
        find_methods(BenchmarkSettings(), files=[path])


def test_two_files_of_one_name_are_two_modules_and_each_method_knows_its_own(tmp_path):
    paths = [tmp_path / folder / "mine.py" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(f"{TOY}WHERE = {str(path.parent)!r}\nMETHODS = [Toy(name={path.parent.name!r})]")
    catalogue = find_methods(BenchmarkSettings(), files=paths)
    assert catalogue.added == {"a": paths[0], "b": paths[1]}
    modules = [sys.modules[type(catalogue.methods[name]).__module__] for name in "ab"]
    assert [module.WHERE for module in modules] == [str(path.parent) for path in paths]


def test_the_file_of_a_method_is_the_one_that_offers_it_else_that_of_its_class(tmp_path):
    path = tmp_path / "mine.py"
    parts = "name='made', title='Made', settings=None, fit=print"
    path.write_text(f"from types import SimpleNamespace\nMETHODS = [SimpleNamespace({parts})]")
    catalogue = find_methods(BenchmarkSettings(), files=[path], objects=[Toy()])
    assert {name: str(file) for name, file in catalogue.added.items()} == {"made": str(path), "toy": __file__}


def test_a_name_is_had_once_and_can_be_a_folder():
    with pytest.raises(UsageError, match="'picie' already"):
        find_methods(BenchmarkSettings(), objects=[Toy("picie")])
    with pytest.raises(UsageError, match="may have letters"):
        find_methods(BenchmarkSettings(), objects=[Toy("../up")])


def test_a_file_among_the_words_stands_for_all_its_methods(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TOY + "METHODS = [Toy(name='one'), Toy(name='two')]")
    words = split_words([f"iic,{path}"])
    assert method_files(words) == [path]
    catalogue = find_methods(BenchmarkSettings(), files=method_files(words))
    assert [method.name for method in catalogue.select(words)] == ["iic", "one", "two"]


def test_methods_of_a_file_of_the_settings_are_named_singly_and_read_once(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TOY + "METHODS = [Toy(name='one'), Toy(name='two')]")
    settings = BenchmarkSettings(method_files=(str(path),))
    assert [method.name for method in find_methods(settings).select(["two"])] == ["two"]
    assert list(find_methods(settings, files=[path]).added) == ["one", "two"]


def test_settings_of_a_baseline_that_is_not_there_are_refused():
    with pytest.raises(UsageError, match=r"baselines.PICY is not a baseline"):
        find_methods(BenchmarkSettings(baselines={"PICY": {}}))
