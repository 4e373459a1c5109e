"""Networks whose training goes badly stop in their first fold."""

from __future__ import annotations

import dataclasses

import numpy as np
import optuna
import pytest
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

from jointopt.data import Task, get_metric
from jointopt.evaluation.executors import InProcess
from jointopt.evaluation.learning_curves import MIN_CURVES, CurveRace, LearningCurve
from jointopt.evaluation.one_fold import run_fold
from jointopt.evaluation.outcome import Outcome, State
from jointopt.evaluation.table_evaluator import TableEvaluator
from jointopt.evaluation.tasks import FoldTask
from jointopt.insight.study_notes import StudyNotes
from jointopt.search.result import TrialRecord

SMALL = {
    "paradigm": "mlp",
    "architecture/mlp/depth": 1,
    "architecture/mlp/width/0": 32,
    "architecture/mlp/dropout": 0.0,
}


def curve(*losses: float) -> LearningCurve:
    return LearningCurve(tuple((np.arange(len(losses)) + 1) / 8), losses)


def earlier(setting, losses: float, target: str = "none") -> Outcome:
    """A network of another run, on the same rows of the first fold."""
    told = {
        "paradigm": "mlp",
        "target": target,
        "n_rows": len(setting.folds[0][0]),
        "stopped": False,
        **dataclasses.asdict(curve(*[losses] * 8)),
    }
    scores = [0.5] * len(setting.folds)
    details = {"fold_scores": scores, "learning_curves": [told]}
    return Outcome(0, State.COMPLETE, 0.5, details=details)


def evaluate(evaluator, config):
    evaluator.submit(0, config)
    while not (outcomes := evaluator.collect(None)):
        pass
    return outcomes[0]


def test_the_first_networks_are_never_stopped():
    race = CurveRace()
    for k in range(MIN_CURVES):
        assert race.must_reach() is None
        race.ended(curve(9.0), stopped=True)
        race.ended(curve(*[1.0 + k] * 8), stopped=False)
    assert race.must_reach() is not None


def test_the_bar_is_the_median_of_all_that_came_by_and_the_stopped_are_below_it():
    race = CurveRace()
    for loss in (1, 2, 3, 4, 5):
        race.ended(curve(*[float(loss)] * 8), stopped=False)
    assert race.must_reach()[0.5] == pytest.approx(3 * 1.05)
    for _ in range(4):
        race.ended(curve(6.0, 6.0), stopped=True)
    assert race.must_reach()[0.5] == pytest.approx(5 * 1.05), "survivors alone are no standard"
    race.ended(curve(6.0, 6.0), stopped=True)
    race.ended(curve(6.0, 6.0), stopped=True)
    assert race.must_reach()[0.5] == np.inf
    assert race.must_reach()[0.25] == pytest.approx(6 * 1.05)


def test_a_curve_knows_its_best_loss_by_a_share_of_the_schedule():
    found = LearningCurve((0.1, 0.3, 0.6), (2.0, 3.0, 1.0))
    assert [found.best_by(share) for share in (0.05, 0.1, 0.25, 0.5, 1.0)] == [2, 2, 2, 1, 1]


@pytest.mark.parametrize("level", [0.001, 100.0])
def test_a_network_behind_earlier_ones_is_pruned_in_its_first_fold(setting, space, level):
    evaluator = TableEvaluator(setting, InProcess(setting))
    for _ in range(MIN_CURVES):
        evaluator.learn(earlier(setting, level))
    outcome = evaluate(evaluator, space.complete(SMALL))
    (told,) = outcome.details["learning_curves"]
    if level > 1:
        assert outcome.state is State.COMPLETE
        return
    assert outcome.state is State.PRUNED
    assert (
        outcome.reason == "the network was behind others of its paradigm at 12 % of its training"
    )
    assert told["stopped"]
    assert told["progress"][-1] == pytest.approx(0.125)
    assert list(outcome.intermediate) == [0], "steps are folds, not epochs"
    assert max(len(f"{key} {value}") for key, value in outcome.attributes.items()) < 90
    assert np.isfinite(outcome.value)


def test_curves_on_other_rows_stop_nothing(setting, space):
    evaluator = TableEvaluator(setting, InProcess(setting))
    fewer = dataclasses.replace(setting, folds=((np.arange(7), np.arange(7)),))
    for _ in range(MIN_CURVES):
        evaluator.learn(earlier(fewer, 0.001))
    assert evaluate(evaluator, space.complete(SMALL)).state is State.COMPLETE


def test_curves_of_another_scale_of_the_target_stop_nothing(setting, space):
    if setting.dataset.task is not Task.REGRESSION:
        pytest.skip("only the target of a regression has a scale")
    evaluator = TableEvaluator(setting, InProcess(setting))
    for _ in range(MIN_CURVES):
        evaluator.learn(earlier(setting, 0.001, "quantile_normal"))
    assert evaluate(evaluator, space.complete(SMALL)).state is State.COMPLETE
    other = space.complete({**SMALL, "transforms/target": "quantile_normal"})
    outcome = evaluate(evaluator, other)
    assert outcome.state is State.PRUNED
    assert outcome.details["learning_curves"][0]["target"] == "quantile_normal"


def test_scored_rows_have_no_part_in_a_curve(setting, space):
    dataset = setting.dataset
    y = dataset.y.copy()
    rows = setting.folds[0][1]
    y[rows] = y[rows].mean() if dataset.task is Task.REGRESSION else 0
    other = dataclasses.replace(setting, dataset=dataclasses.replace(dataset, y=y))
    task = FoldTask(space.complete(SMALL), 0, must_reach={0.1: 1e-9})
    first, second = run_fold(setting, task), run_fold(other, task)
    assert first.stopped
    assert second.stopped
    assert first.curve == second.curve
    np.testing.assert_array_equal(first.predictions, second.predictions)


def test_curves_are_shown_in_the_dashboard(tmp_path):
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(study_name="s/joint", storage=storage)
    told = {"paradigm": "mlp", "n_rows": 9, "stopped": True, **dataclasses.asdict(curve(3.0, 2.0))}
    state = optuna.trial.TrialState.PRUNED
    trial = optuna.create_trial(state=state, value=0.5, user_attrs={"learning_curves": [told]})
    study.add_trial(trial)
    notes = StudyNotes(storage, "s", get_metric(None, Task.BINARY), "a table", tmp_path)
    notes(TrialRecord("joint", 0, {"paradigm": "mlp"}, trial))
    notes.finish()
    (summary,) = storage.get_all_studies()
    (figure,) = get_plotly_graph_objects(summary.system_attrs).values()
    assert '"y":[3.0,2.0]' in figure
    assert "stopped here" in figure
