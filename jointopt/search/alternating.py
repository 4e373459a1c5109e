"""The pseudo-joint strategy: recursive feature elimination interleaved with a genetic algorithm.

Two searches take turns, each seeing the other's latest result. One step of recursive feature
elimination (Guyon et al., 2002) drops the columns on which the incumbent relies least; one
generation of a genetic algorithm then varies paradigm, architecture, hyperparameters and
transforms with the columns that are left. Unlike in plain elimination, dropped columns are offered
again.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from jointopt.search.coding import code_of
from jointopt.search.strategies import Evaluated, Stage
from jointopt.space import Choice, Subset
from jointopt.space.counting import possible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jointopt.search.coding import Coded
    from jointopt.search.strategies import Plan
    from jointopt.space import Config, Space, Value

__all__ = ["alternating"]

POPULATION, OFFSPRING = 10, 8
"""The best configurations are the parents of as many new ones in each round."""
MAX_DRAWS = 80
"""Children are drawn until that many: most are known already where little varies."""
MUTATION_RATE, BRANCH_MUTATION_RATE = 0.15, 0.05
"""Chances that a value, or a branch with all below it, changes."""
MUTATION_STEP = 0.2
"""Standard deviation of a number's change, in shares of its range."""
REMOVALS, RETURNS = 3, 2
"""Configurations of a round with fewer columns, and with one more, than the incumbent."""
PATIENCE = 5
"""Rounds without anything new to try after which the space counts as exhausted."""
STUDY = "alternating"

History = dict[frozenset[tuple[str, "Value"]], Evaluated]


def alternating(space: Space, starts: Sequence[Config], seed: int) -> Plan:
    """Interleave recursive feature elimination and a genetic algorithm.

    Each round has two halves. `features`: from the incumbent, up to three configurations without
    one, a tenth and a fifth of the columns on which it relies least (of random ones where the
    evaluation tells no importances), and two with a dropped column back.
    `genetic`: eight children of the ten best configurations by uniform crossover and mutation
    over all other axes, with the incumbent's columns. It ends with the budget, or after five
    rounds in which neither half had anything new to try. All trials are in one study, each with
    its `round` and `half`.

    Parameters
    ----------
    space : Space
        What is searched. Without a subset of columns in it, only the genetic half has work.
    starts : sequence of Config
        The first population.
    seed : int
        Of crossover, mutation and the columns on trial.
    """
    rng = Random(seed)
    history: History = {}
    found = yield Stage(STUDY, space, starts, notes={"round": 0, "half": "starts"}, explain=True)
    _remember(history, found.evaluated)
    idle = number = 0
    while idle < PATIENCE:
        number += 1
        best = _incumbent(history)
        proposals = _new(
            history, _eliminations(space, best, found.importances, rng), REMOVALS + RETURNS
        )
        notes = {"round": number, "half": "features"}
        found = yield Stage(STUDY, space, proposals, notes=notes)
        _remember(history, found.evaluated)
        children = _new(history, _offspring(space, history, rng), OFFSPRING)
        notes = {"round": number, "half": "genetic"}
        found = yield Stage(STUDY, space, children, notes=notes, explain=True)
        _remember(history, found.evaluated)
        idle = 0 if proposals or children else idle + 1


def _remember(history: History, found: Sequence[Evaluated]) -> None:
    history.update({frozenset(e.config.items()): e for e in found})


def _new(history: History, proposals: Iterable[Config], most: int) -> list[Config]:
    """Return the first of the proposals that are new."""
    unique: dict[frozenset[tuple[str, Value]], Config] = {}
    for config in proposals:
        key = frozenset(config.items())
        if key not in history:
            unique[key] = config
        if len(unique) == most:
            break
    return list(unique.values())


def _incumbent(history: History) -> Evaluated | None:
    return max((e for e in history.values() if e.complete), key=lambda e: e.score, default=None)


# ------------------------------------------------------------------------------ features


def _mask_paths(space: Space) -> list[str]:
    """Return the switches of all columns, of the first subset on the axis `features`.

    One that is active in no configuration, as what is left after pruning may be, does not count.
    """
    for decision in possible(space.decisions, space.frozen):
        if decision.axis == "features" and isinstance(decision.node, Subset):
            return list(decision.parameters)
    return []


def _masked(space: Space, config: Config, on: set[str], paths: Sequence[str]) -> Config:
    """Return the configuration with these columns and the branches that make the mask active."""
    needed = _needed(space, paths[0], config)
    others = {path: value for path, value in config.items() if path not in needed}
    return space.complete(others | needed | {path: path in on for path in paths})


def _needed(space: Space, path: str, config: Config) -> dict[str, Value]:
    """Return values of the choices above a parameter under which it is active, theirs if so."""
    owner = next(d for d in space.decisions if path in d.parameters)
    return {
        condition.path: config[condition.path]
        if config.get(condition.path) in condition.allowed
        else min(condition.allowed, key=str)
        for condition in owner.conditions
    }


def _eliminations(
    space: Space, best: Evaluated | None, importances: Mapping[str, float], rng: Random
) -> Iterator[Config]:
    paths = _mask_paths(space)
    if not paths or best is None:
        return
    on = [path for path in paths if best.config.get(path, True)]
    chance = {path: rng.random() for path in on}
    ranked = sorted(on, key=lambda path: (importances.get(path, 0.0), chance[path]))
    sizes = [n for n in dict.fromkeys((1, len(on) // 10, len(on) // 5)) if 0 < n < len(on)]
    for size in sizes:
        yield _masked(space, best.config, set(ranked[size:]), paths)
    if not importances:
        for path in ranked[1 : 1 + REMOVALS - len(sizes)]:
            yield _masked(space, best.config, {*on} - {path}, paths)
    off = [path for path in paths if path not in on]
    for back in rng.sample(off, min(RETURNS, len(off))):
        yield _masked(space, best.config, {*on, back}, paths)


# ------------------------------------------------------------------------------ genetic


def _offspring(space: Space, history: History, rng: Random) -> Iterator[Config]:
    ranked = sorted((e for e in history.values() if e.complete), key=lambda e: -e.score)
    if not ranked:
        yield from (_mutated(space, space.default(), rng) for _ in range(MAX_DRAWS))
        return
    parents = [e.config for e in ranked[:POPULATION]]
    columns = {p: v for p, v in parents[0].items() if p.partition("/")[0] == "features"}
    for _ in range(MAX_DRAWS):
        first, second = rng.choice(parents), rng.choice(parents)
        mixed = {
            path: rng.choice([p for p in (first, second) if path in p])[path]
            for path in {**first, **second}
        }
        yield _mutated(space, _completed(space, mixed | columns, first), rng)


def _mutated(space: Space, config: Config, rng: Random) -> Config:
    """Return a neighbour: branches change seldom, since all below them changes with them."""
    changed = dict(config)
    for decision in space.active(config):
        if decision.axis == "features":
            continue
        rate = BRANCH_MUTATION_RATE if isinstance(decision.node, Choice) else MUTATION_RATE
        for path, coded in code_of(decision).items():
            if path not in space.frozen and rng.random() < rate:
                changed[path] = _moved(coded, config[path], rng)
    return _completed(space, changed, config)


def _completed(space: Space, config: Config, parent: Config) -> Config:
    """Return a whole configuration; a subset that lost its last member has its parent's."""
    for decision in space.decisions:
        members = decision.parameters
        if isinstance(decision.node, Subset) and not any(config.get(m, True) for m in members):
            config = config | {member: parent[member] for member in members}
    return space.complete(config)


def _moved(coded: Coded, value: Value, rng: Random) -> Value:
    """Draw another option, or a number near the old one."""
    if coded.n_options:
        return coded.decode(float(rng.randrange(coded.n_options)))
    return coded.decode(coded.encode(value) + rng.gauss(0, MUTATION_STEP))
