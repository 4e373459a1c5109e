"""Tables drawn at random."""

from __future__ import annotations

import pytest

from jointopt.data import Kind, Task, load_table, make_dataset
from jointopt.errors import DataError


def test_simulated_tables_are_of_all_tasks_and_kinds_and_can_be_learnt_from():
    datasets = [make_dataset(load_table(f"simulated:{seed}"), "target") for seed in range(12)]
    assert {dataset.task for dataset in datasets} == set(Task)
    assert {kind for d in datasets for kind in Kind if d.schema.names(kind)} >= {
        Kind.NUMERIC,
        Kind.CATEGORICAL,
    }
    assert any(dataset.X.isna().to_numpy().any() for dataset in datasets)
    assert not any(dataset.X.isna().all().any() for dataset in datasets)


def test_a_seed_is_a_whole_number():
    with pytest.raises(DataError, match="simulated:x: expected a whole number"):
        load_table("simulated:x")
