"""What the clock ended, and nothing else, is evaluated to its end by a resumed search."""

from __future__ import annotations

import pytest

from jointopt import Categorical, Choice, Float, Space
from jointopt.evaluation.outcome import BUDGET_ENDED, Outcome, State
from jointopt.search.budget import Budget
from jointopt.search.catalogue import get_strategy
from jointopt.search.engine import Engine, Shelf
from jointopt.search.storage import open_storage

SPACE = Space(
    transforms={"scale": Categorical(["none", "standard"])},
    paradigm=Choice({label: {"x": Float(0, 1)} for label in ("one", "other")}),
)
SECONDS = 60.0


class TwoPlaces:
    """Ends evaluations in order, until the clock stands at the end of the budget."""

    capacity = 2

    def __init__(self, n_in_time):
        self.n_left, self.now, self.asked, self.running = n_in_time, 0.0, [], {}

    def clock(self):
        return self.now

    def submit(self, number, config, trial):
        del trial
        self.asked.append(frozenset(config.items()))
        self.running[number] = abs(config[f"paradigm/{config['paradigm']}/x"] - 0.3)

    def collect(self, timeout):
        del timeout
        if not self.n_left:
            self.now = SECONDS
            return []
        self.n_left -= 1
        number = next(iter(self.running))
        return [Outcome(number, State.COMPLETE, self.running.pop(number))]

    def has_partial(self):
        return True

    def explain(self, config):
        del config
        return {}

    def learn(self, outcome):
        pass

    def abandon(self):
        cut, self.running = self.running, {}
        return [
            Outcome(number, State.PRUNED, value, {0: value}, reason=BUDGET_ENDED)
            for number, value in cut.items()
        ]


def run(evaluator, storage, strategy, n_trials=None):
    engine = Engine(
        evaluator,
        Budget(SECONDS, n_trials=n_trials, clock=evaluator.clock),
        direction="minimize",
        seed=0,
        shelf=Shelf(storage=open_storage(storage), name="s", resume=True),
    )
    return engine.run(get_strategy(strategy), SPACE, [SPACE.default()])


@pytest.mark.parametrize("strategy", ["joint", "random"])
def test_a_resumed_search_ends_what_the_clock_cut_short(strategy, tmp_path):
    storage = f"sqlite:///{tmp_path}/s.db"
    first = TwoPlaces(n_in_time=10)
    run(first, storage, strategy)
    cut = first.asked[10:]
    assert len(cut) == 2
    again = TwoPlaces(n_in_time=10)
    found = run(again, storage, strategy)
    assert again.asked[:2] == cut
    assert not {*again.asked[2:]} & {*first.asked}
    ends = {frozenset(r.config.items()): r.trial.state.name for r in found.records}
    assert [ends[config] for config in cut] == ["COMPLETE", "COMPLETE"]


def test_what_was_ended_since_is_not_evaluated_a_third_time(tmp_path):
    storage = f"sqlite:///{tmp_path}/s.db"
    run(TwoPlaces(n_in_time=4), storage, "joint")
    run(TwoPlaces(n_in_time=4), storage, "joint", n_trials=8)
    third = TwoPlaces(n_in_time=4)
    found = run(third, storage, "joint", n_trials=12)
    configs = [frozenset(r.config.items()) for r in found.records[:8]]
    assert not {*third.asked} & {*configs}


def test_what_was_cut_short_twice_is_begun_once_more(tmp_path):
    storage = f"sqlite:///{tmp_path}/s.db"
    run(TwoPlaces(n_in_time=4), storage, "joint")
    cut = TwoPlaces(n_in_time=0)
    run(cut, storage, "joint")
    third = TwoPlaces(n_in_time=4)
    run(third, storage, "joint")
    assert third.asked[:2] == cut.asked
    assert len(third.asked) == len({*third.asked})
