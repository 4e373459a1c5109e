"""The main job: from a table to a model, within one budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import cpu_count

from jointopt.data import Task, get_metric
from jointopt.errors import OptionError
from jointopt.evaluation.executors import count_places, make_executor
from jointopt.evaluation.folds import (
    affordable_folds,
    affordable_rows,
    make_folds,
    n_folds_for,
    rungs_for,
)
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.evaluation.tasks import Setting
from jointopt.evaluation.threads import fit_threads
from jointopt.model.finish import Finish
from jointopt.model.members import Members
from jointopt.model.reserve import Reserve
from jointopt.model.terms import FOLD_ROWS, terms_of
from jointopt.pipeline.adapt import adapt_space, blueprint_of
from jointopt.pipeline.starts import load_portfolio, start_configs
from jointopt.search.budget import Budget
from jointopt.search.catalogue import get_strategy
from jointopt.search.engine import Engine, Shelf
from jointopt.search.place import place_of
from jointopt.search.starts import Starts
from jointopt.search.storage import open_storage
from jointopt.search.strategies import exhaustive, joint
from jointopt.search.terms import check_terms, stored_terms
from jointopt.space import Space, load_space

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric
    from jointopt.evaluation.events import Watcher
    from jointopt.model.fitted import FittedModel
    from jointopt.search.result import Found, TrialRecord
    from jointopt.search.strategies import Strategy

__all__ = ["RunOptions", "TableRun", "run_table"]

LEAST_STARTS = 8
"""Trials from which the joint sampler knows enough to propose anything better."""
SHARE_OF_ONE_FIT = 0.2
"""No fit may take more than this share of the budget."""
SHARE_OF_ONE_CONFIGURATION = 0.25
"""Nor may all folds of a configuration take more than this share of all workers' time."""

FIRST_FIT_SECONDS = 5.0
"""So long any fit may take while none has ended well, unless the user has set a limit."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a table is searched.

    Attributes
    ----------
    strategy : str or callable, default="joint"
    space : str, Space, default="tabular"
        A shipped space's name, a YAML file, or a space.
    metric : str, callable or None, default=None
        As of the estimators; by default roc_auc, log_loss or rmse, by task.
    seconds : float or None, default=None
        Wall-clock time for everything.
    n_trials : int or None, default=None
        Evaluations.
    workers : int or None, default=None
        Worker processes; None fits in this process, where a running fit cannot be stopped.
    dask : str, distributed.Client or None, default=None
        A Dask scheduler's address, or a client: fits run there, each on one thread, in place of
        `workers`.
    trial_timeout : float or None, default=None
        The longest that one fit may take, in seconds; by default a share of `seconds`, and no
        limit without these.
    memory_limit : int or None, default=None
        Resident bytes of a worker; by default its share of 80 % of the machine's memory.
    cores : int or None, default=None
        Cores to use; all that this process may use by default.
    seed : int, default=0
    storage : str, Path, optuna storage or None, default=None
    name : str, default="jointopt"
        Studies are named `name/stage`.
    numbered : bool, default=False
        Number the name, as in `name-2/stage`, where the storage holds studies of it.
    resume : bool, default=False
        Go on with the studies in the storage; other runs may do so at the same time. Their data,
        target, metric, space, strategy and seed must be the same.
    final : {"ensemble", "single"}, default="ensemble"
        Average the best configurations, or fit the best one on all rows.
    portfolio : bool, default=True
        Whether to start from what did well on other tables, else from the paradigms' defaults.
    writing_seconds : float or None, default=None
        Of the budget, what the caller needs to save the model and write a report; None where
        nothing is written.

    Raises
    ------
    OptionError
        If `final` or `workers` is not valid, or `workers` and `dask` are both given.
    """

    strategy: str | Strategy = "joint"
    space: str | Space = "tabular"
    metric: str | Callable[..., float] | None = None
    seconds: float | None = None
    n_trials: int | None = None
    workers: int | None = None
    dask: Any = None
    trial_timeout: float | None = None
    memory_limit: int | None = None
    cores: int | None = None
    seed: int = 0
    storage: Any = None
    name: str = "jointopt"
    numbered: bool = False
    resume: bool = False
    final: Literal["ensemble", "single"] = "ensemble"
    portfolio: bool = True
    writing_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no run can be made with."""
        if self.final not in ("ensemble", "single"):
            raise OptionError(f"final must be 'ensemble' or 'single', got {self.final!r}")
        if self.workers is None:
            return
        if not isinstance(self.workers, Integral) or self.workers < 1:
            raise OptionError(
                f"workers must be a whole number of at least 1, got {self.workers!r}; leave it "
                "out to fit in this process"
            )
        if self.dask is not None:
            raise OptionError(
                f"workers, here {self.workers}, are processes of this machine, but with dask all "
                "fits run on the cluster; leave out one of the two"
            )


@dataclass(frozen=True, slots=True)
class TableRun:
    """What came out: the search, the model fitted on all rows, and what they were made with.

    `out_of_fold` holds predictions of the best configurations by stage and trial number.
    """

    result: Found
    model: FittedModel
    dataset: Dataset
    space: Space
    metric: Metric
    n_folds: int
    out_of_fold: Mapping[tuple[str, int], NDArray[np.floating]]
    notes: tuple[str, ...] = field(default=())


def run_table(
    dataset: Dataset,
    options: RunOptions,
    *,
    started: float | None = None,
    listeners: Sequence[Callable[[TrialRecord], None]] = (),
    watch: Watcher | None = None,
    prepared: Callable[[TableEvaluator, Space], None] | None = None,
) -> TableRun:
    """Search the joint space on a table, and make a model of what was best.

    Parameters
    ----------
    dataset : Dataset
        The training table.
    options : RunOptions
        What to search, and for how long.
    started : float or None, default=None
        `time.monotonic()` when the command began; now, by default.
    listeners : sequence of callable, default=()
        Called with each stored trial.
    watch : callable or None, default=None
        Called with each event of what is under way.
    prepared : callable or None, default=None
        Called once before the first trial, with what evaluates, which comes to hold the best
        trials' predictions, and the space bound to the table.

    Raises
    ------
    OptionError, SpaceError, StorageError
        If an option is not valid.
    SearchError
        If no configuration could be evaluated or fitted.
    """
    metric = get_metric(options.metric, dataset.task, dataset.classes)
    strategy = get_strategy(options.strategy)
    space = options.space if isinstance(options.space, Space) else load_space(options.space)
    portfolio = load_portfolio(space) if options.portfolio else []
    space = adapt_space(space, dataset)
    storage = open_storage(options.storage)
    budget = Budget(options.seconds, options.n_trials, started=started)
    begun, earlier = stored_terms(storage, options.name) if options.resume else ("", {})
    n_places = count_places(options.workers, options.dask)
    setting = _setting(dataset, space, metric, options, n_places, earlier)
    terms = None if options.storage is None else terms_of(setting, space, options.strategy)
    if earlier and terms is not None:
        # Of another strategy they are in studies that this one would not open.
        check_terms(earlier, terms, begun, place_of(storage))
    executor = make_executor(
        setting, options.workers, memory_limit=options.memory_limit, cluster=options.dask
    )
    try:
        evaluator = TableEvaluator(
            setting,
            executor,
            max_fit_seconds=_longest_fit(options, n_places, len(setting.folds)),
            first_seconds=FIRST_FIT_SECONDS if options.trial_timeout is None else 0.0,
            keep_models=options.final == "ensemble",
            racing=strategy is not exhaustive,
            watch=watch,
        )
        if prepared is not None:
            prepared(evaluator, space)
        members = Members(setting, evaluator, timed=options.seconds is not None)
        writing = options.writing_seconds
        reserve = Reserve(budget, setting, evaluator, members, writing_seconds=writing)
        # Other strategies need the time for what they do next.
        least = LEAST_STARTS if portfolio and strategy is joint else 0
        starts = Starts(start_configs(space, dataset.task, portfolio), budget, least=least)
        engine = Engine(
            evaluator,
            budget,
            direction="maximize" if metric.greater_is_better else "minimize",
            seed=options.seed,
            shelf=Shelf(
                storage=storage,
                name=options.name,
                numbered=options.numbered,
                resume=options.resume,
                terms=terms,
            ),
            listeners=(reserve.learn, starts.learn, *listeners),
            watch=watch,
        )
        result = engine.run(strategy, space, starts)
        finish = Finish(reserve, setting, members, final=options.final)
        model, notes = finish.fit(executor, result)
    finally:
        executor.close()
    kept = {
        (record.stage, record.number): evaluator.kept.predictions[record.evaluation]
        for record in result.records
        if record.evaluation in evaluator.kept.predictions
    }
    notes = (*_about_rows(setting), *_about_class(dataset), *evaluator.notes, *notes)
    return TableRun(result, model, dataset, space, metric, len(setting.folds), kept, notes)


def _setting(
    dataset: Dataset,
    space: Space,
    metric: Metric,
    options: RunOptions,
    n_places: int,
    earlier: Mapping[str, Any],
) -> Setting:
    cores = n_places if options.dask is not None else options.cores or cpu_count()
    worker_seconds = None if options.seconds is None else options.seconds * n_places
    # A study that goes on with another budget keeps its folds, or its scores would not compare.
    wanted = earlier.get("folds") or affordable_folds(dataset, worker_seconds)
    n_folds = min(wanted, n_folds_for(dataset.n_rows))
    if earlier:
        fold_rows = earlier.get(FOLD_ROWS)
    else:
        fold_rows = affordable_rows(dataset, worker_seconds) if n_folds == 1 else None
    folds = make_folds(dataset, seed=options.seed, n_folds=n_folds, n_rows=fold_rows)
    return Setting(
        dataset=dataset,
        folds=folds,
        blueprint=blueprint_of(space, dataset),
        metric=metric,
        seed=options.seed,
        threads=fit_threads(dataset.X.size, cores // n_places),
        rungs=rungs_for(len(folds[0][0])),
        fold_rows=fold_rows,
    )


def _about_rows(setting: Setting) -> list[str]:
    if setting.fold_rows is None:
        return []
    return [
        f"{setting.fold_rows:,} of {setting.dataset.n_rows:,} rows were searched on: on so many "
        "the budget that the study was begun with allows to fit some twenty configurations"
    ]


def _about_class(dataset: Dataset) -> list[str]:
    if dataset.task is not Task.BINARY or dataset.classes is None:
        return []
    counts = np.bincount(dataset.y)
    if counts.min() > 1:
        return []
    rarer, other = dataset.classes[np.argsort(counts)].tolist()
    return [
        f"target {dataset.target!r} is {rarer!r} in one row, which every fold is fitted on: "
        f"scores are of rows with {other!r} alone and say nothing of how well the two are told "
        "apart"
    ]


def _longest_fit(options: RunOptions, n_places: int, n_folds: int) -> float | None:
    if options.trial_timeout is not None or options.seconds is None:
        return options.trial_timeout
    fair = SHARE_OF_ONE_CONFIGURATION * options.seconds * n_places / n_folds
    return max(1.0, min(SHARE_OF_ONE_FIT * options.seconds, fair))
