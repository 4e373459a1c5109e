"""The study that outlives a search: users and other runs read it, and other runs add to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from optuna.storages import RDBStorage, get_storage
from optuna.trial import TrialState

from jointopt.search.place import place_of, plain_storage_errors
from jointopt.search.storage import open_study
from jointopt.search.terms import agree_on_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["DurableStudy"]

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class DurableStudy:
    """A study in a storage, to which finished trials are added whole.

    Parameters
    ----------
    storage : BaseStorage
        Where it is kept.
    name : str
        Of the study.
    direction : {"maximize", "minimize"}
        Of its objective.
    resume : bool
        Go on with a study of that name if there is one.
    terms : mapping of str to (str or int), or None, default=None
        What the scores depend on, if it shall be the same for all that work on the study.

    Attributes
    ----------
    study : optuna.Study

    Raises
    ------
    StorageError
        If it exists and `resume` is false or its terms are others, or the storage refuses.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        direction: Literal["maximize", "minimize"],
        *,
        resume: bool,
        terms: Mapping[str, Any] | None = None,
    ) -> None:
        # Optuna's own database storage counts trials by reading all, its cache reads the new ones.
        self._storage = get_storage(storage) if type(storage) is RDBStorage else storage
        self._place = place_of(storage)
        with plain_storage_errors(self._place, "opened"):
            self.study = open_study(storage, name, direction, resume=resume)
            self._id = storage.get_study_id_from_name(name)
        self._terms = terms
        self._seen: set[int] = set()
        self._agree()

    def add(self, trial: FrozenTrial) -> int:
        """Store a finished trial and return its identifier.

        Raises
        ------
        StorageError
            If the storage does not take it.
        """
        with plain_storage_errors(self._place):
            return self._storage.create_new_trial(self._id, template_trial=trial)

    def number_of(self, trial_id: int) -> int:
        """Return the number that the study gave to a trial that was added here."""
        with plain_storage_errors(self._place, "read"):
            number = self._storage.get_trial_number_from_id(trial_id)
        self._seen.add(number)
        return number

    def unseen(self) -> list[FrozenTrial]:
        """Return the finished trials that were neither added nor returned here before.

        Raises
        ------
        StorageError
            If the storage cannot be read, or the terms are not this run's any more.
        """
        with plain_storage_errors(self._place, "read"):
            # Counting is cheap, and seldom is there more to be done.
            if self._storage.get_n_trials(self._id, FINISHED) <= len(self._seen):
                return []
            finished = self.study.get_trials(deepcopy=False, states=FINISHED)
        found = [trial for trial in finished if trial.number not in self._seen]
        if found:
            # Of two runs that begin a study at once, each may have written its terms.
            self._agree()
        self._seen.update(trial.number for trial in found)
        return found

    def _agree(self) -> None:
        if self._terms is not None:
            with plain_storage_errors(self._place):
                agree_on_terms(self.study, self._storage, self._terms)
