"""The last step: what was found becomes a model, in the time kept for it.

Either the best configurations are averaged, each as the mean of what was fitted on the folds and
of a fit on all rows, or the best one alone is fitted on all rows. The folds' models make up for
each other's chances, the other one has seen more; together they are rarely worse than either. Of a
light configuration, and where a single part of the rows was held out, only the fit on all rows is
kept, if there was time for it.
"""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np

from jointopt.errors import SearchError
from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.evaluation.one_fold import load_libraries
from jointopt.evaluation.tasks import Refit
from jointopt.model.calibration import fit_temperature
from jointopt.model.decision import decision_weights
from jointopt.model.fitted import FittedModel, Member
from jointopt.model.last_tries import last_tries
from jointopt.pipeline.build import build_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from jointopt.evaluation.executors import Executor
    from jointopt.evaluation.tasks import Setting
    from jointopt.model.members import Members
    from jointopt.model.reserve import Reserve
    from jointopt.search.result import Found, TrialRecord

__all__ = ["Finish"]

LONG_SECONDS = 2.0
"""A final fit that takes longer uses all threads."""
FOLD_SHARE: Final = 0.125
"""Of each fold's model in its member's predictions, beside a fit on all rows that has the rest:
half, beside the four that are kept at most. The fewer there are, the less they even out."""
LIGHT: Final = 0.25
"""Members of less weight are a fit on all rows alone: the variance that their folds' models would
even out counts by the square of the weight, and predicting takes as long as for the heaviest."""


class Finish:
    """Does the last step.

    Parameters
    ----------
    reserve : Reserve
        Of time; it says what is left.
    setting : Setting
        The table, its folds and metric.
    members : Members
        What an ensemble is made of.
    final : {"ensemble", "single"}
        What the model shall be.
    """

    def __init__(
        self,
        reserve: Reserve,
        setting: Setting,
        members: Members,
        *,
        final: Literal["ensemble", "single"],
    ) -> None:
        self._reserve = reserve
        self._setting = setting
        self._members = members
        self._final = final
        self._metric = setting.metric

    def fit(self, executor: Executor, result: Found) -> tuple[FittedModel, tuple[str, ...]]:
        """Return the model, and notes on what did not go as planned.

        An ensemble is made if it was asked for and is better than anything that was not kept for
        it. Else one configuration becomes the model, as `last_tries` says.

        Raises
        ------
        SearchError
            If none could be fitted.
        """
        notes: list[str] = []
        if self._final == "ensemble":
            model = attempt(lambda: self._ensemble(executor, notes))
            if isinstance(model, FittedModel):
                return model, tuple(notes)
            if isinstance(model, Exception):
                notes.append(f"the models could not be averaged: {reason_of(model)}")
        for record, n_rows, left in last_tries(result, self._reserve, self._setting):
            # Threads that wait for each other cost more than they bring where a fit is short.
            many = self._reserve.seconds_to_fit(record) > LONG_SECONDS
            wanted = _refit_of(record, n_rows)
            [pipeline] = executor.refit([wanted], all_threads=many, timeout=left)
            if isinstance(pipeline, Exception):
                notes.append(_not_fitted(record, pipeline))
                continue
            if n_rows is not None:
                notes.append(
                    f"trial {record.number} was fitted on {n_rows:,} of "
                    f"{self._setting.dataset.n_rows:,} rows: no time was left for more"
                )
            member, kept = self._member(record, 1.0, pipeline), self._members.predictions(record)
            model = self._model((member,), record, self._scores(record), kept, notes)
            return model, tuple(notes)
        raise SearchError("no configuration could be fitted: " + "; ".join(notes))

    def _ensemble(self, executor: Executor, notes: list[str]) -> FittedModel | None:
        """Average the best configurations; None if none were kept, or a refit promises more."""
        chosen = self._affordable(self._members.chosen())
        if not chosen:
            return None
        dataset, folds = self._setting.dataset, self._setting.folds
        weighted = [weight * self._predictions(record) for record, weight in chosen]
        blended = np.sum(weighted, axis=0)
        scores = [
            self._metric.score(dataset.y[rows], blended[rows], dataset.n_classes)
            for _, rows in folds
        ]
        best = self._members.best()
        if self._members.signed(best) > np.mean(scores):
            if not self._members.paths(best):
                return None
            # On rows that the selection did not look at, or by rounding alone.
            chosen, blended, scores = [(best, 1.0)], self._predictions(best), self._scores(best)
        wholes = self._refits(executor, [record for record, _ in chosen], notes)
        members = tuple(
            self._member(record, weight, whole, self._of_folds(record, weight, whole))
            for (record, weight), whole in zip(chosen, wholes, strict=True)
        )
        return self._model(members, best, scores, blended, notes)

    def _refits(
        self, executor: Executor, records: Sequence[TrialRecord], notes: list[str]
    ) -> list[Pipeline | None]:
        """Fit members on all rows, the longest first; None for those that the time is short for.

        None also for one that fails: the models of its folds stand for it.
        """
        left = self._reserve.seconds_to_refit(records)
        seconds = [self._reserve.seconds_to_fit(record) for record in records]
        in_time: list[int] = []
        total = 0.0
        for i, own in enumerate(seconds):
            if left is None or (own <= left and total + own <= executor.capacity * left):
                in_time.append(i)
                total += own
        # Else a worker would still be at the longest when the others have nothing left to do.
        in_time.sort(key=lambda i: -seconds[i])
        late = [str(record.number) for i, record in enumerate(records) if i not in in_time]
        if late:
            notes.append(
                f"no time was left to fit on all rows what trial {', '.join(late)} tried; the "
                "models of the folds stand for it"
            )
        many = len(in_time) == 1 and total > LONG_SECONDS
        wanted = [_refit_of(records[i]) for i in in_time]
        wholes: list[Pipeline | None] = [None] * len(records)
        with ThreadPoolExecutor(max_workers=1) as pool:
            # While workers fit, this process waits; what follows needs what they have loaded.
            loaded = pool.submit(self._load_libraries, records)
            refits = attempt(lambda: executor.refit(wanted, all_threads=many, timeout=left))
        loaded.result()
        if isinstance(refits, Exception):
            # Workers may be gone by now; the models of the folds are here.
            notes.append(f"no member could be fitted on all rows: {reason_of(refits)}")
            return wholes
        for i, found in zip(in_time, refits, strict=True):
            if not isinstance(found, Exception):
                wholes[i] = found
            elif isinstance(found, TimeoutError):
                notes.append(
                    f"trial {records[i].number} was not fitted on all rows in the time that was "
                    "kept for it; the models of its folds stand for it"
                )
            else:
                notes.append(_not_fitted(records[i], found))
        return wholes

    def _load_libraries(self, records: Sequence[TrialRecord]) -> None:
        for record in records:
            load_libraries(build_pipeline(record.config, self._setting.blueprint))

    def _predictions(self, record: TrialRecord) -> NDArray[np.floating]:
        """Return a kept trial's predictions out of fold."""
        found = self._members.predictions(record)
        assert found is not None
        return found

    def _scores(self, record: TrialRecord) -> list[float]:
        """Return a trial's scores on the folds that it passed, greater being better."""
        return [self._metric.display(score) for score in record.told["fold_scores"]]

    def _affordable(
        self, chosen: Sequence[tuple[TrialRecord, float]]
    ) -> list[tuple[TrialRecord, float]]:
        """Leave out the lightest members for which no time is left; one always stays."""
        left = self._reserve.seconds_left()
        n_members = len(chosen)
        if left is not None:
            costs = [self._reserve.seconds_to_keep(record) for record, _ in chosen]
            n_members = max(1, int(np.searchsorted(np.cumsum(costs), left, side="right")))
        stay = chosen[:n_members]
        total = sum(weight for _, weight in stay)
        return [(record, weight / total) for record, weight in stay]

    def _of_folds(
        self, record: TrialRecord, weight: float, whole: Pipeline | None
    ) -> tuple[Pipeline, ...]:
        """Load what was fitted on the folds, if it is to be part of the model."""
        single = len(self._setting.folds) == 1
        if whole is not None and (single or weight < LIGHT):
            return ()
        return tuple(map(_load, self._members.paths(record)))

    @staticmethod
    def _member(
        record: TrialRecord,
        weight: float,
        whole: Pipeline | None,
        of_folds: tuple[Pipeline, ...] = (),
    ) -> Member:
        value = record.trial.value
        wholes = () if whole is None else (whole,)
        of_fold = FOLD_SHARE if wholes else 1 / max(1, len(of_folds))
        return Member(
            weight=weight,
            pipelines=(*wholes, *of_folds),
            shares=(*(1 - of_fold * len(of_folds) for _ in wholes), *(of_fold for _ in of_folds)),
            config=dict(record.config),
            trial=record.number,
            score=np.nan if value is None else value,
        )

    def _tuned(
        self, predictions: NDArray[Any]
    ) -> tuple[NDArray[np.float64] | None, float, list[float]]:
        """Return weights of classes, the temperature, and the folds' scores with these if any."""
        dataset, parts = self._setting.dataset, [rows for _, rows in self._setting.folds]
        weights, tuned = decision_weights(predictions, dataset, parts, self._metric)
        temperature, softened = fit_temperature(predictions, dataset, parts, self._metric)
        scores = tuned or softened
        if scores and len(parts) == 1:
            # It was judged in parts of the same size, which are no folds.
            scores = [float(np.mean(scores))]
        return weights, temperature, scores

    def _model(
        self,
        members: tuple[Member, ...],
        best: TrialRecord,
        scores: Sequence[float],
        predictions: NDArray[Any] | None,
        notes: list[str],
    ) -> FittedModel:
        """Put it together, with decisions and probabilities tuned where the metric judges them."""
        dataset = self._setting.dataset
        weights, temperature = None, 1.0
        if predictions is not None:
            found = attempt(lambda: self._tuned(predictions))
            if isinstance(found, Exception):
                notes.append(f"decisions and probabilities are not tuned: {reason_of(found)}")
            else:
                weights, temperature, tuned = found
                scores = tuned or scores
        fold_scores = list(map(self._metric.display, scores))
        return FittedModel(
            members=members,
            schema=dataset.schema,
            task=dataset.task,
            classes=dataset.classes,
            target=dataset.target,
            config=dict(best.config),
            facts={
                "metric": self._metric.name,
                "validation_score": float(np.mean(fold_scores)) if scores else best.trial.value,
                "fold_scores": fold_scores,
                "best_single_score": best.trial.value,
                "trial": best.number,
                "n_rows": dataset.n_rows,
                "jointopt": version("jointopt"),
            },
            decision_weights=weights,
            temperature=temperature,
        )


def _refit_of(record: TrialRecord, n_rows: int | None = None) -> Refit:
    return Refit(record.config, record.told.get("refit_params", {}), n_rows)


def _not_fitted(record: TrialRecord, error: Exception) -> str:
    return f"trial {record.number} could not be fitted on all rows: {reason_of(error)}"


def _load(path: Path) -> Pipeline:
    # Written by a worker of this run, in a folder that only this user may enter.
    return cast("Pipeline", pickle.loads(path.read_bytes()))
