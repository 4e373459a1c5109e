"""`jointopt compare`: from files to a folder that holds a comparison of search strategies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import cpu_count
from rich.markup import escape
from rich.progress import Progress as RichProgress
from rich.table import Table

from jointopt.data import make_dataset
from jointopt.errors import OptionError
from jointopt.insight.compare_options import CompareOptions
from jointopt.insight.compare_run import compare_datasets
from jointopt.insight.compare_truth import compare_on_truth
from jointopt.insight.comparison_stats import fewest_pairs
from jointopt.insight.enumeration import enumerate_scores
from jointopt.insight.progress import CompareProgress
from jointopt.insight.words import counted, whole
from jointopt.search.catalogue import COMPARED
from jointopt.space import load_space
from jointopt.study_options import (
    budget_of,
    check_folder,
    check_holds_no,
    load_frame,
    study_from_options,
    write_study,
)

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from jointopt.insight.comparison import Comparison
    from jointopt.study_file import StudyDefinition, TableDefinition

__all__ = ["CompareCommand", "show_comparison"]

TRUTH_FILE = "ground_truth.parquet"
SINGLE = {
    "seed": "a comparison has seeds",
    "final": "each strategy is compared by its best single pipeline",
    "dask": "runs of a comparison are on this machine",
}
TIMED = ("budget", "trial_timeout", "memory_limit", "parallel")
TRUTH_TRIALS = 600


@dataclass(frozen=True, slots=True)
class CompareCommand:
    """What is to be compared.

    Attributes
    ----------
    study : StudyDefinition
        Tables, strategies, seeds and options.
    """

    study: StudyDefinition

    @classmethod
    def from_options(cls, data: Path, given: dict[str, Any]) -> CompareCommand:
        """Make a command from a table's path, or a study definition's, and options.

        Raises
        ------
        OptionError
            If an option is not valid or the target is missing.
        """
        study = study_from_options(data, given)
        if study.strategies is None:
            study = study.model_copy(update={"strategies": list(COMPARED)})
        return cls(study)

    def run(self, console: Console, *, out: Path | None) -> Path:
        """Run each strategy with each seed on each table, test, save and tell.

        Parameters
        ----------
        console : Console
            Where to tell what happens.
        out : Path or None
            Folder for the results; named after the table by default. Runs that it holds already
            are not repeated.

        Returns
        -------
        Path
            The folder.
        """
        study, tables = self.study, self.study.listed
        _check_options(study)
        names = [table.label for table in tables]
        if len(set(names)) < len(names):
            raise OptionError("two tables have the same name; give each a name of its own")
        name = study.name or ("tables" if len(tables) > 1 else names[0])
        frames = {table.label: (table, load_frame(table, study.drop)) for table in tables}
        options = self._options()
        options.listed_seeds()
        # Made with the first result, so that a mistake leaves no empty folder.
        folder = check_folder(Path(f"{name}-comparison") if out is None else out)
        check_holds_no("run", folder)
        seconds = "" if options.seconds is None else f", {options.seconds:g} s a run"
        trials = "" if options.n_trials is None else f", {options.n_trials} evaluations a run"
        console.print(
            escape(
                f"{', '.join(names)}: {', '.join(options.named())} in space {study.space}, "
                f"{len(options.listed_seeds())} seeds{seconds}{trials}"
            )
        )
        _tell_if_too_few(console, len(options.listed_seeds()) * len(names), len(options.named()))
        if study.ground_truth:
            comparison = self._on_truth(console, frames, options, folder)
        else:
            split = {
                label: _split(table.data, table.target, frame)
                for label, (table, frame) in frames.items()
            }
            with CompareProgress(console, "on test rows") as progress:
                comparison = compare_datasets(
                    split, options, folder=folder, parallel=study.parallel, observer=progress
                )
        comparison.save(folder)
        write_study(folder, study, name)
        show_comparison(console, comparison)
        last = TRUTH_FILE if study.ground_truth else "runs.jsonl"
        console.print(
            f"\nIn {escape(str(folder))}: comparison.html, comparison.parquet, study.yaml, {last}",
            highlight=False,
        )
        return folder

    def _on_truth(
        self,
        console: Console,
        frames: Mapping[str, tuple[TableDefinition, pd.DataFrame]],
        options: CompareOptions,
        folder: Path,
    ) -> Comparison:
        """Enumerate the space, or take the scores that the folder holds, and compare on them."""
        if len(frames) > 1:
            raise OptionError("a ground truth is of one table; give data and target")
        (label, (table, frame)), *_ = frames.items()
        with RichProgress(console=console, transient=True) as bar:
            task = bar.add_task("Every configuration of the space")
            truth = enumerate_scores(
                make_dataset(frame, table.target, metric=self.study.metric),
                load_space(self.study.space),
                metric=self.study.metric,
                workers=options.workers,
                folder=folder / "ground_truth",
                listener=lambda done, n: bar.update(task, completed=done, total=n),
            )
        truth.save(folder / TRUTH_FILE)
        console.print(
            f"  all {truth.n_times_m:,} configurations: best {truth.optimum:.5g}, in "
            f"{truth.about['seconds']:.0f} s",
            highlight=False,
        )
        strategies = options.strategies
        with CompareProgress(console, "exactly") as progress:
            return compare_on_truth(
                truth,
                strategies if isinstance(strategies, Mapping) else options.named(),
                n_trials=self._truth_trials,
                seeds=options.seeds,
                name=label,
                listener=progress.done,
            )

    @property
    def _truth_trials(self) -> int:
        return self.study.trials or TRUTH_TRIALS

    def _options(self) -> CompareOptions:
        study = self.study
        return CompareOptions(
            strategies={name: study.how(name) for name in study.strategies or ()},
            budget=None if study.ground_truth else budget_of(study),
            n_trials=self._truth_trials if study.ground_truth else study.trials,
            seeds=study.seeds,
            metric=study.metric,
            space=load_space(study.space),
            workers=study.workers or (cpu_count() if study.parallel == 1 else 1),
            trial_timeout=study.trial_timeout,
            memory_limit=study.memory_limit,
        )


def _tell_if_too_few(console: Console, n_pairs: int, n_strategies: int) -> None:
    """Say before the time is spent that the tests will have nothing to find."""
    needed = fewest_pairs(max(1, n_strategies - 1))
    if n_strategies > 1 and n_pairs < needed:
        console.print(
            f"With {counted(n_pairs, 'pair')} of runs no difference can be shown, however large; "
            f"{needed} at least are needed: more seeds or tables."
        )


def _check_options(study: StudyDefinition) -> None:
    """Refuse what a comparison would pay no heed to."""
    refused = {
        name: f"is for a single run, with --strategy: {why}" for name, why in SINGLE.items()
    }
    if study.ground_truth:
        refused |= dict.fromkeys(TIMED, "has no meaning where all scores are known")
    for name, why in refused.items():
        if name in study.model_fields_set and getattr(study, name) is not None:
            raise OptionError(f"{name} {why}; leave it out")


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print what was found, within 80 columns."""
    for dataset, part in comparison.table().groupby("dataset", sort=False):
        first = part.iloc[0]
        of_some = ", scores of those with a model" if part["failed_runs"].any() else ""
        # A strategy without any model does not know what it searched; empty text is the least.
        n_plus_m, n_times_m = (whole(part[name].max()) for name in ("n_plus_m", "n_times_m"))
        console.print(
            f"\n[bold]{escape(str(dataset))}[/bold]: {first['metric']}, mean of "
            f"{first['runs']} runs{of_some}; N + M = {n_plus_m}, N × M = {n_times_m}",
            highlight=False,
        )
        console.print(_means(part))
    if comparison.regret is not None:
        exact, near = (comparison.evaluations_to(share) for share in (1.0, 0.99))
        console.print("\nEvaluations to the exact optimum, and to 99 % of the way (medians):")
        for row, close in zip(exact.to_dict("records"), near["median"], strict=True):
            console.print(
                f"  {row['strategy']:12} {_evaluations(row['median'])}, {_evaluations(close)}; "
                f"{row['seeds_that_arrive']} of {row['seeds']} seeds arrive",
                highlight=False,
            )
    console.print()
    console.print(escape(comparison.conclusion()), highlight=False)
    learnt = comparison.learnt()
    for dataset, _, words in learnt:
        named = f"{escape(dataset)}: " if len(learnt) > 1 else ""
        console.print(f"\n[bold]Axes[/bold] {named}{escape(words)}", highlight=False)


def _means(part: pd.DataFrame) -> Table:
    """Return the means on one data set by strategy."""
    headings = ["test", "±", "validation", "gap", "trials", "seconds"]
    has_failed = bool(part["failed_runs"].any())
    if has_failed:
        headings.append("failed")
    # Narrower with one column more, which is to fit into the 80, too.
    table = Table(box=None, pad_edge=False, padding=(0, 1 if has_failed else 2))
    table.add_column("strategy")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in part.to_dict("records"):
        values = [
            f"{row['test_mean']:.5g}",
            f"{row['test_std']:.2g}",
            f"{row['validation_mean']:.5g}",
            f"{row['gap_mean']:.2g}",
            f"{row['evaluations_mean']:.0f}",
            f"{row['seconds_mean']:.1f}",
            str(row["failed_runs"]),
        ]
        table.add_row(escape(str(row["strategy"])), *values[: len(headings)])
    return table


def _evaluations(count: float) -> str:
    return "never" if math.isinf(count) else f"{count:.0f}"


def _split(data: str, target: str, frame: Any) -> tuple[Any, Any]:
    if target not in frame.columns:
        raise OptionError(
            f"{data} has no column {target!r} to predict; its columns are "
            f"{', '.join(map(str, frame.columns[:20]))}"
        )
    return frame.drop(columns=target), frame[target]
