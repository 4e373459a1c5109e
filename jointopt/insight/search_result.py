"""What a search found, with its frames and its pictures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, final

from jointopt.insight.axis_analysis import axis_interactions
from jointopt.insight.parallel_plot import plot_parallel
from jointopt.insight.plots import (
    plot_anytime,
    plot_axes,
    plot_features,
    plot_history,
    plot_importance,
)
from jointopt.insight.search_frames import (
    anytime_frame,
    axes_frame,
    features_frame,
    history_frame,
    importance_frame,
    parallel_frame,
    trials_frame,
)
from jointopt.search.result import Found
from jointopt.search.storage import in_memory

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from jointopt.insight.interactions import Interactions
    from jointopt.insight.search_frames import Scale

__all__ = ["Objective", "SearchFrames", "SearchPlots", "SearchResult"]

N_PARALLEL = 6
"""Parameters that a picture of parallel coordinates has room for."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What an objective's values are called, and which way they get better."""

    name: str
    greater_is_better: bool


@final
@dataclass(frozen=True, repr=False, eq=False)
class SearchResult(Found):
    """What a search found.

    `plot` draws it and `frame` gives what is drawn: `result.plot.history()` is a plotly figure of
    `result.frame.history()`. `result.plot()` is the history, `result.frame()` all trials.

    Attributes
    ----------
    best_config : Config
        The best configuration, all parameters.
    best_score : float
        Its value, in the objective's own unit.
    studies : dict of str to optuna.Study
        By stage.
    records : tuple of TrialRecord
        The trials themselves.
    space : Space
        What was searched, bound to its table where there is one.
    direction : {"maximize", "minimize"}
        Of the objective.
    metric : Metric or Objective
        What the scores are called, and which way they get better.

    Examples
    --------
    >>> from jointopt import Categorical, Float, Space, search
    >>> space = Space(transforms={"scale": Categorical(["none", "standard"])},
    ...               hyperparameters={"C": Float(0, 1)})
    >>> def objective(config, trial):
    ...     return config["hyperparameters/C"] * (config["transforms/scale"] == "none")
    >>> result = search(space, objective, strategy="random", n_trials=100)
    >>> result.frame().shape, list(result.frame.history().columns)[:4]
    ((100, 8), ['trial', 'seconds', 'score', 'best'])
    >>> [trace.name for trace in result.plot.history().data]
    ['trials', 'best so far']
    >>> result.interactions().leading_pair
    ('transforms', 'hyperparameters')
    """

    # Without slots: what takes seconds to learn is learnt once.
    metric: Scale

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it with studies in memory: their storage may not be there to unpickle them."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self), tuple((own | {"studies": in_memory(self)}).values())

    @classmethod
    def of(cls, found: Found, metric: Scale | None = None) -> Self:
        """Return what the engine found with its frames and pictures.

        Parameters
        ----------
        found : Found
            By the engine.
        metric : Metric or None, default=None
            Of its scores; by default they are called "value".

        Examples
        --------
        >>> from jointopt import Float, Space, search
        >>> space = Space(hyperparameters={"x": Float(0, 1)})
        >>> result = search(space, lambda config, _: config["hyperparameters/x"], n_trials=3)
        >>> SearchResult.of(result, Objective("accuracy", True)).plot().layout.yaxis.title.text
        'accuracy'
        """
        metric = metric or Objective("value", found.direction == "maximize")
        own = {field.name: getattr(found, field.name) for field in fields(Found)}
        return cls(**own, metric=metric)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial: stage, number, state, value, seconds, reason, each parameter.

        A parameter is empty where it was not active.

        Examples
        --------
        >>> from jointopt import Float, Space, search
        >>> space = Space(hyperparameters={"x": Float(0, 1)})
        >>> result = search(space, lambda config, _: config["hyperparameters/x"], n_trials=2)
        >>> result.trials[["stage", "number", "state", "hyperparameters/x"]].iloc[0].tolist()
        ['joint', np.int64(0), 'complete', np.float64(0.5)]
        """
        return trials_frame(self.records)

    @property
    def frame(self) -> SearchFrames:
        """What `plot` draws, as frames.

        Examples
        --------
        >>> from jointopt import Float, Space, search
        >>> space = Space(hyperparameters={"x": Float(0, 1)})
        >>> search(space, lambda config, _: config["hyperparameters/x"], n_trials=3).frame
        SearchFrames(call it, or .history(), .anytime(), .parallel(), .importance(), .axes(),
            .interactions(), .features())
        """
        return SearchFrames(self)

    @property
    def plot(self) -> SearchPlots:
        """Pictures, as plotly figures.

        Examples
        --------
        >>> from jointopt import Float, Space, search
        >>> space = Space(hyperparameters={"x": Float(0, 1)})
        >>> search(space, lambda config, _: config["hyperparameters/x"], n_trials=3).plot
        SearchPlots(call it, or .history(), .anytime(), .parallel(), .importance(), .axes(),
            .interactions(), .features())
        """
        return SearchPlots(self)

    def interactions(self) -> Interactions:
        """Return what axes explain alone and together, and what settling them one by one loses.

        Returns
        -------
        Interactions
            With `frame()`, `plot()`, `price` and `conclusion()`; `axis_interactions` has options.

        Raises
        ------
        OptionError
            If fewer than 100 trials with no axis held fixed have a score, all scores are the
            same or hardly any is another, or the space has fewer than two axes with anything to
            decide or more than seven.

        Examples
        --------
        >>> from jointopt import Float, Space, search
        >>> space = Space(transforms={"x": Float(0, 1)}, hyperparameters={"y": Float(0, 1)})
        >>> search(space, lambda *_: 0.0, n_trials=9).interactions()
        Traceback (most recent call last):
            ...
        jointopt.errors.OptionError: 9 trials have a score and hold no axis fixed; how axes
            interact can be told from 100 on: search longer, by the joint strategy
        """
        return self._interactions

    @cached_property
    def _interactions(self) -> Interactions:
        return axis_interactions(self, self.space)

    @cached_property
    def importance(self) -> pd.DataFrame:
        """The importance of each parameter by PED-ANOVA; empty below 10 trials.

        Examples
        --------
        >>> from jointopt import Float, Space, search
        >>> space = Space(transforms={"x": Float(0, 1)}, hyperparameters={"y": Float(0, 1)})
        >>> result = search(space, lambda config, _: config["transforms/x"], "random", n_trials=50)
        >>> result.importance["parameter"].tolist()
        ['transforms/x', 'hyperparameters/y']
        """
        # Of several stages the one that saw most.
        most = max(self.studies.values(), key=lambda study: len(study.get_trials(deepcopy=False)))
        return importance_frame(most)

    def __repr__(self) -> str:
        """Say what was found and where the rest is."""
        states = self.trials["state"].value_counts().to_dict()
        told = ", ".join(f"{n} {state}" for state, n in states.items())
        names = ", ".join(name for name in vars(SearchPlots) if not name.startswith("_"))
        return (
            f"SearchResult(best_score={self.best_score:.6g}; {told}; see .best_config, .trials, "
            f".interactions(), and .plot and .frame, each with {names})"
        )


@final
class SearchFrames:
    """What `SearchPlots` draws, under the same names; called itself, one row per trial.

    Parameters
    ----------
    result : SearchResult
        What was found.

    Examples
    --------
    >>> from jointopt import Float, Space, Subset, search
    >>> space = Space(transforms={"x": Float(0, 1)},
    ...               features={"columns": Subset(["age", "bmi"])})
    >>> def objective(config, trial):
    ...     return config["transforms/x"] * config["features/columns/bmi"]
    >>> frame = search(space, objective, "random", n_trials=100).frame
    >>> frame().shape
    (100, 9)
    >>> frame.history().columns.tolist()
    ['trial', 'seconds', 'score', 'best', 'paradigm', 'state']
    >>> frame.anytime().columns.tolist()
    ['evaluation', 'seconds', 'stage', 'best']
    >>> frame.parallel(n=1).columns.tolist()
    ['trial', 'score', 'transforms/x']
    >>> frame.importance()["parameter"].tolist()
    ['transforms/x', 'features/columns/bmi', 'features/columns/age']
    >>> frame.features()
         kind name  good   all
    0  column  bmi   1.0  0.75
    1  column  age   0.5  0.52
    >>> frame.axes().columns.tolist()
    ['axis', 'alone', 'low', 'high', 'together']
    >>> frame.interactions()[["first", "second"]].values.tolist()
    [['transforms', ''], ['features', ''], ['transforms', 'features'], ['three or more', '']]
    """

    def __init__(self, result: SearchResult) -> None:
        self._result = result

    def __call__(self) -> pd.DataFrame:
        """Return one row per trial: stage, number, state, value, seconds, reason, parameters."""
        return self._result.trials.copy()

    def history(self) -> pd.DataFrame:
        """Return per scored trial: seconds of search, score, best so far, paradigm, state.

        Only trials that finished count for the best. Pauses before a search went on are no
        seconds of it.
        """
        return history_frame(self._result.records, self._result.metric)

    def anytime(self) -> pd.DataFrame:
        """Return per scored trial: evaluations, seconds of search, stage and best score so far."""
        return anytime_frame(self._result.records, self._result.metric)

    def parallel(self, n: int = N_PARALLEL) -> pd.DataFrame:
        """Return the finished trials, the best first, with the `n` parameters that matter most."""
        result = self._result
        return parallel_frame(result.records, result.metric, result.importance, n)

    def importance(self) -> pd.DataFrame:
        """Return the importance of each parameter by PED-ANOVA; empty below 10 trials."""
        return self._result.importance.copy()

    def axes(self) -> pd.DataFrame:
        """Return per axis the share of the variance that it explains alone, and in pairs.

        Raises
        ------
        OptionError
            As `SearchResult.interactions`.
        """
        return axes_frame(self._result.interactions())

    def interactions(self) -> pd.DataFrame:
        """Return the share of the variance by axis and pair of axes.

        Raises
        ------
        OptionError
            As `SearchResult.interactions`.
        """
        return self._result.interactions().frame()

    def features(self) -> pd.DataFrame:
        """Return how features were chosen, and how often each column was in use, in good trials.

        Good are the best tenth of the trials that finished, at least ten.
        """
        result = self._result
        return features_frame(result.records, result.metric, result.space)

    def __repr__(self) -> str:
        """Say what there is."""
        return _repr(self)


@final
class SearchPlots:
    """Pictures of a search, as plotly figures; called itself, its history.

    Parameters
    ----------
    result : SearchResult
        What was found.

    Examples
    --------
    >>> from jointopt import Float, Space, Subset, search
    >>> space = Space(transforms={"x": Float(0, 1)},
    ...               features={"columns": Subset(["age", "bmi"])})
    >>> def objective(config, trial):
    ...     return config["transforms/x"] * config["features/columns/bmi"]
    >>> plot = search(space, objective, "random", n_trials=100).plot
    >>> plot() == plot.history()
    True
    >>> plot.anytime("seconds").layout.xaxis.title.text
    'seconds of search'
    >>> figures = [plot.parallel(), plot.importance(n=2), plot.features()]
    >>> figures += [plot.axes(), plot.interactions()]
    >>> [figure.data[0].type for figure in figures]
    ['scatter', 'bar', 'bar', 'bar', 'heatmap']
    """

    def __init__(self, result: SearchResult) -> None:
        self._result = result

    def __call__(self) -> go.Figure:
        """Plot the history."""
        return self.history()

    def history(self) -> go.Figure:
        """Plot each trial's score over time, and the best so far."""
        return plot_history(self._result.frame.history(), self._result.metric)

    def anytime(self, x: Literal["evaluations", "seconds"] = "evaluations") -> go.Figure:
        """Plot the best score so far against what was spent, coloured by stage."""
        column = "evaluation" if x == "evaluations" else x
        return plot_anytime(self._result.frame.anytime(), self._result.metric, column)

    def parallel(self, n: int = N_PARALLEL) -> go.Figure:
        """Plot a line per finished trial through the `n` parameters that matter most."""
        return plot_parallel(self._result.frame.parallel(n), self._result.metric)

    def importance(self, n: int = 15) -> go.Figure:
        """Plot the importance of the `n` parameters that matter most, by PED-ANOVA."""
        return plot_importance(self._result.frame.importance(), n)

    def axes(self) -> go.Figure:
        """Plot what each axis explains alone, and only together with another.

        Raises
        ------
        OptionError
            As `SearchResult.interactions`.
        """
        return plot_axes(self._result.frame.axes())

    def interactions(self) -> go.Figure:
        """Plot a heat map: axes alone on the diagonal, pairs below it.

        Raises
        ------
        OptionError
            As `SearchResult.interactions`.
        """
        return self._result.interactions().plot()

    def features(self) -> go.Figure:
        """Plot how features were chosen, and how often each column was in use."""
        return plot_features(self._result.frame.features())

    def __repr__(self) -> str:
        """Say what there is."""
        return _repr(self)


def _repr(accessor: SearchFrames | SearchPlots) -> str:
    """Name an accessor's methods.

    >>> _repr(SearchPlots.__new__(SearchPlots))[:41]
    'SearchPlots(call it, or .history(), .anyt'
    """
    names = [f".{name}()" for name in vars(type(accessor)) if not name.startswith("_")]
    return f"{type(accessor).__name__}(call it, or {', '.join(names)})"
