"""The frames and the pictures of a comparison, under the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from jointopt.insight.comparison_curves import anytime_bands
from jointopt.insight.comparison_plots import (
    anytime_figure,
    critical_difference_figure,
    scores_figure,
)
from jointopt.insight.plots import plot_axes
from jointopt.insight.regret import regret_of, regret_quartiles
from jointopt.insight.search_frames import axes_frame

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from jointopt.insight.comparison import Comparison

__all__ = ["ComparisonFrames", "ComparisonPlots"]


@final
class ComparisonFrames:
    """What `ComparisonPlots` draws, under the same names; called itself, one row per run.

    Parameters
    ----------
    comparison : Comparison
        What was compared.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from jointopt import Categorical, Comparison, GroundTruth, Int, Space, compare_on_truth
    >>> scale, k = Categorical(["none", "standard"]), Int(1, 60)
    >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": k})
    >>> truth = GroundTruth(space, np.concatenate([np.arange(60.0), -np.arange(60.0)]))
    >>> strategies = ["exhaustive", "joint", "random"]
    >>> comparison = compare_on_truth(truth, strategies, n_trials=120, seeds=1)
    >>> frame = comparison.frame
    >>> len(frame()), frame.anytime().columns.tolist()[-3:], frame.regret().columns.tolist()[-3:]
    (3, ['mean', 'low', 'high'], ['q25', 'median', 'q75'])
    >>> frame.axes()["axis"].tolist(), len(frame.interactions())
    (['hyperparameters', 'transforms'], 4)
    >>> runs = pd.concat([comparison.runs.assign(dataset=name) for name in "abc"])
    >>> Comparison(runs, comparison.anytime).frame.critical_difference()["strategy"].tolist()
    ['exhaustive', 'joint', 'random']
    """

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def __call__(self) -> pd.DataFrame:
        """Return one row per run."""
        return self._comparison.runs.copy()

    def anytime(self, x: Literal["evaluations", "seconds"] = "evaluations") -> pd.DataFrame:
        """Return the mean best validation score so far, and its bootstrap 95 % interval.

        Parameters
        ----------
        x : {"evaluations", "seconds"}, default="evaluations"
            What is spent. A run that has ended keeps its best score.
        """
        return anytime_bands(self._comparison.anytime, x)

    def critical_difference(self) -> pd.DataFrame:
        """Return mean ranks over data sets.

        Raises
        ------
        OptionError
            With fewer than three data sets or three strategies.
        """
        return self._comparison.friedman().frame()

    def regret(self) -> pd.DataFrame:
        """Return the quartiles of the regret over the seeds, by strategy and evaluation.

        Raises
        ------
        OptionError
            If the scores of the space are not known.
        """
        return regret_quartiles(self._comparison.known_regret())

    def axes(self, dataset: str | None = None) -> pd.DataFrame:
        """Return per axis the share of the variance that it explains alone, and in pairs.

        Raises
        ------
        OptionError
            As `Comparison.interactions`.
        """
        return axes_frame(self._comparison.interactions(dataset))

    def interactions(self, dataset: str | None = None) -> pd.DataFrame:
        """Return the share of the variance by axis and pair of axes.

        Raises
        ------
        OptionError
            As `Comparison.interactions`.
        """
        return self._comparison.interactions(dataset).frame()


@final
class ComparisonPlots:
    """Pictures of a comparison, as plotly figures; called itself, the test score of each run.

    Parameters
    ----------
    comparison : Comparison
        What was compared.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from jointopt import Categorical, Comparison, GroundTruth, Int, Space, compare_on_truth
    >>> scale, k = Categorical(["none", "standard"]), Int(1, 60)
    >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": k})
    >>> truth = GroundTruth(space, np.concatenate([np.arange(60.0), -np.arange(60.0)]))
    >>> strategies = ["exhaustive", "joint", "random"]
    >>> comparison = compare_on_truth(truth, strategies, n_trials=120, seeds=1)
    >>> plot = comparison.plot
    >>> runs = pd.concat([comparison.runs.assign(dataset=name) for name in "abc"])
    >>> of_ranks = Comparison(runs, comparison.anytime).plot.critical_difference()
    >>> figures = [plot(), plot.anytime(), plot.regret(), of_ranks]
    >>> figures += [plot.axes(), plot.interactions()]
    >>> [figure.data[0].type for figure in figures]
    ['box', 'scatter', 'scatter', 'scatter', 'bar', 'heatmap']
    """

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def __call__(self) -> go.Figure:
        """Plot the test score of each run by strategy."""
        return scores_figure(self._comparison.runs)

    def anytime(self, x: Literal["evaluations", "seconds"] = "evaluations") -> go.Figure:
        """Plot the best validation score so far: mean over seeds, bootstrap 95 % interval.

        Parameters
        ----------
        x : {"evaluations", "seconds"}, default="evaluations"
            What is spent. A run that has ended keeps its best score.
        """
        return anytime_figure(self._comparison.frame.anytime(x), self._comparison.runs, x)

    def critical_difference(self) -> go.Figure:
        """Plot mean ranks over data sets; bars join what Nemenyi's test does not part.

        Raises
        ------
        OptionError
            With fewer than three data sets or three strategies.
        """
        return critical_difference_figure(self._comparison.friedman())

    def regret(self) -> go.Figure:
        """Plot the regret on a logarithmic scale, N + M and the 99 % target marked.

        Raises
        ------
        OptionError
            If the scores of the space are not known.
        """
        return regret_of(self._comparison.known_regret(), self._comparison.runs)

    def axes(self, dataset: str | None = None) -> go.Figure:
        """Plot what each axis explains alone, and only together with another.

        Raises
        ------
        OptionError
            As `Comparison.interactions`.
        """
        return plot_axes(self._comparison.frame.axes(dataset))

    def interactions(self, dataset: str | None = None) -> go.Figure:
        """Plot a heat map: axes alone on the diagonal, pairs below it.

        Raises
        ------
        OptionError
            As `Comparison.interactions`.
        """
        return self._comparison.interactions(dataset).plot()
