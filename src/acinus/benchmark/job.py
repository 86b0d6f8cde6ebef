"""One (method, seed) or a fold of it: what a process needs to compute it, what came out, where it is kept."""

from __future__ import annotations

import base64
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from acinus.benchmark.catalogue import Catalogue, find_methods
from acinus.benchmark.method import Method, check_method
from acinus.benchmark.plan import Plan
from acinus.benchmark.splits import Splits
from acinus.core.code import code_digest
from acinus.core.errors import AcinusError, UsageError
from acinus.core.files import atomic_path, make_folder, read_json, write_json
from acinus.core.run import checksum, fingerprint
from acinus.core.settings import settings_to_plain
from acinus.data.sample import Sample
from acinus.pipeline.settings import settings_from_plain

__all__ = ["Failed", "Files", "Job", "Store", "make_job", "method_of", "samples_of"]

_ROOMS = (
    *("core", "slides", "data", "networks", "losses"),
    *("mining", "grouping", "baselines", "inference", "metrics"),
    *("pipeline.fit", "benchmark.methods"),
    *("benchmark.compute", "benchmark.scoring"),
)
"""The code that a result is made by, from an image to its figures; tables and pictures are made anew."""

Files = dict[str, bytes]
"""A result: ``result.json`` and pictures of masks, by name."""


@dataclass(frozen=True)
class Failed:
    """Why a job has no result."""

    reason: str
    details: str


@dataclass(frozen=True)
class Job:
    """A method and a seed, as JSON, for a process here or on another machine that sees the same files.

    Attributes
    ----------
    method, seed
        What is fitted.
    fingerprint : str
        Of everything that can change the result.
    plain : mapping
        What the process needs.
    fold : int
        Which fold is held out, from 1; 0 where there are none.
    """

    method: str
    seed: int
    fingerprint: str
    plain: Mapping[str, Any]
    fold: int = 0

    @property
    def label(self) -> str:
        """What progress and logs call it."""
        return f"{self.method}, seed {self.seed}" + (f", fold {self.fold}" if self.fold else "")

    def as_bytes(self) -> bytes:
        """Return the job as JSON, which `worker` reads."""
        own = {"method": self.method, "seed": self.seed, "fingerprint": self.fingerprint}
        return orjson.dumps({**self.plain, **own})


def make_job(
    method: Method,
    seed: int,
    *,
    splits: Splits,
    splits_fingerprint: str,
    plan: Plan,
    files: tuple[Path, ...],
    catalogue: Catalogue,
    device: str,
    fold: int = 0,
) -> Job:
    """Return the job of a method and a seed; its fingerprint changes with whatever can change the result."""
    instances = settings_to_plain(settings_from_plain(plan.fit).instances)
    parts = {
        "code": code_digest(*_ROOMS),
        "method": _identity(method, catalogue),
        "settings": method.settings,
        "instances": instances,
        "seed": seed,
        "device": device,
        "images": splits_fingerprint,
    }
    plain = {
        "plan": plan.as_plain(),
        "files": [str(path.resolve()) for path in files],
        "object": _pickled(method) if method.name in catalogue.of_caller else None,
        "title": method.title,
        "instances": instances,
        "device": device,
        "fit": [_sample_plain(sample) for sample in splits.fit],
        "scored": {name: [_sample_plain(s) for s in part] for name, part in splits.scored.items()},
        "shown": splits.shown,
    }
    own = fingerprint(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS))
    return Job(method.name, seed, own, plain, fold)


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


def method_of(plain: Mapping[str, Any]) -> Method:
    """Return the method of a job that was read from JSON."""
    if plain["object"] is not None:
        # Written by the process that started this one, never read from a file of results.
        return check_method(pickle.loads(base64.b64decode(plain["object"])), source="methods")
    catalogue = find_methods(Plan.from_plain(plain["plan"]), files=[Path(path) for path in plain["files"]])
    return catalogue.methods[plain["method"]]


def samples_of(plain: list[dict[str, Any]]) -> list[Sample]:
    """Return the samples of a job that was read from JSON."""
    return [
        Sample(
            name=entry["name"],
            image_path=Path(entry["image"]),
            truth_path=None if entry["truth"] is None else Path(entry["truth"]),
            mpp=entry["mpp"],
        )
        for entry in plain
    ]


def _sample_plain(sample: Sample) -> dict[str, Any]:
    truth = sample.truth_path
    return {
        "name": sample.name,
        "image": str(sample.image_path.resolve()),
        "truth": None if truth is None else str(truth.resolve()),
        "mpp": sample.mpp,
    }


def _pickled(method: Method) -> str:
    if type(method).__module__ == "__main__":
        raise UsageError(
            f"{method.name}: a method defined in the script itself cannot reach another process; "
            "put it into a file and pass that as a method file"
        )
    try:
        return base64.b64encode(pickle.dumps(method)).decode()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{method.name} cannot be sent to another process ({error}); "
            "put it into a file and pass that as a method file"
        ) from error


@dataclass(frozen=True)
class Store:
    """Results on disk: ``results/<method>/seed<k>/`` or ``seed<k>-fold<f>/``, each written as a whole."""

    folder: Path

    def path(self, job: Job) -> Path:
        """Return the folder of a job's result."""
        return self.folder_of(job.method, job.seed, job.fold)

    def folder_of(self, method: str, seed: int, fold: int) -> Path:
        """Return the folder of the result of a method, a seed and, where there are folds, a fold."""
        return self.folder / "results" / method / (f"seed{seed}-fold{fold}" if fold else f"seed{seed}")

    def load(self, job: Job) -> dict[str, Any] | None:
        """Return the result, None when it is not there, damaged, or of other settings or images."""
        try:
            result = read_json(self.path(job) / "result.json")
        except (OSError, ValueError):
            return None
        fitting = isinstance(result, dict) and result.get("fingerprint") == job.fingerprint
        return result if fitting else None

    def save(self, job: Job, files: Files) -> None:
        """Write a result in place of one that may be there.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        path = self.path(job)
        make_folder(path.parent)
        with atomic_path(path) as temporary:
            for name, content in files.items():
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)

    def adopt(self, job: Job) -> bool:
        """Take over the result of a method of another name but the same settings, if there is one.

        Ablations share their default with one another; the fingerprint says so.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        own = self.path(job)
        for path in sorted(self.folder.glob(f"results/*/{own.name}/result.json")):
            twin = self.load(replace(job, method=path.parent.parent.name))
            if twin is None:
                continue
            make_folder(own.parent)
            with atomic_path(own) as temporary:
                shutil.copytree(path.parent, temporary)
                write_json(
                    temporary / "result.json", {**twin, "method": job.method, "title": job.plain["title"]}
                )
            return True
        return False


def reason_of(error: Exception) -> str:
    """Return an error in one line; our own are their own explanation, others get their type."""
    text = str(error) if isinstance(error, AcinusError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())
