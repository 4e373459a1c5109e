"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import platform
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markupsafe import Markup
from optuna.trial import TrialState
from sklearn.utils import estimator_html_repr

from jointopt.errors import OptionError
from jointopt.insight.axis_analysis import axis_interactions
from jointopt.insight.leaderboard import members_frame
from jointopt.insight.plots import plot_history, plot_importance
from jointopt.insight.search_frames import history_frame, importance_frame
from jointopt.insight.words import describe_features, describe_model, describe_transforms

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from sklearn.pipeline import Pipeline

    from jointopt.model.fitted import FittedModel
    from jointopt.model.run import TableRun

__all__ = ["render_report"]

PACKAGES = ("jointopt", "optuna", "scikit-learn", "lightgbm", "xgboost", "torch", "pandas")


def render_report(
    run: TableRun,
    board: pd.DataFrame,
    facts: Mapping[str, Any],
    latency: Mapping[str, float],
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    run : TableRun
        What came out.
    board : DataFrame
        Its leaderboard.
    facts : mapping of str to value
        Told under "This run", such as the data file and the seconds used.
    latency : mapping of str to float
        As `FittedModel.latency` gives it.
    """
    import plotly.offline

    records = run.result.records
    history = plot_history(history_frame(records, run.metric), run.metric)
    study = next(iter(run.result.studies.values()))
    importance = importance_frame(study)
    failed = [r for r in records if r.trial.state is TrialState.FAIL]
    text = files("jointopt.insight").joinpath("report.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)
    model = run.model
    return template.render(
        title=f"{model.target}: {model.task} with jointopt",
        metric=run.metric.name,
        score=model.facts["validation_score"],
        n_folds=run.n_folds,
        model=describe_model(model.config),
        features=describe_features(model.config),
        transforms=describe_transforms(model.config),
        diagram=Markup(estimator_html_repr(_of_the_best(model))),
        members=members_frame(model).to_dict("records"),
        single_score=model.facts["best_single_score"],
        latency=latency,
        schema=run.dataset.schema.describe(),
        config=model.config,
        board=board.head(25).to_dict("records"),
        n_trials=len(records),
        counts={s.name.lower(): sum(r.trial.state is s for r in records) for s in TrialState},
        failed=[
            (r.number, r.config.get("paradigm"), r.trial.user_attrs.get("reason")) for r in failed
        ],
        history=_figure(history),
        **_interactions(run),
        importance=None if importance.empty else _figure(plot_importance(importance)),
        plotly_js=Markup(plotly.offline.get_plotlyjs()),
        facts=dict(facts) | {"Python": platform.python_version(), "machine": platform.machine()},
        versions={name: version(name) for name in PACKAGES},
        size=run.space.size(),
        notes=run.notes,
    )


def _interactions(run: TableRun) -> dict[str, Any]:
    """Return what the page says of the axes, with a figure if the trials suffice."""
    try:
        found = axis_interactions(run.result, run.space)
    except OptionError as error:
        return {"axes": None, "axes_in_words": f"{error}."}
    figure = _figure(found.plot()) if found.is_reliable else None
    return {"axes": figure, "axes_in_words": found.conclusion(run.metric.name)}


def _of_the_best(model: FittedModel) -> Pipeline:
    """Return a pipeline of the best single configuration, or of the heaviest member."""
    of_best = [m for m in model.members if m.config == model.config]
    return (of_best or [*model.members])[0].pipelines[0]


def _figure(figure: Any) -> Markup:
    return Markup(
        figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    )
