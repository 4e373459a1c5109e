"""What the sampler of a running stage learns of the trials that its evaluator ended."""

from __future__ import annotations

from optuna.storages import InMemoryStorage

from jointopt import Choice, Float, Space
from jointopt.evaluation.outcome import Outcome, State
from jointopt.search.budget import Budget
from jointopt.search.catalogue import get_strategy
from jointopt.search.engine import Engine, Shelf

SPACE = Space(paradigm=Choice({label: {"x": Float(0, 1)} for label in ("one", "other")}))


class AtOnce:
    """Ends what it is given at once, and tells that one paradigm took a hundred seconds."""

    capacity = 1

    def __init__(self, costly):
        self.costly, self.asked, self.ended = costly, [], []

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
        del config
        return {}

    def learn(self, outcome):
        pass

    def abandon(self):
        return []


def test_what_its_fits_took_is_what_a_trial_costs():
    asked = {}
    for costly in ("one", "other"):
        evaluator = AtOnce(costly)
        shelf = Shelf(storage=InMemoryStorage(), name="here")
        budget = Budget(3600, n_trials=60)
        engine = Engine(evaluator, budget, direction="minimize", seed=0, shelf=shelf)
        engine.run(get_strategy("joint"), SPACE, [SPACE.default()])
        asked[costly] = evaluator.asked
    assert 2 * asked["one"].count("one") < asked["other"].count("one")
