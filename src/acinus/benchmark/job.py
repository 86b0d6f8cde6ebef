"""One (method, seed) or a fold of it: what a worker needs to compute it, and where its result is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle  # a part of Dask
import orjson

from acinus.benchmark.catalogue import Catalogue
from acinus.benchmark.datasets import Splits
from acinus.benchmark.method import Method
from acinus.core.code import code_digest
from acinus.core.errors import UsageError
from acinus.core.files import make_folder, read_json, write_json
from acinus.core.run import checksum, fingerprint
from acinus.core.settings import settings_to_plain
from acinus.inference.instances import InstanceSettings
from acinus.results.ownership import in_the_way, own_folder

__all__ = ["Files", "Job", "Store", "make_jobs"]

_ROOMS = (
    *("core", "slides", "data", "networks", "losses"),
    *("mining", "grouping", "baselines", "inference", "metrics"),
    *("pipeline.fit", "pipeline.gland_size", "benchmark.methods"),
    *("benchmark.fit_and_score", "benchmark.scoring"),
)
"""The code that a result is made by, from an image to its figures; tables and pictures are made anew."""

_OWN = ("result.json", "masks")

Files = dict[str, bytes]
"""A result: ``result.json`` and pictures of masks, by name."""


@dataclass(frozen=True)
class Job:
    """A method and a seed, for a process here or on another machine that sees the same images.

    Attributes
    ----------
    method : Method
    seed : int
    splits : Splits
    instances : InstanceSettings
        How glands are cut out of a probability, the same for all methods.
    device : str
    fingerprint : str
        Of everything that can change the result.
    fold : int
        Which fold is held out, from 1; 0 where there are none.
    """

    method: Method
    seed: int
    splits: Splits
    instances: InstanceSettings
    device: str
    fingerprint: str
    fold: int = 0

    @property
    def label(self) -> str:
        """What progress and logs call it."""
        return f"{self.method.name}, seed {self.seed}" + (f", fold {self.fold}" if self.fold else "")

    def pickled(self) -> bytes:
        """Return the job as a worker reads it.

        Classes of the caller's script, of a notebook or of a method file travel with it.

        Raises
        ------
        UsageError
            When the method holds something that cannot travel.
        """
        try:
            content: bytes = cloudpickle.dumps(self)
        except Exception as error:  # whatever the method's own classes raise
            raise UsageError(
                f"{self.method.name} cannot be sent to another process ({type(error).__name__}: {error}); "
                "open files and make locks within fit"
            ) from error
        return content


def make_jobs(
    methods: Sequence[Method],
    splits: Sequence[Splits],
    catalogue: Catalogue,
    *,
    seeds: int,
    instances: InstanceSettings,
    device: str,
) -> list[Job]:
    """Return the jobs of all methods, seeds and folds, in the order in which they are computed.

    The fingerprint of each changes with whatever can change its result.

    Parameters
    ----------
    methods : sequence of Method
        Of the catalogue.
    splits : sequence of Splits
        One, or one for each fold.
    catalogue : Catalogue
        Knows the files of methods that are not the package's.
    seeds : int
        Each method is fitted with the seeds 0 to `seeds` − 1.
    instances : InstanceSettings
    device : str
    """
    images = [part.fingerprint() for part in splits]
    common = {"code": code_digest(*_ROOMS), "instances": settings_to_plain(instances), "device": device}
    identities = {method.name: _identity(method, catalogue) for method in methods}

    def job(method: Method, seed: int, fold: int) -> Job:
        parts = {
            **common,
            "method": identities[method.name],
            "settings": method.settings,
            "seed": seed,
            "images": images[fold],
        }
        digest = fingerprint(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS))
        number = fold + 1 if len(splits) > 1 else 0
        return Job(method, seed, splits[fold], instances, device, digest, number)

    return [
        job(method, seed, fold) for seed in range(seeds) for fold in range(len(splits)) for method in methods
    ]


def _identity(method: Method, catalogue: Catalogue) -> list[str]:
    """Return what makes methods of equal settings different ones.

    The package's own are one if they are of one class; ablations share their default. The settings of others
    may not say all that they should, so these go by their names too, and by the content of their files.
    """
    kind = type(method).__qualname__
    if method.name not in catalogue.added:
        return [kind]
    file = catalogue.added[method.name]
    return [kind, method.name, "" if file is None else checksum(file)]


@dataclass(frozen=True)
class Store:
    """Results on disk: ``results/<method>/seed<k>/`` or ``seed<k>-fold<f>/``, each written as a whole."""

    folder: Path

    def path(self, job: Job) -> Path:
        """Return the folder of a job's result."""
        own = f"seed{job.seed}-fold{job.fold}" if job.fold else f"seed{job.seed}"
        return self.folder / "results" / job.method.name / own

    def load(self, job: Job) -> dict[str, Any] | None:
        """Return the result, None when it is not there, damaged, or of other settings or images."""
        return _load(self.path(job), job)

    def save(self, job: Job, files: Files) -> None:
        """Write a result in place of one that may be there.

        Raises
        ------
        UsageError
            When something that acinus did not write is in its place.
        OutputError
            When it cannot be written.
        """
        path = self.path(job)
        make_folder(path.parent)
        with own_folder(path, _OWN) as temporary:
            for name, content in files.items():
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)

    def in_the_way(self, job: Job) -> list[Path]:
        """Return what lies where the files of a job's result are to be and is not acinus's own."""
        return in_the_way(self.path(job), _OWN)

    def adopt(self, job: Job) -> bool:
        """Take over the result of a method of another name but the same settings, if there is one.

        Ablations share their default with one another; the fingerprint says so.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        own = self.path(job)
        for twin, result in self._twins(job):
            make_folder(own.parent)
            with own_folder(own, _OWN) as temporary:
                if (twin / "masks").is_dir():
                    shutil.copytree(twin / "masks", temporary / "masks")
                named = {**result, "method": job.method.name, "title": job.method.title}
                write_json(temporary / "result.json", named)
            return True
        return False

    def _twins(self, job: Job) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted(self.folder.glob(f"results/*/{self.path(job).name}")):
            result = _load(path, job)
            if result is not None:
                yield path, result


def _load(folder: Path, job: Job) -> dict[str, Any] | None:
    try:
        result = read_json(folder / "result.json")
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("fingerprint") == job.fingerprint else None
