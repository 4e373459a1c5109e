"""`jointopt run`: from a file to a folder that holds all results."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import cpu_count
from rich.markup import escape

from jointopt.data import Metric, get_metric, make_dataset
from jointopt.errors import DataError, OptionError
from jointopt.evaluation.attempt import attempt
from jointopt.evaluation.limits import parse_memory
from jointopt.insight.held_out import HeldOut
from jointopt.insight.progress import Progress
from jointopt.insight.progress_view import Limits
from jointopt.insight.search_result import SearchResult
from jointopt.insight.study_notes import ARTIFACTS, StudyNotes
from jointopt.insight.words import counted
from jointopt.model.fitted import PREDICTION
from jointopt.model.reserve import writing_seconds
from jointopt.model.run import RunOptions, run_table
from jointopt.model.saving import load_model
from jointopt.run_results import conclusion, tell_results, write_results
from jointopt.search.budget import parse_seconds
from jointopt.search.storage import check_storage, earlier_seconds, open_storage, sqlite_url
from jointopt.space import load_space
from jointopt.study_file import SEQUENTIAL, StudyDefinition, load_study
from jointopt.study_options import (
    budget_of,
    check_holds_no,
    load_frame,
    result_folder,
    study_from_options,
    write_study,
)

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from jointopt.data import Dataset
    from jointopt.evaluation.table_evaluator import TableEvaluator
    from jointopt.model.fitted import FittedModel
    from jointopt.model.run import TableRun
    from jointopt.space import Space
    from jointopt.study_file import TableDefinition

__all__ = ["RunCommand"]


@dataclass(frozen=True, slots=True)
class RunCommand:
    """What is to be run.

    Attributes
    ----------
    study : StudyDefinition
        Data, target and options.
    """

    study: StudyDefinition

    @classmethod
    def from_options(cls, data: Path, given: dict[str, Any]) -> RunCommand:
        """Make a command from a table's path, or a study definition's, and options.

        Raises
        ------
        OptionError
            If an option is not valid or the target is missing.
        """
        return cls(study_from_options(data, given))

    def run(
        self,
        console: Console,
        *,
        out: Path | None,
        storage: str | None = None,
        resume: bool = False,
        started: float | None = None,
        held_out: pd.DataFrame | None = None,
    ) -> Path:
        """Search, fit, save and report.

        Parameters
        ----------
        console : Console
            Where to tell what happens.
        out : Path or None
            Folder for the results; named after the table by default.
        storage : str or None, default=None
            Where the study is kept; `out/study.db` by default.
        resume : bool, default=False
            Go on with the study in the folder.
        started : float or None, default=None
            `time.monotonic()` when the command began.
        held_out : DataFrame or None, default=None
            Rows on which the model is scored for the report.

        Returns
        -------
        Path
            The folder.
        """
        started = time.monotonic() if started is None else started
        if storage:
            # Before a table is read or a folder made.
            check_storage(storage)
        study = _single(self.study)
        table = _only_table(study)
        name = table.label
        space = load_space(study.space)
        dataset = _dataset(table, study)
        metric = get_metric(study.metric, dataset.task, dataset.classes)
        writing = writing_seconds(time.monotonic() - started)
        folder = _run_folder(out, name, resume=resume)
        store = open_storage(storage or sqlite_url(folder / "study.db"))
        options = replace(
            _options(study),
            space=space,
            storage=store,
            name=name,
            resume=resume,
            writing_seconds=writing,
        )
        _announce(console, dataset, metric, study, options)
        if resume:
            started -= earlier_seconds(store, name)
        about = f"{dataset.task} of {table.target}, {table.data}"
        notes = StudyNotes(store, name, metric, about, folder / ARTIFACTS)

        def prepare(evaluator: TableEvaluator, bound: Space) -> None:
            # Not before: where no worker or cluster is to be had, nothing was begun.
            if not (folder / "study.yaml").exists():
                write_study(folder, study, name)
            notes.prepare(evaluator, bound)

        limits = Limits(options.seconds, options.n_trials)
        with Progress(console, metric, limits, started) as progress:
            found = run_table(
                dataset,
                options,
                started=started,
                listeners=[progress.hear, notes],
                watch=progress.see,
                prepared=prepare,
            )
        if resume:
            found = _with_better_model(found, folder, study.final)
        # Not before: a run that was refused must not take the place of the study's own.
        write_study(folder, study, name)
        outer = None if held_out is None else HeldOut.of_table(found, held_out)
        result = SearchResult.of(found.result, found.metric)
        write_results(folder, found, result, _facts(study, options), started, outer)
        notes.finish(result, conclusion(found), found.model.members)
        seconds = time.monotonic() - started
        tell_results(console, folder, found, seconds, elsewhere=storage is not None)
        return folder


def _options(study: StudyDefinition) -> RunOptions:
    timeout, memory = study.trial_timeout, study.memory_limit
    return RunOptions(
        strategy=study.how(study.strategy),
        metric=study.metric,
        seconds=budget_of(study),
        n_trials=study.trials,
        workers=study.workers or (cpu_count() if study.dask is None else None),
        dask=study.dask,
        trial_timeout=None if timeout is None else parse_seconds(timeout, "--trial-timeout"),
        memory_limit=None if memory is None else parse_memory(memory, "--memory-limit"),
        seed=study.seed,
        final=study.final,
    )


def _dataset(table: TableDefinition, study: StudyDefinition) -> Dataset:
    frame = load_frame(table, study.drop)
    try:
        dataset = make_dataset(frame, table.target, metric=study.metric)
    except DataError as error:
        raise DataError(f"{table.data}: {error}") from error
    if dataset.classes is not None and PREDICTION in map(str, dataset.classes):
        raise DataError(
            f"{table.data}: target {table.target!r} has a class {PREDICTION!r}, the name of the "
            "column of predicted classes beside the classes' own columns; rename the class"
        )
    return dataset


def _single(study: StudyDefinition) -> StudyDefinition:
    """Return a study that may compare strategies as the one of its single `strategy`."""
    study.how(study.strategy)  # which refuses an order of axes that nothing would follow
    left_out = {"strategies", "seeds", "parallel", "ground_truth"}
    if study.strategy != SEQUENTIAL:
        left_out |= {"order", "shares"}
    return StudyDefinition(**study.model_dump(exclude=left_out, exclude_unset=True))


def _with_better_model(run: TableRun, folder: Path, final: str) -> TableRun:
    """Return a resumed run with the model that is in the folder, where that validates better.

    An ensemble is of models that were kept while they were fitted: those of earlier runs are gone.
    """
    before = attempt(lambda: load_model(folder))
    if isinstance(before, Exception) or not _would_do(before, run.model, final):
        # None was saved, it is damaged or is not what was asked for: this run's takes its place.
        return run
    earlier, own = (model.facts["validation_score"] for model in (before, run.model))
    better = earlier > own if run.metric.greater_is_better else earlier < own
    if not better:
        return run
    note = (
        f"The model is the earlier run's: its {run.metric.name} {earlier:.5g} in validation is "
        f"better than the {own:.5g} of what could be made now"
    )
    return replace(run, model=before, notes=(*run.notes, note))


def _would_do(before: FittedModel, own: FittedModel, final: str) -> bool:
    """Whether an earlier model is one of the same problem, and single where that is wanted."""
    n_pipelines = sum(len(member.pipelines) for member in before.members)
    return _problem(before) == _problem(own) and (final != "single" or n_pipelines == 1)


def _problem(model: FittedModel) -> tuple[Any, ...]:
    classes = None if model.classes is None else model.classes.tolist()
    return model.target, model.task, classes, model.schema.used, model.facts["metric"]


def _only_table(study: StudyDefinition) -> TableDefinition:
    if study.tables is not None:
        raise OptionError(
            "a study of several tables compares strategies: give it strategies, or run "
            "`jointopt compare` on it"
        )
    return study.listed[0]


def _run_folder(out: Path | None, name: str, *, resume: bool) -> Path:
    folder = Path(f"{name}-jointopt") if out is None else out
    check_holds_no("comparison", folder)
    if resume and (folder / "study.yaml").is_file():
        _check_name(folder, name)
    result_folder(folder)
    if (folder / "study.db").exists() and (folder / "study.yaml").exists() and not resume:
        raise OptionError(
            f"{folder} holds a study already; go on with it by --resume, or choose another --out"
        )
    return folder


def _check_name(folder: Path, name: str) -> None:
    """Refuse to go on with a study of another name, beside which a new one would begin."""
    definition = folder / "study.yaml"
    study = load_study(definition)
    kept = study.name or study.listed[0].label
    if kept != name:
        raise OptionError(
            f"{folder} holds the study {kept!r}, not {name!r}: to go on with it, run {definition} "
            "in place of the table; else choose another --out"
        )


def _announce(
    console: Console,
    dataset: Any,
    metric: Metric,
    study: StudyDefinition,
    options: RunOptions,
) -> None:
    console.print(escape(f"{study.data}: {dataset.n_rows} rows, {dataset.schema.describe()}"))
    if dataset.n_dropped:
        console.print(
            f"{dataset.n_dropped} more rows have no target and are left out; empty cells have "
            "none, and in text files words such as NA and None"
        )
    console.print(
        escape(
            f"{dataset.task} of {study.target!r} by {metric.told(dataset.classes)}; "
            f"{study.strategy} search of space {study.space}; {_limits(options)}; "
            f"{_where(options)}; seed {study.seed}"
        )
    )


def _facts(study: StudyDefinition, options: RunOptions) -> dict[str, Any]:
    return {
        "data": study.data,
        "strategy": study.strategy,
        "space": study.space,
        "limits": _limits(options),
        "workers": _where(options),
        "seed": study.seed,
    }


def _limits(options: RunOptions) -> str:
    limits = [] if options.seconds is None else [f"{options.seconds:g} s"]
    limits += [] if options.n_trials is None else [counted(options.n_trials, "trial")]
    return ", ".join(limits)


def _where(options: RunOptions) -> str:
    if options.dask is not None:
        return f"on {options.dask}"
    return counted(options.workers or 1, "worker")
