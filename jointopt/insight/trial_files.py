"""What is told of a single trial beside its parameters: a note, and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jointopt.insight.diagram import pipeline_diagram
from jointopt.insight.error_pictures import draw_confusion, draw_residuals
from jointopt.insight.markdown import as_code, as_table
from jointopt.insight.templates import get_template
from jointopt.insight.words import describe
from jointopt.pipeline.build import build_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from jointopt.data import Dataset, Metric
    from jointopt.evaluation.one_fold import Setting
    from jointopt.search.result import TrialRecord

__all__ = ["TrialFile", "trial_files", "trial_note"]


@dataclass(frozen=True, slots=True)
class TrialFile:
    """A file about a trial.

    Attributes
    ----------
    name : str
        Of the file.
    mimetype : str
        Of its content.
    content : str
        Its text.
    """

    name: str
    mimetype: str
    content: str


def trial_note(record: TrialRecord, metric: Metric) -> str:
    """Return what a finished trial is and how good, in Markdown; it stays true as others come."""
    trial, told = record.trial, record.told
    scores = told["fold_scores"]
    seconds = [told[f"{what}_seconds"] for what in ("fit", "predict")]
    folds = [f"{k + 1}" for k in range(len(scores))]
    return "\n\n".join(
        [
            f"**{metric.name} {trial.value:.5g}** ± {np.std(scores):.2g} over {len(scores)} folds",
            as_code(describe(record.config), 600),
            as_table(["fold", *folds], [metric.name, *(f"{score:#.4g}" for score in scores)]),
            f"Fits took {seconds[0]:.3g} s, predictions {seconds[1]:.3g} s. The model itself saw "
            f"{told['n_features']} inputs.",
        ]
    )


def trial_files(
    record: TrialRecord, setting: Setting, predictions: NDArray[np.float32]
) -> Iterator[TrialFile]:
    """Return a finished trial's scores, what it got wrong and its pipeline.

    Parameters
    ----------
    record : TrialRecord
        Of a trial that passed all folds.
    setting : Setting
        Of the search.
    predictions : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Out of fold; NaN for rows that no fold scores.
    """
    scores = record.told["fold_scores"]
    table = pd.DataFrame(
        {
            "fold": np.arange(1, len(scores) + 1),
            "rows": [len(rows) for _, rows in setting.folds],
            setting.metric.name: scores,
        }
    )
    yield TrialFile("fold_scores.csv", "text/csv", table.to_csv(index=False))
    yield _errors(setting.dataset, predictions)
    yield TrialFile("pipeline.html", "text/html", _pipeline_page(record, setting))


def _errors(dataset: Dataset, predictions: NDArray[np.float32]) -> TrialFile:
    if dataset.classes is None:
        drawn = draw_residuals(dataset.y, predictions)
        return TrialFile("residuals.svg", "image/svg+xml", drawn)
    drawn = draw_confusion(dataset.y, predictions, dataset.classes.tolist())
    return TrialFile("confusion.svg", "image/svg+xml", drawn)


def _pipeline_page(record: TrialRecord, setting: Setting) -> str:
    pipeline = build_pipeline(
        record.config, setting.blueprint, seed=setting.seed, threads=setting.threads
    )
    return get_template("trial.html.j2").render(
        title=f"Pipeline of trial {record.number}",
        words=describe(record.config),
        diagram=pipeline_diagram(pipeline),
    )
