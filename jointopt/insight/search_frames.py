"""What is shown of a search, as frames; `plots` draws them."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from optuna.trial import TrialState

from jointopt.pipeline.blueprint import FLIPS
from jointopt.search.storage import used_until
from jointopt.space import Subset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import optuna
    import pandas as pd

    from jointopt.insight.interactions import Interactions
    from jointopt.search.result import TrialRecord
    from jointopt.space import Space

__all__ = [
    "Scale",
    "anytime_frame",
    "axes_frame",
    "features_frame",
    "good_trials",
    "history_frame",
    "importance_frame",
    "n_good",
    "parallel_frame",
    "say_good",
    "trials_frame",
]

MIN_TRIALS_FOR_IMPORTANCE: Final = 10
GOOD_SHARE: Final = 0.1
"""Of the trials that finished: those are the good ones, but at least `FEWEST_GOOD`."""
FEWEST_GOOD: Final = 10
LEAST_ACTIVE: Final = 0.2
"""A parameter that fewer of the trials have says little beside others."""


class Scale(Protocol):
    """What scores are called, and which way they get better: a `Metric` is one."""

    @property
    def name(self) -> str:
        """For titles."""

    @property
    def greater_is_better(self) -> bool:
        """Direction of the natural value."""


def trials_frame(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """Return one row per trial: stage, number, state, value, seconds, reason, parameters."""
    import pandas as pd

    rows = []
    for record in records:
        trial = record.trial
        duration = trial.duration
        rows.append(
            {
                "stage": record.stage,
                "number": record.number,
                "state": trial.state.name.lower(),
                "value": trial.value if trial.value is not None else _passed(trial),
                "seconds": None if duration is None else duration.total_seconds(),
                "reason": record.told.get("reason"),
                **record.config,
            }
        )
    return pd.DataFrame(rows)


def _passed(trial: optuna.trial.FrozenTrial) -> float | None:
    """Return the value of what a pruned trial passed; a failed one has none."""
    steps = trial.intermediate_values
    return steps[max(steps)] if steps and trial.state is TrialState.PRUNED else None


def history_frame(records: Sequence[TrialRecord], metric: Scale) -> pd.DataFrame:
    """Return per scored trial: seconds of search, score, best so far, paradigm, state."""
    return _walked(records, metric, ["trial", "seconds", "score", "best", "paradigm", "state"])


def anytime_frame(records: Sequence[TrialRecord], metric: Scale) -> pd.DataFrame:
    """Return per scored trial: how many there were, seconds, stage and the best score so far."""
    return _walked(records, metric, ["evaluation", "seconds", "stage", "best"])


def _walked(records: Sequence[TrialRecord], metric: Scale, columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    used = used_until(record.trial for record in records)
    rows: list[dict[str, Any]] = []
    better: Callable[[float, float], float] = np.fmax if metric.greater_is_better else np.fmin
    best = np.nan
    for record in records:
        trial = record.trial
        value, ended = trial.value, trial.datetime_complete
        if value is None or trial.state is TrialState.FAIL or ended is None:
            continue
        if trial.state is TrialState.COMPLETE:
            best = better(best, value)
        rows.append(
            {
                "trial": record.number,
                "evaluation": len(rows) + 1,
                "stage": record.stage,
                "seconds": used[ended],
                "score": value,
                "best": best,
                "paradigm": str(record.config.get("paradigm", "trials")),
                "state": trial.state.name.lower(),
            }
        )
    return pd.DataFrame(rows, columns=columns)


def good_trials(
    records: Sequence[TrialRecord], metric: Scale
) -> tuple[list[TrialRecord], list[TrialRecord]]:
    """Return the best tenth of the trials that finished, at least ten, and all that finished."""
    finished = [r for r in records if r.trial.state is TrialState.COMPLETE]
    sign = 1.0 if metric.greater_is_better else -1.0
    finished.sort(key=lambda record: -sign * (record.trial.value or 0.0))
    return finished[: n_good(len(finished))], finished


def n_good(n_finished: int) -> int:
    """Return how many of the trials that finished are called good.

    >>> n_good(130), n_good(26), n_good(7)
    (13, 10, 7)
    """
    return min(n_finished, max(FEWEST_GOOD, round(GOOD_SHARE * n_finished)))


def say_good(n_finished: int) -> str:
    """Return which trials are called good.

    >>> say_good(26), say_good(7)
    ('the best 10 of 26 that finished', 'all 7 that finished')
    """
    n = n_good(n_finished)
    return f"{f'the best {n} of' if n < n_finished else 'all'} {n_finished} that finished"


def importance_frame(study: optuna.Study) -> pd.DataFrame:
    """Return the importance of each parameter by PED-ANOVA, the greatest first.

    The share of the variance that a parameter explains of being among the best trials, inactive
    parameters included (Watanabe, Bansal and Hutter, 2023, as in Optuna). Empty below 10 trials.
    """
    import pandas as pd
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < MIN_TRIALS_FOR_IMPORTANCE:
        return pd.DataFrame(columns=["parameter", "axis", "importance"])
    with warnings.catch_warnings():
        # A parameter of a branch that few trials took is uncertain: its importance is small, too.
        warnings.filterwarnings("ignore", message="Some regimes for parameter")
        found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    frame = pd.DataFrame({"parameter": list(found), "importance": list(found.values())})
    frame.insert(1, "axis", frame["parameter"].str.partition("/")[0])
    return frame


def parallel_frame(
    records: Sequence[TrialRecord], metric: Scale, importance: pd.DataFrame, n: int
) -> pd.DataFrame:
    """Return the finished trials, the best first: trial, score, and what matters most.

    Parameters
    ----------
    records : sequence of TrialRecord
        Of a search.
    metric : Scale
        Of its scores.
    importance : DataFrame
        As `importance_frame` gives it.
    n : int
        So many parameters, in the order of a pipeline; empty where a parameter was not active.
        The option None is the word.
    """
    import pandas as pd

    good, finished = good_trials(records, metric)
    # To pandas None would be as if the parameter were not active.
    table = pd.DataFrame(
        [
            {path: "None" if value is None else value for path, value in record.config.items()}
            for record in finished
        ]
    )
    among_good = table.iloc[: len(good)]
    useful = [
        name
        for name in table
        if table[name].astype("str").nunique() > 1
        and among_good[name].notna().mean() >= LEAST_ACTIVE
    ]
    rank = {name: place for place, name in enumerate(importance["parameter"])}
    chosen = sorted(useful, key=lambda name: (name != "paradigm", rank.get(name, len(rank))))[:n]
    frame: pd.DataFrame = table[[name for name in table if name in chosen]]
    frame.insert(0, "trial", [record.number for record in finished])
    frame.insert(1, "score", [record.trial.value for record in finished])
    return frame


def features_frame(records: Sequence[TrialRecord], metric: Scale, space: Space) -> pd.DataFrame:
    """Return how features were chosen, and how often each column was in use, in good trials.

    Parameters
    ----------
    records : sequence of TrialRecord
        Of a search.
    metric : Scale
        Of its scores.
    space : Space
        What was searched.

    Returns
    -------
    DataFrame
        Columns `kind`, `name`, `good` and `all`: the share of the good trials, and of all that
        finished. Rows of kind "choice" say how columns were chosen. Those of kind "column", the
        most used first, say how often a column was in use where it can be told: a mask names
        the columns and "all" is all of them; which ones a ranking keeps depends on the fold.
    """
    import pandas as pd

    names = _columns_of_masks(space)
    parts = [_features_of(part, names) for part in good_trials(records, metric)]
    rows = [
        {"kind": kind, "name": name, "good": parts[0][kind].get(name, 0.0), "all": share}
        for kind in ("choice", "column")
        for name, share in parts[1][kind].items()
    ]
    frame = pd.DataFrame(rows, columns=["kind", "name", "good", "all"])
    order = ["kind", "good", "all"]
    return frame.sort_values(order, ascending=[True, False, False], ignore_index=True)


def _columns_of_masks(space: Space) -> dict[str, str]:
    """Return parameter path to column; what turns columns over around a ranking is no mask."""
    return {
        path: member
        for decision in space.decisions
        if decision.axis == "features" and isinstance(decision.node, Subset)
        if decision.path != FLIPS
        for path, member in zip(decision.parameters, decision.node.members, strict=True)
    }


def _features_of(
    records: Sequence[TrialRecord], names: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Return the share of trials that took each choice, and that had each column."""
    choices = Counter(str(r.config["features"]) for r in records if "features" in r.config)
    used: Counter[str] = Counter()
    n_told = 0
    for record in records:
        mask = {names[path]: on for path, on in record.config.items() if path in names}
        if record.config.get("features") == "all":
            mask = dict.fromkeys(names.values(), True)
        n_told += bool(mask)
        used.update({column: int(bool(on)) for column, on in mask.items()})
    return {
        "choice": {name: n / len(records) for name, n in choices.items()},
        "column": {name: n / n_told for name, n in used.items()},
    }


def axes_frame(found: Interactions) -> pd.DataFrame:
    """Return per axis the share of the variance that it explains alone, and in pairs.

    Returns
    -------
    DataFrame
        Columns `axis`, `alone`, its bootstrap interval from `low` to `high`, and `together`: the
        sum over the pairs that it is in. A pair counts for both of its axes.
    """
    shares = found.frame()
    alone = shares[shares["first"].isin(found.axes) & (shares["second"] == "")]
    pairs = shares[shares["second"] != ""]
    together = [
        pairs.loc[(pairs["first"] == axis) | (pairs["second"] == axis), "share"].sum()
        for axis in alone["first"]
    ]
    named = alone.rename(columns={"first": "axis", "share": "alone"})
    frame: pd.DataFrame = named[["axis", "alone", "low", "high"]].assign(together=together)
    return frame.reset_index(drop=True)
