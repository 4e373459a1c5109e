"""The exact ground truth of a finite space: every configuration's score, and what follows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, final

import numpy as np
import pandas as pd
from optuna.trial import TrialState

from jointopt.errors import OptionError, SpaceError
from jointopt.insight.regret import regret_figure, regret_quartiles
from jointopt.insight.truth_coding import Coding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import optuna
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from jointopt.insight.search_result import SearchResult
    from jointopt.space import Config, Space, Value

__all__ = ["GroundTruth"]

MODEL_AXES: Final = ("paradigm", "architecture", "hyperparameters")
"""Searched as one axis of models when one axis after another is exhausted."""
SCORE: Final = "score"
KEY: Final = b"jointopt"


@final
@dataclass(frozen=True, slots=True, eq=False)
class GroundTruth:
    """The score of every configuration of a finite space.

    Parameters
    ----------
    space : Space
        Finite, and bound to its table.
    scores : ndarray of shape (n_configs,)
        In the order of `space.enumerate()`; NaN for a configuration that cannot be evaluated.
    direction : {"maximize", "minimize"}, default="maximize"
        Whether greater or smaller scores are better.
    about : Mapping, default={}
        How the scores came to be, as plain values; saved with them.

    Raises
    ------
    SpaceError
        If the space is not finite, or the number of scores is not its number of configurations.

    Examples
    --------
    >>> from jointopt import Categorical, Int, Space
    >>> space = Space(transforms={"scale": Categorical(["none", "standard"])},
    ...               hyperparameters={"k": Int(1, 3)})
    >>> truth = GroundTruth(space, np.array([0.5, 0.6, 0.7, 0.9, 0.8, 0.6]))
    >>> truth.optimum, truth.best_configs
    (0.9, ({'transforms/scale': 'standard', 'hyperparameters/k': 1},))
    >>> truth.one_axis_after_another({"transforms/scale": "none", "hyperparameters/k": 3})
    ({'transforms/scale': 'none', 'hyperparameters/k': 3}, 4)
    """

    space: Space
    scores: NDArray[np.float64]
    direction: Literal["maximize", "minimize"] = "maximize"
    about: Mapping[str, Any] = field(default_factory=dict)
    _signed: NDArray[np.float64] = field(init=False, repr=False)
    _coding: Coding = field(init=False, repr=False)
    _codes: NDArray[np.int16] = field(init=False, repr=False)
    _rows: Mapping[int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Give each configuration its number, so that a score is found at once."""
        scores = np.array(self.scores, dtype=np.float64)
        n_configs = finite(self.space).size().joint
        if scores.shape != (n_configs,):
            raise SpaceError(
                f"the space has {n_configs} configurations, got scores of shape {scores.shape}"
            )
        if np.isnan(scores).all():
            raise SpaceError("no configuration of the space has a score")
        scores.flags.writeable = False
        configs = list(self.space.enumerate())
        coding = Coding.of(configs, self.space.parameters)
        codes = np.array([coding.encode(config) for config in configs], dtype=np.int16)
        rows = {coding.number(row): i for i, row in enumerate(codes.tolist())}
        signed = np.where(np.isnan(scores), -np.inf, self._sign * scores)
        for name, value in {
            "scores": scores,
            "_signed": signed,
            "_coding": coding,
            "_codes": codes,
            "_rows": rows,
        }.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Say what is known and how to see it."""
        return (
            f"GroundTruth({len(self.scores)} configurations, {self.direction}, optimum "
            f"{self.optimum:.6g}; see .frame, .best_configs, .regret_curve(result))"
        )

    # -------------------------------------------------------------------------- look up

    @property
    def _sign(self) -> float:
        return 1.0 if self.direction == "maximize" else -1.0

    @property
    def frame(self) -> pd.DataFrame:
        """One row per configuration: a column per parameter, None if inactive, and `score`.

        Examples
        --------
        >>> from jointopt import Int, Space
        >>> GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.9, 0.7])).frame
           hyperparameters/k  score
        0                  1    0.5
        1                  2    0.9
        2                  3    0.7
        """
        columns = {
            path: pd.Series(self._coding.values(path, self._codes[:, i]), dtype=object)
            for i, path in enumerate(self._coding.paths)
        }
        frame = pd.DataFrame(columns).infer_objects()
        frame[SCORE] = self.scores
        return frame

    def config(self, row: int) -> Config:
        """Return the configuration of a row of `frame`.

        Examples
        --------
        >>> from jointopt import Int, Space
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.9, 0.7]))
        >>> truth.config(1)
        {'hyperparameters/k': 2}
        """
        return self._coding.decode(self._codes[row].tolist())

    def score(self, config: Mapping[str, Value]) -> float:
        """Return a configuration's score.

        Raises
        ------
        SpaceError
            If the space does not have that configuration.

        Examples
        --------
        >>> from jointopt import Int, Space
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.9, 0.7]))
        >>> truth.score({"hyperparameters/k": 2})
        0.9
        """
        return float(self.scores[self._row(config)])

    def objective(self, config: Config, trial: optuna.trial.Trial) -> float:
        """Return a configuration's score: an objective for `search`.

        Examples
        --------
        >>> from jointopt import Int, Space, search
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.9, 0.7]))
        >>> search(truth.space, truth.objective, n_trials=3).best_config
        {'hyperparameters/k': 2}
        """
        del trial
        return self.score(config)

    def _row(self, config: Mapping[str, Value]) -> int:
        try:
            return self._rows[self._coding.number(self._coding.encode(config))]
        except KeyError:
            self.space.validate(config)
        # Valid, but not as the space writes it, such as 0.1 + 0.2 on a grid of tenths.
        return self._rows[self._coding.number(self._coding.encode(self.space.complete(config)))]

    # -------------------------------------------------------------------------- regret

    @property
    def optimum(self) -> float:
        """The best score.

        Examples
        --------
        >>> from jointopt import Int, Space
        >>> space = Space(hyperparameters={"k": Int(1, 3)})
        >>> GroundTruth(space, np.array([2.0, 1.5, 3.0]), direction="minimize").optimum
        1.5
        """
        return float(self.scores[self._signed.argmax()])

    @property
    def best_configs(self) -> tuple[Config, ...]:
        """The configurations that have the best score.

        Examples
        --------
        >>> from jointopt import Int, Space
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.9, 0.9]))
        >>> truth.best_configs
        ({'hyperparameters/k': 2}, {'hyperparameters/k': 3})
        """
        return tuple(
            self.config(row) for row in np.flatnonzero(self.scores == self.optimum).tolist()
        )

    def regret(self, value: float) -> float:
        """Return by how much a score is worse than the best one; infinite for NaN.

        Examples
        --------
        >>> from jointopt import Int, Space
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 1, 0.75]))
        >>> truth.regret(0.75)
        0.25
        """
        return np.inf if np.isnan(value) else self._sign * (self.optimum - value)

    def target(self, share: float = 0.99) -> float:
        """Return the score that covers a share of the way from the median score to the best.

        Parameters
        ----------
        share : float, default=0.99
            1 is the optimum, 0 the median configuration.

        Examples
        --------
        >>> from jointopt import Int, Space
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.0, 1.0, 0.5]))
        >>> truth.target(share=0.5)
        0.75
        """
        median = float(np.nanmedian(self.scores))
        return self.optimum - (1 - share) * (self.optimum - median)

    def regret_curve(self, result: SearchResult) -> pd.DataFrame:
        """Return what a search had found after each evaluation.

        Parameters
        ----------
        result : SearchResult
            Of a search in this space; its trials are looked up, so that those of a search on the
            table itself serve as well.

        Returns
        -------
        DataFrame
            Columns `evaluation` (from 1), `best` (score of the best configuration so far, NaN
            before the first that was completed) and `regret`.

        Examples
        --------
        >>> from jointopt import Int, Space, search
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.75, 1]))
        >>> result = search(truth.space, truth.objective, "exhaustive")
        >>> truth.regret_curve(result)
           evaluation  best  regret
        0           1  0.50    0.50
        1           2  0.75    0.25
        2           3  1.00    0.00
        """
        found = np.array(
            [
                self._signed[self._row(record.config)]
                if record.trial.state is TrialState.COMPLETE
                else -np.inf
                for record in result.records
            ]
        )
        signed = np.maximum.accumulate(found) if len(found) else found
        signed = np.where(np.isfinite(signed), signed, np.nan)
        return pd.DataFrame(
            {
                "evaluation": np.arange(1, len(signed) + 1),
                "best": self._sign * signed,
                "regret": self._signed.max() - signed,
            }
        )

    def evaluations_to(self, result: SearchResult, share: float = 1.0) -> int | None:
        """Return after how many evaluations a search had reached a target, None if it never did.

        Parameters
        ----------
        result : SearchResult
            Of a search in this space.
        share : float, default=1.0
            Of the way from the median score to the best; 1 is the exact optimum.

        Examples
        --------
        >>> from jointopt import Int, Space, search
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 1, 0.75]))
        >>> truth.evaluations_to(search(truth.space, truth.objective, "exhaustive"))
        2
        """
        reached = self.regret_curve(result)["regret"] <= self.regret(self.target(share))
        return int(reached.argmax()) + 1 if reached.any() else None

    # -------------------------------------------------------------------------- N + M and N × M

    @property
    def n_times_m(self) -> int:
        """The number of configurations: what searching all axes jointly has to choose from.

        Examples
        --------
        >>> from jointopt import Categorical, Int, Space
        >>> scale = Categorical(["none", "standard"])
        >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": Int(1, 3)})
        >>> GroundTruth(space, np.arange(6.0)).n_times_m
        6
        """
        return len(self.scores)

    @property
    def n_plus_m(self) -> int:
        """The evaluations that exhausting one axis after another takes.

        Paradigm, architecture and hyperparameters are one axis of models, and each axis starts
        from a configuration that is known already: 1 + (N - 1) + (M - 1) + … This is less than
        `space.size().sequential`, which counts paradigms apart from their hyperparameters.

        Examples
        --------
        >>> from jointopt import Categorical, Int, Space
        >>> scale = Categorical(["none", "standard"])
        >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": Int(1, 3)})
        >>> GroundTruth(space, np.arange(6.0)).n_plus_m
        4
        """
        groups = self._axis_columns()
        return 1 + sum(len(np.unique(self._codes[:, g], axis=0)) - 1 for g in groups.values())

    def one_axis_after_another(
        self, start: Mapping[str, Value], order: Sequence[str] | None = None
    ) -> tuple[Config, int]:
        """Exhaust one axis after another, earlier winners in place: exact sequential search.

        Parameters
        ----------
        start : Mapping
            The configuration to begin with.
        order : sequence of str or None, default=None
            The axes; `models` stands for paradigm, architecture and hyperparameters together.
            Transforms, features, models by default.

        Returns
        -------
        config : Config
            Where it ends.
        n_evaluations : int
            How many different configurations it looked at.

        Examples
        --------
        >>> from jointopt import Categorical, Int, Space
        >>> scale = Categorical(["none", "standard"])
        >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": Int(1, 2)})
        >>> truth = GroundTruth(space, np.array([0.7, 0.8, 0.9, 0.5]))
        >>> truth.one_axis_after_another({"transforms/scale": "none", "hyperparameters/k": 2})
        ({'transforms/scale': 'none', 'hyperparameters/k': 2}, 3)
        >>> truth.best_configs
        ({'transforms/scale': 'standard', 'hyperparameters/k': 1},)
        """
        groups = self._axis_columns()
        best = self._row(start)
        seen = {best}
        for axis in order or groups:
            if axis not in groups:
                raise OptionError(f"no axis {axis!r}; the axes are {', '.join(groups)}")
            rows = list(self._along(best, groups[axis]))
            seen.update(rows)
            best = max([best, *rows], key=lambda row: self._signed[row])
        return self.config(best), len(seen)

    def _axis_columns(self) -> dict[str, list[int]]:
        """Return which columns of codes belong to each axis."""
        columns: dict[str, list[int]] = {}
        for i, path in enumerate(self._coding.paths):
            axis = path.partition("/")[0]
            columns.setdefault("models" if axis in MODEL_AXES else axis, []).append(i)
        return columns

    def _along(self, row: int, columns: list[int]) -> Iterator[int]:
        """Yield the rows that differ from one along one axis only.

        What another axis does not know while it is inactive is at its default.
        """
        known = self.config(row)
        own = {self._coding.paths[i] for i in columns}
        held = {path: value for path, value in known.items() if path not in own}
        first = np.unique(self._codes[:, columns], axis=0, return_index=True)[1]
        for other in np.sort(first):
            chosen = {path: v for path, v in self.config(int(other)).items() if path in own}
            yield self._row(self.space.complete(held | chosen))

    # -------------------------------------------------------------------------- keep and show

    def save(self, path: str | Path) -> None:
        """Write the scores as Parquet, with the code of each parameter's value beside them.

        A code is the position among the parameter's values, which the file's metadata lists, and
        -1 where the parameter is inactive.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from jointopt import Int, Space
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.9, 0.7]))
        >>> with TemporaryDirectory() as folder:
        ...     truth.save(f"{folder}/truth.parquet")
        ...     GroundTruth.load(f"{folder}/truth.parquet", truth.space).optimum
        0.9
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {p: self._codes[:, i] for i, p in enumerate(self._coding.paths)}
        table = pa.table({**columns, SCORE: self.scores})
        about = {
            "values": self._coding.options,
            "direction": self.direction,
            "about": dict(self.about),
        }
        table = table.replace_schema_metadata({KEY: json.dumps(about).encode()})
        pq.write_table(table, Path(path), compression="zstd", compression_level=19)

    @classmethod
    def load(cls, path: str | Path, space: Space) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or Path
            The file.
        space : Space
            The space whose scores are in it, bound to its table.

        Raises
        ------
        SpaceError
            If the file holds scores of another space.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from jointopt import Int, Space
        >>> space = Space(hyperparameters={"k": Int(1, 3)})
        >>> with TemporaryDirectory() as folder:
        ...     GroundTruth(space, np.array([0.5, 0.9, 0.7])).save(f"{folder}/truth.parquet")
        ...     GroundTruth.load(f"{folder}/truth.parquet", space)
        GroundTruth(3 configurations, maximize, optimum 0.9; see .frame, .best_configs,
            .regret_curve(result))
        """
        import pyarrow.parquet as pq

        table = pq.read_table(Path(path))
        metadata = table.schema.metadata or {}
        if KEY not in metadata:
            raise SpaceError(f"{path} holds no ground truth; GroundTruth.save writes one")
        kept = json.loads(metadata[KEY])
        try:
            truth = cls(space, table[SCORE].to_numpy(), kept["direction"], kept["about"])
        except SpaceError as error:
            raise SpaceError(f"{path} holds the scores of another space: {error}") from error
        if kept["values"] != json.loads(json.dumps(truth._coding.options)):
            raise SpaceError(f"{path} holds the scores of another space; enumerate this one")
        codes = np.column_stack([table[path].to_numpy() for path in kept["values"]])
        if not np.array_equal(codes, truth._codes):
            raise SpaceError(f"{path} has its configurations in another order; enumerate again")
        return truth

    def regret_frame(self, results: Mapping[str, Sequence[SearchResult]]) -> pd.DataFrame:
        """Return the quartiles of the regret over repeated searches, by strategy and evaluation.

        Parameters
        ----------
        results : mapping of str to sequence of SearchResult
            By strategy, one for each seed. A search that ended early keeps its last regret; one
            that has completed nothing yet has the greatest of all.

        Returns
        -------
        DataFrame
            Columns `strategy`, `evaluation`, and of the regret `q25`, `median`, `q75`.

        Examples
        --------
        >>> from jointopt import Int, Space, search
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.75, 1]))
        >>> result = search(truth.space, truth.objective, "exhaustive")
        >>> truth.regret_frame({"exhaustive": [result]})
             strategy  evaluation   q25  median   q75
        0  exhaustive           1  0.50    0.50  0.50
        1  exhaustive           2  0.25    0.25  0.25
        2  exhaustive           3  0.00    0.00  0.00
        """
        curves = [
            self.regret_curve(result).assign(strategy=strategy, seed=seed)
            for strategy, searches in results.items()
            for seed, result in enumerate(searches)
        ]
        return regret_quartiles(pd.concat(curves, ignore_index=True))

    def plot_regret(self, results: Mapping[str, Sequence[SearchResult]]) -> go.Figure:
        """Plot `regret_frame` on a logarithmic scale, N + M and the 99 % target marked.

        Parameters
        ----------
        results : mapping of str to sequence of SearchResult
            By strategy, one for each seed.

        Examples
        --------
        >>> from jointopt import Int, Space, search
        >>> truth = GroundTruth(Space(hyperparameters={"k": Int(1, 3)}), np.array([0.5, 0.75, 1]))
        >>> result = search(truth.space, truth.objective, "exhaustive")
        >>> truth.plot_regret({"exhaustive": [result]}).layout.yaxis.title.text
        'regret'
        """
        frame = self.regret_frame(results)
        floor = 0.5 * self._least_regret()
        return regret_figure(frame, floor, self.n_plus_m, self.regret(self.target()))

    def _least_regret(self) -> float:
        """Return the smallest regret that is not zero."""
        regrets = self._signed.max() - self._signed
        return float(regrets[regrets > 0].min(initial=1.0))


def finite(space: Space) -> Space:
    """Return the space itself.

    Raises
    ------
    SpaceError
        If it is not finite.
    """
    if not space.is_finite:
        raise SpaceError(
            "the space is not finite, so it has no ground truth; give each float a step, make it "
            "categorical, or freeze it"
        )
    return space
