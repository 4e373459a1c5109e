"""What the sampler of a running stage learns of the trials that its evaluator ended."""

from __future__ import annotations

import pytest
from optuna.storages import InMemoryStorage

from jointopt import Choice, Float, Space, Subset
from jointopt.evaluation.outcome import Outcome, State
from jointopt.search.budget import Budget
from jointopt.search.catalogue import get_strategy
from jointopt.search.engine import Engine, Shelf
from jointopt.search.strategies import Stage

PARADIGM = Choice({label: {"x": Float(0, 1)} for label in ("one", "other")})
SPACE = Space(paradigm=PARADIGM)


class AtOnce:
    """Ends what it is given at once, and tells that one paradigm took a hundred seconds."""

    def __init__(self, costly=None, capacity=1):
        self.capacity = capacity
        self.costly, self.asked, self.ended, self.explained = costly, [], [], []

    def submit(self, number, config, trial):
        del trial
        label = config["paradigm"]
        value = abs(config[f"paradigm/{label}/x"] - 0.3)
        told = {
            "fold_scores": [value],
            "fit_seconds": 100.0 if label == self.costly else 1.0,
            "predict_seconds": 0.0,
        }
        self.asked.append(label)
        self.ended.append(Outcome(number, State.COMPLETE, value, {0: value}, told))

    def collect(self, timeout):
        del timeout
        ended, self.ended = self.ended, []
        return ended

    def has_partial(self):
        return False

    def explain(self, config):
        self.explained.append(config)
        return {}

    def learn(self, outcome):
        pass

    def abandon(self):
        return []


def run(evaluator, budget, strategy, space=SPACE, start=None):
    shelf = Shelf(storage=InMemoryStorage(), name="here")
    engine = Engine(evaluator, budget, direction="minimize", seed=0, shelf=shelf)
    return engine.run(get_strategy(strategy), space, [start or space.default()])


def test_columns_are_ranked_once_for_a_configuration_and_not_for_nothing():
    masked = Space(features={"columns": Subset(["a", "b", "c"])}, paradigm=PARADIGM)
    best = masked.complete({"paradigm": "one", "paradigm/one/x": 0.3})
    evaluator = AtOnce()
    run(evaluator, Budget(n_trials=60), "alternating", masked, best)
    assert len(evaluator.asked) == 60
    assert evaluator.explained == [best]
    evaluator = AtOnce()
    run(evaluator, Budget(n_trials=1), "alternating", masked, best)
    assert evaluator.explained == []


def test_what_its_fits_took_is_what_a_trial_costs():
    asked = {}
    for costly in ("one", "other"):
        evaluator = AtOnce(costly)
        run(evaluator, Budget(3600, n_trials=60), "joint")
        asked[costly] = evaluator.asked
    assert 2 * asked["one"].count("one") < asked["other"].count("one")


@pytest.mark.parametrize("capacity", [1, 2])
def test_a_repeat_of_what_is_known_or_under_way_teaches_nothing(capacity):
    proposed = [SPACE.complete({"paradigm": "one", "paradigm/one/x": x / 8}) for x in range(8)]

    def found(n_times):
        def plan(space, starts, seed):
            del starts, seed
            yield Stage("s", space, [c for c in proposed for _ in range(n_times)], sampler="joint")

        records = run(AtOnce(capacity=capacity), Budget(n_trials=30), plan).records
        return [record.config for record in records]

    assert found(2) == found(1)
