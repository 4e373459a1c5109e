"""A sampler for conditional joint spaces: TPE that knows the tree.

It chooses the branch first, then models the root's and the branch's parameters together on that
branch's own trials, with their own split into good and bad. See `JointSampler`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from jointopt.search.history import History
from jointopt.search.parzen import Parzen
from jointopt.space import Choice, Subset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from jointopt.space import Config, Decision, Space, Value

__all__ = ["JointSampler"]

GOOD_SHARE = 0.2
MAX_GOOD = 25
MAX_BAD = 200
N_CANDIDATES = 32
EXPLORED_BRANCHES = 0.15
FIRST_IN_BRANCH = 5
NEAR_FIRST = 0.5
LOCAL_SHARE = (0.25, 0.6)
SECOND_CHANGE = 0.35
MAX_REDRAWS = 30


class JointSampler(BaseSampler):
    """TPE over a tree-structured space.

    For each proposal it (1) draws the branch of the root's largest choice: mostly in proportion
    to how many of the best trials each branch has, else, to not lose a branch whose defaults
    start badly, one that has been tried little; (2) takes that branch's own trials and splits
    them into the better fifth and the rest; (3) either draws candidates from the density of the
    better ones and takes the one whose ratio to the density of the others is greatest, as TPE
    does, or a neighbour of the branch's best with the greatest ratio: ever more often while
    nothing better is found. Of a subset's members, a draw flips one or two. What has been
    evaluated or is under way is not proposed again.

    Parameters
    ----------
    space : Space
        What is searched. It may hold frozen parameters.
    seed : int or None, default=None
        The same seed and the same history give the same proposals.

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
    J. Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 2011.
    S. Falkner et al., "BOHB", ICML 2018, for multivariate kernels.
    """

    def __init__(self, space: Space, seed: int | None = None) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)
        self._others = RandomSampler(seed=seed)
        self._history = History(space)
        self._root = _largest_choice(space)
        self._seen_trials = 0
        self._open: dict[int, Config] = {}
        self._proposal: Config = {}
        self._since_best = 0
        self._best = -np.inf
        self._n_options = np.array([self._history.coded[p].n_options for p in self._history.paths])
        self._change = self._change_rates()

    # ---------------------------------------------------------------- Optuna's protocol

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Propose a configuration and return the distributions of its parameters."""
        self._learn(study)
        self._proposal = self._propose()
        self._open[trial.number] = self._proposal
        return dict(self._space.distributions(self._proposal))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the proposed values."""
        del study, trial
        return {path: self._proposal[path] for path in search_space}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw at random what is not part of the space."""
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Take a new seed from the operating system."""
        self._rng = np.random.default_rng()
        self._others.reseed_rng()

    # ---------------------------------------------------------------- learning

    def _learn(self, study: Study) -> None:
        trials = study.get_trials(deepcopy=False)
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        waiting = [number for number in self._open if trials[number].state.is_finished()]
        new = [t for t in trials[self._seen_trials :] if t.number not in self._open]
        self._seen_trials = len(trials)
        for trial in [*(trials[number] for number in waiting), *new]:
            self._open.pop(trial.number, None)
            if trial.state.is_finished():
                self._take_in(trial, sign)
            else:
                self._open.setdefault(trial.number, dict(trial.params))

    def _take_in(self, trial: FrozenTrial, sign: float) -> None:
        known = {p: v for p, v in trial.params.items() if p in self._history.column}
        config = self._space.complete(known)
        complete = trial.state is TrialState.COMPLETE and trial.value is not None
        steps = trial.intermediate_values
        value = trial.value if complete else steps[max(steps)] if steps else None
        score = -np.inf if value is None or trial.state is TrialState.FAIL else sign * value
        self._history.add(config, score, complete=complete)
        self._since_best += 1
        if complete and score > self._best:
            self._best, self._since_best = score, 0

    # ---------------------------------------------------------------- proposing

    def _propose(self) -> Config:
        under_way = {frozenset(config.items()) for config in self._open.values()}
        for _ in range(MAX_REDRAWS):
            config = self._proposed_in(self._branch())
            key = frozenset(config.items())
            if key not in self._history.keys and key not in under_way:
                return config
        return self._random({})

    def _branch(self) -> Value:
        """Draw the branch, None where the space has no choice at its root."""
        if self._root is None:
            return None
        path, labels = self._root.path, self._labels()
        column = self._history.codes[:, self._history.column[path]]
        coded = self._history.coded[path]
        tried = np.array([(column == coded.encode(label)).sum() for label in labels])
        if self._history.n == 0 or self._rng.random() < EXPLORED_BRANCHES:
            weights = 1.0 / (1.0 + tried)
        else:
            good = self._history.order(np.arange(self._history.n))[: self._n_good(self._history.n)]
            weights = np.array([(column[good] == coded.encode(label)).sum() for label in labels])
            weights = weights + 1.0 / len(labels)
        return labels[int(self._rng.choice(len(labels), p=weights / weights.sum()))]

    def _labels(self) -> list[Value]:
        if self._root is None or not isinstance(self._root.node, Choice):
            return []
        frozen = self._space.frozen
        return (
            [frozen[self._root.path]] if self._root.path in frozen else [*self._root.node.branches]
        )

    def _proposed_in(self, branch: Value) -> Config:
        rows = self._rows_of(branch)
        fixed = {} if self._root is None else {self._root.path: branch}
        if not len(rows):
            return self._completed(dict(fixed))
        ordered = self._history.order(rows)
        if len(rows) < FIRST_IN_BRANCH:
            if self._rng.random() < NEAR_FIRST:
                return self._neighbour(self._config(ordered[0]), fixed)
            return self._random(fixed)
        n_good = self._n_good(len(ordered))
        good, bad = self._densities(ordered[:n_good], ordered[n_good:])
        if self._rng.random() < self._local_share():
            best = self._config(ordered[0])
            candidates = [self._neighbour(best, fixed) for _ in range(N_CANDIDATES)]
        else:
            candidates = [self._near(ordered[:n_good], fixed, good) for _ in range(N_CANDIDATES)]
        candidates = [c for c in candidates if frozenset(c.items()) not in self._history.keys]
        if not candidates:
            return self._random(fixed)
        codes = np.array([self._history.encode(config) for config in candidates])
        ratio = good.log_density(codes) - bad.log_density(codes)
        return candidates[int(np.argmax(ratio))]

    def _rows_of(self, branch: Value) -> NDArray[np.int64]:
        if self._root is None:
            return np.arange(self._history.n)
        path = self._root.path
        code = self._history.coded[path].encode(branch)
        return np.flatnonzero(self._history.codes[:, self._history.column[path]] == code)

    @staticmethod
    def _n_good(n: int) -> int:
        return min(MAX_GOOD, max(1, int(np.ceil(GOOD_SHARE * n))))

    def _local_share(self) -> float:
        """Search near the best the more, the longer nothing better was found."""
        low, high = LOCAL_SHARE
        return low + (high - low) * min(1.0, self._since_best / 30)

    def _densities(self, good: NDArray[np.int64], bad: NDArray[np.int64]) -> tuple[Parzen, Parzen]:
        if len(bad) > MAX_BAD:
            bad = self._rng.choice(bad, MAX_BAD, replace=False)
        codes = self._history.codes
        first, second = (
            Parzen(codes[rows], self._n_options, self._width(len(rows)), self._change)
            for rows in (good, bad)
        )
        return first, second

    @staticmethod
    def _width(n: int) -> float:
        """Return the kernels' width: Scott's rule for a few effective dimensions."""
        return float(max(0.04, 0.25 * max(n, 1) ** (-1 / 6)))

    # ---------------------------------------------------------------- drawing

    def _config(self, row: int) -> Config:
        codes = self._history.codes[row]
        return {
            path: self._history.coded[path].decode(codes[j])
            for j, path in enumerate(self._history.paths)
            if not np.isnan(codes[j])
        }

    def _random(self, fixed: Mapping[str, Value]) -> Config:
        values = {path: self._uniform(path) for path in self._history.paths}
        for decision in self._space.decisions:
            if isinstance(decision.node, Subset):
                # Sizes of a subset evenly, not half of its members nearly always.
                share = self._rng.random()
                values |= {path: bool(self._rng.random() < share) for path in decision.parameters}
        return self._completed(values | dict(fixed))

    def _near(
        self, good: NDArray[np.int64], fixed: Mapping[str, Value], density: Parzen
    ) -> Config:
        """Draw from the kernel of one of the good configurations, or from the prior."""
        pick = int(self._rng.integers(len(good) + 1))
        if pick == len(good):
            return self._random(fixed)
        codes = self._history.codes[good[pick]]
        values = {
            path: self._uniform(path) if np.isnan(codes[j]) else self._kernel(j, codes[j], density)
            for j, path in enumerate(self._history.paths)
        }
        return self._completed(values | dict(fixed))

    def _kernel(self, j: int, code: float, density: Parzen) -> Value:
        coded = self._history.coded[self._history.paths[j]]
        if coded.n_options:
            if coded.n_options > 1 and self._rng.random() < density.change[j]:
                code = (code + self._rng.integers(1, coded.n_options)) % coded.n_options
            return coded.decode(code)
        return coded.decode(_reflected(code + density.width * self._rng.normal()))

    def _neighbour(self, config: Config, fixed: Mapping[str, Value]) -> Config:
        """Change one or two decisions of a configuration, numbers by a small step."""
        changeable = [
            path
            for path in config
            if path not in fixed and path not in self._space.frozen and self._varies(path)
        ]
        if not changeable:
            return self._random(fixed)
        values: dict[str, Value] = {}
        n_changed = min(len(changeable), 1 + int(self._rng.random() < SECOND_CHANGE))
        for path in self._rng.choice(changeable, n_changed, replace=False):
            values[path] = self._step(path, config[path])
        return self._completed(config | values | dict(fixed))

    def _step(self, path: str, value: Value) -> Value:
        coded = self._history.coded[path]
        code = coded.encode(value)
        if coded.n_options:
            return coded.decode((code + self._rng.integers(1, coded.n_options)) % coded.n_options)
        for scale in (0.08, 0.15, 0.3):
            moved = coded.decode(_reflected(code + scale * self._rng.normal()))
            if moved != value:
                return moved
        return self._uniform(path)

    def _varies(self, path: str) -> bool:
        return self._history.coded[path].n_options != 1

    def _uniform(self, path: str) -> Value:
        coded = self._history.coded[path]
        if coded.n_options:
            return coded.decode(float(self._rng.integers(coded.n_options)))
        return coded.decode(self._rng.random())

    def _completed(self, values: Mapping[str, Value]) -> Config:
        """Return a valid configuration; a subset of which all members are off gets one."""
        values = dict(values)
        for decision in self._space.decisions:
            members = decision.parameters
            if isinstance(decision.node, Subset) and not any(values.get(m, True) for m in members):
                values[str(self._rng.choice(members))] = True
        return self._space.complete(values)

    def _change_rates(self) -> NDArray[np.float64]:
        """Return how often a kernel changes an option: about one or two members of a subset."""
        rates = np.full(len(self._history.paths), 0.12)
        for decision in self._space.decisions:
            if isinstance(decision.node, Subset):
                for path in decision.parameters:
                    rates[self._history.column[path]] = min(0.25, 1.5 / len(decision.parameters))
        return rates


def _reflected(code: float) -> float:
    """Return a code within [0, 1], what lies outside mirrored at the border."""
    code = abs(code) % 2.0
    return 2.0 - code if code > 1.0 else code


def _largest_choice(space: Space) -> Decision | None:
    """Return the choice, active in every configuration, on which most parameters depend."""
    dependents = Counter(c.path for d in space.decisions for c in d.conditions)
    roots = [d for d in space.decisions if isinstance(d.node, Choice) and not d.conditions]
    return max(roots, key=lambda d: dependents[d.path], default=None)
