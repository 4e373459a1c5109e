"""What is compared, and within which budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jointopt.errors import OptionError
from jointopt.evaluation.limits import parse_memory
from jointopt.evaluation.seeds import checked_seeds
from jointopt.search.budget import parse_seconds
from jointopt.search.catalogue import COMPARED, get_strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jointopt.search.strategies import Strategy
    from jointopt.space import Space

__all__ = ["CompareOptions"]


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What is compared, and within which budget.

    Attributes
    ----------
    strategies : sequence of str or callable, or mapping of str to these
        At least two, the baseline first. A mapping gives names.
    budget : str, float or None, default="60s"
        Wall-clock time of each run: "90s", "5m", or seconds.
    n_trials : int or None, default=None
        Evaluations of each run; whichever limit is met first ends it.
    seeds : int or sequence of int, default=5
        A number of seeds, 0, 1, 2 and so on; or the seeds.
    metric : str, callable or None, default=None
        As of `compare`; by default roc_auc, log_loss or rmse, by task.
    space : str or Space, default="tabular"
        A shipped space's name, a YAML file, or a space.
    workers : int or None, default=None
        Worker processes of a run; None fits in the run's own process.
    trial_timeout : str, float or None, default=None
        The longest that one fit may take; by default a share of the budget.
    memory_limit : str, float or None, default=None
        What one worker may use; by default its share of 80 % of the machine's memory.

    Examples
    --------
    >>> options = CompareOptions(strategies=["joint", "random"], budget="2m", seeds=[3, 4])
    >>> options.seconds, options.listed_seeds()
    (120.0, [3, 4])
    """

    strategies: Sequence[str | Strategy] | Mapping[str, str | Strategy] = COMPARED
    budget: str | float | None = "60s"
    n_trials: int | None = None
    seeds: int | Sequence[int] = 5
    metric: str | Callable[..., float] | None = None
    space: str | Space = "tabular"
    workers: int | None = None
    trial_timeout: str | float | None = None
    memory_limit: str | float | None = None

    @property
    def seconds(self) -> float | None:
        """The budget of a run in seconds.

        Examples
        --------
        >>> CompareOptions(budget="2m").seconds
        120.0
        """
        return None if self.budget is None else parse_seconds(self.budget)

    @property
    def fit_seconds(self) -> float | None:
        """The longest that one fit may take, if that was said.

        Examples
        --------
        >>> CompareOptions(trial_timeout="30s").fit_seconds
        30.0
        """
        limit = self.trial_timeout
        return None if limit is None else parse_seconds(limit, "trial_timeout")

    @property
    def memory_bytes(self) -> int | None:
        """What one worker may use, if that was said.

        Examples
        --------
        >>> CompareOptions(memory_limit="2GB").memory_bytes
        2000000000
        """
        return None if self.memory_limit is None else parse_memory(self.memory_limit)

    def named(self) -> dict[str, str | Strategy]:
        """Return the strategies by name.

        Raises
        ------
        OptionError
            If one is not known, two have the same name, or there are fewer than two.

        Examples
        --------
        >>> list(CompareOptions().named())
        ['joint', 'sequential', 'alternating', 'random']
        >>> CompareOptions(strategies=["joint"]).named()
        Traceback (most recent call last):
            ...
        jointopt.errors.OptionError: give at least two strategies to compare, got 1
        """
        if isinstance(self.strategies, str):
            raise OptionError(f"strategies must be a list of names, got {self.strategies!r}")
        if isinstance(self.strategies, Mapping):
            named = dict(self.strategies)
        else:
            names = [_name(strategy) for strategy in self.strategies]
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise OptionError(
                    f"strategy {twice[0]!r} is given twice; give a mapping of names to strategies"
                )
            named = dict(zip(names, self.strategies, strict=True))
        if len(named) <= 1:
            raise OptionError(f"give at least two strategies to compare, got {len(named)}")
        for strategy in named.values():
            get_strategy(strategy)
        return named

    def listed_seeds(self) -> list[int]:
        """Return the seeds.

        Raises
        ------
        OptionError
            If there is none, or one is given twice or is no whole number from 0 to 2**32 - 1.

        Examples
        --------
        >>> CompareOptions(seeds=3).listed_seeds()
        [0, 1, 2]
        """
        return checked_seeds(self.seeds)


def _name(strategy: str | Strategy) -> str:
    if isinstance(strategy, str):
        return strategy
    return str(getattr(strategy, "__name__", type(strategy).__name__))
