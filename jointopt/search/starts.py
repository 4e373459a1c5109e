"""The configurations that a search tries first, as long as they are worth it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from optuna.trial import TrialState

if TYPE_CHECKING:
    from jointopt.search.budget import Budget
    from jointopt.search.result import TrialRecord
    from jointopt.space import Config

__all__ = ["Starts"]

ENOUGH = 2
"""Configurations of a paradigm that ended early before the others are passed over."""
MOST_USED = 0.5
"""Share of the budget after which the search proposes for itself."""


class Starts(Sequence["Config"]):
    """Configurations in order, without those of a paradigm that proved useless.

    They end when half of the budget is used. What is passed over is only not a start: the sampler
    may still come to it.

    Parameters
    ----------
    configs : sequence of Config
        Best first.
    budget : Budget
        Of the search.
    least : int, default=0
        They do not end before that many trials have: for what comes next if it knows nothing
        better with fewer.
    """

    def __init__(self, configs: Sequence[Config], budget: Budget, *, least: int = 0) -> None:
        self._configs = tuple(configs)
        self._budget = budget
        self._least = least
        self._ended: defaultdict[object, list[TrialState]] = defaultdict(list)

    def learn(self, record: TrialRecord) -> None:
        """Take in how a trial ended; one that the clock ended says nothing of its paradigm."""
        if not record.is_cut_short:
            self._ended[record.config.get("paradigm")].append(record.trial.state)

    def __iter__(self) -> Iterator[Config]:
        """Yield configurations while others are being evaluated."""
        for config in self._configs:
            n_ended = sum(map(len, self._ended.values()))
            if n_ended >= self._least and self._budget.share_used(n_ended) >= MOST_USED:
                return
            ended = self._ended[config.get("paradigm")]
            if len(ended) < ENOUGH or TrialState.COMPLETE in ended:
                yield config

    def __len__(self) -> int:
        """Return how many there are, worth it or not."""
        return len(self._configs)

    @overload
    def __getitem__(self, index: int) -> Config: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Config]: ...

    def __getitem__(self, index: int | slice) -> Config | Sequence[Config]:
        """Return one of them, or several, worth it or not."""
        return self._configs[index]
