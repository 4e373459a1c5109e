"""What is told of a single trial beside its parameters: a note, and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from optuna.trial import TrialState

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
    from jointopt.evaluation.tasks import Setting
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
    """Return what an ended trial is and what came of it, in Markdown; it stays true."""
    parts = [_what_came_of(record, metric), as_code(describe(record.config), 600)]
    told = record.told
    if scores := told.get("fold_scores"):
        folds = [f"{k + 1}" for k in range(len(scores))]
        cells = [f"{score:#.4g}" for score in scores]
        parts.append(as_table(["fold", *folds], [metric.name, *cells]))
    if "fit_seconds" in told:
        seconds = f"Fits took {told['fit_seconds']:.3g} s, predictions "
        parts.append(f"{seconds}{told['predict_seconds']:.3g} s.")
    if "n_features" in told:
        parts[-1] += f" The model itself saw {told['n_features']} inputs."
    return "\n\n".join(parts)


def _what_came_of(record: TrialRecord, metric: Metric) -> str:
    trial, told = record.trial, record.told
    scores = told.get("fold_scores", [])
    if trial.state is TrialState.COMPLETE:
        spread = f" ± {np.std(scores):.2g} over {len(scores)} folds" if scores else ""
        return f"**{metric.name} {trial.value:.5g}**{spread}"
    reason = as_code(told.get("reason") or "for a reason that was not told")
    if trial.state is TrialState.FAIL:
        return f"**Failed**: {reason}"
    folds = "1 fold" if len(scores) == 1 else f"{len(scores)} folds"
    seen = folds if scores else "a sample of the rows"
    return f"**Stopped early** at {metric.name} {trial.value:.5g} on {seen}: {reason}"


def trial_files(
    record: TrialRecord, setting: Setting, predictions: NDArray[np.floating]
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


def _errors(dataset: Dataset, predictions: NDArray[np.floating]) -> TrialFile:
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
