"""Time that is kept for the last step while the search runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from optuna.trial import TrialState

from jointopt.evaluation.attempt import attempt
from jointopt.model.held_parts import MAX_ROWS
from jointopt.pipeline.boosted import is_lightgbm
from jointopt.pipeline.networks.base import TabularNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jointopt.evaluation.table_evaluator import TableEvaluator
    from jointopt.evaluation.tasks import Setting
    from jointopt.model.members import Members
    from jointopt.search.budget import Budget
    from jointopt.search.result import TrialRecord

__all__ = ["Reserve", "writing_seconds"]

FINISH_SECONDS, START_SECONDS = 2.7, 3.0
"""What saving, the report, and the interpreter's start and exit take, where loading libraries and
a small table takes so long."""
LEAST_SLOWER, MOST_SLOWER = 0.6, 2.0
"""A start that takes longer than by the greater factor is that of a large table; one that is very
short found all files in memory."""
RETURN_SECONDS = 0.2
"""What is left to do where nothing is written."""
MOST_AFTER, MOST_FOR_SINGLE = 0.3, 0.4
"""The greatest shares of the budget that are kept for what follows the model, and for one fit."""
ANALYSIS_TRIALS, ANALYSIS_SECONDS = 100, 1.5
"""From how many trials on the report tells how axes interact, and what that takes."""
REFIT_MARGIN = 1.15
"""How much longer than predicted the final fit may take; what takes longer still is stopped, and
the folds' models stand for a member of an ensemble. Eleven runs of a minute took 0.6 to 1.2 times
as long, beside the two seconds for the library of networks."""
LEAST_TRAINED = 0.5
"""Of a fold's fit, what a last fit takes at least that ends after an early epoch."""
LEAST_SECONDS, LEAST_SHARE = 3.0, 0.05
"""For a final fit that comes late, in seconds or of the budget: a late model is worth more than
none, and than one that is only fast to fit."""
MOST_RESERVED = 0.25
"""The greatest share of the budget that is kept for an ensemble."""
EXPECTED_MEMBERS = 5
"""For which time is kept."""
SELECTION_SECONDS, FEW = 1.0, 25
"""What selecting an ensemble takes, of that many trials or more, on as many rows as it sees."""
LOADED_BYTES_PER_SECOND = 4e8
SAVED_BYTES_PER_SECOND, SAVED_BYTES_OF_LIGHTGBM = 1.5e8, 1.5e7
"""LightGBM writes its trees as text, and is asked for it twice."""
LIBRARY_SECONDS = 2.0
"""What a process takes to load the library of networks, where one is a member; workers whose fits
are stopped at the end begin anew, and so load it once more."""
SAVING_SECONDS = 0.04
"""What writing a small pipeline in safe form takes."""
SHORT_SECONDS, SHORT_SHARE = 0.5, 0.02
"""What takes no longer, nor a greater share of the budget, is fitted even if nothing is left: what
is expected of the rest is no more exact, and members may be others than when time was kept."""
TURN_SECONDS = 0.7
"""What lies between the end of the search and the last fits: what is under way is waited for or
stopped, members are chosen once more, and workers begin anew."""


def writing_seconds(start_seconds: float) -> float:
    """Return what saving a model and a report will take.

    Parameters
    ----------
    start_seconds : float
        What loading libraries and the table took: one machine differs from another, and from
        itself at another hour, by a factor of two. It counts half, being itself by chance.
    """
    slower = min(max(start_seconds / START_SECONDS, LEAST_SLOWER), MOST_SLOWER)
    return FINISH_SECONDS * (1.0 + slower) / 2.0


class Reserve:
    """Keeps time for a model of the best trials so far, and for a report.

    While there is time left it goes by the few best trials. When that seems to leave no more, the
    members are chosen that would be chosen at the end, which may be faster to fit.

    Parameters
    ----------
    budget : Budget
        Its `reserve` follows what was found so far.
    setting : Setting
        The folds and the metric.
    evaluator : TableEvaluator
        Of which so many fits run at once as it has places.
    members : Members
        What the model would be made of; it is told of each trial.
    writing_seconds : float or None
        What saving the model and a report will take; None if nothing is written.
    """

    def __init__(
        self,
        budget: Budget,
        setting: Setting,
        evaluator: TableEvaluator,
        members: Members,
        *,
        writing_seconds: float | None,
    ) -> None:
        self._budget = budget
        self._evaluator = evaluator
        self._members = members
        self._setting = setting
        self._seen = len(setting.folds[0][0]) / setting.dataset.n_rows
        self._of_rows = min(1.0, setting.dataset.n_rows / MAX_ROWS)
        self._saves = writing_seconds is not None
        self._after = RETURN_SECONDS if writing_seconds is None else writing_seconds
        slower = 1.0 if writing_seconds is None else writing_seconds / FINISH_SECONDS
        self._loading, self._turning = LIBRARY_SECONDS * slower, TURN_SECONDS * slower
        if budget.seconds is not None:
            self._after = min(self._after, MOST_AFTER * budget.seconds)
        budget.reserve = self._after
        self._n_told = 0
        self._best = -np.inf
        self._costs: list[tuple[float, _Costs]] = []
        self._is_exact = False
        budget.review = self._review

    def learn(self, record: TrialRecord) -> None:
        """Reserve what a model of the best so far, and a report of the trials, would take."""
        trial = record.trial
        self._members.add(record)
        self._n_told += 1
        if self._saves and self._n_told == ANALYSIS_TRIALS:
            self._after += ANALYSIS_SECONDS
            self._budget.reserve += ANALYSIS_SECONDS
        if trial.state is not TrialState.COMPLETE or trial.value is None or self._is_exact:
            return
        if self._members.paths(record):
            self._costs.append((self._members.signed(record), self._costs_of(record)))
            best = sorted(self._costs, reverse=True)[:EXPECTED_MEMBERS]
            of_trials = min(1.0, len(self._costs) / FEW)
            usual = SELECTION_SECONDS * of_trials * self._of_rows
            selecting = max(usual, self._members.slow_seconds())
            # Any of them may be a member; the review gives back what is too much.
            loading = max(costs.loading for _, costs in self._costs)
            self._keep_free([costs for _, costs in best], selecting, loading)
        elif self._members.signed(record) > self._best:
            limit = MOST_FOR_SINGLE * (self._budget.seconds or np.inf)
            predicted = REFIT_MARGIN * self.seconds_to_fit(record)
            loading = self._loading * _is_network(record)
            self._budget.reserve = self._after + min(predicted + loading, limit)
        self._best = max(self._best, self._members.signed(record))

    def _review(self) -> None:
        """Reserve what the members that would be chosen now take."""
        chosen = attempt(self._members.chosen)
        # What cannot be chosen from is told by the last step, which tries it again. A best trial
        # without kept models may become the model itself.
        if isinstance(chosen, Exception) or not chosen:
            return
        if self._members.paths(self._members.best()):
            # Trials that end from now on are chosen from once more.
            again = self._members.slow_seconds()
            costs = [self._costs_of(record) for record, _ in chosen]
            self._keep_free(costs, again, max(each.loading for each in costs))
            self._is_exact = True

    def _costs_of(self, record: TrialRecord) -> _Costs:
        keeping, fitting = self.seconds_to_keep(record), self.seconds_to_fit(record)
        return _Costs(keeping, fitting, self._loading * _is_network(record))

    def _keep_free(self, costs: Sequence[_Costs], selecting: float, loading: float) -> None:
        """Reserve time for members."""
        most = MOST_RESERVED * (self._budget.seconds or np.inf)
        keeping = sum(each.keeping for each in costs)
        # What takes longer is not fitted on all rows.
        refits = [each.fitting for each in costs if each.fitting <= most]
        refitting = max([0.0, *refits, sum(refits) / self._evaluator.capacity])
        expected = selecting + keeping + REFIT_MARGIN * refitting + self._turning
        self._budget.reserve = self._after + min(expected, most) + loading

    def seconds_to_keep(self, record: TrialRecord) -> float:
        """Return about what loading a trial's pipelines, and writing them in safe form, takes."""
        paths = self._members.paths(record)
        n_pipelines = len(paths) + 1
        n_bytes = sum(path.stat().st_size for path in paths) * n_pipelines / len(paths)
        rate = SAVED_BYTES_OF_LIGHTGBM if self._is_lightgbm(record) else SAVED_BYTES_PER_SECOND
        saving = SAVING_SECONDS * n_pipelines + n_bytes / rate
        return n_bytes / LOADED_BYTES_PER_SECOND + saving * self._saves

    def _is_lightgbm(self, record: TrialRecord) -> bool:
        blueprint = self._setting.blueprint
        paradigm = blueprint.paradigms[str(record.config["paradigm"])]
        estimator = paradigm.estimator_class(blueprint.task.kind)
        return estimator is not None and is_lightgbm(estimator)

    def seconds_to_fit(self, record: TrialRecord) -> float:
        """Return about what a fit on all rows takes, of which folds see a part."""
        seconds = record.fold_seconds / self._seen
        if not _is_network(record):
            return seconds
        # There nothing is held out to know when to stop, and it ends after the best epoch; the
        # columns take as long to prepare.
        passed = len(record.told["learning_curves"][-1]["progress"])
        best = record.told.get("refit_params", {}).get("n_epochs", passed)
        share = min(max(best / max(passed, 1), LEAST_TRAINED), 1.0)
        return float(seconds * share / (1.0 - TabularNetwork.validation_fraction))

    def seconds_to_refit(self, records: Sequence[TrialRecord]) -> float | None:
        """Return what is left for fits of members on all rows; None without a limit."""
        left = self.seconds_left(least=0.0)
        if left is None or self._budget.seconds is None:
            return None
        # After an interrupt much more may be left; the user wants to go.
        left = min(left, self._budget.reserve - self._after)
        left -= sum(map(self.seconds_to_keep, records))
        return max(left, min(SHORT_SECONDS, SHORT_SHARE * self._budget.seconds))

    def seconds_left(self, least: float | None = None) -> float | None:
        """Return what is left for the last step, at least so much; None without a limit."""
        seconds = self._budget.seconds
        if seconds is None:
            return None
        if least is None:
            least = max(LEAST_SECONDS, LEAST_SHARE * seconds)
        return max(seconds - self._budget.elapsed() - self._after, least)


class _Costs(NamedTuple):
    """The seconds that a member takes to load and write, to fit, and to load the library of."""

    keeping: float
    fitting: float
    loading: float


def _is_network(record: TrialRecord) -> bool:
    return "learning_curves" in record.told
