"""Search for any objective, and see what it taught: no table needed."""

from __future__ import annotations

import json
import math
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import optuna
from rich.console import Console

from jointopt.errors import OptionError
from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.evaluation.outcome import Outcome, State
from jointopt.evaluation.seeds import checked_seed
from jointopt.insight.progress import Progress
from jointopt.insight.progress_view import Limits
from jointopt.insight.search_result import Objective, SearchResult
from jointopt.search.budget import Budget, parse_seconds
from jointopt.search.catalogue import get_strategy, told_strategy
from jointopt.search.engine import Engine, Shelf
from jointopt.search.place import place_of
from jointopt.search.storage import open_storage
from jointopt.search.terms import check_terms, space_term, stored_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from optuna.storages import BaseStorage

    from jointopt.search.strategies import Strategy
    from jointopt.space import Config, Space

__all__ = ["search"]


class _ObjectiveEvaluator:
    """Calls a function, one configuration at a time, in this process."""

    capacity = 1

    def __init__(
        self, objective: Callable[[Config, optuna.trial.Trial], float], *, stores: bool = False
    ) -> None:
        self._objective = objective
        self._stores = stores
        self._waiting: list[tuple[int, Config, optuna.trial.Trial]] = []

    def submit(self, number: int, config: Config, trial: optuna.trial.Trial) -> None:
        self._waiting.append((number, config, trial))

    def collect(self, timeout: float | None) -> list[Outcome]:
        if not self._waiting or (timeout is not None and timeout <= 0):
            return []
        number, config, trial = self._waiting.pop(0)
        # A copy, for an objective may take its parameters out of it.
        value = attempt(lambda: float(self._objective(dict(config), trial)))
        frozen = trial.study.get_trials(deepcopy=False)[trial.number]
        told = attempt(lambda: _plain(frozen.user_attrs)) if self._stores else frozen.user_attrs
        steps = frozen.intermediate_values
        state, worth, reason = _ended(value, steps)
        if isinstance(told, Exception):
            if state is not State.FAILED:
                reason = f"a user attribute cannot be stored: {reason_of(told)}"
            state, worth, told = State.FAILED, None, {}
        return [Outcome(number, state, worth, steps, told, reason=reason)]

    def has_partial(self) -> bool:
        return False

    def explain(self, config: Config) -> dict[str, float]:
        del config
        return {}

    def learn(self, outcome: Outcome) -> None:
        """Do nothing: an objective has nothing to learn from earlier runs."""

    def abandon(self) -> list[Outcome]:
        self._waiting.clear()
        return []


def _ended(
    value: float | Exception, steps: Mapping[int, float]
) -> tuple[State, float | None, str | None]:
    """Return the state, value and reason of what an objective returned or raised."""
    if isinstance(value, optuna.TrialPruned):
        last = steps[max(steps)] if steps else math.nan
        return State.PRUNED, None if math.isnan(last) else last, "pruned by the objective"
    if isinstance(value, Exception):
        return State.FAILED, None, reason_of(value)
    if math.isnan(value):
        return State.FAILED, None, "the objective returned NaN"
    return State.COMPLETE, value, None


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON can express, NumPy's values as Python's."""
    found: dict[str, Any] = json.loads(json.dumps(attributes, default=_of_numpy))
    return found


def _of_numpy(value: object) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


def search(
    space: Space,
    objective: Callable[[Config, optuna.trial.Trial], float],
    strategy: str | Strategy = "joint",
    *,
    n_trials: int | None = 200,
    budget: str | float | None = None,
    direction: Literal["maximize", "minimize"] = "maximize",
    seed: int = 0,
    storage: str | Path | BaseStorage | None = None,
    name: str | None = None,
    verbose: bool = False,
) -> SearchResult:
    """Search a space for the configuration with the best value of any objective.

    Parameters
    ----------
    space : Space
        What is searched.
    objective : callable
        `objective(config, trial) -> float`; `config` maps parameter paths to values, `trial` is
        an `optuna.Trial` whose `report` and `should_prune` work (median pruning). An exception
        makes the trial a failed one, with its reason; NaN does too, and where trials are stored,
        user attributes that JSON cannot express. `trial.number` need not be the stored trial's,
        for what is drawn again is not stored again: to find a trial by what is kept elsewhere,
        name that in an attribute, `trial.set_user_attr`.
    strategy : str or callable, default="joint"
        joint, sequential, alternating, random, exhaustive, or a callable
        `strategy(space, starts, seed)` that yields stages.
    n_trials : int or None, default=200
        Evaluations; None for no limit. The space's default configuration is the first.
    budget : str, float or None, default=None
        Wall-clock time, such as "60s"; whichever limit is met first ends the search.
    direction : {"maximize", "minimize"}, default="maximize"
        Whether greater or smaller values are better.
    seed : int, default=0
        The same seed, up to 2**32 - 1, gives the same trials.
    storage : str, Path, optuna storage or None, default=None
        None keeps the study in memory; a database URL, a path ending in `.journal` or an Optuna
        storage keep it durably.
    name : str or None, default=None
        Studies are named `name/stage`. Those that the storage holds of this name are gone on
        with: their trials are known, and count. None takes a name that is free: search,
        search-2 and so on.
    verbose : bool, default=False
        Show how the search goes: drawn in a terminal or a notebook, in lines elsewhere.

    Returns
    -------
    SearchResult
        With `best_config`, `best_score`, `trials`, `frame`, `plot` and `interactions()`.

    Raises
    ------
    OptionError
        If an option is not valid.
    SearchError
        If no trial ended with a value.
    StorageError
        If the storage cannot be used, or its studies of that name are of another space, strategy
        or direction.

    Examples
    --------
    >>> from jointopt import Float, Space
    >>> space = Space(hyperparameters={"x": Float(-1.0, 1.0)})
    >>> found = search(space, lambda config, trial: -config["hyperparameters/x"] ** 2, n_trials=30)
    >>> abs(found.best_config["hyperparameters/x"]) < 0.2
    True
    >>> found.frame.history().shape
    (30, 6)
    """
    if direction not in ("maximize", "minimize"):
        raise OptionError(f"direction must be maximize or minimize, got {direction!r}")
    started = time.monotonic()
    limits = Limits(None if budget is None else parse_seconds(budget), n_trials)
    metric = Objective("value", greater_is_better=direction == "maximize")
    shown = Progress(Console(), metric, limits, started) if verbose else None
    plan, seed = get_strategy(strategy), checked_seed(seed)
    spent = Budget(limits.seconds, limits.n_trials, started=started)
    kept_in = open_storage(storage)
    terms = {
        "space": space_term(space),
        "strategy": told_strategy(strategy),
        "direction": direction,
    }
    begun, earlier = ("", {}) if name is None else stored_terms(kept_in, name)
    if earlier:
        # Of another strategy they are in studies that this one would not open.
        check_terms(earlier, terms, begun, place_of(kept_in))
    engine = Engine(
        _ObjectiveEvaluator(objective, stores=storage is not None),
        spent,
        direction=direction,
        seed=seed,
        shelf=Shelf(
            storage=kept_in,
            name="search" if name is None else name,
            numbered=name is None,
            resume=name is not None,
            terms=terms,
        ),
        listeners=[] if shown is None else [shown.hear],
        watch=None if shown is None else shown.see,
    )
    with nullcontext() if shown is None else shown:
        found = engine.run(plan, space, [space.default()])
    return SearchResult.of(found, metric)
