"""What a comparison of search strategies has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, final

import pandas as pd

from jointopt.errors import OptionError, StorageError
from jointopt.files import write_whole
from jointopt.insight.comparison_page import render_comparison
from jointopt.insight.comparison_ranks import friedman_test
from jointopt.insight.comparison_stats import (
    paired_tests,
    summary,
)
from jointopt.insight.comparison_views import ComparisonFrames, ComparisonPlots
from jointopt.insight.comparison_words import conclude
from jointopt.insight.kept_trials import TRIAL_COLUMNS, interactions_of_kept
from jointopt.insight.regret import evaluations_to
from jointopt.insight.words import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from jointopt.insight.comparison_ranks import Friedman
    from jointopt.insight.interactions import Interactions

__all__ = ["ANYTIME_COLUMNS", "RUN_COLUMNS", "Comparison"]

RUN_COLUMNS: Final = {
    "dataset": "str",
    "strategy": "str",
    "seed": "int64",
    "metric": "str",
    "greater_is_better": "bool",
    "test": "float64",
    "validation": "float64",
    "gap": "float64",
    "n_trials": "int64",
    "n_complete": "int64",
    "n_pruned": "int64",
    "n_failed": "int64",
    "seconds": "float64",
    "n_train": "int64",
    "n_test": "int64",
    "n_plus_m": "str",
    "n_times_m": "str",
    "sizes": "str",
    "budget": "str",
    "found": "str",
    "error": "str",
}
ANYTIME_COLUMNS: Final = {
    "dataset": "str",
    "strategy": "str",
    "seed": "int64",
    "evaluation": "int64",
    "seconds": "float64",
    "best": "float64",
}
REGRET_COLUMNS: Final = {
    "dataset": "str",
    "strategy": "str",
    "seed": "int64",
    "evaluation": "int64",
    "regret": "float64",
    "relative": "float64",
}
RUNS_FILE: Final = "comparison.parquet"
ANYTIME_FILE: Final = "comparison-anytime.parquet"
REGRET_FILE: Final = "comparison-regret.parquet"
TRIALS_FILE: Final = "comparison-trials.parquet"
PAGE_FILE: Final = "comparison.html"


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison:
    """Search strategies on the same data, splits, folds, space and budget.

    Parameters
    ----------
    runs : DataFrame
        One row per data set, strategy and seed: `test`, the final model's score on rows that no
        search saw; `validation`, the score that it was chosen by; `gap`, how much better
        validation looks than test (positive is optimistic, whatever the metric's direction);
        evaluations (`n_trials`, of them `n_complete`, `n_pruned`, `n_failed`); `seconds`;
        `n_plus_m` and `n_times_m`, the space's size as exact integers in text; `sizes`, that of
        each axis as JSON; `found`, the model in words; `error`, why a run gave no model. The
        strategy of the first row is the baseline.
    anytime : DataFrame
        One row per evaluation of a run: its number from 1, seconds since the run's start, best
        validation score so far (NaN before the first). Scores are in the metric's own unit.
    regret : DataFrame or None, default=None
        Where all scores of the space are known, one row per evaluation of a run: `regret`, by how
        much the best so far is worse than the optimum, and the same `relative` to the distance
        from the median configuration to the optimum.
    trials : DataFrame or None, default=None
        The scored trials of all runs, as `kept_trials` gives them: what `interactions` reads.

    Raises
    ------
    OptionError
        If a frame lacks a column.

    Examples
    --------
    >>> runs = pd.DataFrame({
    ...     "dataset": "toy", "strategy": ["joint", "random"] * 8,
    ...     "seed": [seed for seed in range(8) for _ in range(2)], "metric": "accuracy",
    ...     "greater_is_better": True, "n_trials": 20, "n_complete": 20, "n_pruned": 0,
    ...     "n_failed": 0, "seconds": 1.0, "n_train": 75, "n_test": 25, "n_plus_m": "8",
    ...     "n_times_m": "15", "sizes": "{}", "budget": "20 evaluations", "found": "knn",
    ...     "error": "", "validation": 0.9, "gap": 0.0,
    ...     "test": [0.90, 0.88, 0.92, 0.89, 0.91, 0.87, 0.93, 0.88] * 2})
    >>> anytime = pd.DataFrame({"dataset": "toy", "strategy": ["joint", "random"], "seed": 0,
    ...                         "evaluation": 1, "seconds": 0.1, "best": [0.9, 0.8]})
    >>> comparison = Comparison(runs, anytime)
    >>> comparison.tests()[["first", "second", "wins", "p_value", "verdict"]].values.tolist()
    [['joint', 'random', 8, 0.0078125, 'joint better']]
    """

    runs: pd.DataFrame
    anytime: pd.DataFrame
    regret: pd.DataFrame | None = None
    trials: pd.DataFrame | None = None
    _learnt: dict[str | None, Interactions] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Check and order the columns."""
        frames = {
            "runs": RUN_COLUMNS,
            "anytime": ANYTIME_COLUMNS,
            "regret": REGRET_COLUMNS,
            "trials": TRIAL_COLUMNS,
        }
        for name, columns in frames.items():
            frame: pd.DataFrame | None = getattr(self, name)
            if frame is None:
                continue
            missing = [column for column in columns if column not in frame.columns]
            if missing:
                raise OptionError(f"the frame of {name} lacks the columns {', '.join(missing)}")
            typed = frame[list(columns)].astype(columns).reset_index(drop=True)
            object.__setattr__(self, name, typed)
        if self.runs.empty:
            raise OptionError("a comparison needs at least one run")

    @property
    def baseline(self) -> str:
        """The strategy that the others are compared with: the first.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> compare_on_truth(truth, ["joint", "random"], n_trials=5, seeds=2).baseline
        'joint'
        """
        return str(self.runs["strategy"].iloc[0])

    @property
    def frame(self) -> ComparisonFrames:
        """What `plot` draws, as frames; called itself, one row per run.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=5, seeds=2)
        >>> comparison.frame()[["strategy", "seed", "n_trials"]].values.tolist()
        [['joint', 0, 5], ['random', 0, 5], ['joint', 1, 5], ['random', 1, 5]]
        """
        return ComparisonFrames(self)

    @property
    def plot(self) -> ComparisonPlots:
        """Pictures, as plotly figures; called itself, the test score of each run.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=5, seeds=2)
        >>> [trace.name for trace in comparison.plot().data]
        ['joint', 'random']
        """
        return ComparisonPlots(self)

    def table(self) -> pd.DataFrame:
        """Return one row per data set and strategy.

        Returns
        -------
        DataFrame
            Runs, failed runs; mean and standard deviation over the seeds of test, validation,
            gap, evaluations and seconds; N + M and N × M of the space.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=10, seeds=2)
        >>> comparison.table()[["strategy", "runs", "test_mean", "n_times_m"]].values.tolist()
        [['joint', 2, 9.0, '10'], ['random', 2, 9.0, '10']]
        """
        return summary(self.runs)

    def tests(
        self, pairs: Literal["baseline", "all"] = "baseline", *, per_dataset: bool = False
    ) -> pd.DataFrame:
        """Compare strategies in pairs by the Wilcoxon signed-rank test on test scores.

        Runs of the same data set and seed are a pair: they share the split, the folds, the space
        and the budget. Runs that gave no model are left out. Pooled over several data sets,
        differences are divided by the standard deviation of the data set's test scores, so that
        metrics of different size weigh alike.

        With n pairs the smallest possible two-sided p is 2 / 2^n: 0.0625 for five, so five seeds
        on one data set can never show a difference. The verdict says so, and how many pairs that
        are not equal could. Test sets of different seeds share rows, so that p is somewhat
        optimistic: a p just below 0.05 is weak evidence.

        Parameters
        ----------
        pairs : {"baseline", "all"}, default="baseline"
            The first strategy with each other, or each pair.
        per_dataset : bool, default=False
            Test on each data set alone.

        Returns
        -------
        DataFrame
            Per test: dataset, first, second, n (pairs), mean_difference (positive favours the
            first, whatever the metric's direction) and its unit, wins, ties and losses of the
            first, effect_size (matched-pairs rank-biserial correlation, -1 to 1), p_value
            (two-sided; exact for few pairs), p_holm (corrected for the number of rows) and
            verdict: "no difference shown" when p_holm is 0.05 or more, else who is better.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=10, seeds=6)
        >>> comparison.tests()[["first", "second", "n", "ties", "p_value"]].values.tolist()
        [['joint', 'random', 6, 6, 1.0]]

        References
        ----------
        F. Wilcoxon, "Individual comparisons by ranking methods", 1945.
        S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
        D. S. Kerby, "The simple difference formula", 2014, for the effect size.
        """
        return paired_tests(self.runs, pairs, per_dataset=per_dataset)

    def friedman(self) -> Friedman:
        """Compare the ranks of strategies over data sets: Friedman's and Nemenyi's tests.

        Ranks are by the mean over the seeds on which all strategies have a score; one without any
        score on a data set ranks last there.

        Raises
        ------
        OptionError
            With fewer than three data sets or three strategies.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> one = compare_on_truth(truth, ["joint", "sequential", "random"], n_trials=10, seeds=1)
        >>> runs = pd.concat([one.runs.assign(dataset=name) for name in "abc"])
        >>> Comparison(runs, one.anytime).friedman().verdict
        'no difference shown between strategies over 3 data sets'
        """
        return friedman_test(self.runs)

    def conclusion(self) -> str:
        """Return what the runs show in plain sentences that follow the statistics.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> compare_on_truth(truth, ["joint", "random"], n_trials=10, seeds=6).conclusion()
        'On ground truth, in test score over 6 seeds: no difference shown between joint and random
            (p = 1). All have the same mean test score, 9.'
        """
        return conclude(self.runs)

    def plot_anytime(self, x: Literal["evaluations", "seconds"] = "evaluations") -> go.Figure:
        """Plot the best validation score so far: mean over seeds, bootstrap 95 % interval.

        Parameters
        ----------
        x : {"evaluations", "seconds"}, default="evaluations"
            What is spent. A run that has ended keeps its best score.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=5, seeds=2)
        >>> comparison.plot_anytime().layout.xaxis.title.text
        'evaluations'
        """
        return self.plot.anytime(x)

    def evaluations_to(self, share: float = 1.0) -> pd.DataFrame:
        """Return how many evaluations each strategy took to the optimum, or near it.

        Parameters
        ----------
        share : float, default=1.0
            Of the way from the median configuration's score to the best; 1 is the exact optimum.

        Returns
        -------
        DataFrame
            One row per strategy: `median`, `q25` and `q75` over the seeds, infinite for those
            that never arrive; `seeds_that_arrive` of `seeds`; `n_plus_m` and `n_times_m`.

        Raises
        ------
        OptionError
            If the scores of the space are not known.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["exhaustive", "random"], n_trials=10, seeds=1)
        >>> comparison.evaluations_to(share=0.5)[["strategy", "seeds_that_arrive"]].values.tolist()
        [['exhaustive', 1], ['random', 1]]
        """
        return evaluations_to(self.known_regret(), self.runs, share)

    def interactions(self, dataset: str | None = None) -> Interactions:
        """Return what axes explain alone and together, and what settling them one by one loses.

        It is learnt from the trials of all strategies of a seed, which share folds and space; of
        several seeds it is the mean.

        Parameters
        ----------
        dataset : str or None, default=None
            Which data set; may be left out where there is one.

        Returns
        -------
        Interactions
            With `frame()`, `plot()`, `price` and `conclusion()`.

        Raises
        ------
        OptionError
            If no trials are kept, they are too few (100 that hold no axis fixed, by seed), or the
            data set must be named.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import Categorical, GroundTruth, Int, Space, compare_on_truth
        >>> scale, k = Categorical(["none", "standard"]), Int(1, 60)
        >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": k})
        >>> truth = GroundTruth(space, np.concatenate([np.arange(60.0), -np.arange(60.0)]))
        >>> comparison = compare_on_truth(truth, ["exhaustive", "random"], n_trials=120, seeds=1)
        >>> comparison.interactions().leading_pair
        ('transforms', 'hyperparameters')
        """
        if self.trials is None:
            raise OptionError("this comparison keeps no trials; compare again to have them")
        if dataset is None and self.runs["dataset"].nunique() == 1:
            dataset = str(self.runs["dataset"].iloc[0])
        if dataset not in self._learnt:
            self._learnt[dataset] = interactions_of_kept(self.trials, self.runs, dataset)
        return self._learnt[dataset]

    def learnt(self) -> list[tuple[str, Interactions | None, str]]:
        """Return by data set how its axes interact, None where that cannot be told, and in words.

        Nothing where no trials are kept.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import Categorical, GroundTruth, Int, Space, compare_on_truth
        >>> scale, k = Categorical(["none", "standard"]), Int(1, 9)
        >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": k})
        >>> truth = GroundTruth(space, np.arange(18.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=9, seeds=1)
        >>> [(dataset, found, told)] = comparison.learnt()
        >>> dataset, found, told[:45]
        ('ground truth', None, 'How the axes interact cannot be told: 13 tria')
        """
        told: list[tuple[str, Interactions | None, str]] = []
        for dataset in self.runs["dataset"].unique().tolist() if self.trials is not None else []:
            own = self.runs[self.runs["dataset"] == dataset]
            try:
                found = self.interactions(dataset)
            except OptionError as error:
                told.append((dataset, None, f"How the axes interact cannot be told: {error}."))
            else:
                told.append((dataset, found, found.conclusion(own["metric"].iloc[0])))
        return told

    def known_regret(self) -> pd.DataFrame:
        """Return one row per evaluation of a run, with its regret.

        Raises
        ------
        OptionError
            If the scores of the space are not known.

        Examples
        --------
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["exhaustive", "random"], n_trials=10, seeds=1)
        >>> comparison.known_regret()[["strategy", "evaluation", "regret"]].iloc[9].tolist()
        ['exhaustive', np.int64(10), np.float64(0.0)]
        """
        if self.regret is None:
            raise OptionError(
                "regret needs the score of every configuration: enumerate a finite space and "
                "use compare_on_truth"
            )
        return self.regret

    def save(self, folder: str | Path) -> Path:
        """Write comparison.parquet, comparison-anytime.parquet and the page comparison.html.

        Where there are trials, comparison-trials.parquet, and where the optimum is known,
        comparison-regret.parquet, too.

        Returns
        -------
        Path
            The page.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=5, seeds=2)
        >>> with TemporaryDirectory() as folder:
        ...     comparison.save(folder).name
        'comparison.html'
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / RUNS_FILE, self.runs.to_parquet(index=False))
            write_whole(folder / ANYTIME_FILE, self.anytime.to_parquet(index=False))
            for name, frame in ((REGRET_FILE, self.regret), (TRIALS_FILE, self.trials)):
                if frame is None:
                    (folder / name).unlink(missing_ok=True)
                else:
                    write_whole(folder / name, frame.to_parquet(index=False))
            page = folder / PAGE_FILE
            html = render_comparison(self.runs, self.anytime, self.regret, self.learnt())
            write_whole(page, html)
        except OSError as error:
            raise StorageError(
                f"the comparison cannot be written to {folder}: {error.strerror}"
            ) from error
        return page

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` has written.

        Raises
        ------
        StorageError
            If the folder holds no comparison.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> from jointopt import GroundTruth, Int, Space, compare_on_truth
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(0, 9)}), np.arange(10.0))
        >>> comparison = compare_on_truth(truth, ["joint", "random"], n_trials=5, seeds=2)
        >>> with TemporaryDirectory() as folder:
        ...     page = comparison.save(folder)
        ...     Comparison.load(folder).runs.equals(comparison.runs)
        True
        """
        frames: list[Any] = []
        for name in (RUNS_FILE, ANYTIME_FILE, REGRET_FILE, TRIALS_FILE):
            path = Path(folder) / name
            if not path.is_file():
                if name in (REGRET_FILE, TRIALS_FILE):
                    frames.append(None)
                    continue
                raise StorageError(f"{folder} holds no comparison: {name} is missing")
            try:
                frames.append(pd.read_parquet(path))
            except (OSError, ValueError) as error:
                raise StorageError(f"{path} cannot be read as Parquet: {error}") from error
        return cls(*frames)

    def __repr__(self) -> str:
        """Say what was compared and where the rest is."""
        strategies = ", ".join(self.runs["strategy"].unique().tolist())
        n_datasets, n_seeds = self.runs["dataset"].nunique(), self.runs["seed"].nunique()
        return (
            f"Comparison({strategies}; {counted(n_datasets, 'data set')}, "
            f"{counted(n_seeds, 'seed')}; see .conclusion(), .table(), .tests(), "
            ".friedman(), .interactions(), .frame(), .plot(), .plot_anytime(), .save(folder); "
            ".plot and .frame have more)"
        )
