"""A configuration in plain words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jointopt.pipeline.blueprint import argument_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jointopt.space import Config

__all__ = [
    "counted",
    "describe",
    "describe_calibration",
    "describe_decision",
    "describe_features",
    "describe_folds",
    "describe_model",
    "describe_transforms",
    "percent",
    "whole",
]

BINARY = 2
EXACT_UP_TO = 10**9
N_LISTED = 6
"""Columns named before the rest is left out."""


def counted(n: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "trial"), counted(3, "trial")
    ('1 trial', '3 trials')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def percent(share: float, digits: int = 0) -> str:
    """Return a share in percent, on one line with its sign.

    >>> percent(0.123).split(), percent(0.123, 1).split()
    (['12', '%'], ['12.3', '%'])
    """
    return f"{share:.{digits}%}".replace("%", "\u00a0%")


def whole(count: int | str) -> str:
    """Return a whole number, or one in text that may be empty, rounded from a billion on.

    >>> whole(135415), whole("135415"), whole(10**5000), whole("")
    ('135,415', '135,415', '1.0e+5000', 'n/a')
    """
    if count == "":
        return "n/a"
    # A float ends at 1e308, and an int is neither read nor written above 4,300 digits.
    number = Decimal(count)
    return f"{number:,}" if number <= EXACT_UP_TO else f"{number:.1e}"


def describe_folds(n_scored: int, n_folds: int) -> str:
    """Return what a validation score is of; the budget may end before all folds are scored.

    >>> describe_folds(5, 5), describe_folds(2, 5)
    ('mean over 5 folds', 'mean over 2 of 5 folds')
    >>> describe_folds(1, 1), describe_folds(0, 5)
    ('score on 1 fold', 'score of a fit on a sample of the rows')
    """
    if not n_scored:
        return "score of a fit on a sample of the rows"
    folds = counted(n_folds, "fold")
    of = folds if n_scored == n_folds else f"{n_scored} of {folds}"
    return f"score on {of}" if n_scored == 1 else f"mean over {of}"


def describe(config: Config) -> str:
    """Return one sentence that tells a configuration.

    >>> describe({"paradigm": "knn", "features": "all", "transforms/numeric/scale": "robust",
    ...           "hyperparameters/knn/n_neighbors": 7})
    'knn (n_neighbors 7) on all columns; numeric: scale robust'
    """
    parts = [f"{describe_model(config)} on {describe_features(config)}"]
    if transforms := describe_transforms(config):
        parts.append(transforms)
    return "; ".join(parts)


def describe_decision(classes: Iterable[Any] | None, weights: Iterable[float] | None) -> str:
    """Return how probabilities become a class; nothing where the most probable one is taken.

    >>> describe_decision(["no", "yes"], [1.0, 3.0])
    'predicts yes from a probability of 0.25 on'
    >>> describe_decision("abc", [1.0, 2.0, 0.5])
    'probabilities count in decisions by a 1, b 2, c 0.5'
    """
    if classes is None or weights is None:
        return ""
    pairs = list(zip(classes, weights, strict=True))
    if len(pairs) == BINARY:
        label, weight = pairs[1]
        return f"predicts {label} from a probability of {1 / (1 + weight):.2g} on"
    told = ", ".join(f"{label} {weight:.3g}" for label, weight in pairs)
    return f"probabilities count in decisions by {told}"


def describe_calibration(temperature: float) -> str:
    """Return how probabilities are changed as a whole; nothing where they are not.

    >>> describe_calibration(0.8)
    'makes probabilities surer (temperature 0.8)'
    """
    if temperature == 1.0:
        return ""
    change = "surer" if temperature < 1 else "less sure"
    return f"makes probabilities {change} (temperature {temperature:.2g})"


def describe_model(config: Config) -> str:
    """Return the paradigm with its architecture and hyperparameters.

    >>> describe_model({"paradigm": "mlp", "architecture/mlp/width/0": 64,
    ...                 "architecture/mlp/width/1": 32, "hyperparameters/mlp/dropout": 0.1})
    'mlp (width 64-32, dropout 0.1)'
    """
    label = str(config.get("paradigm", "model"))
    words: dict[str, str] = {}
    for path, value in config.items():
        if (found := argument_of(path, label)) is None:
            continue
        name, is_one_of_many = found
        earlier = f"{words[name]}-" if is_one_of_many and name in words else ""
        words[name] = earlier + _short(value)
    told = ", ".join(f"{name} {value}" for name, value in words.items())
    return f"{label} ({told})" if told else label


def describe_features(config: Config) -> str:
    """Return which inputs the model sees.

    >>> describe_features({"features": "ranking", "features/ranking/criterion": "f_test",
    ...                    "features/ranking/keep": 0.25})
    'the best 25 % of columns by f_test'
    >>> describe_features({"features": "ranking", "features/ranking/criterion": "l1"})
    'the best 100 % of columns by l1'
    >>> describe_features({"features": "ranked_mask", "features/ranked_mask/criterion": "trees",
    ...                    "features/ranked_mask/keep": 0.1,
    ...                    "features/ranked_mask/flip/km/h": True,
    ...                    "features/ranked_mask/flip/size": False})
    'the best 10 % of columns by trees, but for km/h'
    >>> describe_features({"features/columns/km/h": True, "features/columns/size": False})
    '1 of 2 columns (km/h)'
    """
    prefix = f"features/{config.get('features')}"
    mask = {p: v for p, v in config.items() if p.startswith("features/") and isinstance(v, bool)}
    on = [_column(path, config) for path, is_on in mask.items() if is_on]
    listed = ", ".join(on[:N_LISTED]) + (", …" if len(on) > N_LISTED else "")
    if (criterion := config.get(f"{prefix}/criterion")) is not None:
        share = f"{config.get(f'{prefix}/keep', 1.0):.0%}".replace("%", " %")
        return f"the best {share} of columns by {criterion}" + (
            f", but for {listed}" if on else ""
        )
    return f"{len(on)} of {len(mask)} columns ({listed})" if mask else "all columns"


def _column(path: str, config: Config) -> str:
    """Return the column that a parameter switches; its name may hold slashes."""
    branch = config.get("features")
    prefix = "features/" if branch is None else f"features/{branch}/"
    below = path.removeprefix(prefix)
    return below.partition("/")[2] or below


def describe_transforms(config: Config) -> str:
    """Return how columns become numbers, by kind of column; what is off is not told.

    >>> describe_transforms({"transforms/numeric/scale": "none",
    ...     "transforms/categorical/encode": "one_hot",
    ...     "transforms/categorical/encode/one_hot/min_frequency": 0.01})
    'categorical: encode one_hot, min_frequency 0.01'
    >>> describe_transforms({"transforms/target": "log", "transforms/clip": True})
    'target: log; clip: on'
    """
    groups: dict[str, list[str]] = {}
    for path, value in config.items():
        axis, _, rest = path.partition("/")
        if axis != "transforms" or value in ("none", False):
            continue
        group, _, name = rest.partition("/")
        word = name.rpartition("/")[2]
        told = [word or "on"] if value is True else filter(None, [word, _short(value)])
        groups.setdefault(group, []).append(" ".join(told))
    return "; ".join(f"{group}: {', '.join(words)}" for group, words in groups.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
