"""A sampler for conditional joint spaces: Bayesian optimisation that knows the tree."""

from __future__ import annotations

import importlib
from functools import cache
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection

from jointopt.errors import SpaceError
from jointopt.search.candidates import Candidates
from jointopt.search.genome import Genome
from jointopt.search.history import History
from jointopt.search.promise import Promise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from threadpoolctl import ThreadpoolController

    from jointopt.space import Config, Space

    Rows = NDArray[np.float64]

__all__ = ["JointSampler"]

FIRST_BLIND = 6
"""Scores that are needed before a model is made of them."""
EXPLORED_BRANCHES = (0.1, 0.5)
"""How often a branch that was tried little is given a proposal, whatever the model says: at
first, and when nothing better has been found for long."""
STALLED = (10, 40)
"""Trials without a gain after which that share begins to rise, and has risen."""
LEAST_GAIN = 0.01
"""What counts as a gain, in standard deviations of all scores."""
N_REFINED, N_REFINEMENTS = 4, 12
"""Of the best candidates, how many are varied, and how often."""
MAX_REDRAWS = 20


class JointSampler(BaseSampler):
    """Bayesian optimisation over a tree-structured space.

    A Gaussian process models the score of all parameters together: those that every branch of the
    root's largest choice has, and those of the branch, which count only between configurations of
    the same branch. The next proposal has the greatest expected improvement among candidates of
    all branches: neighbours and crossings of the best ones, the best of each branch and the best
    values moved to another branch, and random ones; the leading candidates are refined by small
    steps. One proposal in ten, up to every second one when nothing better was found for long, goes
    to a branch that was tried little, so that one whose defaults start badly is not lost. What has
    been evaluated or is under way is not proposed again, and what is under way counts as if it had
    the score that the model expects. A score that is far worse than most, such as a penalty, is
    taken for not much worse than the others.

    Threads may share it (`n_jobs` of `Study.optimize`), though Optuna then gives it a new seed for
    each trial. It may serve several studies, one after another: with another one it begins anew.

    Parameters
    ----------
    space : Space
        What is searched. It may hold frozen parameters.
    seed : int or None, default=None
        The same seed and the same history give the same proposals.
    share_left : callable or None, default=None
        Returns the share of the time budget that is left, 1 at first and 0 at the end. The
        expected improvement is divided by the expected seconds to this power, so that cheap
        configurations come early; proposals then depend on measured times.

    Examples
    --------
    >>> import optuna
    >>> from jointopt import Choice, Float, Space
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> space = Space(paradigm=Choice({b: {"x": Float(0, 1)} for b in "abc"}))
    >>> study = optuna.create_study(sampler=JointSampler(space, seed=0))
    >>> study.optimize(lambda trial: len(space.suggest(trial)), n_trials=3)
    >>> len(study.trials)
    3

    References
    ----------
    E. H. Lee et al., "Cost-aware Bayesian optimization", 2020, for cost cooling.
    D. Jones et al., "Efficient global optimization of expensive black-box functions", 1998.
    K. Swersky et al., "Raiders of the lost architecture: kernels for Bayesian optimization in
    conditional parameter spaces", 2014.
    """

    def __init__(
        self,
        space: Space,
        seed: int | None = None,
        share_left: Callable[[], float] | None = None,
    ) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)
        self._others = RandomSampler(seed=seed)
        self._genome = Genome(space)
        self._share_left = share_left
        self._lock = RLock()
        self._begin(None)

    def _begin(self, study_name: str | None) -> None:
        """Know nothing of a study."""
        self._study_name = study_name
        self._history = History(len(self._genome.paths))
        self._branches = self._genome.root_codes()
        self._promise = Promise(self._genome, self._rng)
        self._n_without_gain = 0
        self._best = -np.inf
        self._ends: dict[int, datetime | None] = {}
        self._open: dict[int, Rows] = {}
        self._proposals: dict[int, Config] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the lock, which cannot be copied."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of another sampler."""
        self.__dict__.update(state)
        self._lock = RLock()

    # ---------------------------------------------------------------- Optuna's protocol

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Propose a configuration and return the distributions of its parameters."""
        with self._lock:
            self.propose(study, trial.number)
            proposal = self._proposals[trial.number]
        return {path: self._genome.distributions[path] for path in proposal}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the proposed values."""
        del study
        with self._lock:
            proposal = self._proposals[trial.number]
        return {path: proposal[path] for path in search_space}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw at random what is not part of the space."""
        with self._lock:
            proposal = self._proposals.get(trial.number, {})
        # Far from zero Optuna does not know a grid's points as such, and refuses what is proposed.
        own = self._genome.distributions.get(param_name) == param_distribution
        if own and param_name in proposal:
            return proposal[param_name]
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Take a new seed from the operating system; what was learned remains."""
        with self._lock:
            # In place, as the model draws from the same generator.
            self._rng.bit_generator.state = np.random.default_rng().bit_generator.state
            self._others.reseed_rng()

    def propose(self, study: Study, number: int) -> Config:
        """Return a configuration, with what is frozen, for the trial of that number.

        Parameters
        ----------
        study : optuna.Study
            Whose other trials are what is known.
        number : int
            Of the study's trial that the configuration is for.

        Examples
        --------
        >>> import optuna
        >>> from jointopt import Int, Space
        >>> study = optuna.create_study()
        >>> sampler = JointSampler(Space(hyperparameters={"k": Int(1, 9)}), seed=0)
        >>> sampler.propose(study, study.ask().number)
        {'hyperparameters/k': 5}
        """
        with self._lock:
            self._learn(study, number)
            # The matrices are small: more threads wait for each other, and for cores that fits
            # are on.
            with _linear_algebra().limit(limits=1, user_api="blas"):
                row = self._propose()
            config = self._genome.decode(row)
            free = self._genome.distributions.keys()
            self._open[number] = row
            self._proposals[number] = {p: value for p, value in config.items() if p in free}
            return config

    # ---------------------------------------------------------------- learning

    def _learn(self, study: Study, asked: int) -> None:
        found = study.get_trials(deepcopy=False)
        # A study may show a part of its trials: with Hyperband, those of the trial's bracket.
        is_whole = not found or found[-1].number == len(found) - 1
        trials = dict(enumerate(found) if is_whole else ((t.number, t) for t in found))
        if study.study_name != self._study_name or self._has_others(trials):
            self._begin(study.study_name)
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        old = [n for n in self._open if n in trials and trials[n].state.is_finished()]
        new = (n for n in trials if n not in self._ends and n not in self._open and n != asked)
        for number in [*old, *new]:
            trial, row = trials[number], self._open.pop(number, None)
            # An enqueued trial has other values than were proposed.
            if self._proposals.pop(number, None) != trial.params or row is None:
                row = self._row(trial.params)
            if trial.state.is_finished():
                self._ends[number] = trial.datetime_complete
                if row is not None:
                    self._take_in(trial, row, sign)
            elif row is not None:
                self._open[number] = row

    def _has_others(self, trials: Mapping[int, FrozenTrial]) -> bool:
        """Whether trials are not those that were learned: two storages may have a study each."""
        # Of thousands, the first and the last tell.
        learned = [*islice(self._ends, 1), *islice(reversed(self._ends), 1)]
        return any(n in trials and trials[n].datetime_complete != self._ends[n] for n in learned)

    def _row(self, params: Mapping[str, Any]) -> Rows | None:
        """Return a trial's configuration; None if it has none yet, or one not of this space."""
        known = {path: v for path, v in params.items() if path in self._genome.column}
        frozen = self._space.frozen
        if not known or any(frozen.get(path, value) != value for path, value in known.items()):
            return None
        try:
            return self._genome.encode(self._space.complete(known))
        except SpaceError:
            return None

    def _take_in(self, trial: FrozenTrial, row: Rows, sign: float) -> None:
        score, complete = self._history.take_in(trial, row, sign)
        self._n_without_gain += 1
        # What is infinitely good could not be bettered.
        better = complete and self._best < score < np.inf
        if better and score > self._best + LEAST_GAIN * self._history.spread():
            self._best, self._n_without_gain = score, 0

    # ---------------------------------------------------------------- proposing

    def _propose(self) -> Rows:
        branch = None
        if len(self._branches) > 1 and self._rng.random() < self._explored_share():
            branch = self._little_tried()
        if self._history.n_scored < FIRST_BLIND:
            return self._blind()
        row = self._most_promising(branch)
        if row is None and branch is not None:
            # Nothing new is left in it, and tried little it would be chosen again and again.
            self._branches.remove(branch)
            row = self._most_promising(None)
        return self._blind() if row is None else row

    def _explored_share(self) -> float:
        share = (self._n_without_gain - STALLED[0]) / (STALLED[1] - STALLED[0])
        return float(np.interp(share, (0.0, 1.0), EXPLORED_BRANCHES))

    def _little_tried(self) -> float:
        of_rows = self._genome.branches(self._history.rows)
        tried = np.array([(of_rows == branch).sum() for branch in self._branches])
        weights = 1.0 / (1.0 + tried)
        return float(self._rng.choice(self._branches, p=weights / weights.sum()))

    def _blind(self) -> Rows:
        """Return a branch's defaults if it was never tried, else something at random."""
        row = self._default(self._little_tried())
        for _ in range(MAX_REDRAWS):
            if not self._is_known(row):
                break
            full = self._genome.uniform(1, self._rng)
            row = self._genome.in_branch(full, self._little_tried(), self._rng)[0]
        return row

    def _default(self, branch: float) -> Rows:
        return self._genome.encode(self._space.complete(self._root_value(branch)))

    def _root_value(self, branch: float) -> Config:
        root = self._genome.root
        if root is None:
            return {}
        return {self._genome.paths[root]: self._genome.coded[root].decode(branch)}

    def _is_known(self, row: Rows) -> bool:
        same = (np.array_equal(row, other, equal_nan=True) for other in self._open.values())
        return self._history.knows(row) or any(same)

    def _most_promising(self, branch: float | None) -> Rows | None:
        """Return the new candidate with the greatest expected improvement, None if all are old."""
        power = 0.0 if self._share_left is None else self._share_left()
        self._promise.learn(self._history, [*self._open.values()], branch, power)
        known, order = self._history.rows, self._history.order()
        if branch is not None:
            own = self._genome.branches(known)[order] == branch
            order = np.concatenate([order[own], order[~own]])
        candidates = Candidates(self._genome, self._rng, known, order, branch)
        rows = candidates.first()
        values = self._promise.of(rows)
        leading = np.repeat(rows[np.argsort(-values)[:N_REFINED]], N_REFINEMENTS, axis=0)
        more = candidates.varied(leading)
        rows = np.concatenate([rows, more])
        values = np.concatenate([values, self._promise.of(more)])
        for i in np.argsort(-values, kind="stable"):
            if not self._is_known(rows[i]):
                return np.asarray(rows[i])
        return None


@cache
def _linear_algebra() -> ThreadpoolController:
    """Return the handle of the libraries that are loaded; looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    importlib.import_module("scipy.linalg")  # its library must be there to be found
    return ThreadpoolController()
