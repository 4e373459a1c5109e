"""A table and its task: reading, column kinds, target and metric."""

from __future__ import annotations

from jointopt.data.bundled import load_table
from jointopt.data.columns import Column, Kind, Schema
from jointopt.data.dataset import (
    Dataset,
    as_frame,
    as_series,
    dataset_from_arrays,
    has_target,
    make_dataset,
)
from jointopt.data.inference import infer_schema
from jointopt.data.metrics import Metric, get_metric, metric_names
from jointopt.data.reading import read_table
from jointopt.data.tasks import Task, infer_task

__all__ = [
    "Column",
    "Dataset",
    "Kind",
    "Metric",
    "Schema",
    "Task",
    "as_frame",
    "as_series",
    "dataset_from_arrays",
    "get_metric",
    "has_target",
    "infer_schema",
    "infer_task",
    "load_table",
    "make_dataset",
    "metric_names",
    "read_table",
]
