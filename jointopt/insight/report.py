"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import platform
import shlex
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from joblib import cpu_count
from optuna.trial import TrialState

from jointopt.errors import OptionError
from jointopt.insight.diagram import pipeline_diagram
from jointopt.insight.leaderboard import members_frame
from jointopt.insight.page import figure_html, render_page
from jointopt.insight.plots import FEW_AXES
from jointopt.insight.savings import savings_frame
from jointopt.insight.search_frames import say_good
from jointopt.insight.versions import versions
from jointopt.insight.words import (
    describe_calibration,
    describe_decision,
    describe_features,
    describe_folds,
    describe_model,
    describe_transforms,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from sklearn.pipeline import Pipeline

    from jointopt.insight.held_out import HeldOut
    from jointopt.insight.search_result import SearchResult
    from jointopt.model.fitted import FittedModel
    from jointopt.model.run import TableRun
    from jointopt.search.result import TrialRecord

__all__ = ["render_report"]

KINDS: Final = {"binary": "binary classification", "multiclass": "multiclass classification"}
N_SHOWN: Final = 25
"""Rows of the leaderboard; the file has all."""
N_IMPORTANT: Final = 15
"""Parameters whose importance is told."""
N_NUMBERS: Final = 8
"""Failed trials that are named for one reason."""


def render_report(
    run: TableRun,
    result: SearchResult,
    board: pd.DataFrame,
    facts: Mapping[str, Any],
    latency: Mapping[str, float],
    *,
    folder: str = "FOLDER",
    outer: HeldOut | None = None,
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    run : TableRun
        What came out.
    result : SearchResult
        Its search.
    board : DataFrame
        Its leaderboard.
    facts : mapping of str to value
        Told under "This run", such as the data file and the seconds used.
    latency : mapping of str to float
        As `FittedModel.latency` gives it.
    folder : str, default="FOLDER"
        Where the model is, for the lines that use it.
    outer : HeldOut or None, default=None
        The score on rows that no search has seen, where there are any.
    """
    records, model = run.result.records, run.model
    counts = {s.name.lower(): sum(r.trial.state is s for r in records) for s in TrialState}
    about = {
        "target": model.target,
        "rows": f"{run.dataset.n_rows:,}",
        "metric": run.metric.name,
        "folds": run.n_folds,
    }
    here = {
        "date": date.today().isoformat(),
        "Python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {cpu_count()} cores",
    }
    return render_page(
        "report.html.j2",
        {"whole": whole},
        title=f"{model.target}: {KINDS.get(str(model.task), model.task)} with jointopt",
        metric=run.metric.name,
        score=model.facts["validation_score"],
        outer=outer,
        n_folds=run.n_folds,
        scored_on=describe_folds(len(model.facts["fold_scores"]), run.n_folds),
        model=describe_model(model.config),
        features=describe_features(model.config),
        transforms=describe_transforms(model.config),
        tuned=(
            describe_decision(model.classes, model.decision_weights),
            describe_calibration(model.temperature),
        ),
        is_classifier=model.classes is not None,
        folder={"shell": shlex.quote(folder), "python": repr(folder)},
        diagram=pipeline_diagram(_of_the_best(model)),
        members=members_frame(model).to_dict("records"),
        single_score=model.facts["best_single_score"],
        latency=latency,
        n_rows=run.dataset.n_rows,
        date=here["date"],
        schema=run.dataset.schema.describe(),
        config=model.config,
        board=board.head(N_SHOWN).to_dict("records"),
        n_scored=len(board),
        n_trials=len(records),
        good=say_good(counts["complete"]),
        counts=counts,
        failures=_failures(records),
        history=figure_html(result.plot.history(), "Score of each trial over time"),
        facts=about | dict(facts) | here,
        versions=versions(),
        size=run.space.size(),
        notes=run.notes,
        **_axes(result),
        **_parameters(result),
        **_features(result),
        **_savings(records, run.n_folds),
    )


def _axes(result: SearchResult) -> dict[str, Any]:
    """Return what the page says of the axes, with figures if the trials suffice."""
    try:
        found = result.interactions()
    except OptionError as error:
        return {"axes_in_words": f"{error}."}
    # Numbers and their signs stay on one line.
    words = found.conclusion(result.metric.name).replace(" %", "\u00a0%")
    told: dict[str, Any] = {"axes_in_words": words}
    if found.is_reliable:
        told["axes"] = figure_html(result.plot.axes(), "What each axis explains, as bars")
        told["interactions"] = figure_html(
            found.plot(),
            "What axes explain alone and in pairs, as a heat map",
            wide=len(found.axes) > FEW_AXES,
        )
        told["shares"] = found.frame().to_dict("records")
    return told


def _parameters(result: SearchResult) -> dict[str, Any]:
    if result.importance.empty:
        return {}
    return {
        "importance": figure_html(
            result.plot.importance(N_IMPORTANT), "Importance of parameters, as bars", wide=True
        ),
        "importances": result.importance.head(N_IMPORTANT).to_dict("records"),
        "parallel": figure_html(
            result.plot.parallel(), "Trials as lines through their parameters", wide=True
        ),
    }


def _features(result: SearchResult) -> dict[str, Any]:
    usage = result.frame.features()
    if usage.empty:
        return {}
    figure = figure_html(result.plot.features(), "Use of features in good trials, as bars")
    return {"features_plot": figure, "usage": usage.to_dict("records")}


def _savings(records: Sequence[TrialRecord], n_folds: int) -> dict[str, Any]:
    saved = savings_frame(records, n_folds)
    return {
        "savings": saved.to_dict("records"),
        "folds_saved": int(saved["folds_saved"].sum()),
        "folds_asked": n_folds * len(records),
        "seconds_saved": float(saved["seconds_saved"].sum()),
    }


def _failures(records: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """Return failures by reason, the commonest first."""
    by_reason: dict[str, list[TrialRecord]] = {}
    for record in records:
        if record.trial.state is TrialState.FAIL:
            by_reason.setdefault(str(record.told.get("reason")), []).append(record)
    rows = []
    for reason, failed in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        paradigms = Counter(str(record.config.get("paradigm")) for record in failed)
        numbers = [str(record.number) for record in failed[:N_NUMBERS]]
        rows.append(
            {
                "n": len(failed),
                "reason": reason,
                "paradigms": ", ".join(name for name, _ in paradigms.most_common()),
                "numbers": ", ".join(numbers) + (", …" if len(failed) > N_NUMBERS else ""),
            }
        )
    return rows


def _of_the_best(model: FittedModel) -> Pipeline:
    """Return a pipeline of the best single configuration, or of the heaviest member."""
    of_best = [m for m in model.members if m.config == model.config]
    return (of_best or [*model.members])[0].pipelines[0]
