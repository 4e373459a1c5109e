"""What the scores of a run on a table depend on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pandas as pd

from jointopt.data.columns import listed
from jointopt.search.catalogue import told_strategy
from jointopt.search.terms import space_term
from jointopt.search.told_function import DIGEST_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from jointopt.data import Dataset
    from jointopt.evaluation.tasks import Setting
    from jointopt.search.strategies import Strategy
    from jointopt.space import Space

__all__ = ["FOLD_ROWS", "terms_of"]

FOLD_ROWS = "rows of a fold"
"""The term that tells of how many rows a fold is made, where that is not all."""


def terms_of(setting: Setting, space: Space, strategy: str | Strategy) -> dict[str, Any]:
    """Return, in plain values, all that scores must have in common to be compared.

    Parameters
    ----------
    setting : Setting
        The table, its folds and metric.
    space : Space
        What is searched, bound to the table.
    strategy : str or callable
        How: what another one found is in studies of other names, which would be left out.
    """
    dataset = setting.dataset
    return {
        "rows": dataset.n_rows,
        "columns": listed([f"{column.name} ({column.kind})" for column in dataset.schema.used]),
        "content": _content(dataset),
        "target": f"{dataset.target} ({dataset.task})",
        "metric": setting.metric.name,
        "space": space_term(space),
        "strategy": told_strategy(strategy),
        "seed": setting.seed,
        "folds": len(setting.folds),
        **({} if setting.fold_rows is None else {FOLD_ROWS: setting.fold_rows}),
    }


def _content(dataset: Dataset) -> str:
    """Return a digest of the names, kinds and values of all that models see, and of the target."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for column in dataset.schema.used:
        digest.update(f"{column.name}\n{column.kind}\n".encode())
        digest.update(_bytes(dataset.X[column.name].to_numpy()))
    digest.update(_bytes(dataset.y))
    if dataset.classes is not None:
        digest.update("\n".join(map(str, dataset.classes)).encode())
    return digest.hexdigest()


def _bytes(values: NDArray[Any]) -> bytes:
    hashed: NDArray[np.uint64] = pd.util.hash_array(values) if values.dtype == object else values
    return hashed.tobytes()
