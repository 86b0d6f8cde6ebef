"""Which methods there are: the package's, those of installed packages, of a file, and of the caller."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import cloudpickle

from acinus.benchmark.ablations import ABLATIONS, ablation_methods
from acinus.benchmark.method import Method, check_method
from acinus.benchmark.methods import BaselineMethod, FitMethod, ProposalMethod, own_methods
from acinus.benchmark.settings import BenchmarkSettings
from acinus.core.errors import UsageError
from acinus.core.run import fingerprint

__all__ = ["ENTRY_POINTS", "Catalogue", "find_methods", "method_files", "split_words"]

ENTRY_POINTS = "acinus.methods"
"""Group of entry points under which an installed package offers a method, a list of them, or its class."""

_GROUPS = {"baselines": BaselineMethod, "stage1": ProposalMethod, "stage2": FitMethod}


@dataclass
class Catalogue:
    """Methods by name, in the order of tables.

    Attributes
    ----------
    methods : dict of str to Method
    added : dict of str to Path or None
        Those that are not the package's, by name, with the file that they come from: a method file itself,
        else that of the class; None for a class of a notebook.
    of_caller : list of str
        Names of those that are objects of the caller, found in no file or entry point.
    ablations : dict of str to list of str
        Names of the methods of each ablation.
    """

    methods: dict[str, Method] = field(default_factory=dict)
    added: dict[str, Path | None] = field(default_factory=dict)
    of_caller: list[str] = field(default_factory=list)
    ablations: dict[str, list[str]] = field(default_factory=dict)

    def add(self, offered: object, *, source: str, file: Path | None = None) -> str:
        """Add a method from outside the package, whose name must be new, and return the name.

        Parameters
        ----------
        offered : object
            A method, or a class that makes one.
        source : str
            Where it comes from, for messages.
        file : Path, optional
            The method file that offers it.
        """
        method = check_method(_made(offered, source=source), source=source)
        if method.name in self.methods:
            raise UsageError(f"{source}: there is a method {method.name!r} already; rename this one")
        self.methods[method.name] = method
        self.added[method.name] = file or _file_of(type(method))
        return method.name

    def select(self, words: Iterable[str]) -> list[Method]:
        """Return the methods that words stand for, in the order of the catalogue.

        Parameters
        ----------
        words : iterable of str
            Names; ``all``; ``baselines``, ``stage1``, ``stage2``; an ablation such as ``ablation:loss``, or
            ``ablations``; a Python file, for all its methods.

        Raises
        ------
        UsageError
            When a word stands for nothing.
        """
        names: set[str] = set()
        for word in words:
            names.update(self._named(word))
        if not names:
            raise UsageError("no method was named; choose --methods all or some names")
        return [method for name, method in self.methods.items() if name in names]

    def _named(self, word: str) -> list[str]:
        ablated = {name for group in self.ablations.values() for name in group}
        own = [name for name in self.methods if name not in ablated]
        if word == "all":
            return own
        if word == "ablations":
            return sorted(ablated)
        group = word.removeprefix("ablation:")
        if group != word and group in self.ablations:
            return self.ablations[group]
        if word in self.methods:
            return [word]
        if _is_file(word):
            return [name for name, file in self.added.items() if file == Path(word)]
        if word in _GROUPS:
            return [name for name in own if isinstance(self.methods[name], _GROUPS[word])]
        raise UsageError(
            f"there is no method {word!r}; choose all, {', '.join([*_GROUPS, *own])}, ablations or "
            f"ablation: with one of {', '.join(ABLATIONS)}"
        )


def split_words(words: Iterable[str]) -> list[str]:
    """Return the words of ``--methods``, which may be joined by commas.

    Examples
    --------
    >>> split_words(["iic, picie", "grey.py"])
    ['iic', 'picie', 'grey.py']
    """
    return [word.strip() for word in ",".join(words).split(",") if word.strip()]


def method_files(words: Iterable[str]) -> list[Path]:
    """Return the Python files among the words of ``--methods``."""
    return [Path(word) for word in words if _is_file(word)]


def _is_file(word: str) -> bool:
    return word.endswith(".py")


def find_methods(
    settings: BenchmarkSettings, *, files: Sequence[Path] = (), objects: Sequence[object] = ()
) -> Catalogue:
    """Return all methods.

    Parameters
    ----------
    settings : BenchmarkSettings
        Changes the settings of the package's methods, and names files with others.
    files : sequence of Path
        More Python files with a list ``METHODS``.
    objects : sequence
        Methods of the caller.

    Raises
    ------
    UsageError
        When something offered is not a method, or a file cannot be run.
    """
    catalogue = Catalogue()
    catalogue.methods.update((method.name, method) for method in own_methods(settings))
    for point in metadata.entry_points(group=ENTRY_POINTS):
        source = f"entry point {point.name} of {ENTRY_POINTS}"
        try:
            offered = point.load()
        except (Exception, SystemExit) as error:  # what another package does wrong is reported as its own
            raise UsageError(
                f"{source} cannot be loaded ({type(error).__name__}: {error}); repair or uninstall it"
            ) from error
        for method in offered if isinstance(offered, list | tuple) else [offered]:
            catalogue.add(method, source=source)
    named = [Path(file) for file in settings.method_files]
    for path in dict.fromkeys([*named, *files]):
        for method in _methods_in(path):
            catalogue.add(method, source=str(path), file=path)
    for method in objects:
        catalogue.of_caller.append(catalogue.add(method, source="methods"))
    for group, method in ablation_methods(settings):
        catalogue.methods[method.name] = method
        catalogue.ablations.setdefault(group, []).append(method.name)
    return catalogue


def _made(offered: object, *, source: str) -> object:
    """Return what is offered, or an object of it if it is a class."""
    if not isinstance(offered, type):
        return offered
    try:
        return offered()
    except Exception as error:
        raise UsageError(
            f"{source}: an object of the class {offered.__name__} cannot be made without arguments "
            f"({type(error).__name__}: {error}); offer one, {offered.__name__}(...), instead of the class"
        ) from error


def _file_of(kind: type) -> Path | None:
    try:
        return Path(inspect.getfile(kind))
    except (TypeError, OSError):
        return None


def _methods_in(path: Path) -> Sequence[object]:
    """Run a Python file and return its ``METHODS``."""
    if not path.is_file():
        raise UsageError(f"{path} is not a file; expected a Python file with a list METHODS")
    # Files of the same name in two folders are two modules.
    name = f"acinus_method_{path.stem}_{fingerprint(str(path.resolve()))}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise UsageError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the file does wrong is reported in one line
        del sys.modules[name]
        raise UsageError(
            f"{path} cannot be run ({type(error).__name__}: {error}); {_remedy(error, path)}"
        ) from error
    cloudpickle.register_pickle_by_value(module)  # workers cannot import it: it travels to them
    methods = getattr(module, "METHODS", None)
    if not isinstance(methods, list | tuple):
        raise UsageError(f"{path} has no list METHODS; see docs/adding-a-method.md")
    return methods


def _remedy(error: BaseException, path: Path) -> str:
    module = error.name if isinstance(error, ModuleNotFoundError) and error.name else ""
    if module and any((path.parent / f"{module}{ending}").exists() for ending in (".py", "")):
        return (
            f"files beside it are not loaded: copy what it needs of {module} into it, or install both as a "
            "package"
        )
    return f"python {path} shows where"
