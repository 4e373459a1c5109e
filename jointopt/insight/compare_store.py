"""The finished runs of a comparison in a file, one line each, so that it can go on later."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from jointopt.errors import OptionError, StorageError
from jointopt.insight.compare_one import Outcome
from jointopt.insight.versions import versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jointopt.insight.compare_one import Job, Table

__all__ = ["RunFile", "fingerprint"]

FILE: Final = "runs.jsonl"
Key = tuple[str, str, int]


class RunFile:
    """Outcomes by data set, strategy and seed; each is on disk as soon as it is known.

    Parameters
    ----------
    folder : str, Path or None
        None keeps them in memory alone.
    settings : mapping of str to value
        Plain values that all runs share.
    data : mapping of str to str
        Data set to fingerprint.
    strategies : mapping of str to str
        Label to what `told_strategy` says.
    metrics : mapping of str to str
        Data set to the name of the metric that its runs are scored by.

    Raises
    ------
    OptionError
        If the file holds runs made with other settings, or other data or another strategy of the
        same name.
    StorageError
        If the folder cannot be made or the file cannot be read.
    """

    def __init__(
        self,
        folder: str | Path | None,
        settings: Mapping[str, Any],
        data: Mapping[str, str],
        strategies: Mapping[str, str],
        metrics: Mapping[str, str],
    ) -> None:
        self._settings, self._data = dict(settings), dict(data)
        self._strategies, self._metrics = dict(strategies), dict(metrics)
        self._versions = versions()
        self._path = None if folder is None else _file(Path(folder))
        self.outcomes: dict[Key, Outcome] = {}
        self._others: dict[str, str] = {}
        for line in [] if self._path is None else _lines(self._path):
            self._check(line)
            self._others |= {
                name: before
                for name, before in line.get("versions", {}).items()
                if self._versions.get(name) != before
            }
            outcome = Outcome(**line["outcome"])
            row = outcome.row
            self.outcomes[row["dataset"], row["strategy"], row["seed"]] = outcome

    @property
    def made_with(self) -> str:
        """Versions of libraries that runs were made with but that are others now, in words."""
        told = [f"{name} {v} (now {self._versions.get(name)})" for name, v in self._others.items()]
        return f"{self._path} holds runs made with {', '.join(told)}" if told else ""

    def add(self, job: Job, outcome: Outcome) -> None:
        """Keep an outcome.

        Raises
        ------
        StorageError
            If it cannot be written.
        """
        self.outcomes[job.key] = outcome
        if self._path is None:
            return
        line = {
            "settings": self._settings,
            "versions": self._versions,
            "data": self._data[job.dataset],
            "strategy": self._strategies[job.strategy],
            "outcome": asdict(outcome),
        }
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}") from error

    def _check(self, line: Mapping[str, Any]) -> None:
        for name, value in self._settings.items():
            before = line["settings"].get(name)
            if before != value and not (name == "metric" and self._has_same_metric(line)):
                raise OptionError(
                    f"{self._path} holds runs made with {name} {before}, but now it is {value}; "
                    "give the same settings, or another folder"
                )
        label = line["outcome"]["row"]["strategy"]
        before, now = line["strategy"], self._strategies.get(label)
        if now not in (None, before):
            raise OptionError(
                f"{self._path} holds runs of {before} as {label!r}, but now that is {now}; give "
                "the same strategy, another name for it, or another folder"
            )
        dataset = line["outcome"]["row"]["dataset"]
        if self._data.get(dataset, line["data"]) != line["data"]:
            raise OptionError(
                f"{self._path} holds runs on other data named {dataset!r}; give the same data, "
                "or another folder"
            )

    def _has_same_metric(self, line: Mapping[str, Any]) -> bool:
        """Whether a metric that was named here is the default there, or the other way round."""
        row = line["outcome"]["row"]
        before = line["settings"].get("metric") or row["metric"]
        return bool(before == (self._settings["metric"] or self._metrics.get(row["dataset"])))


def fingerprint(table: Table) -> str:
    """Return a short digest of a table and its target."""
    digest = hashlib.sha256(str([str(name) for name in table.X.columns]).encode())
    for part in (table.X, table.labels):
        digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def _file(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the folder {folder} cannot be made: {error.strerror}") from error
    return folder / FILE


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the finished lines; one that was cut short by a crash is removed."""
    if not path.exists():
        return []
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            path.write_bytes(whole)
        return [json.loads(line) for line in whole.splitlines()]
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
