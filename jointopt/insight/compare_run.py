"""Run search strategies on the same data, splits, folds, space and budget."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pandas as pd
from joblib import cpu_count
from rich.console import Console

from jointopt.data import get_metric
from jointopt.errors import OptionError
from jointopt.insight.compare_one import Job, Table, one_run
from jointopt.insight.compare_options import CompareOptions
from jointopt.insight.compare_store import RunFile, fingerprint
from jointopt.insight.comparison import ANYTIME_COLUMNS, RUN_COLUMNS, Comparison
from jointopt.insight.kept_trials import TRIAL_COLUMNS
from jointopt.insight.progress import CompareProgress
from jointopt.model.run import RunOptions
from jointopt.search.budget import Budget
from jointopt.search.catalogue import COMPARED, told_strategy
from jointopt.search.terms import space_term
from jointopt.search.told_function import told_function
from jointopt.space import Space, load_space
from jointopt.space.grid import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from jointopt.insight.compare_one import Outcome, RunObserver
    from jointopt.search.strategies import Strategy

__all__ = ["compare", "compare_datasets"]

Listener = Callable[[Mapping[str, Any], int, int], None]
"""Called with a finished run's row, how many runs are done, and how many there are."""


class How(TypedDict, total=False):
    """How `compare` runs; see there."""

    workers: int | None
    trial_timeout: str | float | None
    memory_limit: str | float | None
    parallel: int
    dataset_name: str
    listener: Listener | None
    verbose: bool


def compare(
    X: Any,
    y: Any,
    strategies: Sequence[str | Strategy] | Mapping[str, str | Strategy] = COMPARED,
    *,
    budget: str | float | None = "60s",
    n_trials: int | None = None,
    seeds: int | Sequence[int] = 5,
    metric: str | Callable[..., float] | None = None,
    space: str | Space = "tabular",
    folder: str | Path | None = None,
    **how: Unpack[How],
) -> Comparison:
    """Compare search strategies on a table, fairly.

    For each seed a quarter of the rows (of each class) is held out, the same for all strategies.
    Every strategy searches the rest with the same folds, space, budget and starting points, and
    its final model is scored on the rows held out.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_features)
        A frame's columns may be numbers, categories, dates or text, with missing values.
    y : array-like of shape (n_samples,)
        The target; rows that lack it are left out.
    strategies : sequence of str or callable, or mapping of str to these
        At least two of joint, sequential, alternating, random, exhaustive, or callables
        `strategy(space, starts, seed)` that yield stages. The first is the baseline that the
        others are tested against. A mapping gives names.
    budget : str, float or None, default="60s"
        Wall-clock time of each run, final fit included: "90s", "5m", or seconds.
    n_trials : int or None, default=None
        Evaluations of each run; whichever limit is met first ends it. With `budget=None` and no
        `n_trials` only finite strategies can be run.
    seeds : int or sequence of int, default=5
        A number of seeds, or the seeds. Differences can be shown from six on, seven with three
        opponents.
    metric : str, callable or None, default=None
        A metric's name, a scikit-learn scorer's name, a scorer `f(estimator, X, y)`, or
        `f(y_true, y_pred)`, greater being better; functions get values, or labels as they are in
        `y`. By default roc_auc (binary), log_loss (multiclass) or rmse (regression).
    space : str or Space, default="tabular"
        A shipped space's name, a YAML file, or a space.
    folder : str, Path or None, default=None
        Each finished run is added to `runs.jsonl` in it at once, and a later call does only what
        is missing: more seeds and strategies may be asked for, with all other settings the same,
        the code of functions among them; runs of other versions of libraries are warned of.
    **how : Unpack[How]
        `workers` (int or None, default None): worker processes of a run; None fits in the run's
        own process, where a running fit cannot be stopped. `trial_timeout` and `memory_limit`
        (str, float or None): limits of one fit, as of the estimators. `parallel` (int, default
        1): runs at once, in processes of their own, each with at most one worker. `dataset_name`
        (str, default "data"). `listener` (callable): called as `listener(row, n_done, n_runs)`
        after each run. `verbose` (bool, default False): show how it goes, drawn in a terminal or
        a notebook, in lines elsewhere.

    Returns
    -------
    Comparison
        With `table()`, `tests()`, `conclusion()`, plots and `save(folder)`.

    Raises
    ------
    DataError
        If the table or target cannot be used.
    OptionError, SpaceError
        If an option is not valid, or the folder holds runs made with other settings.
    StorageError
        If the folder cannot be used.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from jointopt import Choice, Float, Space
    >>> space = Space(paradigm=Choice({"bayes": {
    ...     "estimator": "sklearn.naive_bayes.GaussianNB",
    ...     "hyperparameters": {"var_smoothing": Float(1e-9, 0.1, log=True)}}}))
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> comparison = compare(X, y, ["joint", "random"], budget=None, n_trials=2, seeds=2,
    ...                      space=space)
    >>> comparison.table()[["strategy", "runs", "evaluations_mean"]].values.tolist()
    [['joint', 2, 2.0], ['random', 2, 2.0]]
    >>> comparison.tests()["verdict"].tolist()
    ['no difference shown (6 unequal pairs at least could show one)']
    """
    for name in how.keys() - How.__annotations__:
        raise TypeError(
            f"compare() got an unexpected keyword argument {name!r}"
            f"{did_you_mean(name, How.__annotations__)}"
        )
    options = CompareOptions(
        strategies=strategies,
        budget=budget,
        n_trials=n_trials,
        seeds=seeds,
        metric=metric,
        space=space,
        workers=how.get("workers"),
        trial_timeout=how.get("trial_timeout"),
        memory_limit=how.get("memory_limit"),
    )
    shown = CompareProgress(Console(), "on test rows") if how.get("verbose") else None
    with nullcontext() if shown is None else shown:
        return compare_datasets(
            {how.get("dataset_name", "data"): (X, y)},
            options,
            folder=folder,
            parallel=how.get("parallel", 1),
            listener=how.get("listener"),
            observer=shown,
        )


def compare_datasets(
    tables: Mapping[str, tuple[Any, Any]],
    options: CompareOptions,
    *,
    folder: str | Path | None = None,
    parallel: int = 1,
    listener: Listener | None = None,
    observer: CompareProgress | None = None,
) -> Comparison:
    """Compare search strategies on several tables.

    Parameters
    ----------
    tables : mapping of str to (X, y)
        Tables and targets as they were read: each search infers the columns' kinds from the rows
        that it sees.
    options : CompareOptions
        What is compared.
    folder, parallel, listener
        As for `compare`.
    observer : CompareProgress or None, default=None
        Is told what goes on; of runs in other processes only that they are done.

    Raises
    ------
    DataError, OptionError, SpaceError, StorageError
        As for `compare`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris, load_wine
    >>> from jointopt import Choice, Space
    >>> bayes = {"estimator": "sklearn.naive_bayes.GaussianNB"}
    >>> options = CompareOptions(["joint", "random"], budget=None, n_trials=1, seeds=1,
    ...                          space=Space(paradigm=Choice({"bayes": bayes})))
    >>> tables = {"iris": load_iris(return_X_y=True), "wine": load_wine(return_X_y=True)}
    >>> compare_datasets(tables, options).runs[["dataset", "strategy"]].values.tolist()
    [['iris', 'joint'], ['iris', 'random'], ['wine', 'joint'], ['wine', 'random']]
    """
    strategies, seeds = options.named(), options.listed_seeds()
    if not tables:
        raise OptionError("give at least one table to compare strategies on")
    if parallel < 1:
        raise OptionError(f"parallel must be at least 1, got {parallel}")
    if parallel > 1 and (options.workers or 1) > 1:
        raise OptionError(
            f"runs at once have one worker each: leave out either parallel, here {parallel}, or "
            f"workers, here {options.workers}"
        )
    Budget(options.seconds, options.n_trials)
    space = options.space if isinstance(options.space, Space) else load_space(options.space)
    read = {str(name): Table.of(X, y, options.metric) for name, (X, y) in tables.items()}
    metrics = {name: get_metric(options.metric, table.task).name for name, table in read.items()}
    jobs = [
        Job(name, label, table, _run_options(options, space, strategy, seed, parallel))
        for name, table in read.items()
        for seed in seeds
        for label, strategy in strategies.items()
    ]
    kept = RunFile(
        folder,
        _settings(options, space, parallel, metrics),
        {name: fingerprint(table) for name, table in read.items()},
        {label: told_strategy(strategy) for label, strategy in strategies.items()},
        metrics,
    )
    missing = [job for job in jobs if job.key not in kept.outcomes]
    if missing and kept.made_with:
        # Not refused: who upgrades in the middle of a long comparison would lose all runs, and
        # those of one seed, which are compared with each other, are mostly of one version.
        warnings.warn(
            f"{kept.made_with}; the runs that are missing are added all the same, but may differ "
            "for that alone",
            stacklevel=3,
        )
    listeners = [listener] if listener is not None else []
    if observer is not None:
        observer.count(len(jobs) - len(missing), len(jobs))
        listeners.append(observer.done)
    for job, outcome in _outcomes(missing, parallel, observer):
        kept.add(job, outcome)
        done = sum(job.key in kept.outcomes for job in jobs)
        for tell in listeners:
            tell(outcome.row, done, len(jobs))
    return _comparison([kept.outcomes[job.key] for job in jobs])


def _settings(
    options: CompareOptions, space: Space, parallel: int, metrics: Mapping[str, str]
) -> dict[str, Any]:
    """Return what must be the same for runs to be compared; clocks count only with a budget."""
    timed = options.seconds is not None
    metric = None if options.metric is None else next(iter(metrics.values()))
    return {
        "metric": told_function(options.metric) if callable(options.metric) else metric,
        "budget": options.seconds,
        "n_trials": options.n_trials,
        "space": space_term(space),
        "trial_timeout": options.fit_seconds,
        "memory_limit": options.memory_bytes,
        "workers": options.workers if timed else None,
        "parallel": parallel if timed else None,
    }


def _run_options(
    options: CompareOptions, space: Space, strategy: str | Strategy, seed: int, parallel: int
) -> RunOptions:
    # One model, and plain defaults to start from: what is compared is what each strategy found,
    # not how well its trials complement each other or what other tables taught.
    return RunOptions(
        final="single",
        portfolio=False,
        strategy=strategy,
        space=space,
        metric=options.metric,
        seconds=options.seconds,
        n_trials=options.n_trials,
        workers=options.workers,
        trial_timeout=options.fit_seconds,
        memory_limit=options.memory_bytes,
        cores=max(1, cpu_count() // parallel),
        seed=seed,
    )


def _outcomes(
    jobs: Sequence[Job], parallel: int, observer: RunObserver | None
) -> Iterator[tuple[Job, Outcome]]:
    """Yield each job with its outcome as soon as it is done."""
    if parallel == 1 or len(jobs) <= 1:
        for job in jobs:
            yield job, one_run(job, observer)
        return
    from joblib import Parallel, delayed

    # Arrays that joblib maps from a file are read-only, which some estimators do not take.
    pool = Parallel(n_jobs=parallel, return_as="generator_unordered", max_nbytes=None)
    for number, outcome in pool(delayed(_numbered)(i, job) for i, job in enumerate(jobs)):
        yield jobs[number], outcome


def _numbered(number: int, job: Job) -> tuple[int, Outcome]:
    return number, one_run(job)


def _comparison(outcomes: Iterable[Outcome]) -> Comparison:
    rows, curves, trials = [], [], []
    for outcome in outcomes:
        rows.append(outcome.row)
        curve = {
            "evaluation": range(1, len(outcome.best) + 1),
            "seconds": outcome.seconds,
            "best": pd.Series(outcome.best, dtype="float64"),
        }
        named = {name: outcome.row[name] for name in ("dataset", "strategy", "seed")}
        curves.append(pd.DataFrame(curve).assign(**named))
        trials += [named | {"space": outcome.space} | trial for trial in outcome.trials]
    runs = pd.DataFrame(rows, columns=[*RUN_COLUMNS])
    anytime = pd.concat(curves, ignore_index=True)[[*ANYTIME_COLUMNS]]
    kept = pd.DataFrame(trials, columns=[*TRIAL_COLUMNS]) if trials else None
    return Comparison(runs, anytime, trials=kept)
