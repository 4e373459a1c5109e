"""Tables that scikit-learn ships, by name, for examples and studies that run anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jointopt.data.reading import read_table
from jointopt.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BUNDLED", "PREFIX", "load_table"]

PREFIX = "sklearn:"
BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def load_table(source: str) -> pd.DataFrame:
    """Read a table from a file, or from those that scikit-learn ships.

    Parameters
    ----------
    source : str
        A path as for `read_table`, or `sklearn:` and one of breast_cancer, diabetes, digits,
        iris, wine. Class codes of the latter become their names; the target is `target`.

    Raises
    ------
    DataError
        If there is no such table.

    Examples
    --------
    >>> load_table("sklearn:wine").shape
    (178, 14)
    """
    if not source.startswith(PREFIX):
        return read_table(source)
    from sklearn import datasets

    name = source.removeprefix(PREFIX)
    if name not in BUNDLED:
        raise DataError(f"{source}: scikit-learn's tables here are {', '.join(BUNDLED)}")
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = loaded.frame
    if "target_names" in loaded:
        names = [str(label) for label in loaded.target_names]
        frame = frame.assign(target=[names[code] for code in loaded.target])
    return frame
