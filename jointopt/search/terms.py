"""What the scores of a study depend on: runs that work on one study must agree about it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import optuna

from jointopt.errors import StorageError
from jointopt.search.place import place_of, plain_storage_errors
from jointopt.search.told_function import DIGEST_BYTES, told_function
from jointopt.space import yaml_write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.storages import BaseStorage
    from optuna.study import Study

    from jointopt.space import Space

__all__ = ["agree_on_terms", "check_terms", "space_term", "stored_terms", "told_tree"]

TERMS = "jointopt:terms"
"""The system attribute under which a study keeps them: no page of optuna-dashboard holds them."""


def space_term(space: Space) -> str:
    """Return the size of a space and a digest of it, with what is held."""
    text = told_tree(space) + json.dumps(dict(space.frozen), sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
    return f"{len(space.parameters)} parameters, {digest}"


def told_tree(space: Space) -> str:
    """Return the tree of a space in the YAML form, with words for objects in its estimators.

    They are the same in each process.
    """
    return yaml_write.dump(space.axes, lambda value, _: told_function(value))


def stored_terms(storage: BaseStorage, name: str) -> tuple[str, dict[str, Any]]:
    """Return a study named `name/...` and its terms, empty if there is none that tells them.

    Raises
    ------
    StorageError
        If the storage cannot be read.
    """
    with plain_storage_errors(place_of(storage), "read"):
        for study_name in optuna.get_all_study_names(storage):
            if study_name.startswith(f"{name}/"):
                study = optuna.load_study(study_name=study_name, storage=storage)
                if terms := _terms_of(study, storage):
                    return study_name, dict(terms)
    return "", {}


def _terms_of(study: Study, storage: BaseStorage) -> Mapping[str, Any] | None:
    study_id = storage.get_study_id_from_name(study.study_name)
    kept: Mapping[str, Any] | None = storage.get_study_system_attrs(study_id).get(TERMS)
    return kept


def agree_on_terms(study: Study, storage: BaseStorage, terms: Mapping[str, Any]) -> None:
    """Write the terms of a new study down; those of an older one must be the same.

    Parameters
    ----------
    study : Study
        As the storage has it now.
    storage : BaseStorage
        Where the study is.
    terms : mapping of str to (str or int)
        What this run's scores depend on.

    Raises
    ------
    StorageError
        If the study was begun with other terms, or holds trials and does not tell its terms.
    """
    stored, place = _terms_of(study, storage), place_of(storage)
    if stored is None and study.get_trials(deepcopy=False):
        raise StorageError(
            f"study {study.study_name!r} in {place} does not tell which data, metric and space "
            "its scores are of: an earlier version made it, or another program; choose another "
            "name or place"
        )
    if stored is None:
        study_id = storage.get_study_id_from_name(study.study_name)
        storage.set_study_system_attr(study_id, TERMS, dict(terms))
    else:
        check_terms(stored, terms, study.study_name, place)


def check_terms(
    stored: Mapping[str, Any], terms: Mapping[str, Any], name: str, place: str
) -> None:
    """Refuse to go on with a study that was begun with other terms.

    Raises
    ------
    StorageError
        With both values of each that differs.
    """
    if found := _differences(stored, terms):
        raise StorageError(
            f"study {name!r} in {place} is another one: {found}. Go on with what it was begun "
            "with (the study.yaml beside it), or choose another name or place"
        )


def _differences(stored: Mapping[str, Any], terms: Mapping[str, Any]) -> str:
    return "; ".join(
        f"its {key} {_words(stored.get(key))}, not {_words(own)} as here"
        for key, own in terms.items()
        if stored.get(key) != own
    )


def _words(value: object) -> str:
    return repr(value) if isinstance(value, int | None) else str(value)
