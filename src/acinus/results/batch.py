"""The result of a batch: many inputs, some of which fail; all are attempted, and the reasons kept."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path

from acinus.core.errors import AcinusError
from acinus.core.files import atomic_path
from acinus.core.naming import plural
from acinus.results.files import FAILURES
from acinus.results.ownership import claimed, is_own

__all__ = ["BatchResult", "Failure"]

_NAMED = 3  # names in a warning


@dataclass(frozen=True)
class Failure:
    """An input that could not be processed, with the reason in one line and the traceback for the log."""

    name: str
    reason: str
    details: str


@dataclass
class BatchResult:
    """How a batch went, input by input.

    Attributes
    ----------
    folder : Path
        Where the results lie.
    done : list of str
        Names of the inputs that were processed.
    skipped : list of str
        Names of those whose results were there already.
    outdated : list of str
        Names of those of them that another version of acinus made.
    failures : list of Failure
    unfamiliar : dict of str to dict
        Why each input that was processed is unlike what the model knows, see `ImageRecord`.
    warnings : list of str
        One line each, of results that are there and yet may surprise.
    remarks : dict of str to list of str
        What is to be said of inputs, with the names that it holds for; see `warn_of_remarks`.
    """

    folder: Path
    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unfamiliar: dict[str, dict[str, str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)

    def failed(self, name: str, error: Exception) -> None:
        """Note a failure; our own errors are their own explanation, others get their type."""
        reason = str(error) if isinstance(error, AcinusError) else f"{type(error).__name__}: {error}"
        details = "".join(traceback.format_exception(error))
        self.failures.append(Failure(name=name, reason=" ".join(reason.split()), details=details))

    def remark(self, name: str, *remarks: str) -> None:
        """Note what is to be said of an input."""
        for remark in remarks:
            self.remarks.setdefault(remark, []).append(name)

    def warn_of_remarks(self) -> None:
        """Warn of each remark once, with the names that it holds for."""
        for remark, names in self.remarks.items():
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            self.warnings.append(f"{', '.join(names[:_NAMED])}{more}: {remark}")

    def warn_of_outdated(self) -> None:
        """Warn, once for all, of results that another version made."""
        if self.outdated:
            more = ", ..." if len(self.outdated) > _NAMED else ""
            outdated = plural(len(self.outdated), "result was", "results were")
            self.warnings.append(
                f"{outdated} made by another version of acinus ({', '.join(self.outdated[:_NAMED])}{more}); "
                "delete the folder of a result to recompute it"
            )

    def warn_of_unfamiliar(self) -> None:
        """Warn of inputs unlike what the model knows, in one line for each reason."""
        reasons = dict.fromkeys(reason for found in self.unfamiliar.values() for reason in found)
        for reason in reasons:
            names = [name for name, found in self.unfamiliar.items() if reason in found]
            others = plural(len(names) - 1, "other") if len(names) > 1 else ""
            also = f" (and {others}: unfamiliar in summary.csv)" if others else ""
            self.warnings.append(f"{names[0]}{also}: {self.unfamiliar[names[0]][reason]}")

    @property
    def exit_code(self) -> int:
        """0 when all inputs were processed, else 1."""
        return 1 if self.failures else 0

    def write_log(self) -> Path | None:
        """Write the tracebacks to ``failures.log`` in the folder; None without a failure.

        Raises
        ------
        UsageError
            When acinus did not write the file of this name that is there.
        OutputError
            When it cannot be written.
        """
        path = self.folder / FAILURES
        if not self.failures:
            if is_own(path):
                path.unlink(missing_ok=True)
            return None
        text = "\n".join(f"{f.name}: {f.reason}\n{f.details}" for f in self.failures)
        with claimed(self.folder, [FAILURES]), atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # names may be no UTF-8
        return path
