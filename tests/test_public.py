"""What users import: the names of the package, and that asking for none of them loads nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import acinus

WITHOUT_TORCH = ("AcinusError", "RgbImage", "read_image", "read_results")


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_there_and_listed():
    for name in acinus.__all__:
        assert getattr(acinus, name).__class__ is not None
    assert set(acinus.__all__) <= set(dir(acinus))
    assert set(acinus._PLACES) | {"__version__"} == set(acinus.__all__)
    assert "import_module" not in dir(acinus)


def test_names_are_those_of_the_rooms_they_come_from():
    from acinus.inference.refinement import RefinementSettings
    from acinus.results.folder import read_results

    assert acinus.RefinementSettings is RefinementSettings
    assert acinus.read_results is read_results


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'acinus' has no attribute 'GlandSegmentor'"):
        acinus.GlandSegmentor  # noqa: B018
    with pytest.raises(ImportError):
        from acinus import nonsense  # noqa: F401


def test_importing_the_package_loads_neither_numpy_nor_pydantic_nor_torch():
    code = "import sys, acinus; print([m for m in ('numpy', 'pydantic', 'torch', 'PIL') if m in sys.modules])"
    assert run_python(code) == "[]\n"


def test_reading_images_and_results_needs_no_torch():
    names = ", ".join(WITHOUT_TORCH)
    assert run_python(f"import sys\nfrom acinus import {names}\nprint('torch' in sys.modules)") == "False\n"


def test_a_name_is_looked_up_once():
    code = (
        "import acinus\nfirst = acinus.RgbImage\nprint('RgbImage' in vars(acinus), acinus.RgbImage is first)"
    )
    assert run_python(code) == "True True\n"
