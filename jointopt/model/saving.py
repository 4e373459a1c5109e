"""Models on disk: a folder with `model.json`, skops files (no pickle) and `predict.py`.

Skops files that belong together have a number in their names, which `model.json` tells: a model
is replaced in one step, by the new `model.json`.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from jointopt.data import Schema, Task
from jointopt.errors import ModelError
from jointopt.evaluation.attempt import reason_of
from jointopt.files import plain_writing, write_whole
from jointopt.model import skops_format
from jointopt.model.fitted import FittedModel, Member

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["TRUSTED_TYPES", "load_model", "save_model"]

FORMAT = 10
ABOUT = "model.json"
COPY_AGAIN = "copy the whole folder again, or save the model again"

TRUSTED_TYPES = frozenset(
    {
        "collections.OrderedDict",
        "jointopt.pipeline.cross_fitting.CrossFitting",
        "jointopt.pipeline.estimators.CalibratedSVC",
        "jointopt.pipeline.estimators.EarlyStoppingClassifier",
        "jointopt.pipeline.estimators.EarlyStoppingRegressor",
        "jointopt.pipeline.n_grams.HashedNGrams",
        "jointopt.pipeline.networks.estimators.NetworkClassifier",
        "jointopt.pipeline.networks.estimators.NetworkRegressor",
        "jointopt.pipeline.target_transform.TargetTransform",
        "jointopt.pipeline.target_scores.TargetScores",
        "jointopt.pipeline.text.CommonestTerms",
        "jointopt.pipeline.text.LeadingComponents",
        "jointopt.pipeline.encoders.CategoryCodes",
        "jointopt.pipeline.encoders.ElapsedSeconds",
        "jointopt.pipeline.encoders.FrequencyEncoder",
        "jointopt.pipeline.powers.BoxCox",
        "jointopt.pipeline.powers.LowerClip",
        "jointopt.pipeline.powers.YeoJohnson",
        "jointopt.pipeline.rankings.RankedMask",
        "jointopt.pipeline.rankings.RankingSelector",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "numpy.dtype",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._dist_metrics.BrayCurtisDistance64",
        "sklearn.metrics._dist_metrics.CanberraDistance64",
        "sklearn.metrics._dist_metrics.ChebyshevDistance64",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "skrub._apply_to_cols.ApplyToCols",
        "skrub._apply_to_each_col.ApplyToEachCol",
        "skrub._datetime_encoder.DatetimeEncoder",
        "skrub._datetime_encoder._CircularEncoder",
        "skrub._datetime_encoder._SplineEncoder",
        "skrub._squashing_scaler.SquashingScaler",
        "skrub._squashing_scaler._MinMaxScaler",
        "skrub._to_str.ToStr",
        "skrub._utils.LRUDict",
        "skrub.selectors._base.All",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRFClassifier",
        "xgboost.sklearn.XGBRFRegressor",
        "xgboost.sklearn.XGBRegressor",
    }
)
"""Types that a model may hold beside those that skops trusts by itself.

To make one runs no code of the file's choice. skops trusts neither `Tree` nor `TreePredictor`: the
process that predicts with a forged one may crash, for where its nodes point is not checked.
"""

PREDICT_SCRIPT = '''\
"""Predict a table with the model in this folder.

Usage: python predict.py NEW.csv PREDS.csv

It needs jointopt {version}, installed from its checkout. NEW may be .csv, .csv.gz, .tsv, .parquet
or .feather; it holds the training columns, in any order, empty where a value is not known.
"""

import sys
from pathlib import Path

from jointopt import JointOptError, load_model
from jointopt.data import read_table

if len(sys.argv) != 3:
    sys.exit(__doc__)
try:
    model = load_model(Path(__file__).parent)
    table = read_table(sys.argv[1], strings=model.schema.string_columns)
    model.predictions(table).to_csv(sys.argv[2], index=False)
except (JointOptError, OSError) as error:
    sys.exit(f"error: {{error}}")
'''


def save_model(model: FittedModel, folder: str | Path) -> Path:
    """Write a model.

    Parameters
    ----------
    model : FittedModel
        What to save.
    folder : str or Path
        Made if it does not exist; a model in it is replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelError
        If the model holds a type that would not be trusted when it is loaded.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from jointopt import Choice, JointClassifier, Space
    >>> space = Space(paradigm=Choice({"bayes": {"estimator": "sklearn.naive_bayes.GaussianNB"}}))
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> found = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     place = save_model(found.model_, folder)
    ...     sorted(path.suffix for path in place.iterdir())
    ['.json', '.py', '.skops']
    """
    folder = Path(folder)
    # The pipelines of a member differ in what they learned, not in their types.
    first = [skops_format.dumps(member.pipelines[0]) for member in model.members]
    if foreign := sorted({name for data in first for name in _foreign(data)}):
        raise ModelError(
            f"the model holds types that loading would refuse: {', '.join(foreign)}; "
            "use estimators of scikit-learn, xgboost, lightgbm or jointopt"
        )
    written = time.time_ns()
    with plain_writing(f"the model in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        replaced = _replaced(folder)
        try:
            digests = {}
            for i, (member, data) in enumerate(zip(model.members, first, strict=True)):
                others = (skops_format.dumps(pipeline) for pipeline in member.pipelines[1:])
                for k, dumped in enumerate(chain([data], others)):
                    (folder / _file(written, i, k)).write_bytes(dumped)
                    digests[_file(written, i, k)] = sha256(dumped).hexdigest()
            write_whole(folder / "predict.py", PREDICT_SCRIPT.format(version=version("jointopt")))
            about = _description(model, written, digests)
            write_whole(folder / ABOUT, json.dumps(about, indent=1))
        except BaseException:
            for unfinished in folder.glob(_file(written, "*", "*")):
                unfinished.unlink()
            raise
        for old in replaced:
            old.unlink(missing_ok=True)
    return folder


def _replaced(folder: Path) -> list[Path]:
    """Return the files of the model in the folder, but not those that another process writes."""
    about = folder / ABOUT
    if not about.exists():
        return []
    since = about.stat().st_mtime_ns
    return [old for old in folder.glob("*.skops") if old.stat().st_mtime_ns <= since]


def _description(model: FittedModel, written: int, digests: dict[str, str]) -> dict[str, Any]:
    about = {
        "format": FORMAT,
        "written": written,
        "task": str(model.task),
        "target": model.target,
        "classes": None if model.classes is None else [_plain(c) for c in model.classes],
        "schema": model.schema.to_dict(),
        "config": model.config,
        "facts": dict(model.facts),
        "decision_weights": None
        if model.decision_weights is None
        else model.decision_weights.tolist(),
        "temperature": model.temperature,
        "members": [
            {
                "weight": member.weight,
                "shares": member.shares,
                "config": member.config,
                "trial": member.trial,
                "score": member.score,
            }
            for member in model.members
        ],
        "files": digests,
    }
    return about | {"digest": _digest(about)}


def load_model(folder: str | Path, *, trusted: tuple[str, ...] = ()) -> FittedModel:
    """Read a model; nothing in it is run that is not on the list of trusted types.

    Parameters
    ----------
    folder : str or Path
        A model's folder, or the folder of a run that holds it as `model/`.
    trusted : tuple of str, default=()
        Further types that the caller trusts, by full name.

    Raises
    ------
    ModelError
        If there is no model, it cannot be read, or it holds a type that is not trusted.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from jointopt import Choice, JointClassifier, Space
    >>> space = Space(paradigm=Choice({"bayes": {"estimator": "sklearn.naive_bayes.GaussianNB"}}))
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> found = JointClassifier(space=space, n_trials=1, budget=None, final="single").fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     model = load_model(save_model(found.model_, folder))
    >>> model.predict(X.head(2)).tolist()
    [0, 0]
    """
    folder = Path(folder)
    inner = folder / "model"
    place = inner if (inner / ABOUT).exists() else folder
    if not (place / ABOUT).is_file():
        raise ModelError(
            f"{folder} holds no model: expected {ABOUT} in it, or in its folder model/; "
            "jointopt run writes one"
        )
    about = _about(place / ABOUT)
    return FittedModel(
        members=tuple(
            Member(
                kept["weight"],
                tuple(
                    _pipeline(place / _file(about["written"], i, k), about["files"], trusted)
                    for k in range(len(kept["shares"]))
                ),
                tuple(kept["shares"]),
                kept["config"],
                kept["trial"],
                kept["score"],
            )
            for i, kept in enumerate(about["members"])
        ),
        schema=Schema.from_dict(about["schema"]),
        task=Task(about["task"]),
        classes=None if about["classes"] is None else np.array(about["classes"]),
        target=about["target"],
        config=about["config"],
        facts=about["facts"],
        decision_weights=None
        if about["decision_weights"] is None
        else np.array(about["decision_weights"]),
        temperature=about["temperature"],
    )


def _about(path: Path) -> dict[str, Any]:
    """Read what `save_model` wrote, to the last value: a changed one could be believed."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {reason_of(error)}; {COPY_AGAIN}") from error
    if not isinstance(about, dict) or "format" not in about:
        raise ModelError(f"{path} is not the description of a model; {COPY_AGAIN}")
    if about["format"] != FORMAT:
        raise ModelError(
            f"{path} has format {about['format']}, this version of jointopt reads {FORMAT}; "
            "use the version that wrote it"
        )
    if about.pop("digest", None) != _digest(about):
        raise ModelError(f"{path} was changed or damaged after the model was saved; {COPY_AGAIN}")
    return about


def _digest(about: dict[str, Any]) -> str:
    return sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _file(written: int, member: int | str, pipeline: int | str) -> str:
    # As a hexadecimal number, so that nothing in `model.json` becomes a path.
    return f"member-{member}-{pipeline}-{written:x}.skops"


def _pipeline(path: Path, digests: dict[str, str], trusted: tuple[str, ...]) -> Pipeline:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}; {COPY_AGAIN}") from error
    if sha256(data).hexdigest() != digests[path.name]:
        _refuse(path, data, trusted)
    try:
        return skops_format.loads(data, trusted=sorted({*TRUSTED_TYPES, *trusted}))
    except skops_format.UntrustedTypesFoundException:
        _refuse(path, data, trusted)
    except Exception as error:
        raise ModelError(
            f"{path} is whole and cannot be loaded with the packages that are installed: "
            f"{reason_of(error)}; install those that it was saved with"
        ) from error


def _refuse(path: Path, data: bytes, trusted: tuple[str, ...]) -> NoReturn:
    """Say why a file must not be loaded; nothing in it is run."""
    try:
        foreign = _foreign(data, trusted)
    except Exception as error:
        # Of a damaged file, zipfile and skops raise whatever comes.
        raise ModelError(f"{path} is damaged: {reason_of(error)}; {COPY_AGAIN}") from error
    if gone := [name for name in foreign if name.startswith("jointopt.")]:
        raise ModelError(
            f"{path} holds what this version of jointopt does not have: {', '.join(gone)}; use "
            "the version that wrote it, or run again"
        )
    if foreign:
        raise ModelError(
            f"{path} holds types that are not trusted: {', '.join(foreign)}. It was not "
            "loaded. Only if you know where it comes from, name them as trusted"
        )
    raise ModelError(f"{path} is not the file that the model was saved with; {COPY_AGAIN}")


def _foreign(data: bytes, trusted: tuple[str, ...] = ()) -> list[str]:
    return sorted(set(skops_format.get_untrusted_types(data=data)) - TRUSTED_TYPES - set(trusted))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
